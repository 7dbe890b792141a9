"""The functions of the program's modules that a body may run.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from types import CodeType, FunctionType

from .module_changes import is_own
from .replacements import function_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def codes_of(value: Any) -> Iterator[tuple[FunctionType, CodeType]]:
    """The functions of the program that may run when a body uses a global, and their
    code."""
    if isinstance(value, type):
        yield from codes_of_class(value)
        return
    value = function_in(value)
    if not isinstance(value, FunctionType):
        if is_own(type(value).__module__):
            yield from codes_of_class(type(value))
        return
    while isinstance(value, FunctionType):
        if is_own(str(value.__globals__.get("__name__"))):
            yield value, value.__code__
        value = value.__dict__.get("__wrapped__")


def codes_of_class(cls: type) -> Iterator[tuple[FunctionType, CodeType]]:
    for base in cls.__mro__:
        if not is_own(base.__module__):
            continue
        for value in list(vars(base).values()):
            if isinstance(value, cached_property):
                value = value.func
            if isinstance(value, property):
                parts: tuple[Any, ...] = (value.fget, value.fset, value.fdel)
            else:
                parts = (function_in(value),)
            for part in parts:
                if isinstance(part, FunctionType):
                    yield from codes_of(part)
