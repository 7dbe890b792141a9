"""bocpy.distributed against the engine's own bare submit, in the same run.

    python benchmarks/distributed_costs.py dask
    python benchmarks/distributed_costs.py ray

Two worker processes on this machine. `bare` is one small task after the other of the
engine itself, gathered at the end; the rows give the time of a behavior and its ratio
to that. Rounds are interleaved, and the median of the ratios counts.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(
    0, str(Path(__file__).parents[1] / "tests" / "py" / "bocpy_distributed")
)

import engines


def increment(cown: Any) -> None:
    cown.value += 1


def transfer(one: Any, other: Any) -> None:
    one.value -= 1
    other.value += 1


def fill(cown: Any) -> None:
    cown.value = bytearray(10_000_000)


def touch(cown: Any) -> int:
    cown.value[0] = 1
    return os.getpid()


def seconds_of(d: Any, count: int, schedule: Callable[[int], None]) -> float:
    began = time.perf_counter()
    for number in range(count):
        schedule(number)
    d.wait()
    return (time.perf_counter() - began) / count


def one_round(cluster: Any, d: Any) -> dict[str, float]:
    pick = random.Random(1)
    chain, many = d.Cown(0), [d.Cown(0) for _ in range(64)]
    ring, large, small = [d.Cown(0) for _ in range(64)], d.Cown(0), d.Cown(0)
    d.when(large)(fill)
    d.wait()
    rows = {"bare": cluster.bare(300)}
    rows["one chain"] = seconds_of(d, 3000, lambda i: d.when(chain)(increment))
    rows["64 chains"] = seconds_of(d, 3000, lambda i: d.when(many[i % 64])(increment))
    rows["ring of two"] = seconds_of(
        d, 2000, lambda i: d.when(*pick.sample(ring, 2))(transfer)
    )
    rows["a hop of an int"] = seconds_of(d, 50, lambda i: d.when(small)(increment))
    rows["a hop of 10 MB"] = seconds_of(d, 50, lambda i: d.when(large)(touch))
    began = time.perf_counter()
    made = [d.Cown(0) for _ in range(10_000)]
    rows["making a cown"] = (time.perf_counter() - began) / len(made)
    return rows


def memory(cluster: Any, d: Any) -> None:
    """100,000 behaviors in quarters: what the driver's process takes after each."""
    import psutil

    cown = d.Cown(0)
    me = psutil.Process()
    for quarter in range(1, 6):
        for _ in range(20_000):
            d.when(cown)(increment)
        d.wait()
        tasks = f", {cluster.tasks()} engine tasks" if cluster.name == "dask" else ""
        size = me.memory_info().rss >> 20
        children = [p.memory_info().rss >> 20 for p in me.children(recursive=True)]
        print(f"{quarter * 20_000:>8} behaviors: driver {size} MB{tasks}, {children}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("engine", choices=("dask", "ray"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    with getattr(engines, options.engine)() as cluster, cluster.connect() as d:
        if options.memory:
            memory(cluster, d)
            return
        cluster.bare(50)
        rounds = [one_round(cluster, d) for _ in range(options.rounds)]
    print(f"{options.engine:<18} {'us':>8} {'of bare':>8}")
    for name in rounds[0]:
        time_ = statistics.median(row[name] for row in rounds)
        ratio = statistics.median(row[name] / row["bare"] for row in rounds)
        print(f"{name:<18} {time_ * 1e6:>8.0f} {ratio:>8.3f}")
    hop = [row["a hop of 10 MB"] / row["a hop of an int"] for row in rounds]
    print(f"a hop of 10 MB is {statistics.median(hop):.2f} of an int's")


if __name__ == "__main__":
    main()
