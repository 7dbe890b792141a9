"""Which globals of a body are kept as they are when the behavior is scheduled.

That is the rule for a body that is called by reference, on backend `threads` or in a
pinned behavior; ship/globals_snapshot.h makes the copies. What a body sees that is sent
to another interpreter is in `_ship/reached_globals.py`.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from ._code.calls import Calls, all_codes, rebound_globals
from ._code.names import (
    all_names,
    defines_classes,
    global_names,
    own_stored_globals,
    stored_globals,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from ._named_tuple import NamedTuple

# The code flag, as the inspect module names it: inspect is slow to import.
CO_NESTED = 0x10

_FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()


class LiveGlobals(dict):  # type: ignore[type-arg]
    """An overlay that has the names of the module that are not in it, too."""

    __slots__ = ()

    def __missing__(self, name: str) -> Any:
        return self["__bocpy_origin__"][name]


class Names(NamedTuple):
    """The globals of a body that is called by reference (ship/globals_snapshot.h)."""

    kept: tuple[str, ...]
    """Those whose values are kept when it is scheduled, for the body to see."""
    others: tuple[str, ...] | None
    """Those that it reads besides; None: all that there are."""
    stored: tuple[str, ...]
    """Those that it assigns."""
    through: tuple[str, ...]
    """Those that it, or a function that it calls, sees as they are meanwhile."""
    code: CodeType
    """What the copies of its function run."""
    overlay: type[dict[str, Any]]
    """What the copies of its function have as globals."""


# What makes a function the body of a behavior.
_SCHEDULING = frozenset({"after", "at", "when", "when_each", "whencall"})
# Code that calls one of these may read or set any name of its module.
_LIVE = frozenset({"exec", "globals"})
_ANY = frozenset({"dir", "eval", "locals", "vars"})


def names_of(function: FunctionType) -> Names | None:
    """The globals of its own that a body needs; None if it needs none."""
    code, names = function.__code__, function.__globals__
    called = [inner.__code__ for inner in Calls(function).functions]
    # Decoding instructions is slow, and takes memory that CPython 3.13 without a GIL
    # never frees.
    if not called and not any(is_variable(names, name) for name in all_names(code)):
        return None
    read = global_names(code)
    stored = stored_globals(code) | own_stored_globals(code)
    kept = {name for name in read - stored if is_variable(names, name)}
    used = {name for inner in called for name in global_names(inner)}
    through = {name for name in used - stored if is_variable(names, name)}
    if not kept and not through:
        return None
    assigned = {name for inner in called for name in rebound_globals(inner, names)}
    shared = stored & (used | assigned)
    rebound = set(read & (assigned | rebound_globals(code, names)) - stored)
    if shared or reads_any_name(code, rebound) or may_assign_later(code):
        through |= kept
        kept = set()
    through |= kept & rebound
    kept -= rebound
    others = read - kept - stored - rebound if _ANY.isdisjoint(read) else None
    if _FREE_THREADED:
        # CPython 3.13 never frees a function whose code is not a constant of other
        # code.
        code = code.replace(co_flags=code.co_flags | CO_NESTED)
    return Names(
        tuple(kept),
        others if others is None else tuple(others),
        tuple(stored),
        tuple(through),
        code,
        LiveGlobals if rebound else dict,
    )


def may_assign_later(code: CodeType) -> bool:
    """Whether a function that the body makes, and that may live longer, assigns
    globals: it would assign them in the overlay. Those that are scheduled do not."""
    return bool(stored_globals(code)) and _SCHEDULING.isdisjoint(all_names(code))


def reads_any_name(code: CodeType, rebound: set[str]) -> bool:
    """Whether an overlay would hide from the code what is rebound meanwhile: some
    instructions read no overlay of class LiveGlobals."""
    read = global_names(code)
    if not _LIVE.isdisjoint(read):
        return True
    if not rebound:
        return False
    return not _ANY.isdisjoint(read) or any(map(defines_classes, all_codes(code)))


_DEFINED = (type, FunctionType, BuiltinFunctionType)


def is_variable(names: dict[str, Any], name: str) -> bool:
    """Whether a global is data: no module, and no object that is defined under its
    name."""
    value = names.get(name, names)
    if value is names or isinstance(value, ModuleType) or name.startswith("__"):
        return False
    return not (isinstance(value, _DEFINED) and value.__name__ == name)
