"""The future of a task of an executor: see _executor.py.

Threads: any of the main interpreter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol, TypeVar

from . import _core

T = TypeVar("T")

#: States of a future, by the names that Future has for them.
PENDING, RUNNING, FINISHED = "PENDING", "RUNNING", "FINISHED"


class Places(Protocol):
    """What a future needs of its executor while its task waits for another task."""

    def _step_aside(self) -> None: ...

    def _step_back(self) -> None: ...


#: What stands in place of a future's condition if the future was done before any
#: thread asked for one; and who has decided whether a task begins.
SETTLED, BEGUN, CANCELLED = object(), object(), object()


class BocFuture(Future[T]):
    """A future whose `result`, asked for in a task, lets other tasks run meanwhile.

    A Future makes a condition of two locks, and two lists, which cost more than a tiny
    task. Here they are made by the first thread that asks for them: most tasks are
    done before anybody waits. Two decisions are made without the condition, each by
    `setdefault` of a key in the attributes, which only one thread can be the first to
    do: whether the task begins or is cancelled, and whether the future is done or has
    a condition, under which all methods of Future work.
    """

    _state: str = PENDING
    _result: Any = None
    _exception: BaseException | None = None

    def __init__(self, executor: Places) -> None:
        self._executor = executor

    @property
    def _condition(self) -> Any:  # type: ignore[override]
        attributes = vars(self)
        made = attributes.get("_made")
        if made is None:
            made = attributes.setdefault("_made", threading.Condition())
        if made is SETTLED:
            self._state = FINISHED  # its place does that, too, at this moment or before
            made = attributes.setdefault("_made_later", threading.Condition())
        return made

    @property
    def _waiters(self) -> list[Any]:  # type: ignore[override]
        return vars(self).setdefault("_waiting", [])  # type: ignore[no-any-return]

    @property
    def _done_callbacks(self) -> list[Any]:
        return vars(self).setdefault("_callbacks", [])  # type: ignore[no-any-return]

    def cancel(self) -> bool:
        if vars(self).setdefault("_decided", CANCELLED) is BEGUN:
            return False
        return super().cancel()

    def set_running_or_notify_cancel(self) -> bool:
        if vars(self).setdefault("_decided", BEGUN) is BEGUN:
            self._state = RUNNING
            return True
        return super().set_running_or_notify_cancel()

    def set_result(self, result: T) -> None:
        if self._state != RUNNING:
            super().set_result(result)
            return
        self._result = result
        if vars(self).setdefault("_made", SETTLED) is SETTLED:
            self._state = FINISHED
        else:
            super().set_result(result)

    def done(self) -> bool:
        return self._state not in (PENDING, RUNNING)

    def _wait(
        self, method: Callable[[float | None], Any], timeout: float | None
    ) -> Any:
        executor = self._executor
        executor._step_aside()
        _core._pass_callbacks_on()
        try:
            return _core._blocked(partial(method, timeout))
        finally:
            executor._step_back()

    def result(self, timeout: float | None = None) -> T:
        if self._state == FINISHED:
            if self._exception is None:
                return self._result  # type: ignore[no-any-return]
            return super().result(timeout)
        if not _core._in_body():
            return super().result(timeout)
        return self._wait(super().result, timeout)  # type: ignore[no-any-return]

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if self._state == FINISHED or not _core._in_body():
            return super().exception(timeout)
        return self._wait(super().exception, timeout)  # type: ignore[no-any-return]
