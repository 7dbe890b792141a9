"""Lists, dicts and the like whose class has methods of its own that add items.

pickle gives such an instance its items by `x[key] = value` and `x.extend(items)`. A
method of the program may count them, note them, or need attributes that the instance
gets after its items. So the items are added as the builtin type in its bases adds them:
what the methods have done is in the items and attributes that travel.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from . import cyclic_instances

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: With these pickle adds items.
METHODS = ("__setitem__", "append", "extend")


def fill_of(cls: type) -> Any:
    """The function that adds the items; None if pickle adds none to such objects."""
    if issubclass(cls, list):
        return fill_list
    if issubclass(cls, deque):
        return fill_deque
    if issubclass(cls, OrderedDict):
        return fill_ordered
    return fill_dict if issubclass(cls, dict) else None


def reduce(obj: Any, reduced: Any, fill: Any) -> Any:
    """The reduction with the items among the state, which `fill` takes."""
    if reduced is NotImplemented:
        reduced = obj.__reduce_ex__(5)
    if type(reduced) is not tuple or not 4 <= len(reduced) <= 5:
        return reduced
    make, arguments, state, *items = reduced
    added = [list(each) for each in items if each is not None]
    if len(added) != 1:
        return reduced
    return make, arguments, (state, added[0]), None, None, fill


def fill_list(obj: Any, given: tuple[Any, list[Any]]) -> None:
    list.extend(obj, given[1])
    restore(obj, given[0])


def fill_deque(obj: Any, given: tuple[Any, list[Any]]) -> None:
    deque.extend(obj, given[1])
    restore(obj, given[0])


def fill_dict(obj: Any, given: tuple[Any, list[Any]]) -> None:
    for key, value in given[1]:
        dict.__setitem__(obj, key, value)
    restore(obj, given[0])


def fill_ordered(obj: Any, given: tuple[Any, list[Any]]) -> None:
    for key, value in given[1]:
        OrderedDict.__setitem__(obj, key, value)
    restore(obj, given[0])


def restore(obj: Any, state: Any) -> None:
    if state is not None:
        cyclic_instances.restore(obj, state)
