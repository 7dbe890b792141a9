"""The cost of a behavior in Python, by workload: microseconds per behavior.

Each behavior is a fresh `@when` over a fresh `def`, as in user programs. The clock
runs from the first schedule to quiescence; starting the workers and a smaller round
come before. The main thread schedules, except in spawn1 and spawn8. The program uses
only what bocpy 0.14 has too; `benchmarks/run.py python` runs both side by side.

    python workloads.py --workload chain1 --workers 1
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time

import bocpy
from bocpy import Cown, when

RING = 1024
STRIDE = 7
GROUP = 8
FEW = 64


def cowns(count, value=0):
    return [Cown(value) for _ in range(count)]


def chain1(n):
    c = Cown(0)
    for _ in range(n):

        @when(c)
        def _(c):
            c.value += 1

    return [c], n


def fanout(n):
    many = cowns(n)
    begin = time.perf_counter()
    for c in many:

        @when(c)
        def _(c):
            c.value += 1

    return many, n, begin


def fanout_alloc(n):
    for _ in range(n):

        @when(Cown(0))
        def _(c):
            c.value += 1

    return [], 0


def zero(n):
    for _ in range(n):

        @when()
        def _():
            pass

    return [], 0


def rr64(n):
    few = cowns(FEW)
    for i in range(n):

        @when(few[i % FEW])
        def _(c):
            c.value += 1

    return few, n


def ring2(n):
    ring = cowns(RING)
    for i in range(n):
        at = i * STRIDE % RING

        @when(ring[at], ring[(at + 1) % RING])
        def _(a, b):
            a.value += 1
            b.value += 1

    return ring, 2 * n


def hot2(n):
    x, y = cowns(2)
    for _ in range(n):

        @when(x, y)
        def _(a, b):
            a.value += 1
            b.value += 1

    return [x, y], 2 * n


def group8(n):
    ring = cowns(RING)
    for i in range(n):
        at = i * STRIDE % RING

        @when([ring[(at + k) % RING] for k in range(GROUP)])
        def _(group):
            for c in group:
                c.value += 1

    return ring, GROUP * n


def capture3(n):
    c = Cown(0)
    for i in range(n):

        @when(c)
        def _(c, a=i, b=1, d=i):
            c.value += a + b - d

    return [c], n


def spawn(c, left):
    """Schedules one link of a chain, which schedules the next."""

    @when(c)
    def _(c, left=left):
        c.value += 1
        if left:
            spawn(c, left - 1)


def spawn1(n):
    c = Cown(0)
    spawn(c, n - 1)
    return [c], n


def spawn8(n):
    chains = cowns(GROUP)
    for c in chains:
        spawn(c, n // GROUP - 1)
    return chains, n // GROUP * GROUP


def read(value, n):
    """A chain whose bodies read a value of some type and do not set it."""
    c = Cown(value)
    begin = time.perf_counter()
    for _ in range(n):

        @when(c)
        def _(c):
            c.value  # noqa: B018

    return [], 0, begin


PAYLOADS = {
    "int": lambda: 7,
    "str_1k": lambda: "x" * 1024,
    "tuple_10": lambda: tuple(range(10)),
    "dict_100": lambda: {f"key {i}": i for i in range(100)},
    "bytes_1m": lambda: bytes(1 << 20),
    "bytearray_1m": lambda: bytearray(1 << 20),
    "list_100k": lambda: list(range(100_000)),
}

HEAVY = {"payload:bytearray_1m": 100, "payload:list_100k": 1000}
"""By how much fewer behaviors these run with bocpy 0.14, which copies the value each
time. (Who copies it once has to run as many as ever, or that copy is all that
shows.)"""

SCHEDULES = {
    each.__name__: each
    for each in (
        *(chain1, fanout, fanout_alloc, zero, rr64, ring2, hot2, group8, capture3),
        *(spawn1, spawn8),
    )
}

WORKLOADS = [*SCHEDULES, *(f"payload:{name}" for name in PAYLOADS)]


def start_workers(count):
    """Starts the runtime and waits until all workers have run something.

    A worker may start only when there is work for it. A body is long enough for the
    others to start meanwhile.
    """
    bocpy.start(worker_count=count)
    for _ in range(count):

        @when()
        def _():
            time.sleep(0.2)

    bocpy.quiesce()


def measure(workload, n):
    """Runs a workload once; returns seconds."""
    kind, _, payload = workload.partition(":")
    begin = time.perf_counter()
    done = read(PAYLOADS[payload](), n) if payload else SCHEDULES[kind](n)
    made, expected, *begins = done
    bocpy.quiesce()
    end = time.perf_counter()
    if sum(c.unwrap() for c in made) != expected:
        sys.exit(f"{workload}: wrong sum of counters")
    return end - (begins[0] if begins else begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workload", default="all", choices=["all", *WORKLOADS])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--n", type=int, default=20_000, help="behaviors a round")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="no unmeasured round")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = WORKLOADS if options.workload == "all" else [options.workload]
    copies = bocpy.__version__.startswith("0.14")
    start_workers(options.workers)
    for workload in chosen:
        n = max(GROUP, options.n // (HEAVY.get(workload, 1) if copies else 1))
        if not options.cold:
            measure(workload, max(GROUP, n // 4))
        rounds = [measure(workload, n) for _ in range(options.repeat)]
        report(options, workload, n, [each / n * 1e6 for each in rounds])
    bocpy.wait()


def report(options, workload, n, values):
    if options.json:
        found = {
            "program": f"bocpy {bocpy.__version__}",
            "python": platform.python_version(),
            "workload": workload,
            "workers": options.workers,
            "n": n,
            "unit": "us",
            "values": values,
        }
        print(json.dumps(found), flush=True)
        return
    rounds = " ".join(f"{value:.3f}" for value in values)
    median = statistics.median(values)
    print(
        f"{workload:<20} {options.workers:>3} workers  median {median:9.3f} us",
        f"of {rounds}",
        flush=True,
    )


if __name__ == "__main__":
    main()
