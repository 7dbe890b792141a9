"""What loops leave behind: no memory, no descriptors, no threads."""

import asyncio
import ctypes
import gc
import os
import sys
import threading

import bocpy
import pytest
from bocpy import Cown, when
from event_loops import Asyncio
from harness import FREE_THREADED, start_workers

pytestmark = [
    pytest.mark.usefixtures("runtime"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


class Mallinfo2(ctypes.Structure):
    """As the manual page mallinfo(3) has it."""

    NAMES = (
        "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    )
    _fields_ = [(name, ctypes.c_size_t) for name in NAMES.split()]


def in_use():
    """Blocks of Python's allocator, and kilobytes of malloc (0 if it cannot tell).
    Unlike resident memory they do not depend on where free memory lies."""
    gc.collect()
    libc = ctypes.CDLL(None)
    kilobytes = 0
    if hasattr(libc, "mallinfo2"):  # glibc 2.33
        libc.mallinfo2.restype = Mallinfo2
        info = libc.mallinfo2()
        kilobytes = (info.uordblks + info.hblkhd) // 1024
    return sys.getallocatedblocks(), kilobytes


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
    """Each round has 500 tasks wait for a cown that another one holds. What is in use
    after a round is the same each time; one block for every tenth task would show."""
    used, count = [], 500

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
            used.append(in_use())

    start_workers(2)
    library.run(rounds)
    blocks, kilobytes = zip(*used, strict=True)
    assert min(blocks[-4:]) - max(blocks[8:12]) < 12 * count / 10
    assert min(kilobytes[-4:]) - max(kilobytes[8:12]) < 12 * count * 16 / 1024


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
    c, used = Cown(1), []

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
        used.append(in_use())
    assert descriptors() <= files
    blocks, kilobytes = zip(*used, strict=True)
    # one block for each loop; a free-threaded build frees some later
    bound = 6 * 20 * (2 if FREE_THREADED else 1)
    assert min(blocks[-2:]) - max(blocks[4:6]) < bound
    assert min(kilobytes[-2:]) - max(kilobytes[4:6]) < 6 * 20 * 256 / 1024
    Asyncio.run(use_a_loop)
