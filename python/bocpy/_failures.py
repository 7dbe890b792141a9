"""Exceptions of behaviors: how they travel, and how unread ones are told.

Threads: any.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

#: sys.unraisablehook prints causes, and with them the text of a traceback.
HOOK_SHOWS_CAUSES = sys.version_info >= (3, 15)


class BehaviorTraceback(Exception):
    """A traceback as text: the cause of an exception from another interpreter."""

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


def hinted(exception: BaseException) -> BaseException:
    """Says what to do about an extension module that refuses sub-interpreters."""
    if not isinstance(exception, ImportError) or "interpreter" not in str(exception):
        return exception
    if "threads" in str(exception):
        return exception
    what = "use start(backend='threads'), or keep what needs it in a pinned cown"
    hint = ImportError(f"{exception}; {what}", name=exception.name)
    return hint.with_traceback(exception.__traceback__)


def pack(exception: BaseException) -> object:
    """What is encoded in an exception's place."""
    exception = hinted(exception)
    text = text_of(exception)
    if not survives(exception):
        exception = BehaviorError(described(exception))
    return Packed(exception, text)


class Place:
    """What sys.unraisablehook is told of a failed behavior: its repr says which, and
    where in it, if the exception has left its traceback in another interpreter."""

    def __init__(
        self, exception: BaseException, name: str, file: str, line: int
    ) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.frames = ""
        cause = exception.__cause__
        if isinstance(cause, BehaviorTraceback) and not HOOK_SHOWS_CAUSES:
            lines = cause.text.splitlines()
            self.frames = "\n".join(text for text in lines if text.startswith("  "))

    def __repr__(self) -> str:
        where = f"{self.name!r} ({self.file}:{self.line})"
        text = f"<behavior {where}, whose result nobody looked at>"
        return f"{text}\n{self.frames}" if self.frames else text
