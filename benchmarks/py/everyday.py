"""The cost of a small task with bocpy and with the usual pools.

    python benchmarks/py/everyday.py [--rounds 7] [--tasks 20000] [--markdown]

Each row is one way to run an empty task and to know that it has ended; a figure is the
median, over all rounds, of microseconds per task. All rows are measured in turn in each
round, so that other load affects all alike: compare within one table.

- `task, many at once`: all tasks are started, then all are waited for.
- `task with its result`: the same, and each result is taken.
- `update of shared data`: each task adds one to the same integer: a behavior over one
  cown; a function under a lock in the pools of threads; for the pool of processes, a
  `multiprocessing.Value` under its lock.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import multiprocessing
import os
import statistics
import sys
import threading
import time

import bocpy

Rows = dict[str, dict[str, list[float]]]
MANY, RESULT = "task, many at once", "task with its result"
UPDATE = "update of shared data"


def nothing() -> int:
    return 1


def behaviors(tasks: int) -> dict[str, float]:
    cost = {}
    began = time.perf_counter()
    for _ in range(tasks):

        @bocpy.when()
        def _() -> int:
            return 1

    bocpy.quiesce()
    cost[MANY] = time.perf_counter() - began
    began = time.perf_counter()
    results = []
    for _ in range(tasks):

        @bocpy.when()
        def result() -> int:
            return 1

        results.append(result)
    bocpy.quiesce()
    total = sum(result.unwrap() for result in results)
    cost[RESULT] = time.perf_counter() - began
    assert total == tasks
    counter = bocpy.Cown(0)
    began = time.perf_counter()
    for _ in range(tasks):

        @bocpy.when(counter)
        def _(counter: bocpy.Cown[int]) -> None:
            counter.value += 1

    bocpy.quiesce()
    cost[UPDATE] = time.perf_counter() - began
    assert counter.unwrap() == tasks
    return cost


def pool_of_threads(pool: concurrent.futures.Executor, tasks: int) -> dict[str, float]:
    cost = {}
    began = time.perf_counter()
    concurrent.futures.wait([pool.submit(nothing) for _ in range(tasks)])
    cost[MANY] = time.perf_counter() - began
    began = time.perf_counter()
    futures = [pool.submit(nothing) for _ in range(tasks)]
    total = sum(future.result() for future in futures)
    cost[RESULT] = time.perf_counter() - began
    assert total == tasks
    lock, counter = threading.Lock(), [0]

    def add() -> None:
        with lock:
            counter[0] += 1

    began = time.perf_counter()
    concurrent.futures.wait([pool.submit(add) for _ in range(tasks)])
    cost[UPDATE] = time.perf_counter() - began
    assert counter[0] == tasks
    return cost


SHARED = multiprocessing.Value("q", 0)


def add_shared() -> None:
    with SHARED.get_lock():
        SHARED.value += 1


def pool_of_processes(
    pool: concurrent.futures.Executor, tasks: int
) -> dict[str, float]:
    tasks //= 20
    cost = {}
    began = time.perf_counter()
    concurrent.futures.wait([pool.submit(nothing) for _ in range(tasks)])
    cost[MANY] = 20 * (time.perf_counter() - began)
    began = time.perf_counter()
    futures = [pool.submit(nothing) for _ in range(tasks)]
    assert sum(future.result() for future in futures) == tasks
    cost[RESULT] = 20 * (time.perf_counter() - began)
    began = time.perf_counter()
    concurrent.futures.wait([pool.submit(add_shared) for _ in range(tasks)])
    cost[UPDATE] = 20 * (time.perf_counter() - began)
    return cost


def asyncio_tasks(tasks: int) -> dict[str, float]:
    async def one() -> int:
        return 1

    async def run() -> tuple[float, float]:
        began = time.perf_counter()
        await asyncio.wait([asyncio.ensure_future(one()) for _ in range(tasks)])
        many = time.perf_counter() - began
        began = time.perf_counter()
        assert sum(await asyncio.gather(*(one() for _ in range(tasks)))) == tasks
        return many, time.perf_counter() - began

    many, result = asyncio.run(run())
    return {MANY: many, RESULT: result}


def measure(rounds: int, tasks: int) -> Rows:
    rows: Rows = {}

    def note(name: str, cost: dict[str, float]) -> None:
        for what, seconds in cost.items():
            rows.setdefault(name, {}).setdefault(what, []).append(seconds / tasks * 1e6)

    processes = concurrent.futures.ProcessPoolExecutor(2)
    list(processes.map(nothing_of, range(4)))
    threads = concurrent.futures.ThreadPoolExecutor(2)
    backends = ["threads"]
    if sys.version_info >= (3, 12) and getattr(sys, "_is_gil_enabled", lambda: True)():
        backends.insert(0, "interpreters")
    for _ in range(rounds):
        for backend in backends:
            bocpy.start(2, backend=backend)
            note(f"bocpy, {backend}", behaviors(tasks))
            bocpy.wait()
        note("ThreadPoolExecutor", pool_of_threads(threads, tasks))
        note("ProcessPoolExecutor", pool_of_processes(processes, tasks))
        note("asyncio, one core", asyncio_tasks(tasks))
    return rows


def nothing_of(_: int) -> int:
    return 1


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--markdown", action="store_true", help="a table for a page")
    wanted = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    rows = measure(wanted.rounds, wanted.tasks)
    columns = [MANY, RESULT, UPDATE]
    version = sys.version.split()[0]
    print(f"µs per task, 2 workers, Python {version}, load before {load:.2f}")
    bar = " | " if wanted.markdown else "  "
    print(bar.join([f"{'':22}", *(f"{column:>22}" for column in columns)]))
    for name, costs in rows.items():
        cells = [
            f"{statistics.median(costs[c]):22.2f}" if c in costs else f"{'-':>22}"
            for c in columns
        ]
        print(bar.join([f"{name:22}", *cells]))


if __name__ == "__main__":
    main()
