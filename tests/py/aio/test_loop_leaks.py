"""What loops leave behind: no memory, no descriptors, no threads."""

import asyncio
import gc
import os
import sys
import threading

import bocpy
import pytest
from bocpy import Cown, when
from event_loops import Asyncio
from harness import rss, start_workers

pytestmark = [
    pytest.mark.usefixtures("runtime"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


async def await_it(c):
    return await c


async def hold_it(c):
    async with c as value:
        return value


async def run_a_body(c):
    @bocpy.aio.when(c)
    async def body(c):
        return c.value

    return await body


@pytest.mark.parametrize("wait", [await_it, hold_it, run_a_body])
def test_tasks_that_wait_at_once_leave_no_memory(library, wait):
    """Each round has 500 tasks wait for a cown that another one holds. The allocators
    take memory in the first of them; a leak of 64 bytes for each task would show."""
    sizes, count = [], 500

    async def main():
        c = Cown(1)
        held = library.Event()
        left = count

        async def one():
            nonlocal left
            left -= 1
            assert await wait(c) == 1

        async def hold():
            async with c:
                held.set()
                while left:
                    await library.sleep(0)

        async def all_of_them():
            await held.wait()
            await library.gather(*[one] * count)

        await library.gather(hold, all_of_them)

    async def rounds():
        for _ in range(24):
            await main()
            gc.collect()
            sizes.append(rss())

    start_workers(2)
    library.run(rounds)
    assert sizes[-1] - sizes[11] < 12 * count * 64


def descriptors():
    return len(os.listdir("/proc/self/fd"))


async def use_a_loop():
    c = Cown(1)
    async with c as value:
        assert value == 1
    assert await when(c)(lambda c: c.value) == 1
    await bocpy.aio.quiesce()


def test_loops_in_a_row_leave_no_descriptors(library):
    library.run(use_a_loop)
    gc.collect()
    files, threads = descriptors(), threading.active_count()
    for _ in range(50):
        library.run(use_a_loop)
    gc.collect()
    assert descriptors() <= files
    assert threading.active_count() == threads


def test_loops_that_are_closed_with_waiters_leave_no_memory():
    """A loop is closed while a task of it waits for a cown that is held."""
    c, sizes = Cown(1), []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        waiting = [asyncio.ensure_future(hold_it(c)) for _ in range(20)]
        await asyncio.sleep(0)
        return len(waiting)

    def close_one():
        loop = asyncio.new_event_loop()
        with c:
            assert loop.run_until_complete(main()) == 20
            loop.close()

    start_workers(2)
    close_one()
    gc.collect()
    files = descriptors()
    for _ in range(12):
        for _ in range(20):
            close_one()
        gc.collect()
        sizes.append(rss())
    assert descriptors() <= files
    assert sizes[-1] - sizes[5] < 6 * 20 * 2_000  # of which one loop is more
    Asyncio.run(use_a_loop)
