"""Exceptions of behaviors: how they travel, and how those that nobody looks at are told.

Threads: any.
"""

from __future__ import annotations

import sys
import traceback
from types import SimpleNamespace
from typing import Any


class BehaviorTraceback(Exception):
    """The text of a traceback, as the cause of an exception from another interpreter."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class BehaviorError(RuntimeError):
    """Stands for an exception that cannot leave the interpreter that raised it."""


def restore(exception: BaseException, text: str) -> BaseException:
    """What `pack` made, in the interpreter that looks at it."""
    exception.__cause__ = BehaviorTraceback(text)
    return exception


class Packed:
    """Pickles as its exception with the traceback's text as the cause."""

    def __init__(self, exception: BaseException, text: str) -> None:
        self.exception = exception
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (self.exception, self.text)


def text_of(exception: BaseException) -> str:
    """The traceback as text; whatever an odd exception does to hinder it."""
    cause = exception.__cause__
    if isinstance(cause, BehaviorTraceback) and exception.__traceback__ is None:
        return cause.text
    try:
        return "".join(traceback.format_exception(exception))
    except Exception:
        return f"{type(exception).__qualname__}: its traceback cannot be shown\n"


def described(exception: BaseException) -> str:
    try:
        return repr(exception)
    except Exception:
        return f"<{type(exception).__qualname__}>"


def survives(exception: BaseException) -> bool:
    """Whether the exception is whole after a round trip."""
    from . import _ship

    try:
        data, buffers = _ship.dumps(exception)
        copy = _ship.loads(data, buffers)
    except Exception:
        return False
    return isinstance(copy, BaseException)


def pack(exception: BaseException) -> object:
    """What is encoded in an exception's place."""
    text = text_of(exception)
    if not survives(exception):
        exception = BehaviorError(described(exception))
    return Packed(exception, text)


def report(exception: BaseException, name: str, file: str, line: int) -> None:
    """Tells sys.unraisablehook of a failure that nobody has looked at."""
    sys.unraisablehook(
        SimpleNamespace(
            exc_type=type(exception),
            exc_value=exception,
            exc_traceback=exception.__traceback__,
            err_msg=(
                f"Exception in behavior {name!r} ({file}:{line}), which nobody looked at"
            ),
            object=None,
        )
    )
