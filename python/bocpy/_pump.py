"""pump(): running behaviors over pinned cowns on the main thread.

Threads: `pump` is for the main thread, the rest for any of the main interpreter.
"""

from __future__ import annotations

import sys

from . import _core
from ._late_imports import LateModule, late_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing

    import bocpy

    from ._watchdog import Watchdog
else:
    bocpy, typing = map(LateModule, ("bocpy", "typing"))

#: The most milliseconds that are less than 2**63 nanoseconds.
MAX_MS = (2**63 - 1) // 1_000_000

_watchdog: Watchdog | None = None


def positive(name: str, number: object, unless: str = "") -> int:
    """Returns `number`; raises TypeError unless it is a positive int."""
    if isinstance(number, int) and not isinstance(number, bool):
        if number > 0:
            return number
        raise TypeError(f"{name} must be a positive int{unless}, not {number}")
    kind = type(number).__name__
    raise TypeError(f"{name} must be a positive int{unless}, not {kind!r}")


def milliseconds(name: str, number: object, unless: str = "") -> int:
    """Returns `number`; raises TypeError unless it is a positive int, OverflowError if
    the clock cannot count that far."""
    if positive(name, number, unless) <= MAX_MS:
        return number  # type: ignore[return-value]
    raise OverflowError(f"{name} is {number}: the most is {MAX_MS} milliseconds")


def pump(
    deadline_ms: int | None = None,
    max_behaviors: int | None = None,
    raise_on_error: bool = False,
) -> bocpy.PumpResult:
    """Runs the behaviors over pinned cowns that are ready, on the main thread.

    Call it regularly from an event loop. It returns when no behavior is ready,
    `max_behaviors` have run, or `deadline_ms` milliseconds have passed; it reads the
    clock between two behaviors. It also runs behaviors that become ready meanwhile. The
    result of a behavior holds what it raises; with `raise_on_error`, `pump` raises the
    first Exception, too, and the other behaviors stay for the next pump.
    KeyboardInterrupt, SystemExit and the like always end the pump.

    Raises RuntimeError on any thread but the main one, inside a behavior, or if the
    runtime is not running; TypeError or OverflowError for wrong bounds.

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
        limit = milliseconds("pump(): deadline_ms", deadline_ms, " or None") * 1_000_000
    if max_behaviors is not None:
        number = positive("pump(): max_behaviors", max_behaviors, " or None")
        most = min(number, sys.maxsize)
    look()
    made: type[bocpy.PumpResult] = late_import("bocpy._pump_result").PumpResult
    return made(*_core._pump(limit, most, raise_on_error))


def set_wait_pump_poll(ms: int = 50) -> None:
    """Does nothing but check its argument: waits do not poll, they are woken.

    It exists for programs written for versions whose waits looked for pinned behaviors
    every `ms` milliseconds. Raises TypeError unless `ms` is a positive int.

    >>> from bocpy import set_wait_pump_poll
    >>> set_wait_pump_poll(10)
    """
    positive("set_wait_pump_poll(): ms", ms)


def look() -> None:
    """Lets the watchdog, if there is one, warn before pumping begins."""
    if _watchdog is not None:
        _watchdog.look()


def set_pump_watchdog(
    warn_ms: int | None = 1000,
    on_starve: typing.Callable[[int, str], typing.Any] | None = None,
) -> None:
    """Sets a watchdog that warns of behaviors over pinned cowns that nobody pumps.

    When some have been ready for `warn_ms` milliseconds, `on_starve(severity, message)`
    is called (the severity is 0); without `on_starve` the logger "bocpy.pump" warns. It
    warns once, and again only after one of them has run. It warns on a thread of its
    own, since the main thread may be stuck; the main thread's next `pump`, `wait` or
    `quiesce` raises what `on_starve` has raised. `warn_ms=None` turns the watchdog off,
    as it is at first.

    Raises TypeError or OverflowError for wrong arguments, RuntimeError outside the main
    interpreter.

    >>> from bocpy import set_pump_watchdog
    >>> set_pump_watchdog(500, lambda severity, message: print(message))
    >>> set_pump_watchdog(None)
    """
    global _watchdog
    if warn_ms is not None:
        milliseconds("set_pump_watchdog(): warn_ms", warn_ms, " or None")
    if on_starve is not None and not callable(on_starve):
        kind = type(on_starve).__name__
        raise TypeError(
            f"set_pump_watchdog(): on_starve must be callable or None, not {kind!r}"
        )
    if not _core._is_main():
        raise RuntimeError("set_pump_watchdog() is for the main interpreter only")
    if _watchdog is None:
        from ._watchdog import Watchdog

        _watchdog = Watchdog()
    _watchdog.set(warn_ms, on_starve)
