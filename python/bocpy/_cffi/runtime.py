"""The runtime: its states, waiting for it, and its end with the program. fork.py ends
it for a fork.

    STOPPED   no workers; the first behavior makes them
    RUNNING   behaviors are taken
    PAUSED    quiescent after wait(); workers are parked until the next behavior
    CLOSED    for a fork: nobody outside of bodies schedules
    LEAVING   the program ends: daemon threads schedule no more

A thread that changes the state holds `_lock`. A thread that schedules takes no lock: it
counts itself in, reads the state, and counts itself out. A thread that leaves RUNNING
stores the new state and waits until no thread is counted in. A fork holds `_lock` from
its first hook to its last.

A finalizer or a handler of a signal may run in the middle of a change, on the thread
that has `_lock`. It may schedule if the state allows that; calls that would change the
state are refused.

Threads: any.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Generator
from threading import RLock
from typing import Any, NoReturn, TypeVar

from .._failure import report_unread
from .._libboc import ffi, lib
from .base import FOREVER, NULL, fail, me, on_worker, options, parse_timeout, raise_kept
from .start_options import check_backend, option_count, worker_count
from .waiting import Waiter, end_node, quiesce_node

T = TypeVar("T")

STOPPED, RUNNING, PAUSED, CLOSED, LEAVING = range(5)
#: Compensating workers, for workers whose bodies block.
BLOCKING_WORKERS = 64

_lock = RLock()
_state = STOPPED
_core: Any = None
_count = 0  # how many workers a restart makes; 0: there was no start yet
#: An object for each thread that is counted in. A signal handler may raise between any
#: two steps, so an object may be removed twice, which must not count twice.
_inside: set[object] = set()
_waiting: set[object] = set()
_closed_from = RUNNING
#: It was open until a fork ended its workers: the next use starts them again.
_ended_for_fork = False
_leaving = False
_ending = False


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
            f"{what} in a finalizer or handler that interrupted its thread while it "
            "started or ended the workers: call start() before"
        )


def locked_here() -> bool:
    """Whether this thread has the lock to change the state."""
    return me.changing


def stand_in() -> None:
    """This thread works for one that has the lock, and waits."""
    me.changing = True


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
    """Ends the workers. The caller has the lock and the runtime is quiescent: no thread
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
    """Brings the runtime up. The caller has the lock. `loose`: any running workers are
    accepted."""
    from . import acquire, completions, pump

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
        if completions.any_here():
            raise task_holder("start()")
        if me.bodies:
            raise RuntimeError(
                "start() inside a behavior cannot end the workers that there are: "
                "start() them with that count and backend before"
            )
        if me.runtime_uses:
            raise RuntimeError(
                "start() with another number of workers in a handler of a signal that "
                "interrupted wait() or quiesce() here would wait for that itself"
            )
        if me.batch is not None:
            raise RuntimeError(
                "start() with another number of workers in an atomically() block would "
                "wait for the block itself: call start() after it"
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


def in_wait(what: str) -> RuntimeError:
    """For a handler that would wait for all behaviors: one of them holds the cown that
    the interrupted wait is for, and ends only when that wait goes on."""
    return RuntimeError(
        f"{what} in a handler of a signal that interrupted this thread while it waits "
        "for a cown would wait for that wait itself: raise an exception there, or "
        "give a timeout"
    )


def refuse_keyword(name: str) -> NoReturn:
    near = name in ("workers", "num_workers", "max_workers")
    advice = ": write worker_count" if near else ""
    raise TypeError(f"start() got an unexpected keyword argument '{name}'{advice}")


def start(
    worker_count: int | None = None,
    module: object = None,
    *,
    backend: str | None = None,
    raise_failures: bool | None = None,
    **others: object,
) -> None:
    from . import failure

    if others:
        refuse_keyword(next(iter(others)))

    count = option_count(worker_count)
    check_backend(backend)
    if raise_failures is not None and not isinstance(raise_failures, bool):
        raise TypeError(
            "start(): raise_failures must be a bool or None, not "
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
    opens = open_ or _ended_for_fork
    bring_up(_count or worker_count(), True, True)
    if not opens:
        _state = PAUSED


def enter(open_: bool, user: object) -> Any:
    """Returns the runtime, and starts it if needed. It stays until `leave(user)`, which
    may be called in any case."""
    if me.bodies:
        _inside.add(user)
        return _core
    may_leave = False
    while True:
        # Read before counting, too: the end waits until the count is 0.
        if usable(open_, may_leave) or on_worker():
            _inside.add(user)
            if usable(open_, may_leave) or on_worker():
                return _core
            _inside.discard(user)
        bring_up_any(open_)
        may_leave = True


#: No function in Python, which a handler of a signal could interrupt at its begin.
leave = _inside.discard


def is_leaving() -> bool:
    return _leaving


def is_running() -> bool:
    return _state in (RUNNING, LEAVING, CLOSED) or on_worker()


def resume() -> bool:
    """Whether the runtime runs, for a call that needs a started one. If a fork has
    ended its workers, starts them again.

    The lock is there for a thread that ends the workers for a fork, or starts them
    again: in between they are not running, and not yet to be started again."""
    if is_running():
        return True
    runs, resumes = change("a call that needs a started runtime", states)
    if not resumes:
        return runs
    user = object()
    enter(True, user)
    leave(user)
    return True


def states() -> tuple[bool, bool]:
    """With the lock: whether the runtime runs, and whether a fork has ended it."""
    return is_running(), _ended_for_fork and _state == STOPPED


# ---- quiescence ----------------------------------------------------------------------


def wait_quiescent(core: Any, timeout: int) -> bool:
    from . import pump

    waiter = Waiter()
    node = quiesce_node(waiter)
    try:
        # An interrupt may be raised after the library has got the node.
        lib.boc_runtime_on_quiescent(core, node)
        return pump.wait(waiter, timeout)
    finally:
        # Waits for a `done` that is being called.
        lib.boc_runtime_quiesce_cancel(core, node)
        try:
            end_node(node)
        except BaseException:  # of a handler
            end_node(node)
            raise


def watch_quiescence(listener: Any) -> Any:
    """Arranges that `listener.signal` is called once. Returns the node for
    `unwatch_quiescence`, or None if this call has signalled already."""
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
    """A runtime is quiescent before it ends: then the node's `done` was called."""
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
    """Waits for all scheduled behaviors; the runtime keeps its state."""
    from . import acquire, completions, failure

    if me.bodies:
        raise RuntimeError(
            f"{what} inside a behavior would wait for the behavior itself: schedule "
            "another behavior instead"
        )
    if timeout < 0 and acquire.any_here():
        raise holder(what)
    if timeout < 0 and completions.any_here():
        raise task_holder(what)
    if timeout < 0 and me.waits_for_cowns:
        raise in_wait(what)
    user = object()
    try:
        me.runtime_uses += 1
        _waiting.add(user)
        over = _state == STOPPED or wait_quiescent(_core, timeout)
    finally:
        _waiting.discard(user)
        me.runtime_uses = max(me.runtime_uses - 1, 0)  # the child of a fork has none
    if over and report:
        failure.report(False)
        report_unread.report_counted()
    return over


def quiesce(
    timeout: float | None = None, what: str = "quiesce()", report: bool = True
) -> bool:
    return quiesce_for(what, parse_timeout(timeout, what), report)


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
    """Waits for behaviors that were scheduled after the program's end began, for which
    no other code waits. Raises what a handler raised in a callback."""
    if me.kept is not None:
        raise_kept()
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
    """At the end of the program: finishes the scheduled behaviors, then ends the
    workers."""
    from . import acquire, behavior, completions, failure

    global _ending
    # A generator may hold the thread in a block of atomically(), which never ends.
    behavior.batch_end(False)
    begin_leaving()
    acquire.release_all()
    completions.release_all()
    end_now("the end of the program")
    _ending = True
    failure.report(True)
    report_unread.report_counted()


# ---- closed for a fork ---------------------------------------------------------------


def has_workers() -> bool:
    return _core is not None


def close_for(limit: int) -> bool:
    """Stops threads outside of bodies from scheduling for `limit` ns. Returns whether
    the runtime became quiescent: it then stays closed. The caller has the lock."""
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


@contextlib.contextmanager
def opened() -> Generator[Any, None, None]:
    """Gives back the lock for the block, in which other threads schedule; the workers
    stay. The caller has the lock, and no longer has it after an exception."""
    core = _core
    user = object()
    _waiting.add(user)
    release_lock()
    try:
        yield core
    finally:
        _waiting.discard(user)


def end_closed() -> None:
    """Ends the workers of a closed runtime; if it was open before, the next use starts
    them again. The caller has the lock."""
    global _ended_for_fork
    if _core is not None and _state == CLOSED:
        end_workers()
        _ended_for_fork = _closed_from in (RUNNING, LEAVING)


def forget() -> None:
    """In a forked child: no workers, and a lock that no thread has."""
    global _lock, _core, _state
    _lock = RLock()
    _core = None
    _state = STOPPED
    _inside.clear()
    _waiting.clear()
