"""`async with cown` and `bocpy.aio.hold`: tasks that hold cowns."""

# ruff: noqa: PT031  a task that has ended warns some turns of the loop later

import asyncio
import re
import time

import bocpy
import pytest
from bocpy import Cown, read, when
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


def test_holding_excludes_behaviors_and_tasks(library):
    async def main():
        c, log = Cown(0), []

        async def task(i):
            async with c as value:
                log.append(value)
                when(c)(lambda c: setattr(c, "value", c.value + 100))
                await library.sleep(0.001)
                assert c.value == value
                c.value += 1

        await library.gather(*(lambda i=i: task(i) for i in range(5)))
        assert await c == 505
        assert len(set(log)) == 5

    library.run(main)


def test_holding_belongs_to_the_task(library):
    async def main():
        c, shared = Cown([1]), Cown("read")

        async def other():
            for cown in (c, shared):
                assert not cown.acquired
                with pytest.raises(RuntimeError, match="not held here"):
                    assert cown.value
                with pytest.raises(RuntimeError, match="event loop"):
                    cown.acquire()

        async with bocpy.aio.hold(c, read(shared)) as (items, text):
            items.append(text)
            assert c.acquired
            assert c.value == [1, "read"]
            assert shared.value == "read"
            with pytest.raises(RuntimeError, match="only reads"):
                shared.value = 1
            await library.gather(other)
        with pytest.raises(RuntimeError, match="not held here"):
            assert c.value
        assert await c == [1, "read"]

    library.run(main)


def test_more_while_holding_is_refused(library):
    async def main():
        a, b = Cown(1), Cown(2)
        async with a:
            assert await a == 1
            with pytest.raises(RuntimeError, match="at once"):
                async with b:
                    pass
            with pytest.raises(RuntimeError, match="at once"):
                await b
            with pytest.raises(RuntimeError, match="at once"):
                b.result()
            for call in (bocpy.wait, bocpy.quiesce):
                with pytest.raises(RuntimeError, match="task"):
                    call()
            with pytest.raises(RuntimeError, match="block"):
                await bocpy.aio.quiesce()
        async with b:
            pass

    library.run(main)


def test_several_at_once_do_not_deadlock(library):
    async def main():
        a, b = Cown(0), Cown(0)

        async def task(first, second):
            for _ in range(30):
                async with bocpy.aio.hold(first, second):
                    await library.sleep(0)
                    first.value += 1
                    second.value += 1

        await library.gather(lambda: task(a, b), lambda: task(b, a))
        assert await a == await b == 60

    library.run(main)


def test_groups_and_nothing(library):
    async def main():
        cowns = [Cown(i) for i in range(3)]
        async with bocpy.aio.hold(cowns, Cown("x")) as (numbers, x):
            assert (numbers, x) == ([0, 1, 2], "x")
        async with bocpy.aio.hold() as nothing:
            assert nothing == ()
        with pytest.raises(TypeError, match="argument 2"):
            async with bocpy.aio.hold(cowns[0], 3):
                pass

    library.run(main)


def test_a_hold_that_is_cancelled_before_the_grant(library, gate):
    door = gate.door

    async def main():
        c = Cown(1)
        when(c)(lambda c: pass_through(door))

        async def hold():
            async with c:
                raise AssertionError("held")

        assert not await library.within(0.02, hold)
        gate.open()
        async with c as value:
            assert value == 1

    library.run(main)


def test_acquire_cancelled_at_any_moment_strand_nobody(library):
    async def main():
        c = Cown(0)

        async def hold():
            async with c:
                await library.sleep(0)
                c.value += 1

        for i in range(200):
            when(c)(lambda c: None)
            await library.within(i * 2e-6, hold)
        async with c as value:
            assert value <= 200
        await bocpy.aio.quiesce(timeout=LIMIT)

    library.run(main)


def test_a_grant_that_is_cancelled_in_the_same_tick():
    async def main():
        c = Cown(0)

        async def hold():
            async with c:
                await asyncio.sleep(LIMIT)

        async with c:
            task = asyncio.ensure_future(hold())
            await asyncio.sleep(0)
        time.sleep(0.02)  # the grant is on its way, and no task takes it
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with c:
            pass

    asyncio.run(main())


# ---- tasks that end while they hold ----


