"""Tasks and scopes that are cancelled at each step of a program in an event loop.

A loop counts what it calls for the program, and cancels before the first call, before
the next, and so on until the program has ended before. The cowns of the program are
held by a behavior at a gate, which opens once the program waits. That is a step, too,
in three moments: the task is cancelled before the cowns are granted; when they are
granted, and the loop has not been told; when the loop has been told, and the task has
not gone on.

At whichever step: no cown is stranded, no message is lost, what has begun ends, and
what has not begun does not run.
"""

import asyncio
from contextlib import suppress
from functools import partial

import bocpy
import pytest
from bocpy import (
    CancelledError,
    Cown,
    _core,
    _loops,
    _tasks,
    behaviors,
    read,
    send,
    when,
)
from bocpy._failure.raise_unread import AnyGroup
from bocpy._loops import asyncio_loop
from harness import LIMIT, Gate, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

MOMENTS = ("before the grant", "granted", "delivered")


class SteppingLoop(asyncio.SelectorEventLoop):
    """Counts what it calls while `counting`, and calls `interrupt` before one call."""

    counting = False
    steps = calls = 0

    def call_soon(self, callback, *args, context=None):
        call = partial(self.call, callback, *args)
        return super().call_soon(call, context=context)

    def call(self, callback, *args):
        self.calls += 1
        self.step()
        callback(*args)

    def step(self):
        if self.counting:
            self.steps += 1
            if self.steps == self.cancel_at:
                self.interrupt()

    def watch(self, blocked):
        """Calls `blocked` when the loop has called nothing in a turn."""

        def look(before):
            if self.calls == before:
                blocked()
            elif self.counting:
                super(SteppingLoop, self).call_soon(look, self.calls)

        super().call_soon(look, -1)


class World:
    """A program's cowns, and what it has done."""

    def __init__(self, moment, cancel_at):
        self.moment = moment
        self.tag = f"cancel-at-step-{cancel_at}"
        self.a, self.b = Cown(0), Cown(0)
        self.scope = None
        self.made, self.log, self.sent, self.received = [], [], [], []
        self.gate, self.is_open, self.is_blocked = Gate(), False, False
        self.cancelled = False
        self.loop = SteppingLoop()
        self.loop.cancel_at = cancel_at
        self.loop.interrupt = self.interrupt

    def when(self, *cowns):
        """Schedules a behavior that increments the first cown."""

        def body(*cowns):
            cowns[0].value += 1

        self.made.append(when(*cowns)(body))
        return self.made[-1]

    def open(self):
        if not self.is_open:
            self.is_open = True
            self.gate.open()

    def blocked(self):
        """The program waits for what the gate keeps: that is a step."""
        self.is_blocked = True
        self.loop.step()
        self.is_blocked = False
        self.open()

    def interrupt(self):
        """Cancels at the step, in the moment."""
        try:
            if self.is_blocked and self.moment != MOMENTS[0]:
                waiter = asyncio_loop.waiter()
                self.open()
                assert waiter.queue.wait(LIMIT)
                if self.moment == MOMENTS[2]:
                    waiter.take()
            self.cancelled = self.end(self)
        finally:
            self.open()

    def run(self, program, end):
        door, loop, self.end = self.gate.door, self.loop, end
        when(self.a, self.b)(lambda a, b: pass_through(door))

        async def main():
            loop.counting = True
            self.task = loop.create_task(program(self))
            loop.watch(self.blocked)
            await asyncio.wait([self.task], timeout=LIMIT)
            loop.counting = False

        try:
            loop.run_until_complete(main())
        finally:
            self.open()
            loop.close()

    def check(self, limit=LIMIT):
        ended = 0
        for result in self.made:
            with suppress(CancelledError):
                result.result(timeout=limit)
                ended += 1
        total = when(self.a, self.b)(lambda a, b: a.value + b.value)
        assert total.result(timeout=limit) == ended + len(self.log)
        bocpy.quiesce(limit)
        self.gate.close()
        assert not _tasks._held
        left = [bocpy.receive(self.tag, 0)]
        if left == [(bocpy.TIMEOUT, None)]:
            left = []
        assert self.received + left == self.sent
        assert self.scope is None or self.scope.pending == 0
        assert self.task.done()
        if self.cancelled and self.end is cancel_task:
            assert self.task.cancelled()
            return
        expected = (CancelledError, AnyGroup) if self.cancelled else ()
        error = self.task.exception()
        if error is not None and not isinstance(error, expected):
            raise error


