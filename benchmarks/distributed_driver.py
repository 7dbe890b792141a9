"""How many behaviors a second one driver can link, and 1,000 simulated workers.

    python benchmarks/distributed_driver.py
    python benchmarks/distributed_driver.py --workers 1000 --body 0.02

The linker is the real one, without an engine. The first table drives it as fast as it
goes: reports come at once, so what is measured is the driver's own work; a connection
adds pickling and the engine's messages (`--engine-cost`, seconds per message, is what
`benchmarks/distributed_costs.py` measures).

The second runs a virtual clock over many workers: each has a queue, bodies take
`--body` seconds, messages `--latency` seconds and the driver's time per message and per
behavior as measured. It shows from which length of bodies on one driver keeps so many
workers busy. Times are of this machine; read the ratios.
"""

from __future__ import annotations

import argparse
import heapq
import random
import time

from bocpy.distributed._linker import Linker
from bocpy.distributed._messages import Call, Done, Report
from bocpy.distributed._values import encode


class Cluster:
    """A linker, and executors that only answer."""

    def __init__(self, workers: int, cap: int = 1024) -> None:
        self.linker = Linker(cap)
        self.linker.codes[1] = encode(0)
        self.keys = 0
        self.first = dict.fromkeys(range(1, workers + 1), 0)
        for number in self.first:
            self.linker.join(number, f"w{number}", 1)

    def fresh(self) -> int:
        self.keys += 1
        return self.keys

    def cown(self) -> int:
        number = self.fresh()
        self.linker.make(number, encode(0))
        return number

    def schedule(self, cowns: list[int]) -> None:
        key = self.fresh()
        args = tuple((cown, False) for cown in cowns)
        layout = tuple(range(len(cowns)))
        self.linker.schedule(Call(key, "body", 1, None, args, layout))
        self.linker.release(key)

    def report(self, number: int, received: int, keys: list[int], body: float) -> None:
        entries = tuple(Done(key, "done", seconds=body, name="body") for key in keys)
        self.linker.report(number, Report(received, self.first[number], entries))
        self.first[number] += len(keys)
        self.linker.notices.clear()


def runs_of(batch: object) -> list[int]:
    operations = batch.operations  # type: ignore[attr-defined]
    return [operation[1].key for operation in operations if operation[0] == "run"]


def throughput(workers: int, cowns: int, per: int, count: int) -> float:
    """Behaviors a second that the linker alone links and retires."""
    cluster = Cluster(workers)
    made = [cluster.cown() for _ in range(cowns)]
    pick = random.Random(1)
    began = time.perf_counter()
    for start in range(0, count, 256):
        for _ in range(min(256, count - start)):
            cluster.schedule(pick.sample(made, per))
        for number, batch in cluster.linker.step():
            cluster.report(number, batch.number + 1, runs_of(batch), 1e-5)
    return count / (time.perf_counter() - began)


def simulate(
    workers: int, body: float, latency: float, linking: float, message: float
) -> tuple[float, float]:
    """Behaviors a second, and the share of the time that workers are busy."""
    cluster = Cluster(workers, cap=64)
    pick = random.Random(1)
    made = [cluster.cown() for _ in range(8 * workers)]
    count = 40 * workers
    todo, driver, ended = count, 0.0, 0.0
    free_at = dict.fromkeys(range(1, workers + 1), 0.0)
    events: list[tuple[float, int, int, tuple[int, ...]]] = []
    done = 0
    busy = 0.0
    while done < count:
        while todo and len(cluster.linker.buffer) < 4 * workers:
            cluster.schedule(pick.sample(made, 2))
            todo -= 1
        for number, batch in cluster.linker.step():
            keys = runs_of(batch)
            driver += message + linking * len(keys)
            if not keys:
                continue
            start = max(free_at[number], driver + latency)
            free_at[number] = start + body * len(keys)
            busy += body * len(keys)
            until = free_at[number] + latency
            heapq.heappush(events, (until, number, batch.number + 1, tuple(keys)))
        if not events:
            continue
        now, number, received, keys_done = heapq.heappop(events)
        driver = max(driver, now) + message
        ended = max(ended, now)
        cluster.report(number, received, list(keys_done), body)
        done += len(keys_done)
    return count / ended, busy / (workers * ended)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--body", type=float, action="append")
    parser.add_argument("--latency", type=float, default=0.001)
    parser.add_argument("--engine-cost", type=float, default=3e-4)
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()
    print("the linker alone, behaviors a second")
    print(f"{'workers':>8} {'cowns':>8} {'each':>5} {'a second':>10}")
    best = 0.0
    for workers, cowns, per in ((2, 64, 1), (2, 64, 2), (100, 800, 2), (1000, 8000, 2)):
        rate = throughput(workers, cowns, per, options.count)
        best = max(best, rate)
        print(f"{workers:>8} {cowns:>8} {per:>5} {rate:>10,.0f}")
    print(f"\n{options.workers} workers, a virtual clock")
    print(f"{'body, ms':>8} {'a second':>10} {'busy':>6}")
    for body in options.body or (0.01, 0.1, 1.0):
        rate, share = simulate(
            options.workers, body, options.latency, 1 / best, options.engine_cost
        )
        print(f"{body * 1e3:>8.0f} {rate:>10,.0f} {share:>6.0%}", flush=True)


if __name__ == "__main__":
    main()
