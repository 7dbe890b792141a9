"""The runtime: its states, waiting for it, and its ends.

    STOPPED   no workers; the first behavior makes them
    RUNNING   behaviors are taken
    PAUSED    quiescent after wait(); workers are parked until the next behavior
    CLOSED    for a fork: nobody outside of bodies schedules
    LEAVING   the program ends: daemon threads schedule no more

`_lock` is held by whoever changes the state. Those who schedule take no lock: they
count themselves in, look at the state, and count themselves out; whoever leaves RUNNING
stores the new state and waits until nobody is counted in. A fork holds `_lock` from its
first hook to its last.

A finalizer or a handler of a signal may run in the middle of a change, on the thread
that has `_lock`. It schedules as long as the state allows that, and is refused what
would change the state.

Threads: any.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar

from .. import _failure_reports
from .._libboc import ffi, lib
from .base import FOREVER, NULL, count_fork, fail, me, on_worker, options, parse_timeout
from .waiting import Waiter, end_node, quiesce_node

T = TypeVar("T")

STOPPED, RUNNING, PAUSED, CLOSED, LEAVING = range(5)
#: Compensating workers, for workers whose bodies block.
BLOCKING_WORKERS = 64
#: How many ns a fork shuts other threads out, at first and at most, and how many it
#: lets them in between; and after how many it warns.
CLOSED_FIRST, CLOSED_MAX, OPEN_BETWEEN = 50_000_000, 1_000_000_000, 5_000_000
WARN_AFTER = 10_000_000_000

_lock = RLock()
_state = STOPPED
_core: Any = None
_count = 0  # of workers: what a restart takes; 0: none yet
#: One object for each that is counted in: a signal's handler may raise between any two
#: steps, and what is given back twice must not count twice.
_inside: set[object] = set()
_waiting: set[object] = set()
_closed_from = RUNNING
#: It was open until a fork ended its workers: the next use starts them again.
_ended_for_fork = False
_leaving = False
_ending = False
_interrupted = False  # while a fork waited


# ---- options of start() --------------------------------------------------------------


def worker_count() -> int:
    """BOCPY_WORKERS, or the number of physical cores."""
    try:
        count = int(os.environ.get("BOCPY_WORKERS", ""))
    except ValueError:
        count = 0
    return count if 1 <= count <= 1024 else int(lib.boc_core_count())


def option_count(number: object) -> int:
    if number is None:
        return worker_count()
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(
            f"worker_count must be an int or None, not '{type(number).__name__}'"
        )
    if not 1 <= number <= 1024:
        raise ValueError(f"worker_count must be from 1 to 1024, not {number!r}")
    return number


def check_backend(name: object) -> None:
    if name is not None and not isinstance(name, str):
        raise TypeError(f"backend must be a str or None, not '{type(name).__name__}'")
    text = os.environ.get("BOCPY_BACKEND") if name is None else name
    if text is None or (not text and name is None):
        return
    if text not in ("threads", "interpreters"):
        raise ValueError(f"backend must be 'interpreters' or 'threads', not '{text}'")
    if text == "interpreters":
        raise RuntimeError(
            "backend 'interpreters' needs CPython 3.12 or newer with a GIL, and "
            "bocpy's extension, not its core by cffi: use backend='threads'"
        )


# ---- states --------------------------------------------------------------------------


def refuse_forking(what: str) -> None:
    """Between the hooks of a fork this thread has `_lock` itself."""
    if me.forking:
        raise RuntimeError(
            f"{what} in a hook of os.register_at_fork(): the workers have ended for "
            "the fork; schedule after it"
        )
    if me.changing:
        raise RuntimeError(
            f"{what} in a finalizer or a handler of a signal that interrupted this "
            "thread while it started or ended the workers"
        )


def change(what: str, function: Callable[[], T]) -> T:
    """Calls a function with the lock."""
    refuse_forking(what)
    with _lock:
        try:
            me.changing = True
            return function()
        finally:
            me.changing = False


def take_lock(what: str) -> None:
    refuse_forking(what)
    _lock.acquire()
    me.changing = True


def release_lock() -> None:
    me.changing = False
    _lock.release()


def drain(count: set[object]) -> None:
    while count:
        lib.boc_yield()


def open_state() -> int:
    return LEAVING if _leaving else RUNNING


def end_workers() -> None:
    """Ends the workers. The caller has the lock and the runtime is quiescent: nobody
    uses it afterwards."""
    global _core, _state
    last = _core
    _state = STOPPED
    drain(_inside)
    drain(_waiting)
    _core = None
    if last is not None:
        lib.boc_runtime_free(last)


def begin_workers(count: int) -> None:
    """Starts the workers. The caller has the lock, and there are no workers."""
    from . import worker

    global _core, _count, _state
    given = options("runtime_options")
    given.workers = count
    given.compensating_workers = BLOCKING_WORKERS
    given.hooks = worker.hooks
    out = ffi.new("boc_runtime **")
    status = lib.boc_runtime_new(given, out)
    if status:
        fail(status, "start()")
    _core = out[0]
    _count = count
    _state = open_state()


def bring_up(count: int, loose: bool, any_count: bool) -> None:
    """Brings the runtime up. The caller has the lock. `loose`: workers that are there
    will do."""
    from . import acquire, await_, pump

    global _state
    if _state in (RUNNING, LEAVING):
        if loose or any_count or count == _count:
            return
        raise RuntimeError(
            f"the runtime has {_count} workers already: wait() for them before "
            f"start(worker_count={count})"
        )
    if _state == PAUSED and (loose or count == _count):
        _state = open_state()
        return
    if sys.is_finalizing():
        raise RuntimeError(
            "the interpreter is being torn down: behaviors cannot run any more"
        )
    if _state == PAUSED:
        if acquire.any_here():
            raise holder("start()")
        if await_.any_here():
            raise task_holder("start()")
        if me.bodies:
            raise RuntimeError(
                "start() inside a behavior cannot end the workers that there are: "
                "start() them with that count and backend before"
            )
        pump.rest()
        end_workers()
    begin_workers(count)


def holder(what: str) -> RuntimeError:
    return RuntimeError(
        f"{what} while this thread holds a cown by acquire() would wait for itself: "
        "release() it first"
    )


def task_holder(what: str) -> RuntimeError:
    return RuntimeError(
        f"{what} while a task of this thread's event loop holds a cown would wait for "
        "that task: use `await bocpy.aio.wait()` outside of the block"
    )


def start(
    worker_count: int | None = None,
    module: object = None,
    *,
    backend: str | None = None,
    raise_failures: bool | None = None,
) -> None:
    from . import failure

    count = option_count(worker_count)
    check_backend(backend)
    if raise_failures is not None and not isinstance(raise_failures, bool):
        raise TypeError(
            "raise_failures must be a bool or None, not "
            f"'{type(raise_failures).__name__}'"
        )
    change("start()", lambda: bring_up(count, False, worker_count is None))
    if raise_failures is not None:
        failure.keep(raise_failures)


# ---- use -----------------------------------------------------------------------------


def usable(open_: bool, may_leave: bool) -> bool:
    """Whether the runtime takes behaviors. `may_leave`: this thread may still schedule
    while the program ends."""
    return (
        _state == RUNNING
        or (_state == PAUSED and not open_)
        or (_state == LEAVING and may_leave)
    )


def bring_up_any(open_: bool) -> None:
    if _leaving and threading.current_thread().daemon:
        # CPython ends the thread soon; its behaviors would keep the program going.
        raise SystemExit("the program is ending: daemon threads schedule no behaviors")
    change("a behavior", lambda: bring_up_again(open_))


def bring_up_again(open_: bool) -> None:
    """With the lock."""
    global _state
    if usable(open_, True):
        return
    if not _count:
        check_backend(None)
    bring_up(_count or worker_count(), True, True)
    if not open_:
        _state = PAUSED


def enter(open_: bool, user: object) -> Any:
    """The runtime, started if needed; it stays until `leave(user)`, which is right in
    any case."""
    if me.bodies:
        _inside.add(user)
        return _core
    may_leave = False
    while True:
        # Looked at before counting, too: ending waits until the count is 0.
        if usable(open_, may_leave) or on_worker():
            _inside.add(user)
            if usable(open_, may_leave) or on_worker():
                return _core
            _inside.discard(user)
        bring_up_any(open_)
        may_leave = True


def leave(user: object) -> None:
    _inside.discard(user)


def is_leaving() -> bool:
    return _leaving


def is_running() -> bool:
    return _state in (RUNNING, LEAVING, CLOSED) or on_worker()


def resume() -> bool:
    """Whether it runs, for a call that needs a runtime which somebody has started: if a
    fork has ended its workers, they are started again."""
    if _ended_for_fork and _state == STOPPED:
        user = object()
        enter(True, user)
        leave(user)
    return is_running()


# ---- quiescence ----------------------------------------------------------------------


def wait_quiescent(core: Any, timeout: int) -> bool:
    from . import pump

    waiter = Waiter()
    node = quiesce_node(waiter)
    try:
        # An interrupt may be raised after the library has the node.
        lib.boc_runtime_on_quiescent(core, node)
        return pump.wait(waiter, timeout)
    finally:
        # A call that is under way is over afterwards.
        lib.boc_runtime_quiesce_cancel(core, node)
        end_node(node)


def watch_quiescence(listener: Any) -> Any:
    """Has `listener.signal` called once: the node for `unwatch_quiescence`, or None: it
    was called here."""
    user = object()
    try:
        _waiting.add(user)
        if _state == STOPPED:
            listener.signal()
            return None
        node = quiesce_node(listener)
        lib.boc_runtime_on_quiescent(_core, node)
        return node
    finally:
        _waiting.discard(user)


def unwatch_quiescence(node: Any) -> None:
    """A runtime that ends is quiescent before: then the node has been told."""
    user = object()
    try:
        _waiting.add(user)
        if _state != STOPPED:
            lib.boc_runtime_quiesce_cancel(_core, node)
    finally:
        _waiting.discard(user)
    end_node(node)


def is_idle() -> bool:
    """Whether nothing is scheduled or running: a hint."""
    user = object()
    try:
        _waiting.add(user)
        return _state == STOPPED or lib.boc_runtime_quiesce(_core, 0) == lib.BOC_OK
    finally:
        _waiting.discard(user)


def quiesce_for(what: str, timeout: int, report: bool) -> bool:
    """Waits for everything that is scheduled; the runtime stays as it is."""
    from . import acquire, await_, failure

    if me.bodies:
        raise RuntimeError(
            f"{what} inside a behavior would wait for the behavior itself: schedule "
            "another behavior instead"
        )
    if timeout < 0 and acquire.any_here():
        raise holder(what)
    if timeout < 0 and await_.any_here():
        raise task_holder(what)
    user = object()
    try:
        _waiting.add(user)
        over = _state == STOPPED or wait_quiescent(_core, timeout)
    finally:
        _waiting.discard(user)
    if over and report:
        failure.report(False)
        _failure_reports.report_counted()
    return over


def quiesce(
    timeout: float | None = None, what: str = "quiesce()", report: bool = True
) -> bool:
    return quiesce_for(what, parse_timeout(timeout), report)


def pause() -> None:
    """Closes a quiescent runtime: its workers stay parked for the next start."""
    change("wait()", pause_now)


def pause_now() -> None:
    """With the lock."""
    global _ended_for_fork, _state
    _ended_for_fork = False
    if _state in (RUNNING, LEAVING):
        _state = PAUSED


def stats() -> list[dict[str, int]]:
    user = object()
    try:
        _waiting.add(user)
        if _state == STOPPED:
            return []
        size = ffi.sizeof("boc_worker_stats")
        count = lib.boc_runtime_stats(_core, size, NULL, 0)
        found = ffi.new("boc_worker_stats[]", count)
        lib.boc_runtime_stats(_core, size, found, count)
    finally:
        _waiting.discard(user)
    names = [name for name, _ in ffi.typeof("boc_worker_stats").fields]
    return [
        {"worker_index": index, **{name: int(getattr(each, name)) for name in names}}
        for index, each in enumerate(found)
    ]


# ---- the end of the program ----------------------------------------------------------


def begin_leaving() -> None:
    """From here on no daemon thread schedules: the wait for the end must end."""
    change("the end of the program", leave_for_good)
    drain(_inside)


def leave_for_good() -> None:
    """With the lock."""
    global _leaving, _state
    _leaving = True
    if _state != STOPPED:
        _state = LEAVING


def end_now(what: str) -> None:
    from . import failure

    quiesce_for(what, FOREVER, not failure.kept)
    change(what, end_workers_if_any)


def end_workers_if_any() -> None:
    """With the lock."""
    if _core is not None:
        end_workers()


def settle() -> None:
    """Waits for behaviors that were scheduled after the program's end began: nobody
    else does."""
    if not _ending or me.bodies or on_worker():
        return
    from . import acquire, failure

    if acquire.any_here():
        return
    try:
        end_now("the end of the program")
    except BaseException as error:
        failure.write_unraisable(error, settle)


def finish() -> None:
    """Ends with the program: finishes what was scheduled, then ends the workers."""
    from . import acquire, await_, failure

    global _ending
    begin_leaving()
    acquire.release_all()
    await_.release_all()
    end_now("the end of the program")
    _ending = True
    failure.report(True)
    _failure_reports.report_counted()


# ---- fork ----------------------------------------------------------------------------


def close_for(limit: int) -> bool:
    """Shuts out threads other than bodies for `limit` ns, or until the runtime is
    quiescent and so stays closed. The caller has the lock."""
    global _closed_from, _state
    _closed_from, _state = _state, CLOSED
    drain(_inside)
    try:
        closed = wait_quiescent(_core, limit)
    except BaseException:
        _state = _closed_from
        raise
    if not closed:
        _state = _closed_from
    return closed


def close_quiescent(what: str) -> None:
    """Takes the lock and closes the runtime, if there is one, once it is quiescent.
    Lets other threads schedule in between: a body may wait for what they are going to
    do."""
    from . import in_flight

    limit = CLOSED_FIRST
    waited, warned = 0, False
    take_lock(what)
    while _core is not None:
        try:
            if close_for(limit):
                return
        except BaseException:
            release_lock()
            raise
        core = _core
        user = object()
        _waiting.add(user)  # it stays
        release_lock()
        waited += limit
        try:
            if waited > WARN_AFTER and not warned:
                warned = True
                warnings.warn(
                    f"{what} has waited for 10 s until no behavior is scheduled or "
                    f"running and no thread holds a cown{in_flight.now()}",
                    RuntimeWarning,
                    stacklevel=3,
                )
            wait_quiescent(core, OPEN_BETWEEN)
        finally:
            _waiting.discard(user)
        limit = min(2 * limit, CLOSED_MAX)
        take_lock(what)


def before_fork() -> None:
    """Ends the workers, since they do not survive a fork; they come back when needed. A
    body cannot end them: its child must not return from the body."""
    from . import acquire, await_, timer

    global _ended_for_fork
    if me.bodies or acquire.any_here() or await_.any_here():
        return
    put_off: BaseException | None = None
    try:
        timer.refuse_fork()
        close_quiescent("fork()")
    except BaseException as error:  # too late to refuse the fork
        put_off = error
        take_lock("fork()")
    me.forking = True
    if _core is not None and _state == CLOSED:
        end_workers()
        _ended_for_fork = _closed_from in (RUNNING, LEAVING)
    if put_off is not None:
        put_off_exception(put_off)


def put_off_exception(error: BaseException) -> None:
    """Lets an interrupt come again after the fork; reports other exceptions."""
    from . import failure

    global _interrupted
    if isinstance(error, KeyboardInterrupt):
        _interrupted = True
    else:
        failure.write_unraisable(error, before_fork)


def after_fork_in_parent() -> None:
    global _interrupted
    if me.forking:
        me.forking = False
        release_lock()
    if _interrupted:
        _interrupted = False
        # An exception raised in this hook would be ignored.
        _thread.start_new_thread(interrupt_soon, ())


def interrupt_soon() -> None:
    time.sleep(0.002)
    _thread.interrupt_main()


def after_fork_in_child() -> None:
    """Makes anew what a thread, gone in the child, may have been in the middle of."""
    from . import acquire, await_, behavior, mailbox, notices, pump, scope, timer

    global _lock, _core, _state
    _lock = RLock()
    _core = None
    _state = STOPPED
    _inside.clear()
    _waiting.clear()
    me.forking = me.changing = False
    me.left_behind = me.left_behind or on_worker()
    me.bodies = 0
    me.pumping = me.batch = me.scope = None
    count_fork()
    acquire.forget()
    await_.forget()
    scope.forget()
    timer.forget()
    behavior.forget()
    mailbox.make()
    notices.make()
    pump.forget()
