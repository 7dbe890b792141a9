"""The containers among the data of modules: what is in them, and how to replace it.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from functools import partial

from .rebindings import is_same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Undo = Callable[[], None]

CONTAINERS = frozenset(
    {list, dict, set, bytearray, deque, OrderedDict, defaultdict, Counter}
)
CHANGEABLE = (OrderedDict, dict, list, set, deque, bytearray)

#: Containers of more elements are not compared each time, but for their size.
LARGE = 5000


def items_of(value: Any) -> Any:
    """The contents of a container, as one that pickle copies and does not refer to."""
    if isinstance(value, OrderedDict):
        return dict(OrderedDict.items(value))
    if isinstance(value, dict):
        return dict(dict.items(value))
    if isinstance(value, deque):
        return list(deque.__iter__(value))
    if isinstance(value, list):
        return list.copy(value)
    return set.copy(value) if isinstance(value, set) else bytearray(value)


def is_array(value: Any) -> bool:
    return type(value).__module__ == "array" and type(value).__name__ == "array"


def fill(own: Any, value: Any) -> Undo | None:
    """Replaces the contents of a container."""
    if is_array(own):
        return fill_array(own, value)
    if is_same(items_of(own), value):
        return None
    before = items_of(own)
    base: Any = next(base for base in CHANGEABLE if isinstance(own, base))
    base.clear(own)
    if isinstance(own, OrderedDict):  # `update` calls methods of a class of the program
        for key, item in value.items():
            OrderedDict.__setitem__(own, key, item)
    else:
        (base.extend if hasattr(base, "extend") else base.update)(own, value)
    return partial(fill, own, before)  # type: ignore[return-value]


def fill_array(own: Any, data: bytes) -> Undo | None:
    before = own.tobytes()
    if before == data:
        return None
    del own[:]
    own.frombytes(data)
    return partial(fill_array, own, before)  # type: ignore[return-value]


def warn_of_size(module: str, name: str, own: Any, size: int) -> None:
    there = len(own) if hasattr(own, "__len__") else "none"
    if there != size:
        warnings.warn(
            f"{module}.{name} has {size} elements in the main program, but {there} "
            f"where a worker imports {module}, and is too large to follow: put it into "
            "a cown or a notice",
            RuntimeWarning,
            stacklevel=2,
        )
