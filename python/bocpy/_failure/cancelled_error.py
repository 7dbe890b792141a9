"""The exception in the result of a behavior that was cancelled before it began."""

from __future__ import annotations

import concurrent.futures


class CancelledError(concurrent.futures.CancelledError):
    """A behavior was cancelled before it began, or `checkpoint` has ended it.

    It is a `concurrent.futures.CancelledError` and not asyncio's: a task that reads the
    result of a cancelled behavior is not cancelled itself.

    >>> from bocpy import CancelledError
    >>> raise CancelledError("the scope was cancelled")
    Traceback (most recent call last):
    bocpy.CancelledError: the scope was cancelled
    """

    __module__ = "bocpy"
