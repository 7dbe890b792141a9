"""Scopes: they wait for exactly the work that was started in a block, or cancel it.

Threads: any of the main interpreter; `Scope` objects travel to workers as handles.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from . import _core, _tasks
from ._context_changes import reset_variable, set_variable
from ._core import Cown
from ._durations import check_duration
from ._failure import raise_unread
from ._late_imports import late_import

if TYPE_CHECKING:
    from ._failure.cancelled_error import CancelledError

OnError = Literal["cancel", "continue"]
T = TypeVar("T")


def cancelled() -> bool:
    """Whether the scope that this code belongs to has been cancelled.

    That is the scope of the behavior, or that of the `with behaviors()` block. Also
    True if the time of the scope is over. A long body asks now and then, and ends
    early.

    >>> from bocpy import behaviors, cancelled
    >>> with behaviors() as scope:
    ...     scope.cancel()
    ...     cancelled()
    True
    >>> cancelled()
    False
    """
    return _core._cancelled()


def checkpoint() -> None:
    """Raises CancelledError if the scope that this code belongs to is cancelled.

    Bodies that take long should call it now and then, where no change is half done. The
    scope does not count this CancelledError as a failure.

    >>> from bocpy import behaviors, checkpoint
    >>> with behaviors():
    ...     checkpoint()
    """
    if cancelled():
        raise cancelled_error()("the scope of this behavior was cancelled")


def cancelled_error() -> type[CancelledError]:
    module = late_import("bocpy._failure.cancelled_error")
    made: type[CancelledError] = module.CancelledError
    return made


def positive(name: str, value: object) -> None:
    """Raises TypeError or ValueError, unless the argument is a positive number or
    None."""
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool):
        kind = type(value).__name__
        raise TypeError(f"{name} must be a number or None, not {kind!r}")
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, and not NaN: {value}")


def plural(count: int) -> str:
    return f"{count} behavior" if count == 1 else f"{count} behaviors"


#: The numbers of scopes whose blocks block an event loop when they end.
_blocking: set[int] = set()


class Scope:
    """What `behaviors` returns: work that a block waits for and can cancel as a whole.

    >>> from bocpy import behaviors
    >>> with behaviors("reports") as scope:
    ...     made = scope.when()(lambda: 6 * 7)
    >>> scope, made.result()
    (<reports: 0 pending>, 42)
    """

    def __init__(
        self,
        handle: _core._Scope | None = None,
        name: str | None = None,
        timeout: float | None = None,
        limit: int | None = None,
    ) -> None:
        if not isinstance(handle, _core._Scope):
            raise TypeError(
                "behaviors() makes scopes, Scope() does not: write `with "
                "behaviors(name, timeout=..., limit=...) as scope:`"
            )
        self._handle = handle
        self.name = name if name is not None else f"scope {handle.number}"
        self.limit = limit
        self.deadline: float | None = None
        """When the time of the block is over, as time.monotonic() tells it, or None."""
        self._timeout = timeout
        self._entered = False
        self._token: Token[_core._Scope | None] | None = None
        self._enclosing: Token[tuple[int, ...]] | None = None
        self._late: str | None = None

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled else f"{self.pending} pending"
        return f"<{self.name}: {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Scope, (self._handle, self.name)

    def cancel(self) -> None:
        """Cancels the scope: its behaviors that have not begun will not run.

        Their results raise CancelledError. Behaviors that run can call `cancelled()`,
        and end as they like. What is scheduled in the scope later is cancelled, too.
        """
        self._handle.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether this scope, or a scope around it, has been cancelled."""
        return self._handle.cancelled

    @property
    def pending(self) -> int:
        """How many behaviors of the scope are scheduled or running at this moment."""
        return self._handle.pending

    @property
    def done(self) -> Cown[None]:
        """A new cown that becomes free when nothing of the scope is pending any more.

        Bodies, which must not wait, schedule what comes next with `when(scope.done)`.
        Name no other cown in that `when` that the scope's own work may still ask for:
        each would wait for the other.
        """
        return self._handle.done()

    def when(self, *cowns: Any) -> Callable[[Callable[..., Any]], Cown[Any]]:
        """As `bocpy.when`, but the behavior belongs to this scope."""
        return _core._when_in(self._handle, *cowns)

    async def room(self) -> None:
        """Waits until fewer behaviors are pending than the scope's limit allows.

        For event loops, where `when` does not wait for room.
        """
        if self.limit is None:
            raise RuntimeError(
                "room() is for scopes with a limit: behaviors(limit=100)"
            )
        _loops = late_import("bocpy._loops")
        await _loops.waiter().turn()
        while self.pending >= self.limit and not self.cancelled:
            await _loops.told("room", self._handle)

    # ---- the block ----

    def _begin(self) -> None:
        if self._entered:
            raise RuntimeError(
                f"{self.name} has been entered before, and a scope has one block: make "
                "another with behaviors()"
            )
        self._entered = True
        if self._timeout is not None:
            self.deadline = time.monotonic() + self._timeout
            self._handle.set_deadline(self._timeout)
        self._token = set_variable(_core._scope_variable, self._handle)
        around = _tasks.enclosing.get()
        self._enclosing = set_variable(_tasks.enclosing, (*around, self._handle.number))

    def _end(self, error: BaseException | None) -> None:
        assert self._token is not None
        reset(_core._scope_variable, self._token)
        self._token = None
        if self._enclosing is not None:  # None if a Ctrl-C interrupted `__enter__`
            reset(_tasks.enclosing, self._enclosing)
            self._enclosing = None
        _blocking.discard(self._handle.number)
        if error is not None:
            self.cancel()

    def _left(self) -> float | None:
        if self.deadline is None or self._late is not None:
            return None
        return max(0.0, self.deadline - time.monotonic())

    def _expire(self) -> None:
        """Records, when the time is over, what is running, and cancels the rest.

        A body that calls `cancelled()` may have seen the deadline pass before.
        """
        pending = self._handle.late
        names = [*self._handle.running(), *_tasks.bodies_in(self._handle.number)]
        running = f"; running: {', '.join(names)}" if names else ""
        self._late = (
            f"{self.name}: {plural(self.pending if pending is None else pending)} "
            f"still pending after {self._timeout} s{running}"
        )
        self.cancel()

    def _ended(self) -> None:
        """Called when nothing of the scope is pending any more."""
        if self._late is None and self._handle.late is not None:
            self._expire()

    def _outcome(
        self,
        error: BaseException | None,
        failures: list[tuple[BaseException, str]],
    ) -> BaseException | None:
        """The exception to raise in place of the block's own."""
        if error is not None and not isinstance(error, Exception):
            return None
        late = TimeoutError(self._late) if self._late is not None else None
        if late is not None and error is None and not failures:
            return late
        if error is None and not failures and self._handle.failed:
            failures = [
                (
                    cancelled_error()(
                        f"{self.name} was cancelled by a failure that has been taken "
                        "out of its result meanwhile"
                    ),
                    self.name,
                )
            ]
        where = [place for _, place in failures]
        errors = [failure for failure, _ in failures]
        if late is not None:
            errors.insert(0, late)
            where.insert(0, f"timeout of {self.name}")
        if error is not None:
            errors.insert(0, error)
            where.insert(0, f"the block of {self.name}")
        if not errors:
            return None
        return raise_unread.group(list(zip(errors, where, strict=True)))

    def __enter__(self) -> Scope:
        if _core._in_body():
            raise RuntimeError(
                "a behavior cannot wait for a scope, that could deadlock: make one "
                "without `with`, schedule with scope.when(...), and chain on scope.done"
            )
        self._begin()
        if _tasks.library_here() is not None:
            _blocking.add(self._handle.number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A Ctrl-C in the block was the first.
        interrupt = error if isinstance(error, KeyboardInterrupt) else None
        while True:
            try:
                if self._token is not None:
                    self._end(error)
                if self._handle.wait(self._left()):
                    break
                self._expire()
            except KeyboardInterrupt as again:
                if interrupt is not None:
                    raise
                interrupt = again
                self.cancel()
        if interrupt is not None and interrupt is not error:
            raise interrupt
        self._ended()
        outcome = self._outcome(error, list(self._failures()))
        if outcome is not None:
            raise outcome from None

    def _failures(self) -> Any:
        for cown, name, file, line in self._handle.take_failures():
            failure = raise_unread.read(cown)
            if failure is not None:
                yield failure, f"{name!r} ({file}:{line})"

    async def __aenter__(self) -> Scope:
        late_import("bocpy._loops").waiter()
        self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _loops = late_import("bocpy._loops")
        self._end(error)
        if isinstance(error, GeneratorExit):
            return  # the coroutine is thrown away, and can await nothing
        here = _loops.waiter()
        interrupt: BaseException | None = None
        while self.pending:
            wait = _loops.told("empty", self._handle)
            try:
                if interrupt is None:
                    await here.within(wait, self._left())
                else:
                    await here.shielded(wait)
            except TimeoutError:
                self._expire()
            except GeneratorExit:  # the loop is gone: nothing can be awaited
                self.cancel()
                raise
            except BaseException as again:
                if interrupt is not None:
                    raise
                interrupt = again
                self.cancel()
        if interrupt is not None:
            raise interrupt
        self._ended()
        failures = []
        for cown, name, file, line in self._handle.take_failures():
            failure = await _loops.peek(cown)
            # Reading `exception` counts as looking, so what is raised is not reported,
            # too.
            if cown.exception and isinstance(failure, BaseException):
                failures.append((failure, f"{name!r} ({file}:{line})"))
        outcome = self._outcome(error, failures)
        if outcome is not None:
            raise outcome from None


def reset(variable: ContextVar[T], token: Token[T]) -> None:
    """Resets it. A coroutine that is thrown away is closed in whatever context runs
    then, whose variables are not the block's: those stay as they are."""
    with contextlib.suppress(ValueError):
        reset_variable(variable, token)


def refuse_blocking(what: str) -> None:
    """Refuses a task of an event loop in a block that, at its end, would block the
    loop."""
    current = _core._scope_current()
    if current is not None and current.number in _blocking:
        raise RuntimeError(
            f"{what} in a `with behaviors()` block: at its end the block would wait "
            "for a task of the loop that it blocks; write `async with behaviors()`"
        )


def behaviors(
    name: str | None = None,
    timeout: float | None = None,
    on_error: OnError = "cancel",
    limit: int | None = None,
) -> Scope:
    """Makes a scope: `with` waits at its end for exactly what was started in the block.

    That is every behavior that the block schedules, and those that they schedule, and
    so on. It does not wait for what others have scheduled. Event loops use `async with`
    in the same way. Scopes nest.

    If a behavior raises, the scope cancels its behaviors that have not begun
    (`on_error= "cancel"`), or lets them run ("continue"). Its end raises all failures
    as one FailureGroup (an ExceptionGroup), the block's own exception first. After
    `timeout` seconds the scope is cancelled, and TimeoutError names what was running. A
    behavior that has begun always ends: the first Ctrl-C cancels the scope, the second
    leaves the block.

    With a `limit`, a thread that schedules waits while that many behaviors are pending;
    bodies and event loops never wait (see `Scope.room`).

    A behavior must not wait: there, make a scope without `with`, schedule with
    `scope.when(...)`, and continue with `when(scope.done)`.

    >>> from bocpy import Cown, behaviors, when
    >>> total = Cown(0)
    >>> with behaviors() as scope:
    ...     for i in range(4):
    ...         @when(total)
    ...         def _(total, i=i):
    ...             total.value += i
    >>> total.unwrap(), scope.pending
    (6, 0)
    """
    if name is not None and not isinstance(name, str):
        kind = type(name).__name__
        raise TypeError(f"behaviors(): name must be a str or None, not {kind!r}")
    positive("behaviors(): timeout", timeout)
    if timeout is not None:
        check_duration(timeout, "behaviors(): timeout")
    if on_error not in ("cancel", "continue"):
        raise ValueError(
            f"behaviors(): on_error must be 'cancel' or 'continue', not {on_error!r}"
        )
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool)):
        kind = type(limit).__name__
        raise TypeError(f"behaviors(): limit must be an int or None, not {kind!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"behaviors(): limit must be at least 1, not {limit}")
    parent = _core._scope_current()
    most = min(limit or 0, sys.maxsize)
    handle = _core._Scope(parent, on_error == "cancel", most)
    return Scope(handle, name, timeout, limit)
