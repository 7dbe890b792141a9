"""How functions, classes and the globals that they reach travel between interpreters.

Functions of importable modules are imported where they run. Functions of `__main__`,
and of modules that no other interpreter could import, go by value, and for every global
name that they reach, directly or through others, a *definition* is published in a log
of the process. Interpreters apply the log before they run what depends on it. The
module's file is never executed a second time.

What a definition does not show: changes inside a global object after it was published
(rebinding the name is seen), and names that are reached through `globals()` or `eval`.
Annotations of functions and function attributes of bodies do not travel. A global that
a behavior assigns changes in the interpreter that ran the behavior, and nowhere else.

This module is the face of shipping towards the C code; the work is done in `_ship.send`
and `_ship.receive`.

Threads: any.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from types import CellType, FunctionType
from typing import Any

from .. import _namespaces
from .._body import Body, check_body, normalize
from .._namespaces import start_worker
from .log import LOCK, MISSING, Key, set_backend
from .pickle import make_function
from .reach import names_reached
from .receive import (
    catch_up,
    explain,
    explain_attribute,
    find_class,
    loads,
)
from .send import (
    dumps,
    entries,
    export_class,
    exporting,
    publish_names,
    queue_names,
)

__all__ = [
    "MISSING",
    "Body",
    "Shipment",
    "build",
    "catch_up",
    "check_body",
    "describe",
    "dumps",
    "explain",
    "explain_attribute",
    "export_class",
    "find_class",
    "loads",
    "normalize",
    "publish_names",
    "refresh",
    "set_backend",
    "start_worker",
]


class Shipment:
    """A described function.

    blob: what `build` makes a function of, in any interpreter.
    watch: pairs of a globals dict and a name. When `names.get(name, MISSING)` is not
        the object at the same place of `seen`, call `refresh`, which replaces both.
    """

    __slots__ = ("blob", "roots", "seen", "watch")

    def __init__(self, blob: bytes, roots: frozenset[Key]) -> None:
        self.blob = blob
        self.roots = roots
        self.watch: tuple[tuple[dict[str, Any], str], ...] = ()
        self.seen: tuple[object, ...] = ()


def describe(function: FunctionType) -> Shipment:
    """Describes the body of a behavior, once per code object, where it is scheduled.

    Everything that it reaches is published when this returns. Defaults, keyword-only
    defaults and the contents of the closure are captures and not part of it.
    """
    code = function.__code__
    space = _namespaces.space_of(function.__globals__)
    reached = list(names_reached(space, code))
    names = (function.__name__, function.__qualname__)
    blob = (space.key, space.name, space.imported, *names, marshal.dumps(code))
    shipment = Shipment(marshal.dumps(blob), frozenset(key for key, _ in reached))
    with exporting():
        queue_names(reached)
        # Whatever else was published may have changed too, or exist by now.
        queue_names((key, entry.submodules) for key, entry in entries.items())
    update_watch(shipment)
    return shipment


def refresh(shipment: Shipment) -> None:
    """Publishes again what a shipment reaches and what is bound differently by now."""
    with exporting():
        queue_names((key, frozenset()) for key in closure(shipment.roots))
    update_watch(shipment)


def closure(roots: Iterable[Key]) -> list[Key]:
    """All keys that are reached from `roots`."""
    found = dict.fromkeys(roots)
    todo = list(found)
    while todo:
        entry = entries.get(todo.pop())
        for key in entry.deps if entry else ():
            if key not in found:
                found[key] = None
                todo.append(key)
    return list(found)


def update_watch(shipment: Shipment) -> None:
    watch: list[tuple[dict[str, Any], str]] = []
    seen: list[object] = []
    with LOCK:
        for key in closure(shipment.roots):
            space, entry = _namespaces.find(key[0]), entries.get(key)
            if space is not None and entry is not None:
                watch.append((space.names, key[1]))
                seen.append(entry.value)
    shipment.watch, shipment.seen = tuple(watch), tuple(seen)


def build(blob: bytes) -> FunctionType:
    """The function of a shipment, in the interpreter that calls this.

    Its closure's cells are empty, and it has no defaults. ImportError if it belongs to
    a module that cannot be imported here.
    """
    catch_up()
    key, space_name, imported, name, qualname, code = marshal.loads(blob)
    count = len(marshal.loads(code).co_freevars)
    cells = tuple(CellType() for _ in range(count))
    function = make_function(code, key, space_name, imported, cells)
    function.__name__, function.__qualname__ = name, qualname
    return function
