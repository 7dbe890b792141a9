"""Structures: of which objects a value is made (`ship/structure.h`).

Comparing them is how scheduling finds out fast that the value of a global is as it was
published: it meets the same objects. If it meets others, the contents are compared.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import copyreg
from collections import Counter, defaultdict, deque
from types import FunctionType

from .. import _core, _global_namespaces
from . import change_detection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Structure: TypeAlias = "tuple[bytes, list[Any]]"

OTHER, LEAF, INSTANCE, FUNCTION, ITEMS, DEFAULTS = range(6)
"""How to walk over an object; the same numbers as in C."""

_WHOLE = frozenset[str]()
_PICKLING = (
    *("__reduce__", "__reduce_ex__", "__getstate__", "__getattribute__"),
    *("__getnewargs__", "__getnewargs_ex__"),
)


def structure_of(
    value: object, deep: frozenset[str] = _WHOLE, *, shallow: bool = False
) -> Structure | None:
    """The structure of a value; None if something in it may change unseen.

    deep: of a class, the attributes whose contents belong to the structure.
    shallow: whether the contents of the value's parts do not belong to it.
    """
    try:
        return _core._structure_of(value, how_to_walk, deep, shallow)
    except Exception:  # another thread changes the value; `__class__` may be anything
        return None


def has_structure(value: object, structure: Structure) -> bool:
    return _core._structure_first_other(((value, structure),)) < 0


def how_to_walk(value: Any) -> int:
    """How to walk over an object that is no plain data."""
    cls = type(value)
    if cls is FunctionType:
        # What is pickled by its name has an entry of its own.
        return LEAF if _global_namespaces.resolves(value) else FUNCTION
    if cls in (defaultdict, deque):
        return DEFAULTS if cls is defaultdict else ITEMS
    if change_detection.is_enum_member(value):
        return LEAF
    if is_pickled_by_attributes(cls):
        return INSTANCE
    return LEAF if change_detection.is_frozen(value) else OTHER


def is_pickled_by_attributes(cls: type) -> bool:
    """Whether pickle writes the attributes and slots of an instance, as far as the
    hooks of its class tell."""
    if cls is Counter or cls in copyreg.dispatch_table or cls.__module__ == "builtins":
        return False
    return all(
        getattr(cls, hook, None) is getattr(object, hook, None) for hook in _PICKLING
    )
