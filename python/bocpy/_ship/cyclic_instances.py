"""Instances in two steps, for those that refer to each other: first an empty instance,
then its state.

`parent.child = child; child.parent = parent`: if both are globals, the state of each
refers to the other by its name, so an instance has a name before it has its state.

Threads: any; nothing here keeps state.
"""

from __future__ import annotations

import copyreg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_newobj = getattr(copyreg, "__newobj__")  # noqa: B009  (typeshed does not have it)


def parts_of(value: Any) -> tuple[type, Any] | None:
    """The class and the state of an instance; None if more is needed to make it."""
    cls = type(value)
    if cls in copyreg.dispatch_table:
        return None
    reduced = value.__reduce_ex__(5)
    if not isinstance(reduced, tuple) or len(reduced) < 3:
        return None
    make, arguments, state, *rest = reduced
    if make is not _newobj or arguments != (cls,) or any(rest):
        return None
    return cls, state


def make(cls: Any) -> Any:
    return cls.__new__(cls)


def restore(obj: Any, state: Any) -> None:
    """Gives an instance its state, as unpickling does."""
    take = getattr(obj, "__setstate__", None)
    if take is not None:
        take(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        vars(obj).update(state)
    for name, value in (slots or {}).items():
        setattr(obj, name, value)
