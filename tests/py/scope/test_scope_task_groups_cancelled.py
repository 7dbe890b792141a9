"""How scopes are cancelled and misused, behavior by behavior as trio's nurseries and
asyncio's task groups are known.

Each test names one thing that programs rely on there. Where a scope differs, because a
behavior that has begun ends, the test says what holds instead. All run as a plain
block, in asyncio, and in trio if it is installed.
"""

# ruff: noqa: PT012, SIM117  what a block raises at its end is what is tested

import asyncio
import contextlib
import contextvars
import gc
import weakref

import bocpy
import pytest
from bocpy import CancelledError, Cown, FailureGroup, behaviors, when
from bocpy._failure.raise_unread import AnyGroup
from harness import LIMIT, pass_through
from task_groups import WAYS, Way, await_running, fail, flat

pytestmark = pytest.mark.usefixtures("runtime")


@pytest.fixture(params=WAYS)
def way(request):
    return Way(request.param)


# ---- cancelling ----


def test_cancel_is_no_failure_and_is_kept_inside(way):
    async def main():
        c = Cown(0)
        async with way.scope() as scope:
            scope.cancel()
            made = when(c)(lambda c: setattr(c, "value", 1))
        with pytest.raises(CancelledError):
            made.unwrap()
        return c.unwrap(), scope.cancelled

    assert way.run(main) == (0, True)


def test_cancel_twice_is_cancel_once(way):
    async def main():
        async with way.scope() as scope:
            scope.cancel()
            scope.cancel()
        scope.cancel()  # and after the end
        return scope.cancelled, scope.pending

    assert way.run(main) == (True, 0)


def test_cancelling_an_inner_block_leaves_the_outer(way):
    async def main():
        c = Cown(0)
        async with way.scope() as outer:
            async with way.scope() as inner:
                inner.cancel()
                when(c)(lambda c: setattr(c, "value", c.value + 1))
            assert inner.cancelled
            assert not outer.cancelled
            when(c)(lambda c: setattr(c, "value", c.value + 10))
        return c.unwrap()

    assert way.run(main) == 10


def test_a_child_may_cancel_its_group(way):
    async def main():
        c = Cown(0)
        async with way.scope() as scope:
            when(c)(lambda c: scope.cancel())
            made = [when(c)(lambda c: 1) for _ in range(10)]
        cancelled = 0
        for result in made:
            try:
                result.unwrap()
            except CancelledError:
                cancelled += 1
        return cancelled

    assert way.run(main) == 10


def test_a_child_that_raises_cancelled_error_unasked_has_failed(way):
    """asyncio takes it for a cancelled task. Here it means that the body used the
    result of another behavior, which was cancelled: its own work is not done."""

    async def main():
        async with way.scope():
            when()(lambda: fail(CancelledError, "of another scope"))

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [CancelledError]


def test_a_child_that_raises_cancelled_error_when_asked_is_no_failure(way, gate):
    door = gate.door

    def stop():
        pass_through(door)
        bocpy.checkpoint()

    async def main():
        async with way.scope() as scope:
            made = when()(stop)
            await_running(scope, 1)
            scope.cancel()
            gate.open()
        with pytest.raises(CancelledError):
            made.unwrap()
        return scope.pending

    assert way.run(main) == 0


def test_failures_while_cancelled_are_raised(way, gate):
    """A child that fails as it is being cancelled has failed."""
    door = gate.door

    def broken():
        pass_through(door)
        raise OSError

    async def main():
        async with way.scope() as scope:
            when()(broken)
            await_running(scope, 1)
            scope.cancel()
            gate.open()

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [OSError]


# ---- misuse ----


