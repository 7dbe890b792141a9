"""The main thread's lane: where behaviors over pinned cowns run.

The main thread sleeps on one waiter at a time, the *listener*. A thread that fills the
lane sets `rung`, then wakes the listener. The main thread sets the listener, then reads
`rung`. Both are attributes of one module, so at least one of the two threads sees what
the other has set.

Threads: `lane` and `wait` any, the rest the main thread.
"""

from __future__ import annotations

import sys
import threading
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any
from weakref import ref

from .._libboc import ffi, lib
from . import runtime
from .base import FOREVER, callback, deadline_of, left, me, options, passed, raise_kept
from .waiting import Waiter

if TYPE_CHECKING:
    from .completions import CompletionQueue
    from .cown import Cown

#: Values of pinned cowns that ended on other threads; the main thread drops them.
_ended: list[Any] = []

_lock = Lock()
_lane: Any = None
_main = 0  # the main thread's ident
_rung = False
_listener: Waiter | None = None
#: The queue of the event loop that pumps. The loop's end must be able to free it.
_queue: ref[CompletionQueue] | None = None
_busy = False  # hint: behaviors are being run
_was_ended = False  # by what a body has raised
_moves = 0  # how often the lane was filled, or a behavior in it was run
_since = 0  # when that last happened, in ms


class Pumping:
    """The result of running several behaviors."""

    def __init__(self, keep: bool = False) -> None:
        self.executed = 0
        self.raised = 0
        self.keep = keep
        self.first: BaseException | None = None
        self.stop: BaseException | None = None

    def note(self, error: BaseException) -> bool:
        """Notes an exception. True if the pump will raise it, so that it counts as
        read."""
        if ends_pump(error):
            self.stop = error
            return True
        self.raised += 1
        if not self.keep or self.first is not None:
            return False
        self.first = error
        return True


def ends_pump(error: BaseException) -> bool:
    """Whether the exception ends the pump: SystemExit of a program that is leaving does
    not."""
    if isinstance(error, SystemExit):
        return not runtime.is_leaving()
    return not isinstance(error, Exception)


def note_move() -> None:
    global _moves, _since
    _since = int(lib.boc_now()) // 1_000_000
    _moves += 1


@callback
def py_lane_options_filled(ctx: Any) -> None:
    global _rung
    note_move()
    _rung = True
    listener = _listener
    if listener is not None:
        listener.wake()
    queue = _queue() if _queue is not None else None
    if queue is not None:
        queue.tell_lane()


def listen(queue: CompletionQueue) -> None:
    """Makes an event loop be notified of behaviors that are ready."""
    global _queue
    _queue = ref(queue)
    if _lane is not None and lib.boc_lane_length(_lane):
        queue.tell_lane()


def unlisten(queue: CompletionQueue) -> None:
    global _queue
    if _queue is not None and _queue() in (queue, None):
        _queue = None


def lane() -> Any:
    """The lane, made when it is first needed."""
    global _lane, _main
    if _lane is not None:
        return _lane
    given = options("lane_options")
    given.filled = lib.py_lane_options_filled
    out = ffi.new("boc_lane **")
    if lib.boc_lane_new(given, out):
        raise MemoryError
    with _lock:
        if _lane is None:
            _main = threading.main_thread().ident or 0
            _lane = out[0]
            return _lane
    lib.boc_lane_free(out[0])  # another thread, or a finalizer here, was faster
    return _lane


def is_here() -> bool:
    return get_ident() == (_main or threading.main_thread().ident)


def require_here(cown: Cown[Any], what: str) -> None:
    if cown._pinned and not is_here():
        raise RuntimeError(
            f"{what}: this cown is pinned, its value stays on the main thread: look at "
            "it in a behavior over the cown (@when), which runs there"
        )


def end_here(value: object) -> None:
    """Drops a value on the main thread, at once or as soon as that thread waits."""
    _ended.append(value)
    listener = _listener
    if listener is not None:
        listener.wake()


def run_one(pumping: Pumping) -> bool:
    """Runs one behavior. False if there is none; raises what ends the pump."""
    global _busy, _was_ended
    _was_ended = False
    _ended.clear()
    if me.left_behind:
        if not lib.boc_lane_length(_lane):
            return False
        raise RuntimeError(
            "pinned behaviors cannot run in the child of a fork in a body: fork "
            "outside of behaviors"
        )
    ran = ffi.new("size_t *")
    outer, me.pumping = me.pumping, pumping
    _busy = True
    try:
        status = lib.boc_lane_pump(_lane, FOREVER, 1, ran)
        if ran[0]:
            note_move()
    finally:
        _busy = outer is not None
        me.pumping = outer
    if status:
        raise RuntimeError(
            "pinned behaviors are being run further up already: they do not nest"
        )
    raise_kept()
    _ended.clear()
    if pumping.stop is not None:
        stop, pumping.stop = pumping.stop, None
        _was_ended = True
        raise stop
    return bool(ran[0])


