"""The cost of everyday operations of bocpy.

    python benchmarks/py/operations.py [--backend interpreters] [--rounds 5]
                                       [--only WORD ...] [--markdown]

A figure is the median over all rounds, in microseconds; memory is in bytes. Each row is
measured once in each round, so that other load hits all rows alike: compare within one
table. `start` and `script` run new processes; `busy` means that all workers are inside
of long bodies.
"""

from __future__ import annotations

import argparse
import array
import collections
import contextlib
import datetime
import decimal
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bocpy
from bocpy import Cown, receive, send, when

now = time.perf_counter
Row = Callable[[], float]


class Slotted:
    __slots__ = ("a", "b", "c")

    def __init__(self, number: int) -> None:
        self.a, self.b, self.c = number, str(number), float(number)


Point = collections.namedtuple("Point", "x y z")


def each(repeats: int, operation: Callable[[], object]) -> float:
    """Microseconds per call, of `repeats` calls."""
    began = now()
    for _ in range(repeats):
        operation()
    return (now() - began) / repeats * 1e6


def with_idle() -> float:
    cown = Cown(1)

    def operation() -> None:
        with cown:
            pass

    return each(2000, operation)


def unwrap_idle() -> float:
    cowns = [Cown(1) for _ in range(2000)]
    began = now()
    for cown in cowns:
        cown.unwrap()
    return (now() - began) / 2000 * 1e6


def busy(row: Row) -> Row:
    """`row` while all workers are in long bodies, which detach from their GIL."""

    def measured() -> float:
        for _ in range(2):

            @when()
            def _() -> None:
                import time

                end = time.perf_counter() + 0.3
                while time.perf_counter() < end:
                    time.sleep(0.01)

        time.sleep(0.05)  # the workers are in their bodies by then
        cost = row()
        bocpy.quiesce()
        return cost

    return measured


class Refused(Exception):
    pass


def failing(body: Callable[..., object]) -> Row:
    def measured() -> float:
        results = []
        began = now()
        for _ in range(1000):
            results.append(bocpy.whencall(body, [], []))
        bocpy.quiesce()
        for result in results:
            with contextlib.suppress(ValueError, Refused):
                result.unwrap()
        return (now() - began) / 1000 * 1e6

    return measured


def fails() -> None:
    raise ValueError("no")


def fails_custom() -> None:
    raise Refused("no")


def fails_deep() -> None:
    def down(level: int) -> None:
        if level:
            down(level - 1)
        raise KeyError("inner")

    try:
        down(30)
    except KeyError as error:
        raise ValueError("outer") from error


def bank() -> float:
    """Microseconds of 20,000 transfers, of which a quarter is refused; each result is
    read."""
    accounts = [Cown(100 if i % 4 else 0) for i in range(1000)]
    refused = Cown(0)
    began = now()
    for i in range(20_000):
        source, target = accounts[i % 1000], accounts[(i * 7 + 1) % 1000]

        @when(source, target)
        def transfer(source: Cown[int], target: Cown[int], i: int = i) -> int:
            if i % 4 == 0:
                raise ValueError("insufficient funds")
            source.value -= 1
            target.value += 1
            return source.value

        @when(transfer, refused)
        def _(transfer: Cown[int], refused: Cown[int]) -> None:
            if transfer.exception:
                refused.value += 1

    bocpy.quiesce()
    return (now() - began) * 1e6


def message(value: object, repeats: int) -> Row:
    def measured() -> float:
        def operation() -> None:
            send("row", value)
            receive("row")

        return each(repeats, operation)

    return measured


def into_body(value: object, repeats: int) -> Row:
    """A message to a body, which answers with an int."""

    def measured() -> float:
        cost = 0.0

        @when()
        def _() -> None:
            for _ in range(repeats):
                receive("there")
                send("back", 1)

        began = now()
        for _ in range(repeats):
            send("there", value)
            receive("back")
        cost = (now() - began) / repeats * 1e6
        bocpy.quiesce()
        return cost

    return measured


