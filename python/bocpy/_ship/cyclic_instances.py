"""Instances in two steps, for those that refer to each other: first an empty instance,
then its state.

`parent.child = child; child.parent = parent`: if both are globals, the state of each
refers to the other by its name, so an instance has a name before it has its state.

Threads: any; nothing here keeps state.
"""

from __future__ import annotations

import copyreg

from .plain_instances import make_instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_newobj = getattr(copyreg, "__newobj__")  # noqa: B009  (typeshed does not have it)


def parts_of(value: Any, how: Any) -> tuple[Any, Any] | None:
    """What `make` takes, and the state of an instance; None if more is needed to make
    it.

    how: what the pickler's `reducer_override` returns for it.
    """
    from . import own_constructors  # a worker that only receives does not need it

    cls = type(value)
    made_of: Any = cls
    if how is not NotImplemented:
        if type(how) is tuple and how[0] is make_instance:
            return how[:2], (None, how[2])
        if type(how) is not tuple or how[0] is not own_constructors.make_apart:
            return None
        made_of = how[:2]
    if cls in copyreg.dispatch_table:
        return None
    reduced = value.__reduce_ex__(5)
    if not isinstance(reduced, tuple) or len(reduced) < 3:
        return None
    make, arguments, state, *rest = reduced
    if make is not _newobj or arguments != (cls,) or any(rest):
        return None
    return made_of, state


def make(made_of: Any) -> Any:
    """An instance without its state: of a class, or of a function with arguments."""
    if isinstance(made_of, tuple):
        function, arguments = made_of
        return function(*arguments)
    return made_of.__new__(made_of)


def restore(obj: Any, state: Any) -> None:
    """Gives an instance its state, as unpickling does."""
    # A `__getattr__` that reads attributes of its own would call itself without end.
    take = getattr(type(obj), "__setstate__", None)
    if take is not None:
        take(obj, state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        vars(obj).update(state)
    for name, value in (slots or {}).items():
        object.__setattr__(obj, name, value)
