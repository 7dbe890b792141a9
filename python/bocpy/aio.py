"""Cowns and behaviors in asyncio and trio.

`await c` waits for a result, `async with c as value` holds a cown; here is what takes
several, and what waits for other things than cowns. Nothing blocks the event loop, and
no thread is made.

>>> import asyncio, bocpy
>>> from bocpy import Cown, when
>>> async def main():
...     stock, orders = Cown({"tea": 3}), Cown([])
...     async with bocpy.aio.hold(stock, orders) as (items, names):
...         items["tea"] -= 1
...         names.append("tea")
...     return await when(stock)(lambda stock: stock.value["tea"])
>>> asyncio.run(main())
2

Threads: the one that runs the event loop.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable
from types import FunctionType, TracebackType
from typing import Any, NoReturn, TypeVar

from . import _core, _loops, _pump, _runtime, _scope, _tasks
from ._core import Cown
from ._durations import check_duration
from ._failure import raise_unread
from ._failure.cancelled_error import CancelledError

__all__ = ["hold", "quiesce", "receive", "wait", "when"]

T = TypeVar("T")


class hold:  # noqa: N801  used as a function
    """Holds several cowns at once in an `async with` block: the values, in order.

    Takes what `when` takes: cowns, `read(cown)` to share one with other readers, lists
    of them. The block waits its turn as a behavior would, and the cowns belong to the
    task that runs it: other tasks do not see the values. Change values in place, or
    set `cown.value`. A task that holds cowns and asks for more is refused with
    RuntimeError, since that could deadlock: name all in one `hold`.

    >>> import asyncio, bocpy
    >>> from bocpy import Cown, read
    >>> async def main():
    ...     price, basket = Cown(3), Cown([])
    ...     async with bocpy.aio.hold(read(price), basket) as (each, things):
    ...         things.append(2 * each)
    ...     return await basket
    >>> asyncio.run(main())
    [6]
    """

    def __init__(self, *cowns: Any) -> None:
        self.cowns = cowns
        self.entered = False

    def __enter__(self) -> NoReturn:
        raise TypeError(
            "bocpy.aio.hold() is for tasks: write `async with`, or use bocpy.acquire() "
            "in a function that is no coroutine"
        )

    def __exit__(self, *_: object) -> None:
        """Never called, since `__enter__` raises; `with` looks for both."""

    async def __aenter__(self) -> tuple[Any, ...]:
        if self.entered:
            raise RuntimeError(
                "this hold has a block already: call bocpy.aio.hold() for each block"
            )
        self.entered = True
        try:
            values = await _loops.enter(*self.cowns)
        except BaseException:
            self.entered = False
            raise
        self.grant = _tasks.held_here()
        return values

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.entered:
            raise RuntimeError(
                "this hold has no block to leave: enter it with `async with`"
            )
        _tasks.require_own(self.grant)
        _tasks.leave(self.grant)
        self.entered = False


def place_of(function: Callable[..., Any]) -> FunctionType:
    """A function whose name and code say where `function` stands, for reports of
    failures, which know plain functions only."""
    plain = inspect.unwrap(function)
    while isinstance(plain, functools.partial):
        plain = plain.func
    code = getattr(plain, "__code__", None)
    name = getattr(plain, "__qualname__", "behavior")
    shown = nothing.__code__.replace(co_name=getattr(plain, "__name__", "behavior"))
    if code is not None:
        shown = shown.replace(
            co_filename=code.co_filename, co_firstlineno=code.co_firstlineno
        )
    place = FunctionType(shown, {})
    place.__qualname__ = name
    return place


def nothing() -> None:
    """What `place_of` makes its functions of."""


def stored(error: BaseException) -> BaseException:
    """What the result of a task holds: the end of the task does not cancel the
    tasks that await the result."""
    if isinstance(error, Exception | KeyboardInterrupt | SystemExit):
        return error
    return CancelledError("the task of this behavior was cancelled")


async def body_of(
    grant: _core._Grant,
    cowns: tuple[Any, ...],
    here: _loops.Waiter,
    function: Callable[..., Any],
) -> None:
    """The task of an asynchronous behavior."""
    try:
        await _loops.granted(here, grant)
        if grant.cancelled:
            grant.cancel()
            return
        _tasks.enter(grant, cowns)
        _tasks.begin_body(grant, function)
        grant.settle(await function(*grant.arguments()))
    except BaseException as error:
        grant.fail(stored(error), place_of(function), isinstance(error, Exception))
        if not isinstance(error, Exception):
            raise
    finally:
        _tasks.end_body(grant)
        _tasks.leave(grant)


def when(*cowns: Any) -> Callable[[Callable[..., Coroutine[Any, Any, T]]], Cown[T]]:
    """Schedules the decorated `async def` as a behavior that is a task of this loop.

    It starts once all cowns are free, holds them until it returns, and takes its place
    among the behaviors over them. It gets the Cowns, and may await what is no cown. The
    name becomes a Cown with what it returns or raises. The current scope counts it as
    any behavior; that its task is cancelled is no failure of the scope. Raises
    TypeError for what is no cown or no coroutine function, RuntimeError outside of an
    event loop, or in a block of `with behaviors()` there, which would keep the task
    from running.

    >>> import asyncio, bocpy
    >>> from bocpy import Cown
    >>> async def main():
    ...     log = Cown([])
    ...     @bocpy.aio.when(log)
    ...     async def visit(log):
    ...         log.value.append("in")
    ...         await asyncio.sleep(0.01)
    ...         log.value.append("out")
    ...         return len(log.value)
    ...     return await visit
    >>> asyncio.run(main())
    2
    """

    def schedule(function: Callable[..., Coroutine[Any, Any, T]]) -> Cown[T]:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(
                f"bocpy.aio.when() takes an `async def`, not {function!r}: "
                "use bocpy.when() for a plain function"
            )
        here = _loops.waiter()
        _scope.refuse_blocking("bocpy.aio.when()")
        grant = _core._Grant(here.queue, cowns, True)
        name = getattr(function, "__qualname__", "behavior")
        here.spawn(body_of(grant, cowns, here, function), name)
        return grant.result

    return schedule


def require_free(what: str) -> None:
    if _tasks.held_here() is not None:
        raise RuntimeError(
            f"{what} while this task holds a cown would wait for itself: leave the "
            "`async with` block first"
        )


async def quiescent(what: str, report: bool) -> None:
    """Until nothing is scheduled or running."""
    while not _core._quiesce(0, what, report):
        await _loops.told("quiescence")


async def quiesce(
    timeout: float | None = None, *, raise_failures: bool | None = None
) -> None:
    """Waits until no behavior is scheduled or running; the loop goes on meanwhile.

    Raises TimeoutError after `timeout` seconds, RuntimeError while the task holds a
    cown, and what `bocpy.quiesce` does for `raise_failures`.

    >>> import asyncio, bocpy
    >>> async def main():
    ...     c = bocpy.Cown(1)
    ...     doubled = bocpy.when(c)(lambda c: 2 * c.value)
    ...     await bocpy.aio.quiesce()
    ...     return doubled.unwrap()
    >>> asyncio.run(main())
    2
    """
    require_free("quiesce()")
    check_duration(timeout or 0, "quiesce(): timeout")
    _pump.look()
    raising = _runtime.is_raising(raise_failures, "quiesce()")
    here = _loops.waiter()
    try:
        await here.within(quiescent("quiesce()", not raising), timeout)
    except TimeoutError:
        raise TimeoutError(
            f"quiesce(): behaviors are still in flight after {timeout} s"
            f"{_core._in_flight()}"
        ) from None
    if raising:
        raise_unread.raise_failures()


async def wait(
    timeout: float | None = None, *, raise_failures: bool | None = None
) -> None:
    """As `bocpy.wait`: until all behaviors have finished, then closes the runtime.

    The loop goes on meanwhile, and so do its other tasks, which may schedule again:
    that opens the runtime. Gives up quietly after `timeout` seconds.

    >>> import asyncio, bocpy
    >>> async def main():
    ...     c = bocpy.Cown(1)
    ...     doubled = bocpy.when(c)(lambda c: 2 * c.value)
    ...     await bocpy.aio.wait()
    ...     return doubled.unwrap()
    >>> asyncio.run(main())
    2
    """
    require_free("wait()")
    check_duration(timeout or 0, "wait(): timeout")
    _pump.look()
    raising = _runtime.is_raising(raise_failures, "wait()")
    here = _loops.waiter()
    try:
        await here.within(quiescent("wait()", not raising), timeout)
    except TimeoutError:
        return
    _core._pause()
    _core._clear_notices()
    if raising:
        raise_unread.raise_failures()


async def message(tags: list[str]) -> tuple[str, Any]:
    """The next message of one of them."""
    await _loops.waiter().turn()
    while True:
        pair: tuple[str, Any] | None = _core.receive(tags, 0, lambda: None)
        if pair is not None:
            return pair
        await _loops.told("tags", tags)


async def receive(
    tags: str | Iterable[str],
    timeout: float | None = None,
    after: Callable[[], T] | None = None,
) -> tuple[str, Any] | T:
    """As `bocpy.receive`: waits for a message of one of `tags`.

    After `timeout` seconds, if it is not None, returns what `after()` does, or
    (TIMEOUT, None). Raises what `bocpy.receive` does. A receive that is cancelled takes
    no message.

    >>> import asyncio, bocpy
    >>> async def main():
    ...     bocpy.when()(lambda: bocpy.send("news", 7))
    ...     return await bocpy.aio.receive("news")
    >>> asyncio.run(main())
    ('news', 7)
    """
    wanted = [tags] if isinstance(tags, str) else list(tags)
    if timeout is not None and timeout <= 0:
        return _core.receive(wanted, 0, after)
    check_duration(timeout or 0, "receive(): timeout")
    here = _loops.waiter()
    try:
        return await here.within(message(wanted), timeout)
    except TimeoutError:
        return _core.receive(wanted, 0, after)
