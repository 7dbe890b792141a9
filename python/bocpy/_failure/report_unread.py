"""Reports of failures that nobody has looked at.

They go to `sys.unraisablehook`, one by one. The hook that Python itself has prints a
traceback for each, and a thousand transfers that a body refused would print twenty
thousand lines. So while Python's own hook is in place, the first failures are printed,
and the first of each kind; the others are counted, and `wait`, `quiesce` and the end of
the program print one line with the counts.

| failures since the last such line | printed |
|---|---|
| the first FULL | each with its traceback |
| the first of a kind: an exception type, and a behavior | the same, up to FULL_MAX |
| all others | in the line with the counts |

Failures that are reported at other times end a period of PERIOD seconds, too: a server
may never wait for quiescence.

Threads: any of the main interpreter. `_lock` guards `_period`.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from threading import RLock
from types import SimpleNamespace, TracebackType

from .exception_codec import BehaviorTraceback, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FULL, FULL_MAX = 5, 20
#: The most kinds that the line with the counts names.
KINDS_MAX = 10
PERIOD = 60.0  # seconds

#: From Python 3.15 on, the hook prints causes, and with them the text of a traceback.
HOOK_SHOWS_CAUSES = sys.version_info >= (3, 15)

Kind = tuple[str, str, str, int]  # exception type, name, file and line of the behavior


class Period:
    """What was reported since the last line with counts."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.printed = 0
        self.kinds: set[Kind] = set()
        self.counted: Counter[Kind] = Counter()

    def admit(self, kind: Kind) -> bool:
        """Whether to print one more failure; counts it otherwise."""
        is_new = kind not in self.kinds and self.printed < FULL_MAX
        if self.printed < FULL or is_new:
            self.kinds.add(kind)
            self.printed += 1
            return True
        self.counted[kind] += 1
        return False

    def is_over(self) -> bool:
        return time.monotonic() - self.start > PERIOD

    def text(self) -> str:
        """The line with the counts."""
        counted = self.counted.total()
        # Counter.most_common(n) imports heapq, and that on the main thread.
        named = self.counted.most_common()[:KINDS_MAX]
        parts = [
            f"{count} {kind} in {name!r} ({file}:{line})"
            for (kind, name, file, line), count in named
        ]
        others = counted - sum(count for _, count in named)
        if others:
            parts.append(f"{others} of {len(self.counted) - len(named)} other kinds")
        return (
            f"bocpy: {self.printed + counted} behaviors failed whose results nobody "
            f"looked at: {self.printed} are reported above; the others: "
            f"{', '.join(parts)}. start(raise_failures=True) keeps all for wait() to "
            "raise\n"
        )


# reentrant: a finalizer that runs in the block may report a failure, too
_lock = RLock()
_period = Period()


def report(exception: BaseException, name: str, file: str, line: int) -> Place | None:
    """Prints or counts a failure.

    If the program has replaced `sys.unraisablehook`, the hook gets the exception and
    `place`.
    """
    if sys.unraisablehook is not sys.__unraisablehook__:
        return place_of(exception, name, file, line)
    if _period.is_over():
        report_counted()
    kind = (type(exception).__qualname__, name, file, line)
    with _lock:
        is_printed = _period.admit(kind)
    if is_printed:
        show(exception, f"Exception ignored in: {Place(name, file, line)!r}")
    return None


def report_counted() -> None:
    """Prints the line with the counts, if failures were counted."""
    global _period
    with _lock:
        over, _period = _period, Period()
    if over.counted and sys.stderr is not None:
        sys.stderr.write(over.text())
        sys.stderr.flush()


def write_unraisable(
    exception: BaseException, place: object, message: str | None = None
) -> None:
    """Reports an exception that no caller can catch, as the interpreter does.

    The argument of `sys.unraisablehook` has a type that Python code cannot make, so
    this prints what the default hook would print.
    """
    hook = sys.unraisablehook
    if hook is sys.__unraisablehook__:
        show(exception, message or f"Exception ignored in: {place!r}")
        return
    told: Any = SimpleNamespace(
        exc_type=type(exception),
        exc_value=exception,
        exc_traceback=exception.__traceback__,
        err_msg=message,
        object=place,
    )
    try:
        hook(told)
    except BaseException as worse:
        show(worse, f"Exception ignored in: {hook!r}")


def show(exception: BaseException, heading: str) -> None:
    """Prints an exception, with source lines of cells and the like.

    Python's own hook does not find those lines.
    """
    if sys.stderr is not None:
        sys.stderr.write(f"{heading}\n{text_of(exception).rstrip()}\n")
        sys.stderr.flush()


# ---- places --------------------------------------------------------------------------


class Place:
    """What sys.unraisablehook gets as the object of a failed behavior: its repr names
    that."""

    def __init__(self, name: str, file: str, line: int) -> None:
        self.name = name
        self.file = file
        self.line = line

    def __repr__(self) -> str:
        where = f"{self.name!r} ({self.file}:{self.line})"
        return f"<behavior {where}, whose result nobody looked at>"


def place_of(exception: BaseException, name: str, file: str, line: int) -> Place:
    """The place of a failure that is about to be reported.

    If the exception has left the traceback of its body in another interpreter, it gets
    that traceback here: otherwise a report would show the frame of the thread that
    waits.
    """
    cause = exception.__cause__
    if exception.__traceback__ is None:
        text = cause.text if isinstance(cause, BehaviorTraceback) else ""
        exception.__traceback__ = trace_of(text) or trace_through(file, line, name)
        if HOOK_SHOWS_CAUSES and isinstance(cause, BehaviorTraceback):
            exception.__cause__ = None
    return Place(name, file, line)


# ---- tracebacks from their text ------------------------------------------------------

_FRAME = re.compile(r'^  File "(.*)", line (\d+), in (.*)$', re.MULTILINE)
_HEAD = "Traceback (most recent call last):\n"
_STUB = compile("frame = getframe()", "", "exec")


def trace_of(text: str) -> TracebackType | None:
    """The last traceback in a text: those before it belong to causes."""
    trace: TracebackType | None = None
    for file, line, name in reversed(_FRAME.findall(text.rpartition(_HEAD)[2])):
        trace = trace_through(file, int(line), name, trace)
    return trace


def trace_through(
    file: str, line: int, name: str, rest: TracebackType | None = None
) -> TracebackType:
    """A traceback through a line of a file, with a frame made for it."""
    code = _STUB.replace(co_filename=file, co_name=name, co_firstlineno=max(line, 1))
    names: dict[str, Any] = {"getframe": sys._getframe}
    exec(code, names)
    return TracebackType(rest, names["frame"], 0, line)
