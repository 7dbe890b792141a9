"""Waiting for behaviors, and the end of a program.

Threads: any thread of the main interpreter.
"""

from __future__ import annotations

import atexit
import os
import sys

from . import _core, _pump
from ._core import start
from ._late_imports import (
    LateModule,
    forget_imports_of_other_threads,
    late_import,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    import typing
    from typing import Literal, NoReturn, overload

    import bocpy

    from ._wait_result import Notices, Stats, WaitResult

    Result = WaitResult | Stats | Notices | None
else:
    bocpy, types, typing = map(LateModule, ("bocpy", "types", "typing"))


def is_raising(choice: bool | None, what: str) -> bool:
    """Whether the wait `what` raises failures; by default as `start` was told."""
    if choice is None:
        return _core._keeps_failures()
    if isinstance(choice, bool):
        return choice
    kind = type(choice).__name__
    raise TypeError(f"{what}: raise_failures must be a bool or None, not {kind!r}")


def raise_unread() -> None:
    late_import("bocpy._failure.raise_unread").raise_failures()


def imports_in_a_body() -> bool:
    """Whether a body imports the module that makes this call: then the call waits for
    nothing."""
    if _core._importing(0):
        return True
    if not _core._in_body():
        return False
    frame = sys._getframe()
    while frame is not None:
        spec = frame.f_globals.get("__spec__")
        if frame.f_code.co_name == "<module>" and getattr(spec, "_initializing", False):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def result_of(stats: bool, noticeboard: bool) -> Result:
    if stats and noticeboard:
        return wait_result(_core._stats(), dict(_core.noticeboard()))
    if stats:
        return _core._stats()
    return dict(_core.noticeboard()) if noticeboard else None


def without_stats(notices: Result) -> Result:
    """What a wait returns that was asked for statistics while nothing ran."""
    if not isinstance(notices, dict):
        return []
    return wait_result([], notices)


def wait_result(stats: Stats, notices: Notices) -> WaitResult:
    made: type[WaitResult] = late_import("bocpy._wait_result").WaitResult
    return made(stats, notices)


if TYPE_CHECKING:

    @overload
    def wait(
        timeout: float | None = None,
        *,
        stats: Literal[False] = False,
        noticeboard: Literal[False] = False,
        raise_failures: bool | None = None,
    ) -> None: ...

    @overload
    def wait(
        timeout: float | None = None,
        *,
        stats: Literal[True],
        noticeboard: Literal[False] = False,
        raise_failures: bool | None = None,
    ) -> Stats: ...

    @overload
    def wait(
        timeout: float | None = None,
        *,
        stats: Literal[False] = False,
        noticeboard: Literal[True],
        raise_failures: bool | None = None,
    ) -> Notices: ...

    @overload
    def wait(
        timeout: float | None = None,
        *,
        stats: Literal[True],
        noticeboard: Literal[True],
        raise_failures: bool | None = None,
    ) -> WaitResult: ...

    @overload
    def wait(
        timeout: float | None = None,
        *,
        stats: bool = False,
        noticeboard: bool = False,
        raise_failures: bool | None = None,
    ) -> Result: ...


def wait(
    timeout: float | None = None,
    *,
    stats: bool = False,
    noticeboard: bool = False,
    raise_failures: bool | None = None,
) -> bocpy.WaitResult | list[dict[str, int]] | dict[str, typing.Any] | None:
    """Waits until all behaviors have finished, then closes the runtime.

    Values of cowns survive; the noticeboard is cleared. The workers stay parked until
    the next behavior opens the runtime again. If `timeout` seconds pass first, `wait`
    returns and leaves the runtime open. Raises RuntimeError inside a behavior,
    TypeError or ValueError for a timeout that is not a number.

    With `stats`, returns a dict of counters for each worker; with `noticeboard`, a dict
    of what the notices were; with both, a WaitResult.

    With `raise_failures`, raises a FailureGroup (an ExceptionGroup) of the failures of
    behaviors that the program has not read and bocpy has not reported: those in results
    that the program still refers to. `start(raise_failures=True)` makes this the
    default, and keeps the failures in other results for it, too.

    >>> from bocpy import Cown, wait, when
    >>> c = Cown(1)
    >>> @when(c)
    ... def doubled(c):
    ...     return 2 * c.value
    >>> wait()
    >>> doubled.unwrap()
    2
    """
    if imports_in_a_body():
        return None
    _pump.look()
    raising = is_raising(raise_failures, "wait()")
    was_open = _core._running()
    finished = _core._quiesce(timeout, "wait()", not raising)
    result = result_of(stats and was_open, noticeboard)
    if stats and not was_open:
        result = without_stats(result)
    if finished:
        _core._pause()
        _core._clear_notices()
    if finished and raising:
        raise_unread()
    return result


if TYPE_CHECKING:

    @overload
    def quiesce(
        timeout: float | None = None,
        *,
        stats: Literal[False] = False,
        noticeboard: Literal[False] = False,
        raise_failures: bool | None = None,
    ) -> None: ...

    @overload
    def quiesce(
        timeout: float | None = None,
        *,
        stats: Literal[True],
        noticeboard: Literal[False] = False,
        raise_failures: bool | None = None,
    ) -> Stats: ...

    @overload
    def quiesce(
        timeout: float | None = None,
        *,
        stats: Literal[False] = False,
        noticeboard: Literal[True],
        raise_failures: bool | None = None,
    ) -> Notices: ...

    @overload
    def quiesce(
        timeout: float | None = None,
        *,
        stats: Literal[True],
        noticeboard: Literal[True],
        raise_failures: bool | None = None,
    ) -> WaitResult: ...

    @overload
    def quiesce(
        timeout: float | None = None,
        *,
        stats: bool = False,
        noticeboard: bool = False,
        raise_failures: bool | None = None,
    ) -> Result: ...


def quiesce(
    timeout: float | None = None,
    *,
    stats: bool = False,
    noticeboard: bool = False,
    raise_failures: bool | None = None,
) -> bocpy.WaitResult | list[dict[str, int]] | dict[str, typing.Any] | None:
    """Waits until no behavior is scheduled or running; the runtime stays open.

    Raises TimeoutError after `timeout` seconds, and RuntimeError inside a behavior.
    Returns and raises what `wait` does; the noticeboard stays as it is.

    >>> from bocpy import Cown, quiesce, when
    >>> c = Cown(1)
    >>> @when(c)
    ... def doubled(c):
    ...     return 2 * c.value
    >>> quiesce()
    >>> doubled.unwrap()
    2
    """
    if imports_in_a_body():
        return None
    _pump.look()
    raising = is_raising(raise_failures, "quiesce()")
    if not _core._quiesce(timeout, "quiesce()", not raising):
        raise TimeoutError(
            f"quiesce(): behaviors are still in flight after {timeout} s"
            f"{_core._in_flight()}"
        )
    if raising:
        raise_unread()
    return result_of(stats, noticeboard)


class Behaviors:
    """The runtime as a context manager: started by `with`, waited for at its end.

    >>> from bocpy import Behaviors, Cown, when
    >>> c = Cown(20)
    >>> with Behaviors(2):
    ...     @when(c)
    ...     def _(c):
    ...         c.value += 1
    >>> c.unwrap()
    21

    The arguments are those of `start`. With `raise_failures=True`, the end of the block
    raises the failures in it, unless the block itself has raised.
    """

    def __init__(
        self,
        num_workers: int | None = None,
        *,
        backend: str | None = None,
        raise_failures: bool | None = None,
    ) -> None:
        self.num_workers = num_workers
        self.backend = backend
        self.raise_failures = raise_failures

    def start(self) -> None:
        """Starts the workers, as the function `start` does."""
        start(
            self.num_workers, backend=self.backend, raise_failures=self.raise_failures
        )

    def stop(self, timeout: float | None = None) -> None:
        """Waits for all behaviors, as the function `wait` does."""
        wait(timeout)

    def __enter__(self) -> Behaviors:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        wait(raise_failures=None if error is None else False)


def finish() -> None:
    """Finishes what was scheduled and ends the workers, at the program's end.

    An interrupt here ends the process at once: nothing can wait for the behaviors that
    still run, and an interpreter cannot end while they do.
    """
    try:
        _core._finish()
    except KeyboardInterrupt as error:
        leave_interrupted(error)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        flush()
        os._exit(1)
    if was_interrupted():
        remember_interrupt()


def leave_interrupted(error: KeyboardInterrupt) -> NoReturn:
    """Ends the program, which waits for its behaviors at its end and is interrupted.

    One line says so. A first interrupt has a traceback before it if it was raised in a
    pinned behavior; any other would show this package's frames alone.
    """
    if _core._pump_was_ended() and not was_interrupted():
        sys.excepthook(type(error), error, error.__traceback__)
    if sys.stderr is not None:
        sys.stderr.write(
            "bocpy: interrupted at the program's end, which leaves its behaviors"
            f"{_core._in_flight()}\n"
        )
    flush()
    end_by_interrupt()


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def end_by_interrupt() -> NoReturn:
    """Ends the process by SIGINT, so that a shell ends the loop that has started it,
    as after any program that was interrupted."""
    if os.name == "posix":
        import signal

        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(130)  # on Windows, and where SIGINT is blocked


def was_interrupted() -> bool:
    """Whether the program ends because its main module let a KeyboardInterrupt pass."""
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if not isinstance(error, KeyboardInterrupt) or error.__traceback__ is None:
        return False
    frame = error.__traceback__.tb_frame
    if sys.flags.interactive or hasattr(sys, "ps1"):
        return False
    name = frame.f_globals.get("__name__")
    return name == "__main__" and frame.f_code.co_name == "<module>"


def remember_interrupt() -> None:
    """Lets the program end as any that was interrupted: by SIGINT, as shells expect.

    CPython forgets the interrupt when any of its interpreters runs code from a string,
    as a worker does that starts, and then gives exit status 1. An interrupt of such
    code makes it remember.
    """
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        return


def in_main_interpreter() -> bool:
    return _core._is_main()


def install() -> None:
    """Registers what runs at the end of the program, once, in the main interpreter."""
    if not in_main_interpreter():
        return
    atexit.register(finish)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget_imports_of_other_threads)
        os.register_at_fork(
            before=_core._before_fork,
            after_in_parent=_core._after_fork_in_parent,
            after_in_child=_core._after_fork_in_child,
        )


install()