def captured(value: Any, repeats: int) -> Row:
    def measured() -> float:
        began = now()
        for _ in range(repeats):

            @when()
            def _(value: Any = value) -> None:
                pass

            bocpy.quiesce()
        return (now() - began) / repeats * 1e6

    return measured


def owned(value: object, repeats: int) -> Row:
    return lambda: each(repeats, lambda: Cown(value))


def there_and_back(value: object, repeats: int) -> Row:
    def measured() -> float:
        def operation() -> None:
            cown = Cown(value)

            @when(cown)
            def _(cown: Cown[object]) -> None:
                cown.value  # noqa: B018

            cown.result()

        return each(repeats, operation)

    return measured


def wake() -> float:
    """The median time from `send` until a parked receiver runs."""
    times = []
    ready = threading.Semaphore(0)
    stop = object()

    def receiver() -> None:
        while True:
            ready.release()
            sent = bocpy.receive("wake")[1]
            if not sent:
                return
            times.append(now() - sent)

    thread = threading.Thread(target=receiver)
    thread.start()
    for _ in range(100):
        ready.acquire()
        time.sleep(0.002)  # the receiver has parked by then: its wake is measured
        bocpy.send("wake", now())
    ready.acquire()
    bocpy.send("wake", 0)
    thread.join()
    del stop
    return statistics.median(times) * 1e6


def between_threads() -> float:
    total = 100_000

    def receiver() -> None:
        for _ in range(total):
            receive("row")

    thread = threading.Thread(target=receiver)
    began = now()
    thread.start()
    sent = 0
    while sent < total:
        try:
            send("row", sent)
            sent += 1
        except RuntimeError:
            time.sleep(0.0005)  # the queue is full: lets the receiver empty it
    thread.join()
    return (now() - began) / total * 1e6


def notice_read() -> float:
    """A list of 100,000 in a notice, read in each body."""
    bocpy.notice_seed("big", list(range(100_000)))
    repeats = 50
    began = now()
    for _ in range(repeats):

        @when()
        def _() -> None:
            bocpy.notice_read("big")[5]

    bocpy.quiesce()
    return (now() - began) / repeats * 1e6


def with_large() -> float:
    cown = Cown(list(range(100_000)))

    def operation() -> None:
        with cown as value:
            value[0] += 1

    # from the second hold in a row on, the value stays in the main interpreter
    each(2, operation)

    return each(50, operation)


def tiny_results() -> float:
    results = []
    began = now()
    for _ in range(20_000):

        @when()
        def result() -> int:
            return 1

        results.append(result)
    assert sum(result.unwrap(timeout=60) for result in results) == 20_000
    return (now() - began) / 20_000 * 1e6


def run_script(text: str) -> tuple[float, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "script.py")
        path.write_text(text)
        began = now()
        out = subprocess.run([sys.executable, path], capture_output=True, text=True)
        took = (now() - began) * 1e6
        assert out.returncode == 0, out.stderr
        return took, out.stdout


FIRST_START = """
import time, bocpy
began = time.perf_counter()
bocpy.start(2, backend={backend!r})
print((time.perf_counter() - began) * 1e6)
"""

ONE_BEHAVIOR = """
import bocpy
if {backend!r} != "default":
    bocpy.start(2, backend={backend!r})
c = bocpy.Cown(0)

@bocpy.when(c)
def _(c):
    c.value += 1

bocpy.wait()
"""

PENDING = """
import os, bocpy, time
def rss():
    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE')
bocpy.start(1, backend={backend!r})
c = bocpy.Cown(0)
@bocpy.when(c)
def _(c):
    import bocpy
    bocpy.receive("go")
def body(c):
    pass
before = rss()
for _ in range(1_000_000):
    bocpy.when(c)(body)
after = rss()
bocpy.send("go", 1)
bocpy.wait()
kept = rss()
print((after - before) / 1e6, kept - before)
"""

