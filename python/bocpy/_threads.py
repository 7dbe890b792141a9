"""Makes workers threads that Python's threading module knows.

Threads: `enter` and `leave` on a worker, attached to its interpreter; `guard_frames` in
each interpreter.
"""

from __future__ import annotations

import os
import sys
import threading

from . import _core
from ._wrapping import named_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Threads that threading has not started, such as workers.
_NOT_STARTED = (threading._MainThread, threading._DummyThread)  # type: ignore[attr-defined]


def worker_name(number: int) -> str:
    """The name of a worker, for threading and in messages; numbers begin at 1."""
    return f"bocpy-worker-{number}"


def enter(number: int) -> None:
    """Names this thread, and makes threads that bodies start non-daemons.

    The program waits for them at its end, as for those of the main thread.
    """
    thread = threading.current_thread()
    thread.name = worker_name(number)
    # threading makes a thread that it has not started a daemon, and that thread's
    # children inherit the flag. threading has no public way to change it.
    thread._daemonic = False  # type: ignore[attr-defined]
    if "pydevd" in sys.modules:
        let_pydevd_end(thread)


_debugged: list[threading.Thread] = []


def let_pydevd_end(worker: threading.Thread) -> None:
    """Lets a program end that runs under debugpy or PyCharm's debugger.

    A thread of pydevd, for which the end of the program waits, waits for all threads
    that are not daemons, and workers end after those.
    """
    if not _debugged:
        threading._register_atexit(leave_pydevd)  # type: ignore[attr-defined]
    _debugged.append(worker)


def leave_pydevd() -> None:
    """Once the bodies have ended, in which a breakpoint may be, hides the workers."""
    from ._runtime import leave_interrupted, quiesce

    try:
        quiesce()
    except KeyboardInterrupt as error:
        leave_interrupted(error)
    for worker in _debugged:
        worker.is_pydev_daemon_thread = True  # type: ignore[attr-defined]


def leave() -> None:
    """Makes threading forget this thread; before 3.13 it would never do so."""
    forget = getattr(threading.current_thread(), "_delete", None)
    if sys.version_info < (3, 13) and forget is not None:
        forget()


def end_child(error: BaseException | None) -> None:
    """Ends the child of a fork in a body, except for the exit of the process.

    Reports what the body raised as threading does, and finishes what the child has
    begun.
    """
    here = threading.current_thread()
    if error is not None:
        told = (type(error), error, error.__traceback__, here)
        threading.excepthook(threading.ExceptHookArgs(told))
    for thread in threading.enumerate():
        if (
            thread is not here
            and not thread.daemon
            and not isinstance(thread, _NOT_STARTED)
        ):
            thread.join()
    _core._finish()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def guard_frames() -> None:
    """Replaces functions of sys that read other interpreters without holding their
    GILs.

    They would release objects in the wrong interpreter, which aborts the process at
    exit.
    """
    sys._current_frames = _core._current_frames
    sys._current_exceptions = _core._current_exceptions


def alive() -> int:
    """How many threads that a worker's bodies have started still run, daemons left out.

    Called in the worker's interpreter, on any thread.
    """
    return sum(
        not thread.daemon and not isinstance(thread, _NOT_STARTED)
        for thread in threading.enumerate()
    )


# ---- what a worker's interpreter cannot do -------------------------------------------

INSTEAD = (
    "an interpreter of a worker cannot do that: use start(backend='threads'), or do it "
    "outside of behaviors"
)


def explained(function: Any) -> Any:
    """`function`, with RuntimeErrors that say what to do instead."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:
            if "interpreter" not in str(error):
                raise
            raise RuntimeError(f"{error}: {INSTEAD}") from None

    return named_like(call, function)


def refuse_processes(module: Any) -> None:
    """Refuses ProcessPoolExecutors, which need a daemon thread. Python before 3.14
    would refuse when a task is submitted, and newer ones fail the task with
    BrokenProcessPool."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        raise RuntimeError(f"ProcessPoolExecutor: {INSTEAD}")

    module.ProcessPoolExecutor.__init__ = __init__


def explain_preexec(module: Any) -> None:
    """Makes the error say what to do instead of `Popen(preexec_fn=...)`."""
    if hasattr(module, "_fork_exec"):  # not on Windows
        module._fork_exec = explained(module._fork_exec)


def explain_limits() -> None:
    """Makes errors say what to do instead of daemon threads, forks and `exec`.

    CPython refuses them in all interpreters but the main one, and so pools of
    multiprocessing and executors of processes.
    """
    thread = threading.Thread
    thread.__init__ = explained(thread.__init__)  # type: ignore[method-assign]
    daemon = thread.daemon
    thread.daemon = property(  # type: ignore[assignment]
        daemon.fget,  # type: ignore[attr-defined]
        explained(daemon.fset),  # type: ignore[attr-defined]
        doc=daemon.__doc__,
    )
    for name in ("fork", "forkpty", "execv", "execve"):
        if hasattr(os, name):
            setattr(os, name, explained(getattr(os, name)))
