"""Exceptions that only a cluster has."""

from __future__ import annotations

import concurrent.futures
import traceback


class CownLost(RuntimeError):
    """The worker that held a cown's value is gone, and the value with it.

    Also what a behavior's result raises if its worker died before the behavior's end
    was known: it may have begun, and does not run again.

    `node` names the worker, `cown` the number of the cown.
    """

    def __init__(self, message: str, node: str = "", cown: int = 0) -> None:
        super().__init__(message)
        self.node = node
        self.cown = cown

    def __reduce__(self) -> tuple[type, tuple[str, str, int]]:
        return type(self), (str(self), self.node, self.cown)


class BehaviorError(RuntimeError):
    """A body raised an exception that cannot be pickled; the text describes it."""


class RemoteTraceback(Exception):
    """The traceback of a body, as text: the cause of what it raised."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class VersionMismatch(RuntimeError):
    """A worker runs another version of Python, bocpy or cloudpickle than the driver."""


class CancelledError(concurrent.futures.CancelledError):
    """The behavior was cancelled before it began."""


def traceback_text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def with_text(error: BaseException, text: str) -> BaseException:
    """The exception as it was raised elsewhere, with its traceback as its cause."""
    error.__cause__ = RemoteTraceback(text)
    return error