def rest() -> None:
    """Runs the behaviors that are left, whatever they raise."""
    if _lane is None or not is_here() or me.pumping is not None:
        return
    pumping = Pumping()
    while True:
        try:
            if not run_one(pumping):
                return
        except BaseException:
            continue


# ---- waiting -------------------------------------------------------------------------


def may_run() -> bool:
    """Whether this thread runs pinned behaviors while it waits."""
    if me.bodies or me.pumping is not None:
        return False
    lane()
    return is_here()


def wait_for_cowns(waiter: Waiter, timeout: int) -> bool:
    """As `wait`, where this thread has the cowns as soon as they are free: a handler
    of a signal that runs meanwhile cannot wait for all behaviors."""
    me.waits_for_cowns += 1
    try:
        return wait(waiter, timeout)
    finally:
        me.waits_for_cowns -= 1


def wait(waiter: Waiter, timeout: int) -> bool:
    """Waits until the waiter is signalled. False: `timeout` ns have passed."""
    if not may_run():
        return waiter.wait(timeout)
    global _listener
    outer, _listener = _listener, waiter
    try:
        return wait_running(waiter, deadline_of(timeout))
    finally:
        _listener = outer


def wait_running(waiter: Waiter, deadline: int | None) -> bool:
    global _rung
    while True:
        _rung = False
        pumping = Pumping()
        while run_one(pumping):
            if waiter.take():
                return True
            if passed(deadline):
                break
        if waiter.take():
            return True
        rest_of_time = left(deadline)
        if rest_of_time == 0:
            return False
        if not _rung:
            waiter.sleep(rest_of_time)


# ---- pump() --------------------------------------------------------------------------


def require() -> None:
    lane()
    _ended.clear()
    if not is_here():
        raise RuntimeError(
            "pump() is for the main thread only: that is where behaviors over pinned "
            "cowns run"
        )
    if me.bodies:
        raise RuntimeError(
            "pump() inside a behavior: pinned behaviors do not nest; the pump that "
            "runs this one goes on when it returns"
        )
    if not runtime.resume():
        raise RuntimeError(
            "pump() without a runtime: call start(), or schedule a behavior, first"
        )


def pump(timeout: int, most: int, keep: bool, /) -> tuple[int, bool, int]:
    require()
    pumping = Pumping(keep)
    deadline = deadline_of(timeout)
    late = False
    try:
        ran = True
        while ran and not late and not pumping.first and pumping.executed < most:
            ran = run_one(pumping)
            late = (
                ran
                and pumping.executed < most
                and passed(deadline)
                and lib.boc_lane_length(_lane) > 0
            )
    except BaseException as error:
        if pumping.first is not None and error.__context__ is None:
            error.__context__ = pumping.first
        raise
    if pumping.first is not None:
        raise pumping.first
    return pumping.executed, late, pumping.raised


def some(most: int, /) -> bool:
    """Runs up to `most` behaviors on the main thread; True if there are more."""
    if _lane is None or me.bodies or me.pumping is not None or not is_here():
        return False
    global _rung
    _rung = False
    pumping = Pumping()
    while most > 0 and run_one(pumping):
        most -= 1
    return bool(lib.boc_lane_length(_lane) > 0)


def was_ended() -> bool:
    """Whether the last pump was ended by what a body has raised."""
    return _was_ended


def backlog() -> tuple[int, int, int]:
    """How often the lane was filled, how many ms ago anything in it last moved, and how
    many behaviors it has."""
    depth = 0 if _lane is None or _busy else int(lib.boc_lane_length(_lane))
    now = int(lib.boc_now()) // 1_000_000
    return _moves, now - _since if depth else 0, depth


def forget() -> None:
    """In the child of a fork."""
    global _lock, _main, _rung, _listener, _queue
    _lock = Lock()
    _main = get_ident() if _lane is not None else 0
    _rung = False
    _listener = _queue = None


__all__ = ["Pumping", "backlog", "lane", "pump", "sys", "wait", "was_ended"]