def test_a_task_that_enters_by_hand_and_ends_gives_back(library):
    """The cown is others' to use at once, with what the task has changed, and a warning
    says what has happened."""

    async def main():
        c = Cown([1])

        async def by_hand():
            value = await c.__aenter__()
            value.append(2)

        async def asks():
            assert await c == [1, 2]

        with pytest.warns(
            RuntimeWarning, match="by_hand.* has ended while it held cowns"
        ):
            await library.gather(by_hand)
            assert await library.within(LIMIT, asks)
        async with c as value:
            assert value == [1, 2]

    library.run(main)


def test_a_task_that_is_kept_after_its_end_holds_nothing():
    async def main():
        c = Cown(1)

        async def by_hand():
            await c.__aenter__()
            raise KeyError("task")

        task = asyncio.ensure_future(by_hand())
        with pytest.warns(RuntimeWarning, match="<Task finished.*by_hand"):
            with pytest.raises(KeyError):
                await task
            assert await asyncio.wait_for(c, LIMIT) == 1
        assert task.done()

    asyncio.run(main())


def test_no_later_task_inherits_what_a_task_held(library):
    """Tasks are known by their addresses, which are used again."""

    async def main():
        c = Cown(1)

        async def by_hand():
            await c.__aenter__()

        async def other():
            assert not c.acquired

        with pytest.warns(RuntimeWarning, match="ended while it held"):
            await library.gather(by_hand)
            await library.gather(*[other] * 50)

    library.run(main)


def test_the_end_by_hand_releases(library, recwarn):
    async def main():
        c = Cown(1)
        assert await c.__aenter__() == 1
        await c.__aexit__(None, None, None)
        assert not c.acquired
        async with c:
            pass

    library.run(main)
    assert not recwarn.list


def test_a_task_that_has_held_has_no_callback_left():
    async def main():
        c, task = Cown(1), asyncio.current_task()
        for _ in range(3):
            async with c:
                pass
        assert "task_has_ended" not in repr(task)
        async with c:
            assert "task_has_ended" in repr(task)
        assert "task_has_ended" not in repr(task)

    asyncio.run(main())


def test_code_that_is_no_task_cannot_hold():
    async def hold(c):
        async with c:
            raise AssertionError("held")

    async def main():
        c, said = Cown(1), []

        def drive():
            try:
                hold(c).send(None)
            except RuntimeError as error:
                said.append(str(error))

        asyncio.get_running_loop().call_soon(drive)
        await asyncio.sleep(0.01)
        assert re.search("no event loop|runs in none", said[0])  # sniffio asks first
        async with c:
            pass

    asyncio.run(main())


def test_a_hold_has_one_block_at_a_time(library):
    async def main():
        c = Cown(1)
        shared = bocpy.aio.hold(read(c))

        async def again():
            with pytest.raises(RuntimeError, match="for each block"):
                async with shared:
                    pass

        async with shared as (value,):
            await library.gather(again)
            assert value == c.value == 1
        async with shared as (value,):
            assert value == 1
        async with c:
            pass

    library.run(main)


def test_another_task_cannot_leave_a_block(library):
    async def main():
        c, shared = Cown(1), Cown(2)
        entered = [bocpy.aio.hold(c, read(shared))]
        left = []

        async def holder():
            await entered[0].__aenter__()
            await library.gather(meddler)
            assert c.acquired
            await entered[0].__aexit__(None, None, None)

        async def meddler():
            for leave in (c.__aexit__, entered[0].__aexit__):
                with pytest.raises(
                    RuntimeError, match=r"^task '.*holder.* holds what this block holds"
                ):
                    await leave(None, None, None)
                left.append(leave)

        await library.gather(holder)
        assert len(left) == 2
        assert await c == 1

    library.run(main)


def test_what_no_task_holds_is_not_left_in_silence(library, gate):
    door = gate.door

    async def main():
        c = Cown(1)
        await c.__aexit__(None, None, None)  # nothing holds it
        with pytest.raises(RuntimeError, match="has no block to leave"):
            await bocpy.aio.hold(c).__aexit__(None, None, None)
        with (
            c,
            pytest.raises(RuntimeError, match=r"by acquire\(\).*: call release\(\)"),
        ):
            await c.__aexit__(None, None, None)
        body = when(c)(lambda c: bocpy.send("begun", 1) or pass_through(door))
        assert (await bocpy.aio.receive("begun", LIMIT))[1] == 1
        with pytest.raises(RuntimeError, match="a behavior holds this cown"):
            await c.__aexit__(None, None, None)
        gate.open()
        await body

    library.run(main)


def test_a_hold_in_a_plain_with_says_what_to_write():
    write = r"write `async with`, or use bocpy\.acquire"
    with pytest.raises(TypeError, match=write), bocpy.aio.hold(Cown(1)):
        pass
