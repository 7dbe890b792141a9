"""Scopes: blocks that wait for the behaviors scheduled in them, transitively.

Threads: any; the current scope is a context variable, a lock protects the counts.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._context_changes import reset_variable, set_variable
from ._errors import CancelledError

if TYPE_CHECKING:
    from ._driver import Distributed
    from ._messages import Call

_current: contextvars.ContextVar[Scope | None] = contextvars.ContextVar(
    "bocpy-distributed-scope", default=None
)


def current_scope(connection: Distributed) -> Scope | None:
    found = _current.get()
    return found if found is not None and found.connection is connection else None


class Scope:
    """A scope of a connection, for `with` or `async with`; `d.scope()` makes it."""

    def __init__(
        self,
        connection: Distributed,
        name: str | None,
        *,
        timeout: float | None,
        on_error: str,
        limit: int | None,
    ) -> None:
        if on_error not in ("cancel", "continue"):
            raise ValueError(
                f"on_error must be 'cancel' or 'continue', not {on_error!r}"
            )
        self.connection = connection
        self.name = name
        self.timeout = timeout
        self.on_error = on_error
        self.limit = limit
        self.number = connection._fresh()
        self.cancelled = False
        self.deadline: float | None = None
        self._keys: dict[int, str] = {}
        self._errors: list[BaseException] = []
        self._count = 0
        self._condition = threading.Condition()
        self._callbacks: list[Callable[[], object]] = []
        """Functions to call when no behavior is pending."""
        self._rooms: list[Callable[[], object]] = []
        """Functions to call when a behavior has ended."""
        self._token: contextvars.Token[Scope | None] | None = None

    def __repr__(self) -> str:
        return f"<scope {self.name or self.number} with {self.pending} pending>"

    @property
    def pending(self) -> int:
        """How many behaviors of the scope have not ended."""
        return self._count

    def when(self, *cowns: Any, **options: Any) -> Callable[..., Any]:
        """Schedules a behavior in this scope, even outside of its block."""

        scheduled = self.connection.when(*cowns, **options)

        def schedule(function: Callable[..., Any]) -> Any:
            token = set_variable(_current, self)
            try:
                return scheduled(function)
            finally:
                reset_variable(_current, token)

        return schedule

    def cancel(self) -> None:
        """Cancels behaviors that have not begun; their results raise CancelledError."""
        with self._condition:
            self.cancelled = True
            keys = tuple(self._keys)
        self.connection._queue.put(("cancel", keys))

    async def room(self) -> None:
        """Waits until fewer behaviors than `limit` are pending; returns at once if
        there is no limit. Scheduling from a thread does the same."""
        loop = asyncio.get_running_loop()
        while self.limit is not None:
            event = asyncio.Event()
            with self._condition:
                if self._count < self.limit:
                    return
                self._rooms.append(partial(loop.call_soon_threadsafe, event.set))
            await event.wait()

    # ---- counted by the connection

    def enter(self) -> int:
        with self._condition:
            while self.limit is not None and self._count >= self.limit:
                self._condition.wait(1)
            self._count += 1
        return self.number

    def entered(self, call: Call) -> None:
        with self._condition:
            self._count += 1
            self._keys[call.key] = call.name
            cancelled = self.cancelled
        if cancelled:
            self.connection._queue.put(("cancel", (call.key,)))

    def started(self, call: Call) -> bool:
        """Notes a behavior that the linker has. Returns True if it must be cancelled,
        because the scope was."""
        with self._condition:
            self._keys[call.key] = call.name
            return self.cancelled

    def ended(self, call: Call, error: Callable[[], BaseException | None]) -> None:
        raised = error()
        first = False
        with self._condition:
            self._count -= 1
            self._keys.pop(call.key, None)
            if raised is not None and not isinstance(raised, CancelledError):
                first = not self._errors
                self._errors.append(raised)
            self._condition.notify_all()
            callbacks, self._rooms = self._rooms, []
            if not self._count:
                callbacks += self._callbacks
                self._callbacks = []
        if first and self.on_error == "cancel":
            self.cancel()
        for callback in callbacks:
            callback()

    # ---- as a block

    def __enter__(self) -> Scope:
        self._open()
        return self

    def _open(self) -> None:
        if self.timeout is not None:
            self.deadline = time.monotonic() + self.timeout
        self.connection._queue.put(("scope", self.number, self))
        self._token = set_variable(_current, self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave(error)
        try:
            self._wait()
        except KeyboardInterrupt:
            self.cancel()
            self._wait()
            raise
        self._raise(error)

    def _leave(self, error: BaseException | None) -> None:
        if self._token is not None:
            reset_variable(_current, self._token)
            self._token = None
        if error is not None:
            self.cancel()

    def _wait(self) -> None:
        with self._condition:
            while self._count:
                left = None
                if self.deadline is not None and not self.cancelled:
                    left = self.deadline - time.monotonic()
                    if left <= 0:
                        self._expire()
                        continue
                self._condition.wait(left)

    def _expire(self) -> None:
        """Cancels the scope because its timeout has passed. With the lock held."""
        names = ", ".join(sorted(set(self._keys.values()))) or "behaviors"
        what = f"scope {self.name!r}" if self.name else "the scope"
        self._errors.append(
            TimeoutError(f"{what} took more than {self.timeout} s: {names}")
        )
        self.cancelled = True
        self.connection._queue.put(("cancel", tuple(self._keys)))

    def _raise(self, error: BaseException | None) -> None:
        from ._driver import group_of

        if not self._errors:
            return
        errors = ([error] if error is not None else []) + self._errors
        raise group_of(f"scope {self.name or ''}: behaviors failed", errors) from None

    async def __aenter__(self) -> Scope:
        self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave(error)
        loop = asyncio.get_running_loop()
        event = asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(event.set)

        with self._condition:
            if self._count:
                self._callbacks.append(tell)
            else:
                event.set()
        left = None if self.deadline is None else self.deadline - time.monotonic()
        try:
            await asyncio.wait_for(event.wait(), left)
        except asyncio.TimeoutError:
            with self._condition:
                self._expire()
            await event.wait()
        except asyncio.CancelledError:
            self.cancel()
            await event.wait()
            raise
        self._raise(error)