def cancel_task(world):
    return world.task.cancel()


def cancel_scope(world):
    if world.scope is not None:
        world.scope.cancel()
    return world.scope is not None


# ---- programs ----


async def awaits_results(world):
    await world.when(world.a)
    await world.when(world.b, read(world.a))


async def holds(world):
    for _ in range(2):
        async with world.a:
            world.log.append("held")
            world.a.value += 1
            await asyncio.sleep(0)


async def holds_several(world):
    async with bocpy.aio.hold(world.a, read(world.b)):
        await asyncio.sleep(0)
        world.log.append("held")
        world.a.value += 1
        world.when(world.a)
    await asyncio.sleep(0)


async def enters_a_scope(world):
    async with behaviors() as world.scope:
        world.when(world.a)
        await asyncio.sleep(0)
        world.when(world.b)
        async with behaviors():
            world.when(world.a, world.b)
        await world.when(world.b, world.a)


async def waits_for_room(world):
    async with behaviors(limit=1) as world.scope:
        for _ in range(3):
            await world.scope.room()
            world.when(world.a)


async def runs_asynchronous_bodies(world):
    async def body(a):
        world.log.append("began")
        a.value += 1
        await asyncio.sleep(0)

    async with behaviors() as world.scope:
        made = [bocpy.aio.when(world.a)(body) for _ in range(2)]
        await made[0]
        await made[1]


async def receives(world):
    tag = world.tag
    when(world.a)(lambda a: send(tag, 1))
    world.sent.append((tag, 1))
    world.received.append(await bocpy.aio.receive(tag))


async def waits_for_quiescence(world):
    world.when(world.a)
    await bocpy.aio.quiesce()


PROGRAMS = [
    awaits_results,
    holds,
    holds_several,
    enters_a_scope,
    waits_for_room,
    runs_asynchronous_bodies,
    receives,
    waits_for_quiescence,
]
SCOPED = [enters_a_scope, waits_for_room, runs_asynchronous_bodies]
CASES = [(program, cancel_task) for program in PROGRAMS]
CASES += [(program, cancel_scope) for program in SCOPED]


def run_at_each_step(program, end, moment, limit=LIMIT):
    """The worlds of all runs, up to the one that ended before its step."""
    worlds = []
    while not worlds or worlds[-1].loop.steps >= len(worlds):
        worlds.append(World(moment, len(worlds) + 1))
        worlds[-1].run(program, end)
        worlds[-1].check(limit)
    return worlds


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("program", "end"), CASES)
def test_at_each_step(program, end, moment):
    worlds = run_at_each_step(program, end, moment)
    assert sum(world.cancelled for world in worlds) > 2
    assert not worlds[-1].cancelled


def test_a_hold_that_loses_its_grant_is_found(monkeypatch):
    """A control: the same where a hold that is cancelled does not end its grant."""
    grants = []

    async def careless(*cowns):
        here = _loops.waiter()
        grants.append(_core._Grant(here.queue, cowns))
        await _loops.granted(here, grants[-1])
        _tasks.enter(grants[-1], cowns)
        return grants[-1].values()

    monkeypatch.setattr(_loops, "enter", careless)
    with pytest.raises(TimeoutError):
        run_at_each_step(holds, cancel_task, "granted", 0.2)
    for grant in grants:
        grant.end()
    bocpy.quiesce(LIMIT)
