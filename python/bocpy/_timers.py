"""Behaviors at a point of time. `after` belongs to the extension; `at` uses its clock.

Threads: any of the main interpreter, and bodies.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _core

if TYPE_CHECKING:
    from ._core import _One, _When
else:  # for typing.get_type_hints; what read() returns has no public name
    _One, _When = _core.Cown | Any, Callable[[Callable[..., Any]], _core.Cown]


def at(deadline: float, /, *cowns: _One | Sequence[_One]) -> _When:
    """Schedules the decorated function as a behavior over `cowns` at `deadline`.

    `deadline` is a time of the clock `time.monotonic()`, as `Scope.deadline` is. If it
    has passed, the behavior is scheduled at once. In all else it does what `after`
    does. Raises ValueError for NaN and for more than 292 years from now.

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
        left = float(deadline) - time.monotonic()
    except OverflowError:
        left = float("inf") if deadline > 0 else 0
    return _core._at(0 if left < 0 else left, *cowns)
