"""A task whose awaits need not wait leaves the event loop its turns."""

from functools import partial

import bocpy
import pytest
from bocpy import when

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
