"""asyncio, and loops that are of its kind (uvloop).

Threads: each loop is its thread's.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio import AbstractEventLoop
from collections.abc import Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from .. import _core
from . import ARRIVED, PUMPED, Completion

T = TypeVar("T")

#: The attribute of a loop that keeps its waiter, so that both end together.
ATTRIBUTE = "_bocpy_waiter"

_elsewhere: WeakKeyDictionary[AbstractEventLoop, AsyncioWaiter] = WeakKeyDictionary()


class AsyncioWaiter:
    """A waiter for each loop, as long as the loop lives."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.pumping = False
        if not self.watch_descriptor(loop):
            self.watch_socket(loop)
        self.bridge.listen()

    def watch_descriptor(self, loop: AbstractEventLoop) -> bool:
        """Has the loop watch the descriptor. False: loops of Windows watch none."""
        if sys.platform == "win32":
            return False
        self.bridge = _core._Bridge()
        loop.add_reader(self.bridge.fileno(), self.take)
        return True

    def watch_socket(self, loop: AbstractEventLoop) -> None:
        """Watches the socket by a task that reads it, since Windows' loop has no other
        way."""
        ours, self.theirs = socket.socketpair()
        for end in (ours, self.theirs):
            end.setblocking(False)
        self.bridge = _core._Bridge(self.theirs.fileno())
        self.reader = loop.create_task(self.read(loop, ours))

    async def read(self, loop: AbstractEventLoop, ours: socket.socket) -> None:
        try:
            while await loop.sock_recv(ours, 4096):
                self.take()
        finally:
            self.bridge.close()
            ours.close()
            self.theirs.close()

    def take(self) -> None:
        """Wakes the tasks whose completions the bridge has."""
        for completion in self.bridge.take():
            if completion is None:
                self.pump()
                continue
            future = completion.token
            if future is None:
                completion.token = ARRIVED
            elif not future.done():
                future.set_result(None)

    def pump(self) -> None:
        """Runs some behaviors over pinned cowns; the loop's next turn runs more."""
        self.pumping = False
        if _core._pump_some(PUMPED) and not self.pumping:
            self.pumping = True
            asyncio.get_running_loop().call_soon(self.pump)

    async def completed(self, completion: Completion) -> None:
        if completion.token is ARRIVED:
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
