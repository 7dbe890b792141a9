"""Follows what a program replaces in functions of modules that workers import.

`module.f.__defaults__ = (2,)`, `module.f.__kwdefaults__["k"] = 2`, `module.f.__code__ =
g.__code__`, `module.Model.save.note = 1`: the function stays the same object, and a
worker has it as its own import has made it. What has been replaced is sent with the
state of the module's attribute, and is put into the worker's function. A function
watcher and dict watchers of CPython report the changes. It reports none of the
variables of an enclosing function, which `nonlocal` assigns: schedulings compare those
that are numbers and text.

The functions that a decorator has wrapped are followed, too: in `__wrapped__` and in
the variables of the wrapper.

What the import has set is not known: it is taken to be what is there when a body first
reaches the function. Then only the code shows whether it is the function's own, and
variables of enclosing functions and defaults that are data are sent in any case.

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator
from types import CellType, FunctionType

from .. import _core, _global_namespaces
from . import change_detection, import_origins
from .function_parts import SCALARS, are_same, is_same
from .replacements import function_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Undo = Callable[[], None]

_DEPTH = 8  # of functions that wrap each other
_ITEMS_MAX = 1000  # of a default value that is sent in any case

# By module and names: a function, the parts that it had first, and those sent so far.
_first: dict[tuple[str, str, str], tuple[FunctionType, dict[str, Any], set[str]]] = {}


def functions_of(value: Any) -> dict[str, FunctionType]:
    """The functions of a class by name, or a function under the name ""; and those that
    they wrap."""
    if isinstance(value, FunctionType):
        return dict(with_wrapped("", value))
    found: dict[str, FunctionType] = {}
    for name, part in list(vars(value).items()):
        function = function_in(part)
        if isinstance(function, FunctionType) and is_of_class(function, value):
            found.update(with_wrapped(name, function))
    return found


def is_of_class(function: FunctionType, cls: type) -> bool:
    """Whether a method was made with its class; `__new__` of a named tuple says that it
    is of another module."""
    return function.__module__ in (cls.__module__, f"namedtuple_{cls.__name__}")


def with_wrapped(
    name: str, function: FunctionType, depth: int = _DEPTH
) -> Iterator[tuple[str, FunctionType]]:
    yield name, function
    inner = dict(cells_of(function))
    if "__wrapped__" in vars(function):
        inner["__wrapped__"] = vars(function)["__wrapped__"]
    met = {id(function)}
    for variable, part in inner.items() if depth else ():
        if isinstance(part, FunctionType) and id(part) not in met and is_inner(part):
            met.add(id(part))
            yield from with_wrapped(f"{name}.{variable}", part, depth - 1)


def is_inner(function: FunctionType) -> bool:
    """Whether a function of the program is found by no name of a module."""
    module = function.__module__
    return (
        isinstance(module, str)
        and _global_namespaces.is_of_program(module)
        and not _global_namespaces.resolves(function)
    )


def cells_of(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The variables of enclosing functions that have a value."""
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it has not been assigned yet
            continue


def variables_of(function: FunctionType) -> dict[str, Any]:
    """Those of the variables that are numbers and text."""
    return {name: v for name, v in cells_of(function) if type(v) in SCALARS}


class Record:
    """The functions of a module's attribute, with the parts that they had.

    As `function_parts.Record`.
    """

    __slots__ = ("changes", "functions", "polled", "polls")

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
        enclosed = [(each, variables_of(each)) for each, *_ in self.functions]
        self.polled = [(each, before) for each, before in enclosed if before]
        self.polls = bool(self.polled)

    def differs(self) -> bool:
        """Whether a function has got other parts."""
        for function, before in self.polled:
            if not is_same_part(before, variables_of(function)):
                return True
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
        "__closure__": variables_of(function),
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
    found = ["__closure__"] if parts["__closure__"] else []
    code, names = function.__code__, function.__globals__
    made_elsewhere = code.co_filename != names.get("__file__", code.co_filename)
    renamed = code.co_name != function.__name__
    if (made_elsewhere or renamed) and "__wrapped__" not in vars(function):
        found.append("__code__")
    for part in ("__defaults__", "__kwdefaults__"):
        given = parts[part]
        values = given.values() if isinstance(given, dict) else given or ()
        if values and all(map(is_known_at_receiver, values)):
            found.append(part)
    return found


def is_known_at_receiver(value: Any) -> bool:
    """Whether a default value is the same at a worker if the import there has set it:
    if it is data, or found in a module."""
    if type(value) in SCALARS:
        return True
    if isinstance(value, type | FunctionType):
        return _global_namespaces.resolves(value)
    if type(value) in (tuple, frozenset):
        return all(map(is_known_at_receiver, value))
    if type(value) in (list, dict, set):
        few = len(value) <= _ITEMS_MAX
        return few and change_detection.fingerprint(value) is not None
    return import_origins.find_origin(value) is not None


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
    if part == "__closure__":
        return put_variables(function, value)
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


def put_variables(function: FunctionType, values: dict[str, Any]) -> list[Undo]:
    undo: list[Undo] = []
    cells = dict(
        zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    )
    before = variables_of(function)
    for name, value in values.items():
        known = name in before and is_same(before[name], value)
        if name in cells and not known:
            undo.append(filler(cells[name]))
            cells[name].cell_contents = value
    return undo


def filler(cell: CellType) -> Undo:
    """What gives a cell the contents that it has now."""
    try:
        before = cell.cell_contents
    except ValueError:
        return lambda: delattr(cell, "cell_contents")
    return lambda: setattr(cell, "cell_contents", before)


def set_part(function: FunctionType, part: str, value: Any) -> None:
    if part == "__dict__":
        vars(function).clear()
        vars(function).update(value)
    else:
        setattr(function, part, value)
