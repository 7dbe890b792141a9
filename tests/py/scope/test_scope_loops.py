"""Scopes in event loops: blocks that are awaited, tasks, asynchronous behaviors."""

# ruff: noqa: PT012  what a block raises at its end is what is tested

import asyncio

import bocpy
import pytest
from bocpy import (
    CancelledError,
    Cown,
    behaviors,
    cancelled,
    checkpoint,
    read,
    when,
)
from harness import LIMIT, pass_through, run_async

pytestmark = pytest.mark.usefixtures("runtime")


def test_async_with():
    async def main():
        c = Cown(0)
        async with behaviors() as scope:
            for _ in range(10):
                when(c)(lambda c: setattr(c, "value", c.value + 1))
        assert scope.pending == 0
        assert await c == 10

    run_async(main)


def test_async_failures_and_cancellation(gate):
    door = gate.door

    async def main():
        with pytest.raises(bocpy.FailureGroup) as caught:
            async with behaviors():

                @when()
                def broken():
                    raise KeyError("missing")

        assert [type(error) for error in caught.value.exceptions] == [KeyError]
        with pytest.raises(TimeoutError, match=r"0\.02"):
            async with behaviors(timeout=0.02):
                slow = when()(lambda: pass_through(door))
                asyncio.get_running_loop().call_later(0.1, gate.open)
        assert await slow is None

    asyncio.run(main())


def test_a_failure_that_an_async_block_raises_is_not_reported_too(backend, program):
    done = program("""
        import asyncio
        from bocpy import FailureGroup, behaviors, wait, when

        async def main():
            try:
                async with behaviors():

                    @when()
                    def broken():
                        raise KeyError("missing")

            except FailureGroup as group:
                print(group.exceptions)

        asyncio.run(main())
        wait()
    """)
    assert done.out == "(KeyError('missing'),)\n"
    assert done.err == ""


def test_a_task_that_is_cancelled_cancels_its_scope(gate):
    door = gate.door
    made = []

    async def work():
        async with behaviors():
            c = Cown(0)
            when(c)(lambda c: pass_through(door))
            made.append(when(c)(lambda c: 1))

    async def main():
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.sleep(0)
        gate.open()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(CancelledError):
            await made[0]

    asyncio.run(main())


def test_room():
    async def main():
        c = Cown(0)
        async with behaviors(limit=3) as scope:
            for _ in range(50):
                await scope.room()
                assert scope.pending < 3
                when(c)(lambda c: setattr(c, "value", c.value + 1))
        assert await c == 50
        with pytest.raises(RuntimeError, match="limit"):
            await behaviors().room()

    run_async(main)


def test_tasks_have_scopes_of_their_own():
    async def main():
        async def work(n):
            c = Cown(0)
            async with behaviors() as scope:
                for _ in range(n):
                    when(c)(lambda c: setattr(c, "value", c.value + 1))
                    await asyncio.sleep(0)
            assert (scope.pending, await c) == (0, n)

        await asyncio.gather(*(work(n) for n in range(1, 8)))

    asyncio.run(main())


def test_a_scope_counts_asynchronous_behaviors():
    async def main():
        c, order = Cown(0), []
        async with behaviors() as scope:

            @bocpy.aio.when(c)
            async def outer(c):
                await asyncio.sleep(0.01)
                when(c)(lambda c: setattr(c, "value", 7))
                order.append("outer")
                return 1

            @bocpy.aio.when(read(c), Cown(1))
            async def second(c, _other):
                await asyncio.sleep(0.01)
                order.append(c.value)

            assert scope.pending == 2
        assert scope.pending == 0
        assert order == ["outer", 0]
        assert await c == 7
        assert await outer == 1

    asyncio.run(main())


