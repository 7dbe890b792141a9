"""What a program can replace in functions and partial objects that were published.

`f.__defaults__ = (2,)`, `f.__kwdefaults__["k"] = 2`, `f.__code__ = g.__code__`,
`f.note = 1`, `p.keywords["k"] = 2`: the function stays the same object, wherever it is:
a global, a method, a value of a dict, what a partial object calls.

CPython reports these changes (a function watcher, dict watchers). It reports none of
the variables of an enclosing function, which `nonlocal` assigns, and none of what
`__setstate__` gives a partial object: schedulings compare these.

Threads: any; LOCK of `definition_log` guards the records.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator

from .. import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEEP = 20
_partial = functools.partial
_lru_cache_wrapper = type(functools.lru_cache(lambda: None))
SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})

#: In a closure these are seldom replaced by others: schedulings do not look.
_STABLE = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)


def functions_in(value: Any, depth: int = 0) -> Iterator[Any]:
    """The functions and partial objects that can be reached in a value whose contents
    count as frozen."""
    kind = type(value)
    parts: Iterable[Any] = ()
    if depth > _DEEP:
        return
    if kind is types.FunctionType:
        yield value
        parts = [*enclosed(value), *vars(value).values()]
    elif kind is _partial:
        yield value
        parts = [value.func, *value.args, *value.keywords.values()]
    elif kind is _lru_cache_wrapper:
        parts = [value.__wrapped__]
    elif kind in (staticmethod, classmethod):
        parts = [value.__func__]
    elif kind is property:
        parts = [value.fget, value.fset, value.fdel]
    elif issubclass(kind, tuple | frozenset):
        parts = value
    elif kind is dict:
        parts = list(value.values())
    for part in parts:
        if part is not value and type(part) not in SCALARS:
            yield from functions_in(part, depth + 1)


def enclosed(function: types.FunctionType) -> list[Any]:
    """The values of the variables in a closure that have one."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # it has not been assigned yet
            continue
    return found


def parts_of(function: Any) -> list[Any]:
    """The parts of a function or partial object, as they are now."""
    if type(function) is _partial:
        own, given = [function.func, function.args], function.keywords
    else:
        own = [function.__code__, function.__defaults__, *enclosed(function)]
        given = function.__kwdefaults__ or {}
    attributes = vars(function)
    return [*own, *given, *given.values(), *attributes, *attributes.values()]


def unreported(function: Any) -> list[Any]:
    """The parts of which CPython reports no changes."""
    if type(function) is _partial:
        return [function.func, function.args, function.keywords, vars(function)]
    return enclosed(function)


def watch(function: Any) -> None:
    partial = type(function) is _partial
    given = function.keywords if partial else function.__kwdefaults__
    _core._watch_changes(None)
    _core._watch_changes(vars(function))
    if given is not None:
        _core._watch_changes(given)


def are_same(before: list[Any], now: list[Any]) -> bool:
    return len(before) == len(now) and all(map(is_same, before, now))


def is_same(before: Any, now: Any) -> bool:
    if before is now:
        return True
    kind = type(before)
    if kind is not type(now) or kind not in SCALARS:
        return False
    return bool(before == now) and (kind is not float or repr(before) == repr(now))


class Record:
    """The functions of a value, with the parts that they had.

    polls: whether there are parts of which CPython reports no change.
    """

    __slots__ = ("changes", "functions", "polled", "polls")

    def __init__(self, value: Any) -> None:
        self.changes = _core._changes()
        known: dict[int, tuple[Any, list[Any]]] = {}
        for function in functions_in(value):
            if id(function) not in known:
                watch(function)
                known[id(function)] = function, parts_of(function)
        self.functions = list(known.values())
        self.polled = [
            (function, unreported(function))
            for function, _ in self.functions
            if not all(isinstance(each, _STABLE) for each in unreported(function))
        ]
        self.polls = bool(self.polled)

    def differs(self) -> bool:
        """Whether a function has got other parts."""
        if any(not are_same(before, unreported(f)) for f, before in self.polled):
            return True
        changes = _core._changes()
        if changes == self.changes:
            return False
        if any(not are_same(before, parts_of(f)) for f, before in self.functions):
            return True
        self.changes = changes
        return False

    def differs_in(self, value: Any) -> bool:
        """Whether a function in this part of the value has got other parts."""
        known = {id(function): before for function, before in self.functions}
        return any(
            id(function) not in known
            or not are_same(known[id(function)], parts_of(function))
            for function in functions_in(value)
        )


def record_of(value: Any) -> Record | None:
    """The record of a value; None if there are no functions in it."""
    record = Record(value)
    return record if record.functions else None
