"""pump(): running behaviors over pinned cowns on the main thread.

Threads: `pump` is for the main thread, the rest for any of the main interpreter.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _core

if TYPE_CHECKING:
    from ._watchdog import Watchdog

#: The most milliseconds that are less than 2**63 nanoseconds.
MOST_MS = (2**63 - 1) // 1_000_000

_watchdog: Watchdog | None = None


class PumpResult(NamedTuple):
    """What `pump` did.

    >>> from bocpy import PumpResult
    >>> PumpResult(executed=2, deadline_reached=False, raised=0)
    PumpResult(executed=2, deadline_reached=False, raised=0)
    """

    executed: int
    """How many behaviors ran."""
    deadline_reached: bool
    """Whether the deadline left some that were ready."""
    raised: int
    """How many of those that ran raised an Exception, which their results hold."""


def positive(name: str, number: object, unless: str = "") -> int:
    """`number`, or TypeError if it is no positive int."""
    if isinstance(number, int) and not isinstance(number, bool):
        if number > 0:
            return number
        raise TypeError(f"{name} must be a positive int{unless}, not {number}")
    kind = type(number).__name__
    raise TypeError(f"{name} must be a positive int{unless}, not {kind!r}")


def milliseconds(name: str, number: object, unless: str = "") -> int:
    """`number`, or TypeError, or OverflowError if the clock cannot count that far."""
    if positive(name, number, unless) <= MOST_MS:
        return number  # type: ignore[return-value]
    raise OverflowError(f"{name} is {number}: the most is {MOST_MS} milliseconds")


def pump(
    deadline_ms: int | None = None,
    max_behaviors: int | None = None,
    raise_on_error: bool = False,
) -> PumpResult:
    """Runs the behaviors over pinned cowns that are ready, on the main thread.

    Call it from an event loop, now and then. It goes on until none is ready (those that
    become ready meanwhile included), `max_behaviors` have run, or `deadline_ms`
    milliseconds have passed; the deadline is looked at between two behaviors. What a
    behavior raises fills its result; with `raise_on_error` the first Exception is
    raised here too, and what is left stays for the next pump. KeyboardInterrupt,
    SystemExit and their like end the pump in any case.

    Raises RuntimeError on any thread but the main one, inside a behavior, or if the
    runtime is not running; TypeError or OverflowError for bounds that are none.

    >>> from bocpy import PinnedCown, pump, wait, when
    >>> drawn = PinnedCown([])
    >>> @when(drawn)
    ... def _(drawn):
    ...     drawn.value.append('circle')
    >>> pump(deadline_ms=1000)
    PumpResult(executed=1, deadline_reached=False, raised=0)
    >>> pump()
    PumpResult(executed=0, deadline_reached=False, raised=0)
    >>> wait()
    """
    limit, most = -1, sys.maxsize
    if deadline_ms is not None:
        limit = milliseconds("deadline_ms", deadline_ms, " or None") * 1_000_000
    if max_behaviors is not None:
        most = min(positive("max_behaviors", max_behaviors, " or None"), sys.maxsize)
    look()
    return PumpResult(*_core._pump(limit, most, raise_on_error))


def set_wait_pump_poll(ms: int = 50) -> None:
    """Does nothing but check its argument: waits are woken, they do not poll.

    For programs that were written for waits that look for pinned behaviors every `ms`
    milliseconds. Raises TypeError if `ms` is no positive int.

    >>> from bocpy import set_wait_pump_poll
    >>> set_wait_pump_poll(10)
    """
    positive("ms", ms)


def look() -> None:
    """Called when pumping begins: lets the watchdog, if there is one, warn first."""
    if _watchdog is not None:
        _watchdog.look()


def set_pump_watchdog(
    warn_ms: int | None = 1000,
    on_starve: Callable[[int, str], Any] | None = None,
) -> None:
    """Asks to be told of behaviors over pinned cowns that nobody pumps.

    When some have been ready for `warn_ms` milliseconds, `on_starve(severity, message)`
    is called (the severity is 0); without `on_starve` the logger "bocpy.pump"
    warns. That happens once until the next of them runs, on a thread of its own, as the
    main thread may be stuck; what `on_starve` raises is raised by the main thread's
    next `pump`, `wait` or `quiesce`. `warn_ms=None` turns it off, as it is at first.

    Raises TypeError or OverflowError for arguments that are none, RuntimeError outside
    the main interpreter.

    >>> from bocpy import set_pump_watchdog
    >>> set_pump_watchdog(500, lambda severity, message: print(message))
    >>> set_pump_watchdog(None)
    """
    global _watchdog
    if warn_ms is not None:
        milliseconds("warn_ms", warn_ms, " or None")
    if on_starve is not None and not callable(on_starve):
        kind = type(on_starve).__name__
        raise TypeError(f"on_starve must be callable or None, not {kind!r}")
    if not _core._is_main():
        raise RuntimeError("set_pump_watchdog() is for the main interpreter only")
    if _watchdog is None:
        from ._watchdog import Watchdog

        _watchdog = Watchdog()
    _watchdog.set(warn_ms, on_starve)
