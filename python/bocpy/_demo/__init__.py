"""The demo: behaviors over cowns analyze the sources of a whole standard library.

`source` analyzes one file, `ledger` holds the aggregates, `job` does the work in a
plain loop and with behaviors, `progress` and `report` show it; `python -m bocpy demo`
is how it is run.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import sysconfig
from collections.abc import Generator
from dataclasses import asdict
from typing import Any

import bocpy

from .._info import backend_for, gil_enabled, interpreter
from .cluster import run_cluster
from .job import Run, run_parallel, run_sequential
from .progress import ProgressBar
from .report import findings, timings
from .source import find_sources

BYTES_A_SECOND = 1_700_000
"""What one core analyzes: a figure of an ordinary machine, for the forecast."""

BUSY = 0.3
"""Cores with other work from which on the reader is told of it."""

COLLECT_AFTER = 100_000
"""Objects more than before that start a collection on free-threaded builds."""


def demo(
    path: str | None = None,
    *,
    workers: int | None = None,
    backend: str | None = None,
    color: bool = False,
    as_json: bool = False,
    cluster: tuple[str, str] | None = None,
) -> int:
    """Runs the job both ways and shows the results; returns 0 if both found the
    same."""
    root = path or sysconfig.get_path("stdlib")
    paths = find_sources(root)
    if not paths:
        print(f"bocpy: no Python files in {root}", file=sys.stderr)
        return 2
    count = workers or bocpy.WORKER_COUNT
    backend = backend_for(backend) if cluster is None else cluster[0]
    sizes = [os.path.getsize(path) for path in paths]
    busy = load()
    if not as_json:
        introduce(root, sizes, count, backend)
    with rare_collections():
        with ProgressBar("plain loop", sizes) as bar:
            plain = run_sequential(paths, root, bar)
        with ProgressBar("behaviors", sizes) as bar:
            bar.say(f"starting {count} workers, which import and try the analyzer")
            if cluster is None:
                parallel = run_parallel(paths, root, bar, count, backend)
            else:
                parallel = run_cluster(paths, root, bar, count, cluster)
    same = plain.ledger == parallel.ledger
    if as_json:
        print(json.dumps(summary(plain, parallel, count, backend), indent=2))
        return 0 if same else 1
    print(findings(parallel.ledger, color), end="\n\n")
    print(timings(plain, parallel, count, color), end="\n\n")
    if busy > BUSY:
        print(
            f"The machine had other work before this began, a load of {busy:.1f} on"
            f" {cores()} cores:\nalone, the speed-up is higher.\n"
        )
    print("Both runs found the same." if same else "THE TWO RUNS DIFFER.")
    return 0 if same else 1


@contextlib.contextmanager
def rare_collections() -> Generator[None, None, None]:
    """Makes the collector run rarely in both runs: without a GIL each round stops all
    threads."""
    if not hasattr(gc, "get_threshold"):  # PyPy's collector does not stop all threads
        yield
        return
    before = gc.get_threshold()
    if not gil_enabled():
        gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def cores() -> int:
    """How many cores the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    """How many cores had work in the last minute; 0 where the system does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0


def introduce(root: str, sizes: list[int], workers: int, backend: str) -> None:
    """Prints what the demo will do, how long that takes on a machine of today, and what
    it does not show."""
    alone = sum(sizes) / BYTES_A_SECOND
    at_once = workers if not (backend == "threads" and gil_enabled()) else 1
    both = alone + alone / min(at_once, cores())
    print(f"Analyzing {len(sizes):,} Python files in {root}")
    print(f"{interpreter()}, {workers} workers, backend {backend}")
    print(f"First in a plain loop, then with behaviors: about {both:.0f} s together.")
    if backend == "threads" and gil_enabled():
        print(
            "All workers share this interpreter's one GIL: behaviors take turns, and\n"
            "no speed-up is possible. From Python 3.12 on each worker can have its own."
        )
    print(flush=True)


def summary(plain: Run, parallel: Run, workers: int, backend: str) -> dict[str, Any]:
    """The output of `--json`: all measurements and all results."""
    return {
        "interpreter": interpreter(),
        "backend": backend,
        "workers": workers,
        "same": plain.ledger == parallel.ledger,
        "plain_seconds": plain.seconds,
        "parallel_seconds": parallel.seconds,
        "startup_seconds": parallel.startup,
        "behaviors": parallel.behaviors,
        "behaviors_per_second": parallel.behaviors / parallel.seconds,
        "speed_up": plain.seconds / parallel.seconds,
        "speed_up_with_startup": plain.seconds / (parallel.seconds + parallel.startup),
        "found": asdict(parallel.ledger),
    }
