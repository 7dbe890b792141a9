"""Exceptions of behaviors: how they travel, and how unread ones are told.

Threads: any.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType
from typing import Any

from . import _namespaces

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


def hint(exception: BaseException) -> str | None:
    """What this interpreter knows of why a body failed here, where it would not have
    failed elsewhere."""
    if isinstance(exception, NameError | AttributeError):
        return missing(exception, exception.__traceback__)
    return None


def missing(
    exception: NameError | AttributeError, trace: TracebackType | None
) -> str | None:
    """Why a global, or a class's attribute, did not come along with the code."""
    from . import _ship

    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(exception.name, str):
        return None
    if isinstance(exception, NameError):
        return _ship.explain(exception.name, trace.tb_frame.f_globals)
    obj = exception.obj
    cls = obj if isinstance(obj, type) else type(obj)
    for base in cls.__mro__:
        reason = _ship.explain_attribute(base, exception.name)
        if reason is not None:
            return reason
    return None


def hinted(exception: BaseException) -> BaseException:
    """The exception; its message says what to do about it, where that is known."""
    try:
        if isinstance(exception, ImportError):
            _namespaces.hint_at_refusal(exception)
            return exception
        more = hint(exception)
        if more is not None:
            exception.args = (f"{exception}; {more}",)
    except Exception:  # what a user's exception does when it is asked
        return exception
    return exception


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
