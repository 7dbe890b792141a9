"""Warnings about iterators and random generators that a body reads outside of cowns.

Each use of one changes it, and each worker has a copy of its own: two workers draw the
same.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import io
import sys
from _weakref import CallableProxyType, ProxyType
from collections.abc import Iterator
from types import CodeType, FunctionType, GeneratorType

from .._code import names as code_names
from . import change_detection
from .module_changes import is_class_of_program
from .replacements import function_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PROXIES = (ProxyType, CallableProxyType)
#: A container of more elements is not looked through.
_LARGE = 1000
_CONTAINERS = (list, tuple, dict)


def warn(function: FunctionType, actor: str) -> None:
    names, code = function.__globals__, function.__code__
    for name in code_names.global_names(code):
        for place, value in drawn(f"global {name!r}", names.get(name), code):
            kind = type(value).__name__
            article = "an" if kind[:1] in "aeiouAEIOU" else "a"
            change_detection.warn(
                f"{actor} reads the {place}, {article} {kind!r}: each worker has "
                "a copy of its own, and what one draws the others draw again. Keep it "
                "in a cown, or make one in each behavior"
            )


def drawn(place: str, value: object, code: CodeType) -> Iterator[tuple[str, object]]:
    """The objects to draw from that code reaches in a global."""
    if is_drawn_from(value):
        yield place, value
    elif type(value) in _CONTAINERS:
        items: Any = value.values() if isinstance(value, dict) else value
        if len(items) <= _LARGE:
            found = next(filter(is_drawn_from, list(items)), None)
            if found is not None:
                yield f"part of the {place}", found
    else:
        cls = value if isinstance(value, type) else type(value)
        if is_class_of_program(cls):
            yield from attributes_drawn(place, value, cls, code)


def attributes_drawn(
    place: str, value: object, cls: type, code: CodeType
) -> Iterator[tuple[str, object]]:
    """The attributes of an object, or of its class, that the code names, or a method
    that the code names."""
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        if is_class_of_program(base):
            found.update(vars(base))
    if value is not cls:
        found.update(getattr(value, "__dict__", {}))
    parts = {name: part for name, part in found.items() if is_drawn_from(part)}
    if not parts:
        return
    used = attributes_read(code)
    for name, part in found.items():
        method = function_in(part)
        if isinstance(method, FunctionType) and (name in used or name[:2] == "__"):
            used |= attributes_read(method.__code__)
    for name in parts.keys() & used:
        yield f"attribute {name!r} of the {place}", parts[name]


def attributes_read(code: CodeType) -> set[str]:
    """The names of attributes that `code`, or code nested in it, reads."""
    import dis

    found = {
        each.argval
        for each in dis.get_instructions(code)
        if each.opname in ("LOAD_ATTR", "LOAD_METHOD")
    }
    return found.union(*map(attributes_read, code_names.nested_codes(code)))


def is_drawn_from(value: object) -> bool:
    # Generators and files are refused elsewhere. A proxy has all special methods.
    if isinstance(value, (type, GeneratorType, io.IOBase)) or type(value) in _PROXIES:
        return False
    random = sys.modules.get("random")
    return hasattr(type(value), "__next__") or (
        random is not None and isinstance(value, random.Random)
    )
