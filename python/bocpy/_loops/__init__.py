"""Waiting for cowns in an event loop: what `await c` and `async with c` do.

Each event loop has a waiter: one queue, a list of completions with one descriptor that
the loop watches. This package finds out which library runs the loop as sniffio and
anyio do; it imports neither of them, and no event loop.

Threads: each loop is its thread's.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Protocol, TypeVar

from .. import _core, _tasks
from .._core import Cown
from .._late_imports import late_import

T = TypeVar("T")

#: The token of a completion that the queue pushed before any task waited for it.
ARRIVED = object()


class Completion(Protocol):
    """What a queue pushes: a grant or a watch."""

    token: Any

    def end(self) -> None: ...


class Waiter(Protocol):
    """What this package needs of an event loop."""

    queue: _core._CompletionQueue

    async def completed(self, completion: Completion) -> None:
        """Waits until the queue pushes the completion; the caller ends that."""

    async def turn(self) -> None:
        """For an await that need not wait: lets other tasks run now and then.

        Without it a task whose results are always ready would keep the loop. On trio,
        other tasks run each time.
        """

    async def within(self, wait: Coroutine[Any, Any, T], seconds: float | None) -> T:
        """Waits for the outcome; raises TimeoutError after the timeout."""
        ...

    async def shielded(self, wait: Coroutine[Any, Any, T]) -> T:
        """Waits for the outcome, also in a task that is being cancelled."""
        ...

    def spawn(self, task: Coroutine[Any, Any, None], name: str) -> None:
        """Runs a coroutine that never raises, as a task of the loop."""


def waiter() -> Waiter:
    """The waiter of the event loop that runs on this thread. RuntimeError if none
    runs."""
    library = _tasks.library_here()
    if library == "asyncio":
        asyncio: Waiter = late_import("bocpy._loops.asyncio_loop").waiter()
        return asyncio
    if library == "trio":
        trio: Waiter = late_import("bocpy._loops.trio_loop").waiter()
        return trio
    if library is None:
        raise RuntimeError(
            "no event loop runs on this thread: await cowns in asyncio or trio, "
            "and use result() elsewhere"
        )
    raise RuntimeError(f"cowns can be awaited in asyncio and trio, not in {library}")


async def granted(here: Waiter, grant: _core._Grant) -> None:
    """Waits for the grant."""
    if grant.ready:
        await here.turn()
    else:
        await here.completed(grant)


async def outcome(cown: Cown[T]) -> T:
    """Waits for the behaviors on the cown that are scheduled by now; returns what it
    holds."""
    held = _tasks.held_here()
    here = waiter()
    if held is not None:
        await here.turn()
        # raises RuntimeError if the task does not hold this cown
        return cown.result()
    grant = _core._Grant(here.queue, (_core.read(cown),))
    try:
        await granted(here, grant)
        value: T = grant.outcome()
        return value
    finally:  # ends the grant, whether it has arrived or not
        grant.end()


def await_cown(cown: Cown[T]) -> Generator[Any, None, T]:
    """What `Cown.__await__` returns."""
    return outcome(cown).__await__()


async def enter(*cowns: Any) -> tuple[Any, ...]:
    """The values of the cowns, which the running task holds until `_tasks.leave`."""
    if _tasks.held_here() is not None:
        raise RuntimeError(
            "this task holds cowns already, and to wait for more could deadlock: ask "
            "for all of them at once, as in `async with bocpy.aio.hold(a, b)`"
        )
    here = waiter()
    grant = _core._Grant(here.queue, cowns)
    try:
        await granted(here, grant)
        _tasks.enter(grant, cowns)
        return grant.values()
    except BaseException:
        _tasks.leave(grant)
        raise


async def enter_cown(cown: Cown[T]) -> T:
    """What `Cown.__aenter__` returns."""
    (value,) = await enter(cown)
    return value  # type: ignore[no-any-return]


async def exit_cown(cown: Cown[Any]) -> None:
    """What `Cown.__aexit__` returns."""
    grant = _tasks.holder_of(cown)
    if grant is None:
        _tasks.refuse_exit(cown)
    _tasks.leave(grant)


async def told(kind: str, what: object = None) -> None:
    """Waits until a watch is completed."""
    here = waiter()
    watch = _core._Watch(here.queue, kind, what)
    try:
        await here.completed(watch)
    finally:
        watch.end()


async def peek(cown: Cown[Any]) -> BaseException | None:
    """The exception in the result of a behavior, if any. The failure counts as read."""
    here = waiter()
    grant = _core._Grant(here.queue, (_core.read(cown),))
    try:
        await granted(here, grant)
        try:
            grant.outcome()
        except BaseException as error:
            return error
        return None
    finally:
        grant.end()
