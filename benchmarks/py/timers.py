"""How late timers are: milliseconds from the requested time until the body runs.

    python benchmarks/py/timers.py [--backend threads] [--times 300]

On a machine with nothing else to do. A timer at a time, each asked for 1 to 20 ms
ahead, while the main thread waits; beside it `time.sleep` of the same delays, which is
what the system's own clock can do, and `loop.call_later` of asyncio, which rounds to
the milliseconds of its selector.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator

import bocpy


def delays(times: int) -> Iterator[float]:
    chosen = random.Random(1)
    return (chosen.uniform(0.001, 0.02) for _ in range(times))


def now() -> float:
    return time.monotonic()


def by_timer(times: int) -> list[float]:
    late = []
    for delay in delays(times):
        due = time.monotonic() + delay
        began = bocpy.after(delay)(now)
        late.append(began.result() - due)
    return late


def by_sleep(times: int) -> list[float]:
    late = []
    for delay in delays(times):
        due = time.monotonic() + delay
        time.sleep(delay)
        late.append(time.monotonic() - due)
    return late


async def by_loop(times: int) -> list[float]:
    loop = asyncio.get_running_loop()
    late: list[float] = []
    for delay in delays(times):
        done = loop.create_future()
        due = time.monotonic() + delay
        loop.call_later(delay, lambda d=done: d.set_result(time.monotonic()))
        late.append(await done - due)
    return late


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--backend", choices=("threads", "interpreters"))
    given = parser.parse_args()
    bocpy.start(2, backend=given.backend)
    print(
        f"bocpy on Python {sys.version.split()[0]}, {bocpy._core._backend()}; ms late"
    )
    print(f"  {'':14}{'least':>8}{'p50':>8}{'p99':>8}{'most':>8}")
    by_timer(20)
    rows = {
        "bocpy.after": by_timer(given.times),
        "time.sleep": by_sleep(given.times),
        "call_later": asyncio.run(by_loop(given.times)),
    }
    for name, late in rows.items():
        late.sort()
        shown = (late[0], late[len(late) // 2], late[len(late) * 99 // 100], late[-1])
        print(f"  {name:14}" + "".join(f"{1e3 * value:8.3f}" for value in shown))
    bocpy.wait()


if __name__ == "__main__":
    main()
