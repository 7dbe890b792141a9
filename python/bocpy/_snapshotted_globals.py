"""Which globals of a body are kept as they are when the behavior is scheduled.

That is the rule for a body that is called by reference, on backend `threads` or in a
pinned behavior; ship/globals_snapshot.h makes the copies. What a body sees that is sent
to another interpreter is in `_ship/reached_globals.py`.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from ._code.names import all_names, global_names, own_stored_globals, stored_globals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NamedTuple
else:
    from ._named_tuple import NamedTuple

# The code flag, as the inspect module names it: inspect is slow to import.
CO_NESTED = 0x10

_FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()


class Names(NamedTuple):
    """The globals of a body that is called by reference (ship/globals_snapshot.h)."""

    kept: tuple[str, ...]
    """Those whose values are kept when it is scheduled, for the body to see."""
    others: tuple[str, ...] | None
    """Those that it reads besides; None: all that there are."""
    stored: tuple[str, ...]
    """Those that it assigns."""
    through: tuple[str, ...]
    """Those that functions read which it calls: they see what is there meanwhile."""
    code: CodeType
    """What the copies of its function run."""


# Code that calls one of these may read or set any name of its module.
_LIVE = frozenset({"exec", "globals"})
_ANY = frozenset({"dir", "eval", "locals", "vars"})


def names_of(function: FunctionType) -> Names | None:
    """The globals of its own that a body needs; None if it needs none."""
    code, names = function.__code__, function.__globals__
    mentioned = [name for name in all_names(code) if name in names]
    if all(is_settled(names, name) for name in mentioned):
        return None
    read = global_names(code)
    stored = stored_globals(code) | own_stored_globals(code)
    kept = {name for name in read - stored if is_variable(names, name)}
    if not _LIVE.isdisjoint(read):
        kept = set()
    others = tuple(read - kept - stored) if _ANY.isdisjoint(read) else None
    through = read_through(names, read) - stored
    if not kept and not through:
        return None
    if _FREE_THREADED:
        # CPython 3.13 never frees a function whose code is not a constant of other
        # code.
        code = code.replace(co_flags=code.co_flags | CO_NESTED)
    return Names(tuple(kept), others, tuple(stored), tuple(through), code)


def read_through(names: dict[str, Any], read: Iterable[str]) -> set[str]:
    """The variables that `read` leads to through functions of the same module."""
    found: set[str] = set()
    todo, done = list(read), set(read)
    while todo:
        function = names.get(todo.pop())
        if not isinstance(function, FunctionType):
            continue
        if function.__globals__ is not names:
            continue
        for name in global_names(function.__code__):
            if is_variable(names, name):
                found.add(name)
            elif name not in done:
                done.add(name)
                todo.append(name)
    return found


def is_settled(names: dict[str, Any], name: str) -> bool:
    """Whether a global neither is data nor refers to functions that read data."""
    value = names[name]
    own = isinstance(value, FunctionType) and value.__globals__ is names
    return not own and not is_variable(names, name)


_DEFINED = (type, FunctionType, BuiltinFunctionType)


def is_variable(names: dict[str, Any], name: str) -> bool:
    """Whether a global is data: no module, and no object that is defined under its
    name."""
    value = names.get(name, names)
    if value is names or isinstance(value, ModuleType) or name.startswith("__"):
        return False
    return not (isinstance(value, _DEFINED) and value.__name__ == name)