def test_a_cancelled_scope_starts_no_asynchronous_behavior(gate):
    door = gate.door

    async def main():
        c, begun = Cown(0), []
        when(c)(lambda c: pass_through(door))
        async with behaviors() as scope:

            async def body(c):
                begun.append(c)

            waiting = [bocpy.aio.when(c)(body) for _ in range(3)]
            assert scope.pending == 3
            scope.cancel()
            late = bocpy.aio.when(Cown(1))(body)
            gate.open()
        assert scope.pending == 0
        assert begun == []
        for made in [*waiting, late]:
            with pytest.raises(CancelledError, match="before it began"):
                await made

    asyncio.run(main())


def test_a_failed_asynchronous_behavior_cancels_its_scope():
    async def main():
        c = Cown(0)
        with pytest.raises(bocpy.FailureGroup, match="1 behavior failed") as caught:
            async with behaviors():

                @bocpy.aio.when(c)
                async def broken(c):
                    await asyncio.sleep(0)
                    raise KeyError("missing")

                rest = [when(c)(lambda c: None)]

                @bocpy.aio.when(c)
                async def never(c):
                    pass

                rest.append(never)
        assert [type(error) for error in caught.value.exceptions] == [KeyError]
        for made in rest:
            with pytest.raises(CancelledError, match="before it began"):
                await made

    asyncio.run(main())


def test_an_asynchronous_body_sees_that_its_scope_is_cancelled():
    async def main():
        with pytest.raises(TimeoutError, match="1 behavior still pending"):
            async with behaviors(timeout=0.02):

                @bocpy.aio.when(Cown(0))
                async def asks(c):
                    while not cancelled():
                        await asyncio.sleep(0.001)
                    checkpoint()

        with pytest.raises(CancelledError):
            await asks

    asyncio.run(main())


def test_a_cancelled_task_is_no_failure_of_its_scope():
    async def main():
        async with behaviors() as scope:

            @bocpy.aio.when(Cown(0))
            async def endless(c):
                asyncio.current_task().cancel()
                await asyncio.sleep(LIMIT)

        assert not scope.cancelled
        with pytest.raises(CancelledError, match="task"):
            await endless

    asyncio.run(main())


def test_a_block_that_blocks_its_loop_refuses_asynchronous_behaviors():
    async def main():
        async def body(c):
            return c.value

        with behaviors():
            with pytest.raises(RuntimeError, match="async with behaviors"):
                bocpy.aio.when(Cown(0))(body)
            async with behaviors():
                inner = bocpy.aio.when(Cown(1))(body)
            assert await inner == 1
        assert await bocpy.aio.when(Cown(2))(body) == 2

    with behaviors():
        asyncio.run(main())


def test_a_loop_that_ends_with_asynchronous_behaviors_leaves_none():
    async def main():
        async def body(c):
            await asyncio.sleep(LIMIT)

        made.extend(bocpy.aio.when(c)(body) for _ in range(2))
        await asyncio.sleep(0.01)

    c, made = Cown(0), []
    with behaviors() as scope:
        asyncio.run(main())
    assert scope.pending == 0
    for result in made:
        with pytest.raises(CancelledError, match="task"):
            result.result()
    assert c.result() == 0


def test_a_timeout_names_asynchronous_behaviors():
    """Those that run in the scope, and no other's."""

    async def main():
        over = asyncio.Event()

        async def elsewhere():
            async with behaviors():

                @bocpy.aio.when()
                async def foreign():
                    await over.wait()

        other = asyncio.ensure_future(elsewhere())
        asyncio.get_running_loop().call_later(0.2, over.set)
        c = Cown(0)
        with pytest.raises(TimeoutError) as caught:
            async with behaviors("reports", timeout=0.05):

                @bocpy.aio.when(c)
                async def slow(c):
                    await over.wait()

                @bocpy.aio.when(c)
                async def behind(c):
                    pass

        await other
        return str(caught.value)

    text = asyncio.run(main())
    assert "slow' (" in text
    assert "foreign" not in text
    assert "behind" not in text
    assert __file__ in text
