"""Exceptions that only a cluster has."""

from __future__ import annotations

import concurrent.futures
import traceback


class CownLost(RuntimeError):
    """The worker that had a cown's value died, and the value is lost.

    A behavior's result raises it, too, if the worker died before it reported the
    behavior's end: the body may have begun, and does not run again.

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
    """A body's traceback as text; it becomes the `__cause__` of the exception."""

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
    """Gives an exception from another process its traceback, as its cause."""
    error.__cause__ = RemoteTraceback(text)
    return error
