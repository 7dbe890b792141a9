"""The memory of cowns, pending behaviors and workers in Python: resident bytes of each.

Each process measures one figure, since the allocator keeps memory that was used once.

    python memory.py --what cown --n 1000000
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time

import bocpy
from bocpy import Cown, when

PENDING_RATE = 20_000
"""Behaviors a second that scheduling manages at least."""


def resident():
    """Bytes of memory in use; the file exists on Linux only."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def cown(n):
    """An int cown, and the list slot that holds it."""
    bocpy.start(worker_count=1)
    kept = [None] * n
    before = resident()
    begin = time.perf_counter()
    for i in range(n):
        kept[i] = Cown(i)
    seconds = time.perf_counter() - begin
    return (resident() - before) / n, seconds


def pending(n):
    """A behavior `c.value += 1` that waits its turn."""
    bocpy.start(worker_count=1)
    c = Cown(0)

    until = time.monotonic() + n / PENDING_RATE

    @when(c)
    def _(c, until=until):
        while time.monotonic() < until:
            time.sleep(0.01)

    before = resident()
    begin = time.perf_counter()
    for _ in range(n):

        @when(c)
        def _(c):
            c.value += 1

    seconds = time.perf_counter() - begin
    if seconds > n / PENDING_RATE:
        sys.exit("scheduling took longer than the first behavior held the cown")
    return (resident() - before) / n, seconds


def worker(n):
    """A worker, of n, that has started."""
    before = resident()
    begin = time.perf_counter()
    bocpy.start(worker_count=n)
    seconds = time.perf_counter() - begin
    return (resident() - before) / n, seconds


MEASURES = {
    "cown": (cown, 1_000_000),
    "pending": (pending, 100_000),
    "worker": (worker, 8),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--what", required=True, choices=MEASURES)
    parser.add_argument("--n", type=int)
    options = parser.parse_args()
    measure, usual = MEASURES[options.what]
    n = options.n or usual
    weight, seconds = measure(n)
    found = {
        "program": f"bocpy {bocpy.__version__}",
        "python": platform.python_version(),
        "workload": f"mem:{options.what}",
        "n": n,
        "unit": "bytes",
        "values": [weight],
        "seconds": seconds,
    }
    print(json.dumps(found), flush=True)
    bocpy.wait()


if __name__ == "__main__":
    sys.exit(main())