COWNS = """
import os, bocpy
def rss():
    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE')
bocpy.start(1, backend={backend!r})
many = [None] * 1_000_000
before = rss()
for i in range(1_000_000):
    many[i] = bocpy.Cown(i)
print((rss() - before) / 1e6)
"""


def rows(backend: str) -> Iterator[tuple[str, Row]]:
    mb, big = b"x" * (1 << 20), list(range(100_000))
    yield "with c, idle", with_idle
    yield "unwrap, idle", unwrap_idle
    yield "with c, busy", busy(with_idle)
    yield "unwrap, busy", busy(unwrap_idle)
    yield "body that fails", failing(fails)
    yield "fails, own class", failing(fails_custom)
    yield "fails, cause and 30 frames", failing(fails_deep)
    yield "bank of 20,000", bank
    yield "1 MB bytes: send and receive", message(mb, 50)
    yield "1 MB bytes: to a body", into_body(mb, 50)
    yield "1 MB bytes: captured", captured(mb, 50)
    yield "1 MB bytes: Cown(b)", owned(mb, 50)
    yield "1 MB bytes: there and back", there_and_back(mb, 20)
    yield "1 MB bytearray: there and back", there_and_back(bytearray(mb), 20)
    yield "1 MB array: there and back", there_and_back(array.array("b", mb), 20)
    yield "ping-pong main and body", into_body(1, 500)
    yield "wake of a parked receiver, p50", wake
    yield "int, send and receive", message(1, 20_000)
    yield "int, between threads", between_threads
    when_ = datetime.datetime(2024, 5, 6, 7, 8, 9)
    items: dict[str, list[Any]] = {
        "slotted": [Slotted(i) for i in range(1000)],
        "datetimes": [when_ + datetime.timedelta(i) for i in range(1000)],
        "Decimals": [decimal.Decimal(i) / 7 for i in range(1000)],
        "namedtuples": [Point(i, str(i), float(i)) for i in range(1000)],
    }
    for name, values in items.items():
        yield f"1,000 {name}: there and back", there_and_back(values, 5)
        yield f"1,000 {name}: send and receive", message(values, 5)
    yield "list of 1e5 in a notice", notice_read
    yield "with c, list of 1e5", with_large
    yield "list of 1e5 captured", captured(big, 10)
    yield "tiny tasks with results", tiny_results

    def script(text: str) -> float:
        return run_script(text.format(backend=backend))[0]

    def printed(text: str, which: int = 0) -> float:
        return float(run_script(text.format(backend=backend))[1].split()[which])

    yield "first start(2)", lambda: printed(FIRST_START)
    yield "script of one behavior", lambda: script(ONE_BEHAVIOR)
    yield "python -c pass", lambda: script("pass")
    yield "import bocpy", lambda: script("import bocpy")
    yield "memory: pending behavior", lambda: printed(PENDING)
    yield "memory: kept of a million", lambda: printed(PENDING, 1)
    yield "memory: Cown(int)", lambda: printed(COWNS)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=("interpreters", "threads"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="rows whose name has such a word")
    parser.add_argument("--markdown", action="store_true", help="a table for a page")
    wanted = parser.parse_args()
    bocpy.start(2, backend=wanted.backend)
    backend = wanted.backend or "threads"
    if wanted.backend is None and sys.version_info >= (3, 12):
        backend = "interpreters" if getattr(sys, "_is_gil_enabled", bool)() else backend
    chosen = [
        (name, row)
        for name, row in rows(backend)
        if not wanted.only or any(word in name for word in wanted.only)
    ]
    costs: dict[str, list[float]] = {}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    for _ in range(wanted.rounds):
        for name, row in chosen:
            gc.collect()
            costs.setdefault(name, []).append(row())
            bocpy.quiesce()
    bocpy.wait()
    after = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    version = sys.version.split()[0]
    print(f"Python {version}, {backend}; load before {load:.2f}, after {after:.2f}")
    bar = " | " if wanted.markdown else "  "
    for name, cost in costs.items():
        print(bar.join([f"{name:36}", f"{statistics.median(cost):12,.2f}"]))


if __name__ == "__main__":
    main()