def test_a_scope_has_one_block(way):
    """It is refused within the block and after it, and the refusal changes nothing."""

    async def main():
        block = way.scope()
        async with block:
            with pytest.raises(RuntimeError, match="entered before"):
                async with block:
                    pass
            made = when()(lambda: "in it")
        assert made.result() == "in it"
        with pytest.raises(RuntimeError, match=r"make another with behaviors\(\)"):
            async with block:
                raise AssertionError("entered")
        assert when()(lambda: "outside").result(LIMIT) == "outside"
        assert bocpy._core._scope_current() is None

    way.run(main)


def test_a_scope_that_was_not_entered_takes_work_and_is_waited_for_by_done(way):
    """A task group refuses: a scope has `when` and `done` for bodies."""
    scope = behaviors()
    log = Cown([])
    scope.when(log)(lambda log: log.value.append(1))
    when(scope.done, log)(lambda done, log: log.value.append("done"))
    assert log.result(LIMIT) in ([1], [1, "done"])
    bocpy.quiesce(LIMIT)
    assert log.unwrap() == [1, "done"]


def test_work_after_the_end_runs_and_nobody_waits_for_it(way):
    """A closed task group refuses: a scope's handle may live in bodies that still run,
    which can ask `scope.cancelled` and have work counted by `scope.done`."""

    async def main():
        async with way.scope() as scope:
            pass
        return scope, scope.when()(lambda: 5)

    scope, made = way.run(main)
    assert made.result(LIMIT) == 5
    bocpy.quiesce(LIMIT)
    assert scope.pending == 0


def test_an_awaitable_block_needs_an_event_loop():
    async def main():
        async with behaviors():
            pass

    with pytest.raises(RuntimeError):
        main().send(None)


# ---- contexts, names, references ----


def test_the_scope_is_the_contexts_and_is_put_back(way):
    async def main():
        before = bocpy._core._scope_current()
        async with way.scope() as outer:
            assert bocpy._core._scope_current() == outer._handle
            async with way.scope() as inner:
                assert bocpy._core._scope_current() == inner._handle
            assert bocpy._core._scope_current() == outer._handle
            free = contextvars.Context().run(bocpy._core._scope_current)
            assert free is None
        assert bocpy._core._scope_current() is before

    way.run(main)


def test_a_block_that_raised_puts_the_scope_back(way):
    async def main():
        before = bocpy._core._scope_current()
        with pytest.raises(FailureGroup):
            async with way.scope():
                raise KeyError
        assert bocpy._core._scope_current() is before

    way.run(main)


def test_names_are_in_the_repr(way):
    async def main():
        async with way.scope(name="reports") as scope:
            assert repr(scope) == "<reports: 0 pending>"
            scope.cancel()
            assert repr(scope) == "<reports: cancelled>"

    way.run(main)


class Thing:
    """What can be referred to weakly."""


def test_nothing_keeps_what_a_block_raised(way):
    def leave():
        thing = Thing()

        async def main():
            async with way.scope():
                error = KeyError("kept by nobody")
                error.thing = thing
                raise error

        with contextlib.suppress(FailureGroup):
            way.run(main)
        return weakref.ref(thing)

    kept = leave()
    gc.collect()
    assert kept() is None


def test_nothing_keeps_a_scope_that_ended(way):
    def leave():
        kept = []

        async def main():
            async with way.scope() as scope:
                when()(lambda: 1)
                kept.append(weakref.ref(scope))

        way.run(main)
        return kept[0]

    kept = leave()
    gc.collect()
    assert kept() is None


# ---- tasks of an event loop that are cancelled ----


def cancelling(work, entered):
    """asyncio: cancels the task of `work` once it has entered its block."""

    async def main():
        task = asyncio.ensure_future(work())
        await entered.wait()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return task, "cancelled"
        except FailureGroup as group:
            return task, [*flat(group)]
        return task, "ended"

    return main()


def test_cancelling_the_task_in_the_block():
    entered = asyncio.Event()

    async def work():
        async with behaviors():
            entered.set()
            await asyncio.sleep(LIMIT)

    task, how = asyncio.run(cancelling(work, entered))
    assert how == "cancelled"
    assert task.cancelled()


