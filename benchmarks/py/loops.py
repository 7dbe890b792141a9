"""The cost of bocpy in an event loop and as an executor, beside the usual executors.

    python benchmarks/py/loops.py [--backend threads] [--rounds 7] [--only executor]

Each section prints a table; the rows of one are measured in turn in each round, and a
figure is the median over the rounds. Compare within a table.

- `executor`: microseconds for each tiny task (`int`) of many that are submitted at
  once and whose results are all taken, by ThreadPoolExecutor and by BocExecutor, both
  of two workers; and of processor time, of all threads together.
- `await`: microseconds for a behavior that is scheduled and awaited, beside
  `run_in_executor` of a ThreadPoolExecutor on the same loop, one after the other and
  64 at a time.
- `flight`: many tasks that all await results at the same time; bytes of resident
  memory for each, and the growth from the second round to the last.
- `gap`: the longest time between two turns of the loop, milliseconds: while tasks
  schedule and await without a pause, and while the results of many awaits come that
  are in flight at the same time. Beside them, what the machine and CPython do without
  this package: the loop alone and beside busy processes, which take its processor from
  it as busy workers do; the same load by `run_in_executor`; futures of asyncio in
  flight; the most processor time that the loop's thread took for a turn, which is what
  the loop does itself: in the rest of a gap the system, or the GIL, let others run; and
  the longest run of CPython's collector, which is part of those gaps.
- `each`: microseconds for each empty behavior of one `when_each`: CPU of the
  scheduling thread, time until the call returns, and until all have ended.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
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


def submit_all(executor: Executor, tasks: int) -> tuple[float, float]:
    used, began = time.process_time(), time.perf_counter()
    for future in [executor.submit(int) for _ in range(tasks)]:
        future.result()
    ended, uses = time.perf_counter(), time.process_time()
    return (ended - began) / tasks * 1e6, (uses - used) / tasks * 1e6


def measure_executor(rounds: int) -> None:
    rows: Samples = {"ThreadPoolExecutor": [], "BocExecutor": []}
    processor: Samples = {"ThreadPoolExecutor": [], "BocExecutor": []}
    with ThreadPoolExecutor(2) as pool, bocpy.BocExecutor(2) as ours:
        submit_all(pool, 2_000)
        submit_all(ours, 2_000)
        for _ in range(rounds):
            for name, executor in zip(rows, (pool, ours), strict=True):
                seconds, used = submit_all(executor, 5_000)
                rows[name].append(seconds)
                processor[name].append(used)
    print_rows("executor, us a task", rows, "ThreadPoolExecutor")
    print_rows("executor, processor time, us a task", processor, "ThreadPoolExecutor")


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


class Gaps:
    """A task that has a turn in each turn of the loop, and notes the longest gap
    between two of them, the most processor time, and the longest run of the
    collector."""

    def __enter__(self) -> Gaps:
        self.longest = self.processor = self.collector = 0.0
        self.ended = False
        gc.callbacks.append(self.collected)
        self.task = asyncio.ensure_future(self.watch())
        return self

    async def watch(self) -> None:
        last, used = time.perf_counter(), time.thread_time()
        while not self.ended:
            await asyncio.sleep(0)
            now, uses = time.perf_counter(), time.thread_time()
            self.longest = max(self.longest, now - last)
            self.processor = max(self.processor, uses - used)
            last, used = now, uses

    def collected(self, phase: str, _: object) -> None:
        now = time.perf_counter()
        if phase == "start":
            self.began = now
        else:
            self.collector = max(self.collector, now - self.began)

    def __exit__(self, *_: object) -> None:
        self.ended = True
        gc.callbacks.remove(self.collected)


async def gap_of_clients(once: Callable[[int], Awaitable[int]], load: int) -> Gaps:
    """Half a second in which `load` tasks await `once` without a pause."""
    stop = False

    async def client(i: int) -> None:
        while not stop:
            await once(i)

    clients = [asyncio.ensure_future(client(i)) for i in range(load)]
    await asyncio.sleep(0.1)  # until all clients have begun and the load is even
    with Gaps() as gaps:
        await asyncio.sleep(0.5)
    stop = True
    await asyncio.gather(*clients)
    return gaps


async def gap_beside(processes: int) -> Gaps:
    """Half a second in which the loop does nothing, beside processes that do."""
    program = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(program) for _ in range(processes)]
    try:
        return await gap_of_clients(lambda i: asyncio.sleep(0, i), 10)
    finally:
        for other in others:
            other.kill()
            other.wait()


async def gap_of_flight(tasks: int) -> Gaps:
    """Until all results are there that `tasks` tasks await at the same time."""
    left = tasks
    over = asyncio.Event()

    async def one(result: bocpy.Cown[int]) -> None:
        nonlocal left
        await result
        left -= 1
        if not left:
            over.set()

    cown = bocpy.Cown(0)
    async with cown as _:  # nothing over it runs until all await
        flying = []
        for n in range(tasks):
            result = bocpy.when(cown)(lambda cown: 1)
            flying.append(asyncio.ensure_future(one(result)))
            if n % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        gaps = Gaps().__enter__()
    await over.wait()
    gaps.__exit__()
    return gaps


async def gap_of_futures(tasks: int) -> Gaps:
    """The same with futures of asyncio that the loop completes, 100 in a turn."""
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(tasks)]

    async def one(future: asyncio.Future[int]) -> int:
        return await future

    flying = [asyncio.ensure_future(one(future)) for future in futures]
    await asyncio.sleep(0)
    with Gaps() as gaps:
        for n, future in enumerate(futures):
            future.set_result(1)
            if n % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
    del flying
    return gaps


async def measure_gap(rounds: int, tasks: int) -> None:
    cowns = [bocpy.Cown(0) for _ in range(100)]
    pool = ThreadPoolExecutor(2)
    loop = asyncio.get_running_loop()

    async def over_cown(i: int) -> int:
        return await bocpy.when(cowns[i % 100])(lambda cown: 1)

    async def by_pool(i: int) -> int:
        return await loop.run_in_executor(pool, nothing)

    ways: dict[str, Callable[[], Awaitable[Gaps]]] = {
        "10 tasks of asyncio alone": lambda: gap_beside(0),
        "  beside one busy process": lambda: gap_beside(1),
        "  beside two busy processes": lambda: gap_beside(2),
        "10 tasks, run_in_executor": lambda: gap_of_clients(by_pool, 10),
        "10 tasks that await": lambda: gap_of_clients(over_cown, 10),
        "100 tasks, run_in_executor": lambda: gap_of_clients(by_pool, 100),
        "100 tasks that await": lambda: gap_of_clients(over_cown, 100),
        "1,000 tasks, run_in_executor": lambda: gap_of_clients(by_pool, 1_000),
        "1,000 tasks that await": lambda: gap_of_clients(over_cown, 1_000),
        f"{tasks:,} futures in flight": lambda: gap_of_futures(tasks),
        f"{tasks:,} awaits in flight": lambda: gap_of_flight(tasks),
    }
    rows: Samples = {name: [] for name in ways}
    processor: Samples = {name: [] for name in ways}
    collector: Samples = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            gaps = await way()
            rows[name].append(gaps.longest * 1e3)
            processor[name].append(gaps.processor * 1e3)
            collector[name].append(gaps.collector * 1e3)
    print_rows("gap, longest of the loop, ms", rows)
    print_rows("processor time of the loop's thread, most in a turn, ms", processor)
    ran = {name: times for name, times in collector.items() if max(times) > 0.5}
    print_rows("longest run of the collector in it, ms, if more than 0.5", ran)
    pool.shutdown()


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
        "gap": lambda: asyncio.run(measure_gap(given.rounds, given.n)),
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
