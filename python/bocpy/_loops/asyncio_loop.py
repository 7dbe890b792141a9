"""Waiting for cowns in asyncio, and in loops with its interface (uvloop).

Threads: each loop is its thread's.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import weakref
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from .. import _core, _tasks
from . import ARRIVED, Completion
from .turn_budgets import AT_ONCE, MIN_WOKEN, PUMPED, TAKEN, TurnSize

T = TypeVar("T")

#: The attribute of a loop that refers to its waiter, so that both end together.
ATTRIBUTE = "_bocpy_waiter"

_elsewhere: WeakKeyDictionary[AbstractEventLoop, AsyncioWaiter] = WeakKeyDictionary()


class AsyncioWaiter:
    """A waiter for each loop, which lives as long as the loop."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.pumping = False
        self.at_once = 0  # awaits that did not wait in this turn of the loop
        # the futures of tasks that can go on
        self.due: deque[asyncio.Future[None]] = deque()
        self.waking = False
        self.size = TurnSize()
        if not self.watch_descriptor(loop):
            self.watch_socket(loop)
        self.queue.listen()

    def watch_descriptor(self, loop: AbstractEventLoop) -> bool:
        """Makes the loop watch the descriptor; False if it cannot, as on Windows."""
        if sys.platform == "win32":
            return False
        self.queue = _core._CompletionQueue()
        take = self.take
        loop.add_reader(self.queue.fileno(), take)
        # Only the loop refers to this object, and drops it when it is closed.
        weakref.finalize(take, _tasks.loop_was_closed).atexit = False
        return True

    def watch_socket(self, loop: AbstractEventLoop) -> None:
        """Watches the socket with a task that reads it: Windows' loop has no other
        way."""
        ours, self.theirs = socket.socketpair()
        for end in (ours, self.theirs):
            end.setblocking(False)
        self.queue = _core._CompletionQueue(self.theirs.fileno())
        self.reader = loop.create_task(self.read(loop, ours))

    async def read(self, loop: AbstractEventLoop, ours: socket.socket) -> None:
        try:
            while await loop.sock_recv(ours, 4096):
                self.take()
        finally:
            _tasks.loop_was_closed()
            self.queue.close()
            ours.close()
            self.theirs.close()

    def take(self) -> None:
        """Takes completions from the queue: the tasks that wait for them can go on.
        The loop's next turn takes more."""
        for completion in self.queue.take(TAKEN):
            if completion is None:
                self.pump()
            elif completion.token is None:
                completion.token = ARRIVED
            else:
                self.due.append(completion.token)
        if not self.waking:
            self.wake()

    def wake(self) -> None:
        """Wakes some of the tasks that can go on; the loop's next turn wakes more, and
        notices how long those took."""
        due = self.due
        count = self.size.next(len(due))
        for _ in range(count):
            future = due.popleft()
            if not future.done():
                future.set_result(None)
        self.waking = bool(due) or count > MIN_WOKEN
        if self.waking:
            asyncio.get_running_loop().call_soon(self.wake)
        else:
            self.size.end()

    def pump(self) -> None:
        """Runs some behaviors over pinned cowns; the loop's next turn runs more."""
        self.pumping = False
        if _core._pump_some(PUMPED) and not self.pumping:
            self.pumping = True
            asyncio.get_running_loop().call_soon(self.pump)

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        self.at_once += 1
        if self.at_once == 1:
            loop.call_soon(self.begin_turn)
        if self.at_once <= AT_ONCE:
            return
        future = loop.create_future()
        self.due.append(future)
        if not self.waking:
            self.waking = True
            loop.call_soon(self.wake)
        await future

    def begin_turn(self) -> None:
        self.at_once = 0

    async def completed(self, completion: Completion) -> None:
        if completion.token is ARRIVED:
            await self.turn()
            return
        future = asyncio.get_running_loop().create_future()
        completion.token = future
        await future

    async def within(self, wait: Coroutine[Any, Any, T], seconds: float | None) -> T:
        try:
            return await asyncio.wait_for(wait, seconds)
        except asyncio.TimeoutError:
            raise TimeoutError from None

    async def shielded(self, wait: Coroutine[Any, Any, T]) -> T:
        return await wait

    def spawn(self, task: Coroutine[Any, Any, None], name: str) -> None:
        made = asyncio.get_running_loop().create_task(task, name=name)
        self.tasks.add(made)
        made.add_done_callback(self.tasks.discard)


def waiter() -> AsyncioWaiter:
    """The waiter of the running loop, made if needed."""
    loop = asyncio.get_running_loop()
    found: AsyncioWaiter | None = getattr(loop, ATTRIBUTE, None)
    if found is None:
        found = _elsewhere.get(loop)
    if found is not None:
        return found
    found = AsyncioWaiter(loop)
    try:
        setattr(loop, ATTRIBUTE, found)
    except AttributeError:
        _elsewhere[loop] = found
    return found
