"""What a worker runs for BocExecutor on backend `interpreters`, and for `map`.

Threads: the workers.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from typing import Any, TypeVar

from ._core import Cown
from ._failure import exception_codec
from ._late_imports import late_import

T = TypeVar("T")

#: A function, its arguments, and those by keyword.
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class BrokenPool(BrokenExecutor):
    """The initializer of an executor has raised, so the executor can run no task."""


class InitializerError(BrokenPool):
    """Tells the main interpreter that an initializer has raised; its argument is the
    exception."""


#: The executors whose initializer has run in this interpreter, with what it raised.
_initialized_here: dict[tuple[int, int], BaseException | None] = {}


def run_shipped(
    key: tuple[int, int],
    initializer: tuple[Callable[..., object], tuple[Any, ...]] | None,
    work: list[Call],
) -> tuple[float, Any]:
    """A behavior: runs some tasks; returns how long they took, and their outcomes as
    `shippable` has them. Exceptions are packed."""
    began = time.perf_counter()
    if initializer is not None and key not in _initialized_here:
        try:
            initializer[0](*initializer[1])
        except BaseException as error:
            _initialized_here[key] = error
        else:
            _initialized_here[key] = None
    if initializer is not None and (raised := _initialized_here[key]) is not None:
        raise InitializerError(raised) from raised
    outcomes: list[tuple[bool, Any]] = []
    for fn, args, kwargs in work:
        try:
            outcomes.append((True, fn(*args, **kwargs)))
        except BaseException as error:
            if len(work) == 1:
                raise
            outcomes.append((False, exception_codec.pack(error)))
    seconds = time.perf_counter() - began
    return seconds, shippable(outcomes, work)


def shippable(outcomes: list[tuple[bool, Any]], calls: list[Call]) -> Any:
    """The outcomes of several tasks, or a cown with them.

    The cown is made in the worker, where a result that cannot be shipped fails its own
    task alone; if the behavior returned the outcomes, it would fail all of them.
    """
    if len(calls) == 1 or all(not good or type(v) in PLAIN for good, v in outcomes):
        return outcomes
    with contextlib.suppress(Exception):  # the loop finds it again
        return Cown(outcomes)
    for i, (good, value) in enumerate(outcomes):
        try:
            Cown(value)
        except Exception as error:
            assert good, "what exception_codec.pack() returns can be shipped"
            named = late_import("bocpy._executor_errors").in_terms_of(error, [calls[i]])
            outcomes[i] = False, exception_codec.pack(named)
    return Cown(outcomes)


#: Types of results that can always be shipped.
PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))


def call_over(call: Call, *cowns: Any) -> Any:
    fn, args, kwargs = call
    return fn(*cowns, *args, **kwargs)


def run_chunk(function: Callable[..., T], chunk: list[tuple[Any, ...]]) -> list[T]:
    """Calls the function for each item; a task that `map` makes of several items."""
    return [function(*arguments) for arguments in chunk]


def call_each(
    calls: list[tuple[Callable[..., T], tuple[Any, ...], dict[str, Any]]],
) -> list[T]:
    """Calls a batch of joblib.py; joblib's own batches cannot be shipped."""
    return [fn(*args, **kwargs) for fn, args, kwargs in calls]
