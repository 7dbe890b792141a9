"""Many at once: results as they complete, a lazy map, behaviors over many cowns.

Threads: any of the main interpreter; `when_each`, `gather`, `reduce` and `atomically`
in bodies too.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from . import _core
from ._core import Cown, read, when, whencall
from ._durations import check_duration
from ._executor_errors import in_terms_of
from ._executor_tasks import run_chunk

T = TypeVar("T")
U = TypeVar("U")

#: Chunks that `map` has in flight for each worker.
AHEAD = 4


def left_of(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def deadline_of(timeout: float | None, call: str) -> float | None:
    if timeout is None:
        return None
    if not hasattr(type(timeout), "__float__") and not hasattr(
        type(timeout), "__index__"
    ):
        kind = type(timeout).__name__
        raise TypeError(
            f"{call}: timeout must be a number of seconds or None, not {kind!r}"
        )
    if timeout != timeout:
        raise ValueError(f"{call}: timeout must be a number of seconds, not NaN")
    check_duration(timeout, f"{call}: timeout")
    try:
        return time.monotonic() + timeout
    except OverflowError:
        return float("inf") if timeout > 0 else 0.0


def as_completed(
    results: Iterable[Cown[T]], timeout: float | None = None
) -> Iterator[Cown[T]]:
    """Yields the results in the order in which they complete, each once.

    The iterator raises TimeoutError `timeout` seconds after its first item was asked
    for. In an event loop use `asyncio.as_completed`, which accepts cowns.

    >>> from bocpy import as_completed, receive, send, when
    >>> late = when()(lambda: receive("go")[1])
    >>> early = when()(lambda: "early")
    >>> for result in as_completed([late, early]):
    ...     print(result.result())
    ...     if result is early:
    ...         send("go", "late")
    early
    late
    """
    if isinstance(results, Cown):
        raise TypeError(
            "as_completed() takes a list of results, not one: write [result]"
        )
    check_iterable("as_completed(results)", results)
    listed = list(results)
    check_cowns("as_completed()", listed)
    deadline_of(timeout, "as_completed()")  # refuses what is no timeout
    return completed(listed, timeout)


def completed(results: list[Cown[T]], timeout: float | None) -> Iterator[Cown[T]]:
    """Yields the results; the time begins when the first is asked for."""
    deadline = deadline_of(timeout, "as_completed()")
    queue = _core._CompletionQueue()
    waiting: dict[_core._Grant, Cown[T]] = {}
    ready: deque[Cown[T]] = deque()
    try:
        for result in results:
            grant = _core._Grant(queue, (read(result),))
            if grant.ready:
                grant.end()
                ready.append(result)
            else:
                waiting[grant] = result
        total = len(waiting) + len(ready)
        while ready or waiting:
            if not ready and not queue.wait(left_of(deadline)):
                raise TimeoutError(
                    f"as_completed(): {len(waiting)} of {total} results are not there "
                    f"after {timeout} s"
                )
            if not ready:
                for grant in queue.take():
                    grant.end()
                    ready.append(waiting.pop(grant))
            while ready:
                yield ready.popleft()
    finally:
        for grant in waiting:
            grant.end()
        queue.close()


def chunks_of(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk


def positive(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")


def check_callable(call: str, function: object) -> None:
    if not callable(function):
        kind = type(function).__name__
        raise TypeError(f"{call} takes a callable, not {kind!r}, as its function")


def check_iterable(call: str, cowns: object) -> None:
    if not hasattr(type(cowns), "__iter__") and not hasattr(type(cowns), "__getitem__"):
        kind = type(cowns).__name__
        raise TypeError(f"{call} takes an iterable of cowns first, not {kind!r}")


def check_cowns(call: str, cowns: Sequence[object]) -> None:
    """Refuses what is no cown, neither of this process nor of a cluster."""
    for position, cown in enumerate(cowns, 1):
        if not isinstance(cown, Cown) and not hasattr(type(cown), "result"):
            kind = type(cown).__name__
            raise TypeError(
                f"{call}: cown {position} must be a Cown, not {kind!r}: make one of a "
                "value with Cown(value), and take a list apart with *"
            )


def map(  # noqa: A001  what pools call it
    function: Callable[..., T],
    *iterables: Iterable[Any],
    chunksize: int = 1,
    buffersize: int | None = None,
    timeout: float | None = None,
) -> Iterator[T]:
    """Yields the results of `function` for the items, in their order; workers call it.

    It is lazy: it takes items as results are fetched, and `buffersize` chunks of
    `chunksize` items ahead (by default four chunks for each worker). The iterator
    raises what a call has raised, in place of that call's result, and TimeoutError
    `timeout` seconds after `map` was called. Raises RuntimeError in a body, which
    cannot wait for results.

    >>> import bocpy
    >>> list(bocpy.map(abs, [-1, -2, -3], chunksize=2))
    [1, 2, 3]
    """
    positive("map(): chunksize", chunksize)
    if buffersize is not None:
        positive("map(): buffersize", buffersize)
    if not callable(function):
        raise TypeError(
            f"map() argument 1 must be a callable, not {type(function).__name__!r}: "
            "write bocpy.map(function, items)"
        )
    for position, items in enumerate(iterables, 2):
        kind = type(items)
        if not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
            raise TypeError(
                f"map() argument {position} must be an iterable of items, not "
                f"{kind.__name__!r}: write bocpy.map(function, [item])"
            )
    if _core._in_body():
        raise RuntimeError(
            "map() in a behavior would wait for other behaviors, that could deadlock: "
            "call the builtin map(), or schedule the calls with when_each() and take "
            "their results in another behavior, as @when(gather(*results)) does"
        )
    chunks = chunks_of(zip(*iterables, strict=False), chunksize)
    return mapped(function, chunks, buffersize, deadline_of(timeout, "map()"), timeout)


def mapped(
    function: Callable[..., T],
    chunks: Iterator[list[tuple[Any, ...]]],
    buffersize: int | None,
    deadline: float | None,
    timeout: float | None,
) -> Iterator[T]:
    """Yields the results. What cannot be shipped is named by function and argument, not
    by its place in a chunk."""
    try:
        yield from in_order(function, chunks, buffersize, deadline, timeout)
    except (TypeError, RecursionError) as error:
        named = in_terms_of(error, [(run_chunk, (function,), {})])
        if named is error:
            raise
        raise named from named.__cause__


def in_order(
    function: Callable[..., T],
    chunks: Iterator[list[tuple[Any, ...]]],
    buffersize: int | None,
    deadline: float | None,
    timeout: float | None,
) -> Iterator[T]:
    window: deque[Cown[list[T]]] = deque()

    def fill(width: int) -> None:
        for chunk in itertools.islice(chunks, max(0, width - len(window))):
            window.append(whencall(run_chunk, [], [function, chunk]))

    fill(buffersize or 1)
    width = buffersize or AHEAD * max(1, len(_core._stats()))
    fill(width)
    while window:
        try:
            values = window.popleft().unwrap(left_of(deadline) if deadline else 1e9)
        except TimeoutError as error:
            if deadline is None or time.monotonic() < deadline:
                raise
            raise TimeoutError(f"map(): not all are there after {timeout} s") from error
        fill(width)
        yield from values


def when_each(
    cowns: Iterable[Any], body: Callable[..., T], *captures: Any
) -> list[Cown[T]]:
    """Schedules `body(cown, *captures)` for each of the cowns; returns the results.

    Each of `cowns` may be what `when` takes: a Cown, `read(cown)`, or a list of Cowns,
    which becomes one parameter. Raises what `when` does, before anything is scheduled.
    The order is that of one `when` for each cown, but one call costs less.

    >>> from bocpy import Cown, when_each
    >>> rows = [Cown(n) for n in range(3)]
    >>> doubled = when_each(rows, lambda row, by: row.value * by, 2)
    >>> [result.result() for result in doubled]
    [0, 2, 4]
    """
    check_iterable("when_each(cowns, body)", cowns)
    check_callable("when_each(cowns, body)", body)
    return _core._when_each(cowns, body, captures)


def collect(cowns: list[Cown[T]]) -> list[T]:
    return [cown.result() for cown in cowns]


def gather(*cowns: Cown[T]) -> Cown[list[T]]:
    """A cown with the values of all cowns at the moment when a behavior holds them all.

    If some of them have failed, it holds the exception of the first. Raises TypeError
    for what is no Cown; of a list of cowns, write `gather(*cowns)`.

    >>> from bocpy import Cown, gather
    >>> gather(Cown(1), Cown(2)).result()
    [1, 2]
    """
    try:
        group = [read(cown) for cown in cowns]
    except TypeError as error:
        one = cowns[0] if len(cowns) == 1 else None
        if not isinstance(one, Iterable) or isinstance(one, str | bytes):
            check_cowns("gather()", cowns)
            raise
        raise TypeError(
            f"gather() takes Cowns as arguments, not a {type(one).__name__!r} of them: "
            "write gather(*cowns)"
        ) from error
    return when(group)(collect)


def combine(function: Callable[[T, T], T], left: Cown[T], right: Cown[T]) -> T:
    return function(left.result(), right.result())


def reduce(cowns: Iterable[Cown[T]], function: Callable[[T, T], T]) -> Cown[T]:
    """A cown with `function(function(a, b), c)` and so on over the values, in order.

    Neighbors are combined pair by pair, in parallel, so `function` must be associative.
    Raises ValueError for no cowns, TypeError for what cannot be called.

    >>> from bocpy import Cown, reduce
    >>> reduce([Cown(n) for n in range(5)], lambda a, b: a + b).result()
    10
    """
    if not callable(function):
        raise TypeError(
            f"reduce() argument 2 must be a callable, not {type(function).__name__!r}: "
            "write reduce(cowns, function)"
        )
    check_iterable("reduce(cowns, function)", cowns)
    level = list(cowns)
    check_cowns("reduce()", level)
    if not level:
        raise ValueError("reduce() of no cowns has no value")

    def pair(left: Cown[T], right: Cown[T]) -> Cown[T]:
        def both(left: Cown[T], right: Cown[T], function: Any = function) -> T:
            return combine(function, left, right)

        return when(read(left), read(right))(both)

    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = level[-1:] if len(level) % 2 else []
        level = [*(pair(left, right) for left, right in pairs), *odd]
    return level[0]


@contextmanager
def atomically() -> Generator[None, None, None]:
    """Schedules the behaviors of the block at its end, in one step.

    No other behavior runs between two of them on any cown. If the block raises, none is
    scheduled, and their results raise CancelledError. The block must not wait for
    anything or look at results: RuntimeError. Blocks do not nest, and contain no
    `await`.

    >>> from bocpy import Cown, atomically, when
    >>> left, right = Cown(1), Cown(2)
    >>> with atomically():
    ...     @when(left)
    ...     def a(left):
    ...         return left.value
    ...     @when(right)
    ...     def b(right):
    ...         return right.value
    >>> a.result(), b.result()
    (1, 2)
    """
    _core._batch_begin()
    try:
        yield
        _core._batch_end(True)
    except BaseException:
        _core._batch_end(False)  # nothing, if the other call has ended it
        raise
