"""Exceptions of behaviors that nobody has looked at.

A record is in `failures` until the program looks at the result, or the failure is
reported. The callback of a weak reference runs when the result is gone, so that the
program cannot look any more. Without reference counts (PyPy) it runs late, so `wait`,
`quiesce` and the end of the program run the collector first.

Threads: any. `lock` guards the records.
"""

from __future__ import annotations

import gc
import platform
import weakref
from threading import RLock, get_ident, main_thread
from typing import TYPE_CHECKING, Any

from .._failure import report_unread
from .._failure.report_unread import write_unraisable as write_unraisable
from .base import me

if TYPE_CHECKING:
    from .cown import Cown

COUNTED = platform.python_implementation() == "CPython"

lock = RLock()  # a collection inside may free results
failures: dict[int, Failure] = {}
kept = False


class Failure:
    """What a behavior raised, and where."""

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
            try:
                self.report()
            except BaseException as error:
                if get_ident() != main_thread().ident:
                    raise
                # A handler of a signal has raised it. The next call that waits raises
                # it again: nothing above this callback could catch it.
                me.kept = error

    def report(self) -> None:
        place = report_unread.report(self.exception, self.name, self.file, self.line)
        if place is not None:
            write_unraisable(self.exception, place)


def remove(failure: Failure) -> bool:
    """Removes the record. False: another thread was faster."""
    with lock:
        return failures.pop(id(failure), None) is not None


def store(
    result: Cown[Any], exception: BaseException, name: str, file: str, line: int
) -> None:
    """Sets the result to the exception that the behavior raised."""
    result._value = exception
    result._failed = True
    failure = result._failure  # made by a call that a signal's handler interrupted
    if failure is None or failure.exception is not exception:
        failure = Failure(result, exception, name, file, line)
    result._failure = failure
    with lock:
        failures[id(failure)] = failure


def forget(result: Cown[Any]) -> None:
    """Called when the program has looked at the failure."""
    failure, result._failure = result._failure, None
    if failure is not None:
        remove(failure)


def keep(choice: bool) -> None:
    global kept
    kept = choice


def collect() -> None:
    """Runs the collector, which frees unreachable results, on interpreters without
    reference counts."""
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
