"""Exceptions of behaviors that nobody has looked at.

A record is in `failures` until somebody looks at the result, or it is reported. A weak
reference tells when the result is gone, so that nobody can look any more; where there
are no reference counts (PyPy) it tells late, and `wait`, `quiesce` and the end of the
program have the collector run first.

Threads: any. `lock` guards the records.
"""

from __future__ import annotations

import gc
import platform
import sys
import traceback
import weakref
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .. import _failures

if TYPE_CHECKING:
    from .cown import Cown

COUNTED = platform.python_implementation() == "CPython"

lock = RLock()  # a collection inside may end results
failures: dict[int, Failure] = {}
kept = False


class Failure:
    """What a behavior raised, and where it is from."""

    __slots__ = ("exception", "file", "line", "name", "result")

    def __init__(
        self,
        result: Cown[Any],
        exception: BaseException,
        name: str,
        file: str,
        line: int,
    ) -> None:
        self.exception = exception
        self.name = name
        self.file = file
        self.line = line
        self.result = weakref.ref(result, self.orphan)

    def orphan(self, reference: object) -> None:
        """Called when the result is gone and nobody has looked at the failure."""
        if not kept and remove(self):
            self.report()

    def report(self) -> None:
        place = _failures.place_of(self.exception, self.name, self.file, self.line)
        write_unraisable(self.exception, place)


def remove(failure: Failure) -> bool:
    """Removes the record. False: another thread was faster."""
    with lock:
        return failures.pop(id(failure), None) is not None


def store(
    result: Cown[Any], exception: BaseException, name: str, file: str, line: int
) -> None:
    """The result becomes what the behavior raised."""
    result._value = exception
    result._failed = True
    failure = Failure(result, exception, name, file, line)
    with lock:
        failures[id(failure)] = failure
    result._failure = failure


def forget(result: Cown[Any]) -> None:
    """Called when the program has looked at the failure."""
    failure, result._failure = result._failure, None
    if failure is not None:
        remove(failure)


def keep(choice: bool) -> None:
    global kept
    kept = choice


def collect() -> None:
    """Has the collector end unreachable results, on interpreters without reference
    counts."""
    if not COUNTED and failures:
        gc.collect()


def report(everything: bool) -> None:
    """Reports the failures of results that are gone, or all failures."""
    collect()
    with lock:
        present = list(failures.values())
    for failure in present:
        result = failure.result()
        if result is not None and not everything:
            continue
        if remove(failure):
            if result is not None:
                result._failure = None
            failure.report()


def keeps_failures() -> bool:
    return kept


def take_failures() -> list[
    tuple[Cown[Any] | None, BaseException | None, str, str, int]
]:
    """Takes all unread failures in the order in which they came; results that are gone
    count as read."""
    collect()
    found = []
    with lock:
        for key, failure in list(failures.items()):
            result = failure.result()
            if result is None:
                del failures[key]
            orphan = failure.exception if result is None else None
            found.append((result, orphan, failure.name, failure.file, failure.line))
    return found


def write_unraisable(exception: BaseException, place: object) -> None:
    """Writes an exception that has no caller, as the interpreter does. The hook
    `sys.unraisablehook` takes a type that Python code cannot make, so what the default
    hook would print is printed here."""
    hook = sys.unraisablehook
    if hook is sys.__unraisablehook__:
        show(exception, place)
        return
    told: Any = SimpleNamespace(
        exc_type=type(exception),
        exc_value=exception,
        exc_traceback=exception.__traceback__,
        err_msg=None,
        object=place,
    )
    try:
        hook(told)
    except BaseException as worse:
        show(worse, hook)


def show(exception: BaseException, place: object) -> None:
    if sys.stderr is None:
        return
    try:
        text = "".join(traceback.format_exception(exception))
    except Exception:
        text = f"{type(exception).__qualname__}: it cannot be shown\n"
    sys.stderr.write(f"Exception ignored in: {place!r}\n{text}")
    sys.stderr.flush()
