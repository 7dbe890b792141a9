"""How functions, classes and the globals that they reach travel between interpreters.

Functions of importable modules are imported where they run. Functions of `__main__`,
and of modules that no other interpreter could import, go by value, and for every global
name that they reach, directly or through others, a *definition* is published in a log
of the process. Interpreters apply the log before they run what depends on it. The
module's file is never executed a second time.

A body sees the globals as they were when it was scheduled (`shipment`). Function
attributes of bodies do not travel. A global that a behavior assigns changes only in the
interpreter that ran the behavior.

The C code calls this module; `_ship.send` and `_ship.receive` do the work.

Threads: any.
"""

from __future__ import annotations

import marshal
from types import CellType, FunctionType

from .._global_namespaces import start_worker
from .._late_imports import late_import
from .definition_log import MISSING, set_backend
from .functions import make_function
from .receive import (
    catch_up,
    enter,
    explain,
    explain_attribute,
    find_class,
    leave,
    loads,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._body import Body as Body
    from .._body import check_body as check_body
    from .._body import normalize as normalize
    from .exceptions import attributes_of as attributes_of
    from .exceptions import fill_exception as fill_exception
    from .exceptions import make_exception as make_exception
    from .exceptions import reduce_exception as reduce_exception
    from .exceptions import set_attributes as set_attributes
    from .exceptions import set_own as set_own
    from .nested import pass_on as pass_on
    from .nested import snapshot_here as snapshot_here
    from .send import dumps as dumps
    from .send import export_class as export_class
    from .send import publish_names as publish_names
    from .shipment import Shipment as Shipment
    from .shipment import describe as describe
    from .shipment import poll as poll
    from .shipment import refresh as refresh

#: What sends is imported when it is first used: a worker that starts only receives.
_LATER = {
    "Body": "_body",
    "Shipment": "_ship.shipment",
    "attributes_of": "_ship.exceptions",
    "check_body": "_body",
    "describe": "_ship.shipment",
    "dumps": "_ship.send",
    "export_class": "_ship.send",
    "fill_exception": "_ship.exceptions",
    "make_exception": "_ship.exceptions",
    "normalize": "_body",
    "pass_on": "_ship.nested",
    "poll": "_ship.shipment",
    "publish_names": "_ship.send",
    "reduce_exception": "_ship.exceptions",
    "refresh": "_ship.shipment",
    "set_attributes": "_ship.exceptions",
    "set_own": "_ship.exceptions",
    "snapshot_here": "_ship.nested",
}

__all__ = [
    "MISSING",
    "Body",
    "Shipment",
    "attributes_of",
    "build",
    "catch_up",
    "check_body",
    "describe",
    "dumps",
    "enter",
    "explain",
    "explain_attribute",
    "export_class",
    "fill_exception",
    "find_class",
    "leave",
    "loads",
    "make_exception",
    "normalize",
    "pass_on",
    "poll",
    "publish_names",
    "reduce_exception",
    "refresh",
    "set_attributes",
    "set_backend",
    "set_own",
    "snapshot_here",
    "start_worker",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(late_import(f"bocpy.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def build(blob: bytes) -> FunctionType:
    """The function of a shipment, made in the interpreter that calls `build`.

    The cells of its closure are empty, and it has no defaults. Raises ImportError if
    the function belongs to a module that this interpreter cannot import.
    """
    catch_up()
    key, space_name, imported, name, qualname, code = marshal.loads(blob)
    count = len(marshal.loads(code).co_freevars)
    cells = tuple(CellType() for _ in range(count))
    function = make_function(code, key, space_name, imported, cells)
    function.__name__, function.__qualname__ = name, qualname
    return function
