"""A task whose awaits need not wait leaves the event loop its turns."""

import time
from functools import partial

import bocpy
import pytest
from bocpy import Cown, when
from bocpy._loops import MAX_WOKEN

pytestmark = pytest.mark.usefixtures("runtime")


async def result_again(done):
    await done


async def hold_again(done):
    async with done as _:
        pass


async def take_message(done):
    bocpy.send("turns", 1)
    await bocpy.aio.receive("turns")


async def room_again(done):
    with bocpy.behaviors(limit=2) as scope:
        await scope.room()


@pytest.mark.parametrize("once", [result_again, hold_again, take_message, room_again])
def test_a_task_that_never_waits_leaves_the_loop_to_others(library, once):
    """What it awaits is always there; another task has its turns, and can end it."""

    async def main():
        done = when()(lambda: 1)
        await done
        over = False
        turns = most = 0

        async def eager():
            nonlocal turns
            while not over:
                await once(done)
                turns += 1
                assert turns < 100_000

        async def other():
            nonlocal over, turns, most
            for _ in range(100):
                await library.sleep(0)
                most, turns = max(most, turns), 0
            over = True

        await library.gather(eager, other)
        return most

    outcomes = []

    async def keep():
        outcomes.append(await main())

    library.run(keep)
    assert outcomes[0] <= 64


def test_many_tasks_that_never_wait_make_no_turn_long(library):
    """A turn of the loop has one await of each task, and a few at once."""

    async def main():
        done = when()(lambda: 1)
        await done
        counts = [0] * 1000
        over = False

        async def eager(i):
            while not over:
                await done
                counts[i] += 1

        async def other():
            nonlocal over
            for _ in range(20):
                await library.sleep(0)
            over = True

        await library.gather(other, *(partial(eager, i) for i in range(len(counts))))
        turns = 20 + 2  # of which the first and the last may be parts
        assert sum(counts) <= turns * (len(counts) + 64)

    library.run(main)


def test_tasks_that_can_go_on_at_once_share_a_turn_by_its_time(library):
    """1,000 tasks wait for one cown, and each takes 50 us once it goes on: a turn of
    the loop takes about a millisecond, so it wakes some 20 of them."""

    async def main():
        c, held = Cown(1), library.Event()
        begun, counts = 0, [0]

        async def one():
            nonlocal begun
            await held.wait()
            begun += 1
            assert await c == 1
            counts[-1] += 1
            end = time.perf_counter() + 50e-6
            while time.perf_counter() < end:
                pass

        async def hold():
            async with c:
                held.set()
                while begun < 1000:
                    await library.sleep(0)

        async def count():
            while sum(counts) < 1000:
                counts.append(0)
                await library.sleep(0)

        await library.gather(hold, count, *[one] * 1000)
        return [number for number in counts if number]

    numbers = []

    async def keep():
        numbers.extend(await main())

    library.run(keep)
    # trio runs the tasks of a turn in any order, so two turns may be counted as one
    assert max(numbers) <= 2 * MAX_WOKEN
    assert max(numbers[3:]) <= 100
