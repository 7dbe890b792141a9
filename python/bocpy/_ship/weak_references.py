"""Weak references, and the containers of them, on the way to another interpreter.

What they refer to must have another owner there, or it would die at once: a global, an
attribute of a module, or the value with which the reference travels.

Threads: any; nothing here keeps state.
"""

from __future__ import annotations

from _weakref import ref
from types import FunctionType

from . import import_origins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .pickler import Pickler


def reduce(pickler: Pickler, obj: Any) -> Any:
    """Reduces a container of weak references; NotImplemented for other objects."""
    name = type(obj).__name__
    if name in ("WeakKeyDictionary", "WeakValueDictionary"):
        return reduce_mapping(pickler, obj)
    return reduce_set(pickler, obj) if name == "WeakSet" else NotImplemented


def reduce_mapping(pickler: Pickler, mapping: Any) -> tuple[Any, ...]:
    keys = type(mapping).__name__ == "WeakKeyDictionary"
    for each in list(mapping.keys() if keys else mapping.values()):
        refuse_alone(pickler, mapping, each)
    return type(mapping), (dict(mapping),)


def reduce_set(pickler: Pickler, elements: Any) -> tuple[Any, ...]:
    for each in list(elements):
        refuse_alone(pickler, elements, each)
    return type(elements), (list(elements),)


def reduce_reference(pickler: Pickler, weak: ref[Any]) -> Any:
    """A child refers weakly to its parent: that arrives with it, or is a global."""
    target = weak()
    if target is None or weak.__callback__ is not None:
        return NotImplemented
    if id(target) not in pickler.met:
        if not pickler.defining:
            return NotImplemented
        refuse_alone(pickler, weak, target)
    return ref, (target,)


def refuse_alone(pickler: Pickler, weak: object, element: object) -> None:
    """Refuses a global that refers weakly to an object to which nothing else refers: at
    the receiver that object would die at once."""
    if not pickler.defining or isinstance(element, type | FunctionType):
        return
    if element is pickler.root:
        return
    if (
        import_origins.reduce(element) is None
        and pickler.instance_reference(element) is None
    ):
        raise TypeError(
            f"a {type(weak).__name__!r} refers to a {type(element).__name__!r} that no "
            "global has, and would lose it on the way"
        )
