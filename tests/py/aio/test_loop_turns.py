"""A task whose awaits need not wait leaves the event loop its turns."""

import itertools
import select
import sys
import time
from functools import partial
from types import SimpleNamespace

import bocpy
import pytest
from bocpy import Cown, PinnedCown, _core, read, when
from bocpy._loops import turn_budgets
from bocpy._loops.turn_budgets import MAX_WOKEN, MIN_WOKEN, TurnSize
from harness import LIMIT, pass_through

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


def test_the_size_of_a_turn_follows_its_time(monkeypatch):
    """Also if a turn wakes all that can go on, as it mostly does. It falls at once, and
    grows slowly."""
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr(turn_budgets, "time", clock)
    size, woken = TurnSize(), []
    for microseconds in [4] * 30 + [100] * 3 + [4] * 30:
        woken.append(size.next(150))
        clock.now += woken[-1] * microseconds * 1e-6
    assert woken[0] == MIN_WOKEN
    assert woken[29] == 150
    assert max(woken[31:33]) <= MIN_WOKEN
    assert woken[-1] == 150
    assert all(8 * late <= 9 * early for early, late in itertools.pairwise(woken))
    assert woken[33 + 6] < 2 * MIN_WOKEN + 1
    size.end()
    clock.now += 60
    assert size.next(1_000) == MAX_WOKEN


@pytest.mark.skipif(sys.platform == "win32", reason="select() is for sockets there")
def test_a_queue_gives_some_completions_and_keeps_the_rest(gate):
    """What is left makes the descriptor readable again, and is still in order."""
    door, c = gate.door, Cown(0)
    when(c)(lambda c: pass_through(door))
    queue = _core._CompletionQueue()
    grants = [_core._Grant(queue, (read(c),)) for _ in range(20)]
    gate.open()
    sizes, taken = [], []
    while len(taken) < 20:
        assert select.select([queue.fileno()], [], [], LIMIT)[0]
        some = queue.take(7)
        sizes.append(len(some))
        taken += some
    assert max(sizes) <= 7
    assert set(taken) == set(grants)
    assert queue.take(7) == queue.take() == []
    assert not select.select([queue.fileno()], [], [], 0)[0]
    for grant in grants:
        grant.end()
    queue.close()


def test_a_queue_that_gives_few_completions_tells_of_the_lane_too(gate):
    """It tells of the lane beside them; those that nobody waits for are dropped."""
    door, c, pinned = gate.door, Cown(0), PinnedCown([])
    when(c)(lambda c: pass_through(door))
    queue = _core._CompletionQueue()
    queue.listen()
    grants = [_core._Grant(queue, (read(c),)) for _ in range(6)]
    ran = when(pinned, c)(lambda pinned, c: pinned.value.append(1))
    gate.open()
    given, left = [], set(grants)
    while len(set(given) - {None}) < 3 or None not in given:
        assert queue.wait(LIMIT)
        some = queue.take(1)
        assert len([each for each in some if each is not None]) <= 1
        given += some
        # the last three are given up; the first to be given may be one of them
        for grant in {*grants[3:], *some} - {None}:
            grant.end()
        left -= set(grants[3:])
        assert set(given[1:]) <= left | {None}
    assert queue.take(0) == []
    while _core._pump_some(64):
        pass
    queue.close()
    assert ran.result(timeout=LIMIT) is None
