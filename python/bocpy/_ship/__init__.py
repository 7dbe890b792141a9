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

from .._body import Body, check_body, normalize
from .._namespaces import start_worker
from .class_encodings import EXCEPTION, encoding_of
from .log import MISSING, set_backend
from .pickler import fill_exception, make_exception, make_function, reduce_exception
from .receive import (
    catch_up,
    enter,
    explain,
    explain_attribute,
    find_class,
    leave,
    loads,
)
from .send import dumps, export_class, publish_names
from .shipment import Shipment, describe, poll, refresh

__all__ = [
    "EXCEPTION",
    "MISSING",
    "Body",
    "Shipment",
    "build",
    "catch_up",
    "check_body",
    "describe",
    "dumps",
    "encoding_of",
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
    "poll",
    "publish_names",
    "reduce_exception",
    "refresh",
    "set_backend",
    "start_worker",
]


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
