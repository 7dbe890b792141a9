"""The cost of bocpy in an event loop and as an executor, beside the usual executors.

    python benchmarks/py/loops.py [--backend threads] [--rounds 7] [--only executor]

Each section prints a table; the rows of one are measured in turn in each round, and a
figure is the median over the rounds. Compare within a table.

- `executor`: microseconds for each tiny task (`int`) of many that are submitted at
  once and whose results are all taken, by ThreadPoolExecutor and by BocExecutor, both
  of two workers.
- `await`: microseconds for a behavior that is scheduled and awaited, beside
  `run_in_executor` of a ThreadPoolExecutor on the same loop, one after the other and
  64 at a time.
- `flight`: many tasks that all await results at the same time; bytes of resident
  memory for each, and the growth from the second round to the last.
- `gap`: the longest time that the loop had no turn while 1,000 tasks schedule and
  await without a pause, milliseconds: the median and the worst round.
- `each`: microseconds for each empty behavior of one `when_each`: CPU of the
  scheduling thread, time until the call returns, and until all have ended.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

import bocpy

Samples = dict[str, list[float]]


def nothing() -> int:
    return 1


def print_rows(title: str, rows: Samples, base: str | None = None) -> None:
    print(title)
    for name, samples in rows.items():
        middle = statistics.median(samples)
        line = f"  {name:34}{middle:10.2f}  least {min(samples):9.2f}"
        line += f"  most {max(samples):9.2f}"
        if base is not None and name != base:
            line += f"  ratio {middle / statistics.median(rows[base]):.2f}"
        print(line)


# ---- executor ----


def submit_all(executor: Executor, tasks: int) -> float:
    began = time.perf_counter()
    for future in [executor.submit(int) for _ in range(tasks)]:
        future.result()
    return (time.perf_counter() - began) / tasks * 1e6


def measure_executor(rounds: int) -> None:
    rows: Samples = {"ThreadPoolExecutor": [], "BocExecutor": []}
    with ThreadPoolExecutor(2) as pool, bocpy.BocExecutor(2) as ours:
        submit_all(pool, 2_000)
        submit_all(ours, 2_000)
        for _ in range(rounds):
            rows["ThreadPoolExecutor"].append(submit_all(pool, 5_000))
            rows["BocExecutor"].append(submit_all(ours, 5_000))
    print_rows("executor, us a task", rows, "ThreadPoolExecutor")


# ---- await ----


async def by_behaviors(times: int) -> None:
    for _ in range(times):
        await bocpy.when()(nothing)


async def by_behaviors_over(times: int) -> None:
    cown = bocpy.Cown(0)
    for _ in range(times):
        await bocpy.when(cown)(lambda cown: 1)


async def by_pool(times: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(times):
        await loop.run_in_executor(None, nothing)


async def timed(work: Callable[[int], object], times: int, tasks: int) -> float:
    began = time.perf_counter()
    await asyncio.gather(*(work(times) for _ in range(tasks)))  # type: ignore[call-overload]
    return (time.perf_counter() - began) / times / tasks * 1e6


async def measure_await(rounds: int) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(2))
    works = {
        "run_in_executor": by_pool,
        "when() + await": by_behaviors,
        "when(cown) + await": by_behaviors_over,
    }
    for tasks, times in ((1, 1_000), (64, 50)):
        rows: Samples = {name: [] for name in works}
        for work in works.values():
            await timed(work, times, tasks)
        for _ in range(rounds):
            for name, work in works.items():
                rows[name].append(await timed(work, times, tasks))
        print_rows(f"await, {tasks} at a time, us each", rows, "run_in_executor")


# ---- flight ----


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


async def measure_flight(rounds: int, tasks: int) -> None:
    async def one(cown: bocpy.Cown[int]) -> int:
        return await cown

    after, each, seconds = [], [], []
    for _ in range(rounds):
        began = time.perf_counter()
        before = resident()
        cown = bocpy.Cown(0)
        async with cown as _:  # nothing over it runs until all await
            results = [bocpy.when(cown)(lambda cown: 1) for _ in range(tasks)]
            flying = [asyncio.ensure_future(one(result)) for result in results]
            await asyncio.sleep(0)  # a turn in which every task begins to await
            each.append((resident() - before) / tasks)
            threads = threading.active_count()
        total = sum(await asyncio.gather(*flying))
        assert total == tasks
        del results, flying
        seconds.append(time.perf_counter() - began)
        after.append(resident() / 1e6)
    print(f"flight, {tasks} awaits at the same time")
    print(f"  bytes for each, first round         {each[0]:10.0f}")
    print(f"  threads of Python                   {threads:10}")
    print(f"  us for each, schedule to outcome    {min(seconds) / tasks * 1e6:10.2f}")
    print(
        f"  resident MB after each round        {' '.join(f'{m:.0f}' for m in after)}"
    )


# ---- gap ----


async def longest_gap(seconds: float, load: int) -> float:
    stop = False
    cowns = [bocpy.Cown(0) for _ in range(100)]

    async def client(i: int) -> None:
        while not stop:
            await bocpy.when(cowns[i % 100])(lambda cown: 1)

    clients = [asyncio.ensure_future(client(i)) for i in range(load)]
    await asyncio.sleep(0.1)  # until all clients have begun and the load is even
    longest = 0.0
    end = last = time.perf_counter()
    end += seconds
    while last < end:
        await asyncio.sleep(0)  # the turn of the loop that is measured
        now = time.perf_counter()
        longest = max(longest, now - last)
        last = now
    stop = True
    await asyncio.gather(*clients)
    return longest * 1e3


async def measure_gap(rounds: int) -> None:
    rows: Samples = {}
    for load in (10, 100, 1_000):
        name = f"{load} tasks that await"
        rows[name] = [await longest_gap(0.5, load) for _ in range(rounds)]
    print_rows("gap, longest in 0.5 s, ms", rows)


# ---- each ----


def measure_each(rounds: int, behaviors: int) -> None:
    rows: Samples = {
        "CPU of the thread": [],
        "until it returns": [],
        "until the end": [],
    }
    cowns = [bocpy.Cown(None) for _ in range(behaviors)]
    for _ in range(rounds + 1):
        cpu, began = time.thread_time(), time.perf_counter()
        results = bocpy.when_each(cowns, len_of_none)
        cpu, called = time.thread_time() - cpu, time.perf_counter() - began
        bocpy.quiesce()
        ended = time.perf_counter() - began
        for name, value in zip(rows, (cpu, called, ended), strict=True):
            rows[name].append(value / behaviors * 1e6)
        del results
    for samples in rows.values():
        del samples[0]
    print_rows(f"each, {behaviors} empty behaviors, us each", rows)


def len_of_none(cown: bocpy.Cown[None]) -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sections = {
        "executor": lambda: measure_executor(given.rounds),
        "await": lambda: asyncio.run(measure_await(given.rounds)),
        "flight": lambda: asyncio.run(measure_flight(given.rounds, given.n)),
        "gap": lambda: asyncio.run(measure_gap(given.rounds)),
        "each": lambda: measure_each(given.rounds, given.n),
    }
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--n", type=int, default=100_000, help="awaits, behaviors")
    parser.add_argument("--backend", choices=("threads", "interpreters"))
    parser.add_argument("--only", choices=sections)
    given = parser.parse_args()
    bocpy.start(2, backend=given.backend)
    print(f"bocpy on Python {sys.version.split()[0]}, {bocpy._core._backend()}")
    for name, section in sections.items():
        if given.only in (None, name):
            section()
    bocpy.wait()


if __name__ == "__main__":
    main()
