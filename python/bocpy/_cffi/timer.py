"""Timers: the behaviors of `after` and `at`, by the cown of the result.

A behavior with a timer is in `pending` until it begins or is cancelled. Until then any
thread may cancel it; forks are refused, and so is a behavior that would both wait for
it and hold it back.

Threads: any. `lock` guards `pending` and its entries; a finalizer that runs inside may
need it.
"""

from __future__ import annotations

import os
import sys
from operator import itemgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

from .._durations import check_duration
from .._libboc import ffi, lib
from .base import me, type_name

if TYPE_CHECKING:
    from .arguments import Code, WhenArgs
    from .cown import Cown

NS_PER_SECOND = 1e9
#: About 292 years: 63 bits of nanoseconds.
MAX_SECONDS = 9.2e9


class Due(NamedTuple):
    """When a behavior is to be scheduled."""

    ns: int
    #: Whether `ns` is a point of the library's clock; else it counts from now on.
    absolute: bool


class Promise:
    """A behavior that waits for its time."""

    __slots__ = ("code", "due", "needs", "over", "timer")

    def __init__(self, over: WhenArgs, code: Code, due: Due) -> None:
        self.code = code
        self.due = due.ns if due.absolute else due.ns + int(lib.boc_now())
        self.needs = {ref & ~3 for ref in over.refs}
        self.timer: Any = None  # until the library has started it
        self.over = False  # it ended meanwhile


lock = RLock()
pending: dict[int, Promise] = {}
_watching = False


def address(cown: Cown[Any]) -> int:
    return cown._ref & ~3


def seconds(number: object, what: str) -> int:
    """Nanoseconds."""
    if isinstance(number, bool) or not (
        hasattr(type(number), "__float__") or hasattr(type(number), "__index__")
    ):
        raise TypeError(
            f"{what} must be a number of seconds, not '{type_name(type(number))}'"
        )
    try:
        value = float(number)  # type: ignore[arg-type]
    except OverflowError:
        value = float("inf")
    if not value >= 0:
        raise ValueError(f"{what} must not be negative, and not NaN: {number!r}")
    if value > MAX_SECONDS:
        raise ValueError(
            f"{what} must be at most 9.2e9 seconds, which are 292 years: {number!r}"
        )
    check_duration(value, what)
    return int(value * NS_PER_SECOND)


# ---- starting ------------------------------------------------------------------------


def start(
    core: Any,
    key: int,
    refs: list[int],
    inside: Any,
    due: Due,
    over: WhenArgs,
    code: Code,
) -> int:
    """The library's status. The body may run before this returns."""
    promise = Promise(over, code, due)
    result = refs[-1] & ~3
    timer = ffi.gc(ffi.new("boc_timer **"), lib.glue_timer_drop)
    count = len(refs)
    try:
        with lock:
            pending[result] = promise
        status = int(
            lib.glue_later(core, key, refs, count, inside, due.ns, due.absolute, timer)
        )
        with lock:
            if not promise.over:
                promise.timer = timer
        return status
    finally:
        if not timer[0]:
            pending.pop(result, None)


def ended(result: Cown[Any]) -> None:
    """Called when the behavior of `result` begins, or will never begin."""
    with lock:
        promise = pending.pop(address(result), None)
        if promise is not None:
            promise.over, promise.timer = True, None


def cancel(result: Cown[Any]) -> bool:
    """Cancels the timer. False: its time had come."""
    with lock:
        promise = pending.get(address(result))
        timer = None if promise is None else promise.timer
    return timer is not None and bool(lib.boc_timer_cancel(timer[0]))


def soonest() -> list[tuple[Code, float]]:
    """What the pending timers will run, and in how many seconds, in that order."""
    now = int(lib.boc_now())
    with lock:
        found = [(each.due, each.code) for each in pending.values()]
    found.sort(key=itemgetter(0))
    return [(code, max(0, due - now) / NS_PER_SECOND) for due, code in found]


# ---- what is refused while a timer is pending ----------------------------------------


def refuse_cycle(over: WhenArgs) -> None:
    """RuntimeError for a behavior over the result of a pending timer and over a cown
    that the timer's behavior needs: they would wait for each other."""
    addresses = {address(cown) for cown in over.cowns}
    with lock:
        promises = [pending[each] for each in addresses if each in pending]
    if any(addresses & promise.needs for promise in promises):
        raise RuntimeError(
            "a behavior over the result of after() or at(), and over a cown that this "
            "one needs itself, would wait for it and hold it back: schedule over the "
            "result, and in that body over the cown"
        )


def refuse_batch() -> None:
    if me.batch is not None:
        raise RuntimeError(
            "after() and at() in an atomically() block: what has its time later "
            "cannot be scheduled together with the others; call them outside"
        )


def refuse_fork() -> None:
    """A fork waits until nothing is in flight, which may be as late as the last
    timer."""
    if pending:
        raise RuntimeError(
            f"fork() while {len(pending)} behaviors wait for the time that after() or "
            "at() gave them: cancel() them, wait() for them, or use subprocess, or "
            "the start method 'spawn' of multiprocessing"
        )


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook is the one place from which a fork can be refused. PyPy calls none
    for a fork: there the fork goes on at once, and the refusal is reported."""
    if event.startswith("os.fork") and not me.bodies:
        refuse_fork()


def watch_forks() -> None:
    global _watching
    if not _watching and hasattr(os, "fork"):
        _watching = True
        sys.addaudithook(audit)


def forget() -> None:
    """In the child of a fork."""
    global lock
    lock = RLock()
    pending.clear()
