"""How instances of a class are taken apart where pickle's own reduction is known to be
all that there is to them: the codec then needs no pickle (csrc/codec/shapes.h).

Each question is asked once per class and interpreter.

Threads: any.
"""

from __future__ import annotations

import collections
import copyreg
import sys
from types import MemberDescriptorType, MethodDescriptorType
from typing import Any

#: As in csrc/codec/shapes.h; 1 is for instances that are their `__dict__`.
PICKLED, SLOTTED, NAMED, REDUCED, ARRAY = 0, 2, 3, 4, 5

#: Modules whose reductions, written in C, are a class, arguments and items.
_REDUCED_IN = frozenset({"datetime", "decimal", "collections"})

_HOOKS = ("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__del__")
_ATTRIBUTE_HOOKS = ("__getattribute__", "__getattr__", "__setattr__")

Way = tuple[int, tuple[str, ...]]


def way_of(cls: Any) -> Way:
    """The way, and the names that it needs: of the slots, or of the method."""
    if cls in copyreg.dispatch_table or hasattr(cls, "__del__"):
        return PICKLED, ()
    if cls is getattr(sys.modules.get("array"), "array", None):
        return ARRAY, ()
    if is_named_tuple(cls):
        return NAMED, ()
    method = method_in_c(cls)
    if method is not None:
        return REDUCED, (method,)
    names = slots_of(cls)
    return (SLOTTED, names) if names else (PICKLED, ())


def inherits(cls: Any, base: type, names: tuple[str, ...]) -> bool:
    """Whether those names mean for `cls` what they mean for `base`."""
    return all(getattr(cls, name, None) is getattr(base, name, None) for name in names)


_make: Any = collections.namedtuple
_named = _make("_named", "")
_ARGUMENTS = vars(_named)["__getnewargs__"].__code__


def is_named_tuple(cls: Any) -> bool:
    """Whether collections.namedtuple made it, here or where a class that came by value
    is from (its functions are copies), or a class that changes nothing about how
    it is made."""
    arguments = getattr(cls, "__getnewargs__", None)
    if (
        not issubclass(cls, tuple)
        or getattr(arguments, "__code__", None) != _ARGUMENTS
        or cls.__dictoffset__
        or hasattr(cls, "__getnewargs_ex__")
        or not inherits(cls, tuple, _HOOKS)
    ):
        return False
    base = next(one for one in cls.__mro__ if "__getnewargs__" in vars(one))
    made = vars(base).get("__new__")
    return "_fields" in vars(base) and cls.__new__ is getattr(made, "__func__", made)


def method_in_c(cls: Any) -> str | None:
    """The name of its reduction, if that is one of those known to be plain."""
    if type(cls) is not type:
        return None
    for name in ("__reduce_ex__", "__reduce__"):
        method = getattr(cls, name)
        if isinstance(method, MethodDescriptorType):
            owner = method.__objclass__
            if owner is object:
                continue
            return name if owner.__module__ in _REDUCED_IN else None
        if method is not getattr(object, name):
            return None
    return None


def slots_of(cls: Any) -> tuple[str, ...]:
    """The slots that are all of its instances; none, if there is more to them."""
    if (
        cls.__dictoffset__
        or cls.__itemsize__
        or cls.__new__ is not object.__new__
        or hasattr(cls, "__getnewargs__")
        or hasattr(cls, "__getnewargs_ex__")
        or not inherits(cls, object, _HOOKS + _ATTRIBUTE_HOOKS)
    ):
        return ()
    seen: dict[str, object] = {}
    for base in cls.__mro__[:-1]:
        for name, attribute in vars(base).items():
            seen.setdefault(name, attribute)
    names = tuple(n for n, a in seen.items() if type(a) is MemberDescriptorType)
    pointers = len(names) + (cls.__weakrefoffset__ > 0)
    size = object.__basicsize__ + pointers * _POINTER
    return names if cls.__basicsize__ == size else ()


#: PyPy has no such attribute, and its core asks for no way.
_POINTER: int = getattr(tuple, "__itemsize__", 0)
