"""Which functions of its module a body may call, and which globals those rebind.

A function is found by its name where the code reads a global, a closure, a default
value or a container with it, and by the name of an attribute where it is a method of a
class of the module. So a method may be found that the code never calls. A function that
the body gets in a cown or by a call is not found.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import functools
from types import CodeType, FunctionType, MethodType, ModuleType

from .names import (
    all_names,
    global_names,
    imported_modules,
    kept_with_code,
    nested_codes,
    own_stored_globals,
    stored_globals,
    texts,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# How many items of containers are looked at for one body, and how deep.
_MAX_ITEMS = 4000
_MAX_DEPTH = 3

_ITERABLES = (list, tuple, set, frozenset)
#: Objects that wrap functions, and what those have the functions in.
_PARTS = {
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    MethodType: ("__func__", "__self__"),
    functools.partial: ("func", "args", "keywords"),
    type(functools.lru_cache(len)): ("__wrapped__",),
}
_PLAIN = frozenset({str, bytes, int, float, bool, type(None), ModuleType})
_EVALUATORS = frozenset({"exec", "eval"})
_NAMESPACES = frozenset({"exec", "globals", "vars"})
_IMPORTERS = frozenset({"modules", "import_module", "__import__"})
_STORES = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR"})
_UPDATES = frozenset({"update", "setdefault", "pop", "__setitem__", "clear"})
_ATTRIBUTE_STORES = frozenset({"STORE_ATTR", "DELETE_ATTR"})
_ATTRIBUTE_SETTERS = frozenset({"setattr", "delattr", "__dict__"})


class Calls:
    """The functions of the module of `function` that its code may call, itself not."""

    def __init__(self, function: FunctionType) -> None:
        self.names = function.__globals__
        self.module = self.names.get("__name__")
        self.methods = self.methods_by_name()
        self.functions: list[FunctionType] = []
        self.seen = {function.__code__}
        self.items = _MAX_ITEMS
        self.todo = [function]
        while self.todo:
            self.follow(self.todo.pop())

    def methods_by_name(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = {}
        for value in list(self.names.values()):
            if self.is_own_class(value):
                for name, member in list(vars(value).items()):
                    found.setdefault(name, []).append(member)
        return found

    def is_own_class(self, value: object) -> bool:
        return isinstance(value, type) and value.__module__ == self.module

    def follow(self, function: FunctionType) -> None:
        code = function.__code__
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        self.add_cells(function)
        for name in mentioned_names(code):
            if name in self.names:
                self.add(self.names[name])
            for method in self.methods.get(name, ()):
                self.add(method)

    def add_cells(self, function: FunctionType, depth: int = 0) -> None:
        for cell in function.__closure__ or ():
            try:
                self.add(cell.cell_contents, depth)
            except ValueError:  # it has not been assigned yet
                continue

    def add(self, value: object, depth: int = 0) -> None:
        """Adds the functions that `value` is, contains or wraps."""
        kind = type(value)
        if isinstance(value, FunctionType):
            self.add_function(value, depth)
        elif isinstance(value, type):
            self.add_special_methods(value)
        elif kind not in _PLAIN and depth < _MAX_DEPTH:
            for part in self.parts_of(value, kind):
                self.add(part, depth + 1)
            self.add_special_methods(kind)

    def parts_of(self, value: Any, kind: type) -> list[object]:
        """The objects in a container or an instance, or those that a wrapper has."""
        if kind in _PARTS:
            return [getattr(value, name, None) for name in _PARTS[kind]]
        found: list[object] = []
        if issubclass(kind, dict):
            found = list(dict.values(value))
        elif kind in _ITERABLES:
            found = list(value)
        elif self.is_own_class(kind):
            found = list(getattr(value, "__dict__", {}).values())
        found = found[: self.items]
        self.items -= len(found)
        return found

    def add_function(self, function: FunctionType, depth: int) -> None:
        if function.__code__ in self.seen:
            return
        self.seen.add(function.__code__)
        self.add(vars(function).get("__wrapped__"), depth + 1)
        if function.__globals__ is self.names:
            self.functions.append(function)
            self.todo.append(function)
        else:  # of a decorator, maybe
            self.add_cells(function, depth + 1)

    def add_special_methods(self, cls: type) -> None:
        """Those that operators, calls and `with` call."""
        for base in cls.__mro__:
            if not self.is_own_class(base):
                continue
            for name, member in list(vars(base).items()):
                if name.startswith("__") and isinstance(member, FunctionType):
                    self.add(member)


def mentioned_names(code: CodeType) -> frozenset[str]:
    """The names of globals and attributes in `code`, and those in strings that it
    evaluates."""
    names = all_names(code)
    return names if _EVALUATORS.isdisjoint(names) else names | words(code)


def rebound_globals(code: CodeType, names: dict[str, Any]) -> frozenset[str]:
    """The globals that `code`, or code nested in it, assigns or deletes: by a
    statement, as attributes of their module or by their namespace."""
    found = own_stored_globals(code) | stored_globals(code)
    read = global_names(code)
    evaluates = not _EVALUATORS.isdisjoint(read)
    if _NAMESPACES.isdisjoint(read) and not refers_to_module(code, names):
        return found
    named = stored_attributes(code) | texts(code) | keywords(code)
    if evaluates:
        named |= words(code)
    found |= named & names.keys()
    if not found and may_store_any(code, read):
        return frozenset(names)
    return found


def refers_to_module(code: CodeType, names: dict[str, Any]) -> bool:
    """Whether the code may have the module whose globals are `names` as an object."""
    if not _IMPORTERS.isdisjoint(all_names(code)):
        return True
    if names.get("__name__") in imported_modules(code):
        return True
    return any(
        isinstance(value, ModuleType) and vars(value) is names
        for value in map(names.get, global_names(code))
    )


def may_store_any(code: CodeType, read: frozenset[str]) -> bool:
    """Whether a namespace that the code has gets names that it computes."""
    if "exec" in read or not _ATTRIBUTE_SETTERS.isdisjoint(all_names(code)):
        return True
    if _NAMESPACES.isdisjoint(read):
        return False
    return stores_items(code) or not _UPDATES.isdisjoint(all_names(code))


@kept_with_code
def stores_items(code: CodeType) -> bool:
    import dis

    own = any(i.opname in _STORES for i in dis.get_instructions(code))
    return own or any(map(stores_items, nested_codes(code)))


@kept_with_code
def stored_attributes(code: CodeType) -> frozenset[str]:
    """The attributes that `code`, or code nested in it, assigns or deletes."""
    import dis

    found = {
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in _ATTRIBUTE_STORES
    }
    for inner in nested_codes(code):
        found |= stored_attributes(inner)
    return frozenset(found)


@kept_with_code
def keywords(code: CodeType) -> frozenset[str]:
    """The names in tuples among the constants, such as those of keyword arguments."""
    found = {
        item
        for constant in code.co_consts
        if isinstance(constant, tuple)
        for item in constant
        if isinstance(item, str)
    }
    for inner in nested_codes(code):
        found |= keywords(inner)
    return frozenset(found)


@kept_with_code
def words(code: CodeType) -> frozenset[str]:
    """The words of all strings of `code` and of code nested in it."""
    import re

    found: set[str] = set()
    for constant in code.co_consts:
        if isinstance(constant, str):
            found.update(re.findall(r"\w+", constant))
    for inner in nested_codes(code):
        found |= words(inner)
    return frozenset(found)


def all_codes(code: CodeType) -> Iterator[CodeType]:
    """`code`, and the code nested in it."""
    yield code
    for inner in nested_codes(code):
        yield from all_codes(inner)
