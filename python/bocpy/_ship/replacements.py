"""Functions, methods and classes that a program puts in the place of others in modules
that workers import themselves.

| what is there | is a replacement |
|---|---|
| a function or class of a script or of a test | always: no import yields it |
| another one than when the name was first looked at | yes |
| one of the program, in a module that is not of the program | yes |

What was there first is kept, since the program may put it back: then a worker has to
do so, too.

Threads: any; LOCK of `definition_log` guards the tables.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, MethodType

from .. import _global_namespaces
from .import_origins import is_replaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CALLED = (FunctionType, BuiltinFunctionType, type)
_METHODS = (FunctionType, staticmethod, classmethod, property)
_HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 9, 1 << 8

_first: dict[tuple[str, str], object] = {}
_first_methods: dict[type, dict[str, object]] = {}


def replaces(module: str, name: str, value: object) -> bool:
    """Whether a function or class replaces what an import of the module yields."""
    foreign = isinstance(value, _CALLED) and is_foreign(module, value)
    first = value if foreign else _first.setdefault((module, name), value)
    return foreign or (isinstance(value, _CALLED) and value is not first)


def is_foreign(module: str, value: object) -> bool:
    """Whether a function or class of the program is in a module that is not."""
    origin = getattr(value, "__module__", None)
    return (
        isinstance(origin, str)
        and origin in sys.modules
        and not _global_namespaces.is_of_program(module)
        and (origin == "__main__" or _global_namespaces.is_of_program(origin))
    )


def replaced_methods(cls: type) -> dict[str, Any]:
    """The methods of a class that replace others."""
    now: dict[str, object] = {
        key: part for key, part in vars(cls).items() if isinstance(part, _METHODS)
    }
    is_known = cls in _first_methods
    first = _first_methods.setdefault(cls, {})
    for key, part in now.items():
        function = function_in(part)
        own = not is_known or is_defined_in(cls, function)
        if own and not is_replaced(function):
            first.setdefault(key, part)
    return {
        key: part
        for key, part in now.items()
        if is_replaced(function_in(part)) or first.get(key) is not part
    }


def is_defined_in(cls: type, function: Any) -> bool:
    """Whether a function was defined in the body of the class."""
    return (
        isinstance(function, FunctionType)
        and function.__module__ == cls.__module__
        and function.__qualname__ == f"{cls.__qualname__}.{function.__name__}"
    )


def may_be_patched(cls: type) -> bool:
    """Whether a class that is not of the program can get other methods."""
    flags = cls.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE)
    return flags == _HEAP_TYPE and isinstance(cls.__module__, str)


def function_in(value: Any) -> Any:
    """The function of a method, or the one that another object wraps.

    A class of the program may answer for any attribute, or raise what it likes.
    """
    if isinstance(value, MethodType | staticmethod | classmethod):
        return value.__func__
    if isinstance(value, property):
        return value.fget
    if isinstance(value, FunctionType):
        return value
    try:
        wrapped = value.__wrapped__
    except Exception:
        return value
    return wrapped if isinstance(wrapped, FunctionType) else value


# ---- at the receiver -----------------------------------------------------------------

_originals: dict[type, dict[str, object]] = {}


def keep_original(cls: type, name: str, method: object) -> None:
    """Notes what a method of a class was before a record replaced it."""
    if isinstance(method, _METHODS):
        _originals.setdefault(cls, {}).setdefault(name, method)


def put_back(cls: type, but: Any) -> None:
    """Puts back the methods that were replaced, but those in `but`."""
    replaced = _originals.get(cls, {})
    for name in [name for name in replaced if name not in but]:
        setattr(cls, name, replaced.pop(name))
