"""Instances of classes of the program that consist of their attributes alone.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import contextlib
import copyreg
from types import FunctionType

from .._heap_types import is_heap_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_plain(cls: Any) -> bool:
    """Whether instances consist of their attributes alone: no method says otherwise."""
    return (
        cls.__reduce_ex__ is object.__reduce_ex__
        and cls.__reduce__ is object.__reduce__
        and has_attributes_only(cls)
    )


def has_attributes_only(cls: Any) -> bool:
    """As `is_plain`, whatever `__reduce__` does."""
    hooks = ("__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")
    return (
        cls.__new__ is object.__new__
        and cls not in copyreg.dispatch_table
        and all(is_heap_type(base) for base in cls.__mro__[:-1])
        and not any(hook in vars(base) for base in cls.__mro__[:-1] for hook in hooks)
    )


def state_of(obj: object) -> dict[str, Any]:
    """All attributes of an instance, read without calling its class's methods."""
    state: dict[str, Any] = {}
    with contextlib.suppress(AttributeError):
        state.update(object.__getattribute__(obj, "__dict__"))
    for base in type(obj).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            with contextlib.suppress(AttributeError):
                if name not in ("__dict__", "__weakref__"):
                    name = mangled(base, name)
                    state[name] = object.__getattribute__(obj, name)
    return state


def mangled(cls: type, name: str) -> str:
    private = name.startswith("__") and not name.endswith("__")
    return f"_{cls.__name__.lstrip('_')}{name}" if private else name


def must_be_filled(cls: Any) -> bool:
    """Whether pickle's own way would call methods of an instance that lacks its
    attributes: `__getattr__`, or the `__hash__` of one that a set in its attributes
    contains."""
    return (
        isinstance(cls.__hash__, FunctionType)
        or any("__getattr__" in vars(base) for base in cls.__mro__)
    ) and is_plain(cls)


def reduce_plain(obj: object) -> tuple[Any, ...]:
    """What makes an instance with those attributes that refer to no other objects, and
    fills in the rest: a set or dict in the rest may ask for the instance's hash."""
    state = state_of(obj)
    known = {name: value for name, value in state.items() if is_known(value)}
    if list(known) == list(state)[: len(known)]:
        state = {name: v for name, v in state.items() if name not in known}
        return make_instance, (type(obj), known), state, None, None, fill_instance
    return make_instance, (type(obj), known), state, None, None, fill_in_order


def fill_in_order(obj: object, state: dict[str, Any]) -> None:
    """Fills an instance anew: the attributes that it has are to be in another order."""
    with contextlib.suppress(AttributeError):
        object.__getattribute__(obj, "__dict__").clear()
    fill_instance(obj, state)


_ATOMS = frozenset((bool, bytes, complex, float, int, str, type(None)))


def is_known(value: Any) -> bool:
    if type(value) in (tuple, frozenset):
        return all(map(is_known, value))
    return type(value) in _ATOMS


def make_instance(cls: type, known: dict[str, Any] | None = None) -> object:
    """pickle's own way asks an empty instance for `__setstate__`, and a `__getattr__`
    that reads its own attributes would call itself without end."""
    made: object = object.__new__(cls)
    fill_instance(made, known or {})
    return made


def fill_instance(obj: object, state: dict[str, Any]) -> None:
    for name, value in state.items():
        object.__setattr__(obj, name, value)
