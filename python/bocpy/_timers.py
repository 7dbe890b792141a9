"""Behaviors at a point of time. `after` belongs to the extension; `at` uses its clock.

Threads: any of the main interpreter, and bodies.
"""

from __future__ import annotations

import datetime
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _core

if TYPE_CHECKING:
    from ._core import _One, _When
else:  # for typing.get_type_hints; what read() returns has no public name
    _One, _When = _core.Cown | Any, Callable[[Callable[..., Any]], _core.Cown]


_IMPORTED = time.monotonic()
_DAY = 86400
#: How far from time.time() a moment of it may be: ten years.
_NEAR = 3e8


def check_clock(deadline: float) -> None:
    """Refuses a moment of another clock."""
    if deadline - _IMPORTED > _NEAR and abs(deadline - time.time()) < _NEAR:
        raise ValueError(
            f"at(): the deadline {deadline!r} looks like a moment of time.time(), and "
            "is half a century ahead by time.monotonic(): use "
            "after(moment - time.time())"
        )
    if 0 < deadline <= _DAY and deadline < _IMPORTED - 60:
        warnings.warn(
            f"at(): the deadline {deadline!r} was before bocpy was imported, so the "
            "behavior runs at once. It is a moment of time.monotonic(); for a delay "
            f"use after({deadline!r})",
            RuntimeWarning,
            stacklevel=3,
        )


def at(deadline: float, /, *cowns: _One | Sequence[_One]) -> _When:
    """Schedules the decorated function as a behavior over `cowns` at `deadline`.

    `deadline` is a time of the clock `time.monotonic()`, as `Scope.deadline` is. If it
    has passed, the behavior is scheduled at once. In all else it does what `after`
    does. Raises ValueError for NaN, for more than 292 years from now and for a moment
    of `time.time()`. A RuntimeWarning names a positive number that looks like a delay:
    at most a day, and a moment long before bocpy was imported.

    >>> import time
    >>> from bocpy import at
    >>> begin = time.monotonic()
    >>> for n in range(3):
    ...     @at(begin + n / 100)
    ...     def tick(n=n):
    ...         return n
    >>> tick.result(), time.monotonic() - begin >= 0.02
    (2, True)
    """
    if isinstance(deadline, datetime.datetime):
        raise TypeError(
            "at() takes a moment of time.monotonic(), not a datetime: use "
            "after((moment - datetime.now(moment.tzinfo)).total_seconds())"
        )
    if not isinstance(deadline, int | float) or isinstance(deadline, bool):
        kind = type(deadline).__name__
        raise TypeError(
            f"at(): the deadline must be a number, as of time.monotonic(), not {kind!r}"
        )
    try:
        moment = float(deadline)
        check_clock(moment)
        left = moment - time.monotonic()
    except OverflowError:
        left = float("inf") if deadline > 0 else 0
    return _core._at(0 if left < 0 else left, *cowns)
