"""Leaving a scope implies that nothing of it is scheduled or runs: random programs.

A program is a tree of blocks. A block schedules behaviors and timers, over few cowns,
cancels itself, raises, or has a block inside. A behavior schedules others, fails,
cancels its scope, asks whether it is cancelled, or takes its time. Every body says by
messages. All that belongs
to a block is to be over when the block is left, whichever way.
"""

import asyncio
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import count

import bocpy
import pytest
from bocpy import (
    CancelledError,
    Cown,
    after,
    behaviors,
    checkpoint,
    quiesce,
    read,
    receive,
    send,
    when,
)
from bocpy._failure.raise_unread import AnyGroup
from harness import LIMIT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("runtime")

COWNS = 3
TAG = "scope-property"
DEEDS = ("fine", "fail", "cancel", "check", "nap")

# How it is scheduled, the cown, whether it only reads, what it does, its children.
bodies = st.recursive(
    st.tuples(
        st.sampled_from(["when", "after"]),
        st.integers(0, COWNS - 1),
        st.booleans(),
        st.sampled_from(DEEDS),
        st.just(()),
    ),
    lambda inner: st.tuples(
        st.sampled_from(["when", "after"]),
        st.integers(0, COWNS - 1),
        st.booleans(),
        st.sampled_from(DEEDS),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=8,
)
options = st.fixed_dictionaries(
    {
        "on_error": st.sampled_from(["cancel", "continue"]),
        "limit": st.sampled_from([None, 1, 2, 100]),
        "timeout": st.sampled_from([None, 0.002, LIMIT]),
    }
)
bare = st.just("cancel") | st.just("raise")
# Bodies that are tasks of an event loop.
tasks = st.tuples(
    st.just("task"),
    st.integers(0, COWNS - 1),
    st.booleans(),
    st.sampled_from(DEEDS),
    st.just(()),
)


def blocks_of(steps):
    return st.recursive(
        st.tuples(options, st.lists(steps, max_size=6)),
        lambda inner: st.tuples(options, st.lists(steps | inner, max_size=4)),
        max_leaves=4,
    )


blocks = blocks_of(bodies | bare)
async_blocks = blocks_of(bodies | bare | tasks)
relaxed = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    print_blob=True,
)


class BlockError(Exception):
    """What a block raises itself."""


def act(cown, number, scope, cowns, deed, children):
    send(TAG, (number, "begin"))
    try:
        for child in children:
            launch(number, scope, cowns, child)
        if deed == "fail":
            raise KeyError("body")
        if deed == "cancel":
            scope.cancel()
        if deed == "check":
            checkpoint()
        if deed == "nap":
            time.sleep(0.0005)
    finally:
        send(TAG, (number, "end"))


def launch(number, scope, cowns, planned):
    how, at, reads, deed, children = planned
    cown = read(cowns[at]) if reads else cowns[at]
    decorator = when(cown) if how == "when" else after(0.0003, cown)

    def body(cown):
        act(cown, number, scope, cowns, deed, children)

    made = decorator(body)
    send(TAG, (number, "scheduled"))
    return made


def launch_task(number, scope, cowns, planned):
    _, at, reads, deed, _ = planned

    @bocpy.aio.when(read(cowns[at]) if reads else cowns[at])
    async def body(cown):
        send(TAG, (number, "begin"))
        try:
            await asyncio.sleep(0.0005 if deed == "nap" else 0)
            if deed == "fail":
                raise KeyError("task")
            if deed == "cancel":
                scope.cancel()
            if deed == "check":
                checkpoint()
        finally:
            send(TAG, (number, "end"))

    send(TAG, (number, "scheduled"))
    return body


class Run:
    """What a program has said so far, and what each block had said when it was left."""

    def __init__(self):
        self.cowns = [Cown(0) for _ in range(COWNS)]
        self.said = Counter()
        self.left = {}
        self.numbers = count()

    def hear(self):
        while True:
            tag, what = receive(TAG, 0)
            if tag != TAG:
                return
            self.said[what] += 1

    def of(self, number):
        return [self.said[number, what] for what in ("scheduled", "begin", "end")]

    def leave(self, number, scope, made):
        """Looks at once: what is found here was so when the block was left."""
        assert scope.pending == 0
        for result in made:
            with suppress(KeyError, CancelledError):
                result.unwrap()  # RuntimeError if it is in use
        self.hear()
        scheduled, begun, ended = self.left[number] = self.of(number)
        assert begun == ended
        assert begun == scheduled or scope.cancelled
        assert begun <= scheduled

    def end(self):
        """Nothing more has been heard of a block since it was left."""
        for cown in self.cowns:
            cown.unwrap()
        quiesce(LIMIT, raise_failures=False)
        time.sleep(0.001)
        self.hear()
        assert self.left == {number: self.of(number) for number in self.left}

    def step(self, number, scope, made, step):
        """Whether it is for a block itself: one within."""
        if step == "cancel":
            scope.cancel()
        elif step == "raise":
            raise BlockError
        elif len(step) == 5:
            schedule = launch_task if step[0] == "task" else launch
            made.append(schedule(number, scope, self.cowns, step))
        else:
            return True
        return False

    def block(self, block):
        number, made = next(self.numbers), []
        settings_of_it, steps = block
        with suppress(AnyGroup, TimeoutError), behaviors(**settings_of_it) as scope:
            for step in steps:
                if self.step(number, scope, made, step):
                    self.block(step)
        self.leave(number, scope, made)

    async def async_block(self, block):
        number, made = next(self.numbers), []
        settings_of_it, steps = block
        with suppress(AnyGroup, TimeoutError):
            async with behaviors(**settings_of_it) as scope:
                for step in steps:
                    await asyncio.sleep(0)
                    if self.step(number, scope, made, step):
                        await self.async_block(step)
        self.leave(number, scope, made)


@relaxed
@given(blocks)
def test_leaving_a_block_implies_that_nothing_of_it_is_left(block):
    run = Run()
    run.block(block)
    run.end()


@relaxed
@given(async_blocks)
def test_leaving_a_block_in_an_event_loop_implies_the_same(block):
    async def main():
        run = Run()
        await run.async_block(block)
        return run

    asyncio.run(main()).end()


@relaxed
@given(blocks, st.floats(0, 0.002))
def test_a_block_that_another_thread_cancels(block, delay):
    run = Run()
    with suppress(AnyGroup, TimeoutError), behaviors() as outer:
        timer = threading.Timer(delay, outer.cancel)
        timer.start()
        run.block(block)
    timer.join()
    assert outer.pending == 0
    run.end()


def test_the_property_sees_a_block_that_does_not_wait(monkeypatch, backend):
    class Hasty:
        def __init__(self, handle):
            self.handle = handle

        def wait(self, seconds):
            return True

        def __getattr__(self, name):
            return getattr(self.handle, name)

    def hasty(patient=behaviors, **options):
        scope = patient(**options)
        scope.__class__ = HastyScope
        return scope

    class HastyScope(type(behaviors())):
        def __exit__(self, kind, error, trace):
            self._handle = Hasty(self._handle)
            return super().__exit__(kind, error, trace)

    monkeypatch.setattr(sys.modules[__name__], "behaviors", hasty)
    run = Run()
    naps = [("when", 0, False, "nap", ())] * 20
    with pytest.raises(AssertionError):
        run.block(({}, naps))
    quiesce(LIMIT)
    run.hear()
    assert run.of(0) == [20, 20, 20]
