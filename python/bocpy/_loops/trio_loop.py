"""Waiting for cowns in trio.

Threads: each run is its thread's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

import trio  # type: ignore[import-not-found,unused-ignore]

from .. import _core, _tasks
from . import ARRIVED, Completion
from .turn_budgets import MIN_WOKEN, PUMPED, TAKEN, TurnSize

T = TypeVar("T")

_here: trio.lowlevel.RunVar[TrioWaiter] = trio.lowlevel.RunVar("bocpy")


class Ends(trio.abc.Instrument):  # type: ignore[misc,unused-ignore]
    """Notices tasks that end while they hold cowns."""

    def task_exited(self, task: Any) -> None:  # a trio.lowlevel.Task
        _tasks.task_has_ended(task)


class TrioWaiter:
    """A waiter for each run of trio, which lives as long as the run."""

    def __init__(self) -> None:
        self.queue = _core._CompletionQueue()
        self.due: deque[trio.Event] = deque()  # of the tasks that can go on
        self.size = TurnSize()
        trio.lowlevel.spawn_system_task(self.read, name="bocpy")
        trio.lowlevel.add_instrument(Ends())
        self.queue.listen()

    async def read(self) -> None:
        try:
            while True:
                await trio.lowlevel.wait_readable(self.queue.fileno())
                pump = self.take()
                more = True
                while more or pump:
                    more = self.wake()
                    pump = pump and _core._pump_some(PUMPED)
                    if more or pump:  # other tasks run in between
                        await trio.lowlevel.cancel_shielded_checkpoint()
                        pump = self.take() or pump
        finally:
            self.queue.close()

    def take(self) -> bool:
        """Takes completions from the queue; returns whether to pump."""
        pump = False
        for completion in self.queue.take(TAKEN):
            if completion is None:
                pump = True
            elif completion.token is None:
                completion.token = ARRIVED
            else:
                self.due.append(completion.token)
        return pump

    def wake(self) -> bool:
        """Wakes some of the tasks that can go on. Returns whether to call it again once
        they have run: to wake more, or to notice how long those took."""
        due = self.due
        count = self.size.next(len(due))
        for _ in range(count):
            due.popleft().set()
        if due or count > MIN_WOKEN:
            return True
        self.size.end()
        return False

    async def turn(self) -> None:
        await trio.lowlevel.checkpoint()

    async def completed(self, completion: Completion) -> None:
        if completion.token is ARRIVED:
            await self.turn()
            return
        event = trio.Event()
        completion.token = event
        await event.wait()

    async def within(self, wait: Coroutine[Any, Any, T], seconds: float | None) -> T:
        if seconds is None:
            return await wait
        try:
            with trio.fail_after(seconds):
                return await wait
        except trio.TooSlowError:
            raise TimeoutError from None

    async def shielded(self, wait: Coroutine[Any, Any, T]) -> T:
        with trio.CancelScope(shield=True):
            return await wait

    def spawn(self, task: Coroutine[Any, Any, None], name: str) -> None:
        async def run() -> None:
            await task

        trio.lowlevel.spawn_system_task(run, name=name)


def waiter() -> TrioWaiter:
    """The waiter of this run; makes it if there is none."""
    try:
        found: TrioWaiter = _here.get()
        return found
    except LookupError:
        made = TrioWaiter()
        _here.set(made)
        return made
