"""Fork: the hooks that end the workers before it, and what a child forgets after it.

Workers do not survive a fork: the first hook waits until the runtime is quiescent, then
ends them. The next use starts them again. The thread that forks has the runtime's lock
from the first hook to the last.

Threads: the one that forks.
"""

from __future__ import annotations

import _thread
import time
import warnings

from . import runtime
from .base import count_fork, me, on_worker

#: How many ns other threads cannot schedule, at first and at most, and how many they
#: can in between; and after how many ns the fork warns.
CLOSED_FIRST, CLOSED_MAX, OPEN_BETWEEN = 50_000_000, 1_000_000_000, 5_000_000
WARN_AFTER = 10_000_000_000

_interrupted = False  # while a fork waited


def warn_that_it_waits(what: str) -> None:
    from . import in_flight

    warnings.warn(
        f"{what} has waited for 10 s until no behavior is scheduled or running and no "
        f"thread holds a cown{in_flight.now()}",
        RuntimeWarning,
        stacklevel=4,
    )


def close_quiescent(what: str) -> None:
    """Takes the lock and closes the runtime, if there is one, once it is quiescent.
    Lets other threads schedule in between: a body may wait for what they are going to
    do."""
    limit = CLOSED_FIRST
    waited, warned = 0, False
    runtime.take_lock(what)
    while runtime.has_workers():
        try:
            if runtime.close_for(limit):
                return
        except BaseException:
            runtime.release_lock()
            raise
        waited += limit
        with runtime.opened() as core:
            if waited > WARN_AFTER and not warned:
                warned = True
                warn_that_it_waits(what)
            runtime.wait_quiescent(core, OPEN_BETWEEN)
        limit = min(2 * limit, CLOSED_MAX)
        runtime.take_lock(what)


def before_fork() -> None:
    """Ends the workers. A body cannot end them: its child must not return from the
    body."""
    from . import acquire, completions, timer

    if me.bodies or acquire.any_here() or completions.any_here():
        return
    if me.runtime_uses or me.waits_for_cowns:  # this is a handler of a signal
        return
    if me.batch is not None:  # behaviors that it has made need the workers
        return
    put_off: BaseException | None = None
    try:
        timer.refuse_fork()
        close_quiescent("fork()")
    except BaseException as error:  # too late to refuse the fork
        put_off = error
        runtime.take_lock("fork()")
    me.forking = True
    runtime.end_closed()
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
        runtime.release_lock()
    if _interrupted:
        _interrupted = False
        # An exception raised in this hook would be ignored.
        _thread.start_new_thread(interrupt_soon, ())


def interrupt_soon() -> None:
    time.sleep(0.002)
    _thread.interrupt_main()


def after_fork_in_child() -> None:
    """Makes anew what other threads, which the child does not have, may have been in
    the middle of."""
    from . import acquire, behavior, completions, mailbox, notices, pump, scope, timer

    runtime.forget()
    me.forking = me.changing = False
    me.left_behind = me.left_behind or on_worker()
    me.bodies = me.runtime_uses = 0
    me.pumping = me.batch = me.scope = None
    count_fork()
    acquire.forget()
    completions.forget()
    scope.forget()
    timer.forget()
    behavior.forget()
    mailbox.make()
    notices.make()
    pump.forget()
