"""Raises failures that nobody has read, all together.

Threads: any of the main interpreter, outside of behaviors.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Sequence

from .. import _core

#: The most behaviors that the message names.
NAMED = 5
#: Seconds to wait for a result of which another thread has just begun a use.
TIMEOUT = 1.0

if sys.version_info >= (3, 11):
    Group = builtins.ExceptionGroup[Exception]
    AnyGroup = builtins.BaseExceptionGroup
else:
    import traceback

    class AnyGroup(BaseException):
        """Several exceptions in one."""

        def __init__(self, message: str, exceptions: Sequence[BaseException]) -> None:
            super().__init__(message, exceptions)
            self.message = message
            self.exceptions = tuple(exceptions)

        def __str__(self) -> str:
            parts = [self.message]
            for error in self.exceptions:
                parts.append("".join(traceback.format_exception(error)).rstrip("\n"))
            return "\n\n".join(parts)

    class Group(AnyGroup, Exception):
        """Several exceptions in one; each is an Exception."""


class FailureGroup(Group):
    """What `wait(raise_failures=True)` raises: the failures that nobody looked at.

    It is an ExceptionGroup, which `except*` can catch. Python 3.10 has none: there it
    is a class of its own, with the same attributes `message` and `exceptions`. If one
    of the failures is not an Exception (a KeyboardInterrupt, say), `wait` raises a
    BaseExceptionGroup instead.

    >>> from bocpy import FailureGroup, wait, when
    >>> @when()
    ... def risky():
    ...     return 1 / 0
    >>> try:
    ...     wait(raise_failures=True)
    ... except FailureGroup as group:
    ...     print(group.exceptions)
    (ZeroDivisionError('division by zero'),)
    """

    __module__ = "bocpy"

    def derive(self, exceptions: Sequence[Exception]) -> FailureGroup:
        """A group of some of the failures."""
        return FailureGroup(self.message, exceptions)


def described(where: Sequence[str]) -> str:
    count = len(where)
    some = ", ".join(where[:NAMED])
    more = f" and {count - NAMED} more" if count > NAMED else ""
    return f"{count} behavior{'s' * (count > 1)} failed: {some}{more}"


def group(failures: Sequence[tuple[BaseException, str]]) -> BaseException:
    """One exception for all; a BaseException group if one of them is not an
    Exception."""
    message = described([where for _, where in failures])
    exceptions = [error for error, _ in failures]
    ordinary = [error for error in exceptions if isinstance(error, Exception)]
    if len(ordinary) == len(exceptions):
        return FailureGroup(message, ordinary)
    return AnyGroup(message, exceptions)


def read(cown: _core.Cown[object]) -> BaseException | None:
    """The failure in a result, unless another thread has read it, or is about to."""
    try:
        cown.acquire(TIMEOUT)
    except TimeoutError:
        return None
    try:
        value = cown.value if cown.exception else None
    finally:
        cown.release()
    return value if isinstance(value, BaseException) else None


def unread() -> Iterator[tuple[BaseException, str]]:
    """The failures that nobody has read, and where they were raised; counts them as
    read."""
    for cown, orphan, name, file, line in _core._take_failures():
        error = orphan if cown is None else read(cown)
        if error is not None:
            yield error, f"{name!r} ({file}:{line})"


def raise_failures() -> None:
    """Raises the failures that nobody has read, if there are any."""
    failures = list(unread())
    if failures:
        raise group(failures)
