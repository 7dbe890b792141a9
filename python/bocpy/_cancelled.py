"""What the result of a behavior raises that was cancelled before it began."""

from __future__ import annotations

import concurrent.futures


class CancelledError(concurrent.futures.CancelledError):
    """A behavior was cancelled, and has not begun; or has ended itself by `checkpoint`.

    A `concurrent.futures.CancelledError`, and not the one of asyncio: to look at the
    result of a cancelled behavior does not cancel the task that looks.

    >>> from bocpy import CancelledError
    >>> raise CancelledError("the scope was cancelled")
    Traceback (most recent call last):
    bocpy.CancelledError: the scope was cancelled
    """

    __module__ = "bocpy"
