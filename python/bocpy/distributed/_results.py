"""Outcomes: values and errors that the driver's threads wait for.

Threads: any. A signal interrupts a wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Outcome:
    """A value or an error that is set later; any number of threads may wait for it."""

    __slots__ = ("_callbacks", "_decode", "_error", "_event", "_lock", "_value", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], object]] = []
        self._decode: Callable[[], Any] | None = None
        self._value: Any = None
        self._error: BaseException | None = None

    def settle(
        self,
        decode: Callable[[], Any] | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Sets the value or the error; later calls do nothing. The first waiter decodes
        the value."""
        with self._lock:
            if self._event.is_set():
                return
            self._decode, self._error = decode, error
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def done(self) -> bool:
        return self._event.is_set()

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def wait(self, timeout: float | None = None) -> Any:
        """Returns the value or raises the error; TimeoutError after `timeout` s."""
        if not self._event.wait(timeout):
            raise TimeoutError(f"{self.what} is not there after {timeout} s")
        with self._lock:
            decode, self._decode = self._decode, None
            if decode is not None:
                try:
                    self._value = decode()
                except BaseException as error:
                    self._error = error
        if self._error is not None:
            raise self._error
        return self._value
