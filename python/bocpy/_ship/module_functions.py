"""Follows what a program replaces in functions of modules that workers import.

`module.f.__defaults__ = (2,)`, `module.f.__kwdefaults__["k"] = 2`, `module.f.__code__ =
g.__code__`, `module.Model.save.note = 1`: the function stays the same object, and a
worker has it as its own import has made it. What has been replaced is sent with the
state of the module's attribute, and is put into the worker's function. A function
watcher and dict watchers of CPython report the changes.

What the import has set is not known: it is taken to be what is there when a body first
reaches the function. Then only the code shows whether it is the function's own, and
defaults that are numbers and text are sent in any case.

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable
from types import FunctionType

from .. import _core
from . import change_detection
from .function_parts import SCALARS, are_same
from .replacements import function_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Undo = Callable[[], None]

_PARTS = ("__defaults__", "__kwdefaults__", "__code__", "__dict__")

# By module and names: a function, the parts that it had first, and those sent so far.
_first: dict[tuple[str, str, str], tuple[FunctionType, dict[str, Any], set[str]]] = {}


def functions_of(value: Any) -> dict[str, FunctionType]:
    """The functions of a class by name, or a function under the name ""."""
    if isinstance(value, FunctionType):
        return {"": value}
    found = {}
    for name, part in list(vars(value).items()):
        function = function_in(part)
        own = isinstance(function, FunctionType)
        if own and function.__module__ == value.__module__:
            found[name] = function
    return found


class Record:
    """The functions of a module's attribute, with the parts that they had.

    As `function_parts.Record`; CPython reports all changes, so nothing polls.
    """

    __slots__ = ("changes", "functions")
    polls = False

    def __init__(self, functions: Iterable[FunctionType]) -> None:
        self.changes = _core._changes()
        _core._watch_changes(None)
        self.functions = []
        for function in functions:
            given, attributes = function.__kwdefaults__, vars(function)
            _core._watch_changes(attributes)
            if given is not None:
                _core._watch_changes(given)
            parts = function.__code__, function.__defaults__, given
            inside = dict(given or ()), dict(attributes)
            self.functions.append((function, *parts, *inside))

    def differs(self) -> bool:
        """Whether a function has got other parts."""
        changes = _core._changes()
        if changes == self.changes:
            return False
        for function, code, defaults, given, given_inside, attributes in self.functions:
            if (
                function.__code__ is not code
                or function.__defaults__ is not defaults
                or function.__kwdefaults__ is not given
                or (given and not is_same_part(given_inside, given))
                or not is_same_part(attributes, vars(function))
            ):
                return True
        self.changes = changes
        return False

    def differs_in(self, value: object) -> bool:
        return isinstance(value, FunctionType) and self.differs()


def record_of(value: Any) -> Record | None:
    functions = functions_of(value).values()
    return Record(functions) if functions else None


def replaced(
    module: str, attribute: str, value: Any, dump: Callable[[object], bytes]
) -> dict[str, dict[str, Any]]:
    """The parts of each function that differ from what an import of the module sets."""
    found = {}
    for name, function in functions_of(value).items():
        parts = parts_to_send((module, attribute, name), function)
        kept = {}
        for part, now in parts.items():
            try:
                dump(now)
                kept[part] = now
            except Exception as error:  # a user's __reduce__ may raise anything
                place = ".".join(filter(None, (module, attribute, name, part)))
                change_detection.warn(
                    f"{place} was replaced, and workers have the module's own: "
                    f"{error}; use start(backend='threads')"
                )
        if kept:
            found[name] = kept
    return found


def parts_to_send(key: tuple[str, str, str], function: FunctionType) -> dict[str, Any]:
    now = parts_of(function, attributes=bool(key[2]))
    known = _first.get(key)
    if known is None or known[0] is not function:
        known = _first[key] = function, now, set(suspected(function, now))
    _, first, sent = known
    sent.update(part for part in now if not is_same_part(first[part], now[part]))
    return {
        part: marshal.dumps(now[part]) if part == "__code__" else now[part]
        for part in sent
    }


def parts_of(function: FunctionType, *, attributes: bool) -> dict[str, Any]:
    """The parts of a function.

    attributes: whether its attributes are among them; those of a module's functions
        are followed as data.
    """
    given = function.__kwdefaults__
    return {
        "__defaults__": function.__defaults__,
        "__kwdefaults__": None if given is None else dict(given),
        "__code__": function.__code__,
        "__dict__": data_in(vars(function)) if attributes else {},
    }


def data_in(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in attributes.items()
        if change_detection.fingerprint(value) is not None
    }


def is_same_part(before: Any, now: Any) -> bool:
    if isinstance(before, dict) and isinstance(now, dict):
        if not before and not now:
            return True
        return before.keys() == now.keys() and are_same(
            list(before.values()), [now[key] for key in before]
        )
    if isinstance(before, tuple) and isinstance(now, tuple):
        return are_same(list(before), list(now))
    return before is now


def suspected(function: FunctionType, parts: dict[str, Any]) -> list[str]:
    """The parts that the program may have replaced before a body reached them."""
    found = []
    code, names = function.__code__, function.__globals__
    made_elsewhere = code.co_filename != names.get("__file__", code.co_filename)
    renamed = code.co_name != function.__name__
    if (made_elsewhere or renamed) and "__wrapped__" not in vars(function):
        found.append("__code__")
    for part in ("__defaults__", "__kwdefaults__"):
        given = parts[part]
        values = given.values() if isinstance(given, dict) else given or ()
        if values and all(type(value) in SCALARS for value in values):
            found.append(part)
    return found


# ---- at the receiver -----------------------------------------------------------------


def put_in(own: Any, functions: dict[str, dict[str, Any]]) -> list[Undo]:
    """Gives the functions of a class, or a function, these parts."""
    undo: list[Undo] = []
    here = functions_of(own)
    for name, parts in functions.items():
        if name in here:
            for part, value in parts.items():
                undo += put_part(here[name], part, value)
    return undo


def put_part(function: FunctionType, part: str, value: Any) -> list[Undo]:
    before = getattr(function, part)
    if part == "__dict__":
        before, data = dict(before), data_in(before)
        others = {name: each for name, each in before.items() if name not in data}
        value = {**others, **value}
    elif part == "__code__":
        value = marshal.loads(value)
    if before is value or (repr(before) == repr(value) and before == value):
        return []
    set_part(function, part, value)
    return [lambda: set_part(function, part, before)]


def set_part(function: FunctionType, part: str, value: Any) -> None:
    if part == "__dict__":
        vars(function).clear()
        vars(function).update(value)
    else:
        setattr(function, part, value)