def test_cancelling_the_task_while_it_waits_for_children(gate):
    door, made, scopes = gate.door, [], []
    entered = asyncio.Event()

    async def work():
        async with behaviors() as scope:
            scopes.append(scope)
            made.append(when()(lambda: pass_through(door)))
            await_running(scope, 1)
            asyncio.get_running_loop().call_later(0.02, gate.open)
            entered.set()

    _, how = asyncio.run(cancelling(work, entered))
    assert how == "cancelled"
    assert scopes[0].pending == 0  # what had begun was waited for all the same
    assert made[0].unwrap() is None


def test_cancelling_the_task_of_nested_blocks_cancels_both():
    entered, scopes = asyncio.Event(), []

    async def work():
        async with behaviors() as outer:
            async with behaviors() as inner:
                scopes.extend([outer, inner])
                entered.set()
                await asyncio.sleep(LIMIT)

    _, how = asyncio.run(cancelling(work, entered))
    assert how == "cancelled"
    assert all(scope.cancelled for scope in scopes)


def test_a_block_that_handles_its_cancellation_goes_on():
    entered, after = asyncio.Event(), []

    async def work():
        async with behaviors() as scope:
            entered.set()
            try:
                await asyncio.sleep(LIMIT)
            except asyncio.CancelledError:
                after.append(scope.cancelled)
        c = when()(lambda: 3)
        after.append(await c)

    _, how = asyncio.run(cancelling(work, entered))
    assert how == "ended"
    assert after == [False, 3]


def test_a_block_within_a_task_group():
    """Both wait for what is theirs, and one's failure cancels the other."""
    if not hasattr(asyncio, "TaskGroup"):
        return

    async def main():
        c = Cown(0)
        async with asyncio.TaskGroup() as group:

            async def work(n):
                async with behaviors():
                    when(c)(lambda c: setattr(c, "value", c.value + n))

            for n in range(10):
                group.create_task(work(n))
        assert await c == 45
        scopes = []

        async def wait_long(entered):
            async with behaviors() as scope:
                scopes.append(scope)
                entered.set()
                await asyncio.sleep(LIMIT)

        async def broken(entered):
            await entered.wait()
            async with behaviors():
                when()(lambda: fail(KeyError))

        with pytest.raises(AnyGroup) as caught:
            async with asyncio.TaskGroup() as group:
                entered = asyncio.Event()
                group.create_task(wait_long(entered))
                group.create_task(broken(entered))
        assert [*flat(caught.value)] == [KeyError]
        assert scopes[0].cancelled

    asyncio.run(main())


def test_a_timeout_around_a_block():
    if not hasattr(asyncio, "timeout"):
        return

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                async with behaviors() as scope:
                    await asyncio.sleep(LIMIT)
        return scope.cancelled, asyncio.current_task().cancelling()

    assert asyncio.run(main()) == (True, 0)


if "trio" in WAYS:

    def test_a_cancel_scope_of_trio_around_a_block(gate):
        import trio

        door, made = gate.door, []

        async def main():
            with trio.move_on_after(0.02) as around:
                async with behaviors() as scope:
                    made.append(when()(lambda: pass_through(door)))
                    await_running(scope, 1)
                    try:
                        await trio.sleep(LIMIT)
                    finally:
                        gate.open()
            return around.cancelled_caught, scope.cancelled, scope.pending

        assert trio.run(main) == (True, True, 0)
        assert made[0].unwrap() is None

    def test_a_block_within_a_nursery():
        import trio

        async def main():
            c = Cown(0)
            async with trio.open_nursery() as nursery:

                async def work(n):
                    async with behaviors():
                        when(c)(lambda c: setattr(c, "value", c.value + n))

                for n in range(10):
                    nursery.start_soon(work, n)
            return await c

        assert trio.run(main) == 45
