"""Objects that a worker gets by importing a module: attributes of importable modules.

`from random import random` binds a bound method of an object that lives in `random`.
A copy of that object in each worker would draw the same numbers everywhere. So if
`module.name is value` holds here, a worker gets `module.name` of its own import.

Threads: any; LOCK of `definition_log` is held where the index is built.
"""

from __future__ import annotations

import sys
import warnings
from functools import lru_cache
from types import FunctionType, ModuleType

from .. import _global_namespaces
from .._code import names as code_names
from . import rebindings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCALARS = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        type(...),
        type(NotImplemented),
    }
)

Origin = tuple[str, str]  # a module and the name of its attribute

_index: dict[int, Origin] = {}
_indexed: dict[str, tuple[ModuleType, int]] = {}


def find_origin(obj: object) -> Origin | None:
    """The importable module and the attribute under which `obj` is found, if any.

    Scalars, the empty tuple and the like have no origin and travel as copies: equal
    ones are found in many modules.
    """
    if type(obj) in SCALARS or isinstance(obj, ModuleType):
        return None
    if type(obj) in (tuple, frozenset) and not obj:
        return None
    for name in (getattr(obj, "__module__", None), type(obj).__module__):
        found = search(name, obj) if isinstance(name, str) else None
        if found is not None:
            return found
    update_index()
    found = _index.get(id(obj))
    if found is None or not holds(found, obj) or comes_by_value(obj):
        return None
    return found


def search(name: str, obj: object) -> Origin | None:
    """Looks `obj` up in one module, whose index may be out of date."""
    module = sys.modules.get(name)
    if not isinstance(module, ModuleType) or name == "__main__":
        return None
    for attribute, value in list(vars(module).items()):
        if value is obj and holds((name, attribute), obj):
            return name, attribute
    return None


def holds(origin: Origin, obj: object) -> bool:
    """Whether an import in another interpreter yields an object that corresponds to
    `obj`."""
    name, attribute = origin
    module = sys.modules.get(name)
    if module is None or getattr(module, attribute, None) is not obj:
        return False
    if is_replaced(obj):
        return False
    return _global_namespaces.importable(name) and attribute not in rebound_names(name)


_of_program: tuple[int, list[tuple[str, ModuleType]]] = (0, [])


def comes_by_value(obj: object) -> bool:
    """Whether a module of the program has `obj` that workers get by value. Another
    module that imports it from there has it in a worker once that has the value."""
    global _of_program
    known, modules = _of_program
    if known != len(sys.modules):
        modules = [
            (name, module)
            for name, module in list(sys.modules.items())
            if name != "__main__"
            and isinstance(module, ModuleType)
            and _global_namespaces.is_of_program(name)
        ]
        _of_program = len(sys.modules), modules
    return any(
        any(value is obj for value in list(vars(module).values()))
        for name, module in modules
        if not _global_namespaces.importable(name)
    )


def is_replaced(value: object) -> bool:
    """Whether no import yields `value`.

    That is so for a function or class of a script or of a test that the program has put
    into a module.
    """
    if not isinstance(value, FunctionType | type):
        return is_mock(value)
    module = value.__module__
    if module not in sys.modules:
        # Some classes written in C name modules that do not exist, and so do functions
        # that libraries compile: `__new__` of a named tuple.
        return False
    return isinstance(module, str) and not _global_namespaces.importable(module)


def is_mock(value: object) -> bool:
    return type(value).__module__ == "unittest.mock"


def update_index() -> None:
    """Adds modules to the index that are new or have got more attributes."""
    for name, module in list(sys.modules.items()):
        if name == "__main__" or not isinstance(module, ModuleType):
            continue
        names = vars(module)
        known = _indexed.get(name)
        if known is not None and known[0] is module and known[1] == len(names):
            continue
        _indexed[name] = (module, len(names))
        for attribute, value in list(names.items()):
            if not attribute.startswith("__") and type(value) not in SCALARS:
                _index[id(value)] = (name, attribute)


@lru_cache(maxsize=1024)
def rebound_names(name: str) -> frozenset[str]:
    """The globals that functions of the module assign.

    Their values are the state of this interpreter; an import elsewhere does not yield
    them.
    """
    spec = getattr(sys.modules.get(name), "__spec__", None)
    try:
        code = spec.loader.get_code(name)  # type: ignore[union-attr]
    except Exception:  # extension modules, and loaders that raise what they like
        return frozenset()
    return code_names.stored_globals(code) if code is not None else frozenset()


class Attribute:
    """Pickles as the attribute that its origin names."""

    __slots__ = ("arguments",)

    def __init__(self, origin: Origin, obj: object) -> None:
        self.arguments = describe(origin, obj)

    def __reduce__(self) -> tuple[Any, ...]:
        return fetch, self.arguments


def reduce(obj: object) -> tuple[Any, ...] | None:
    """A reference to `obj` as an attribute of an importable module, if it is one."""
    origin = find_origin(obj)
    return None if origin is None else reference(origin, obj)


def reference(origin: Origin, obj: object) -> tuple[Any, ...]:
    return Attribute(origin, obj).__reduce__()


# ---- at the receiver -----------------------------------------------------------------


def describe(origin: Origin, obj: object) -> tuple[str, str, str, int, int]:
    """The arguments of `fetch`: the origin, the type and size of the value here, and
    its number among the objects to which the attribute was bound."""
    size = len(obj) if type(obj) in (dict, list, set) else -1  # type: ignore[arg-type]
    number = rebindings.number_of(origin, obj)
    return (*origin, type(obj).__qualname__, size, number)


def fetch(module: str, name: str, kind: str, size: int, number: int) -> Any:
    """The attribute, in this interpreter. TypeError if it is missing or of another
    type."""
    found: Any = _global_namespaces.import_module(module)
    found = getattr(found, name, fetch)
    found = rebindings.object_of((module, name), number, found)
    if found is fetch or type(found).__qualname__ != kind:
        raise TypeError(
            f"{module}.{name} was set by the main program after the import, so a "
            "worker does not find it by importing the module; put it into a cown or a "
            "notice"
        )
    standard = module.partition(".")[0] in sys.stdlib_module_names
    if size >= 0 and size != len(found) and not standard:
        warnings.warn(
            f"{module}.{name} has {size} elements in the main program, but "
            f"{len(found)} where a worker imports {module}: the worker does not have "
            "what the program has added; put it into a cown or a notice",
            RuntimeWarning,
            stacklevel=2,
        )
    return found
