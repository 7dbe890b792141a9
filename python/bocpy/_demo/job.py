"""The demo's job, done twice: in a plain loop, and with behaviors over cowns.

In the parallel run each file is one behavior without cowns, whose result cown holds the
facts. For each of the four aggregates a behavior over (aggregate, facts) adds them: two
behaviors on one aggregate never overlap, those on different ones may, and all run while
further files are analyzed. A last behavior holds all four aggregates at once. Files are
added in the order in which they were scheduled, but analyzed in any order. So each
analysis sends a message to the progress bar.

The bodies are functions of this module, so that workers find them by import.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bocpy

from .ledger import AGGREGATES, Ledger
from .source import Facts, facts_of

Progress = Callable[[int], None]
"""Told how many files are done."""

WARM_UP_ROUNDS = 8
"""Files that each worker analyzes, on average, before the clock starts."""

TIMEOUT = 3600.0
"""Seconds to wait for one file; more means that something is broken."""

UNDER_WAY = 4096
"""Files that are scheduled ahead: what a huge tree costs in memory has a bound."""

ANALYZED = "analyzed"
"""The tag of the messages that count files."""


@dataclass(frozen=True)
class Run:
    """One run of the job: what it found, and what it took."""

    ledger: Ledger
    seconds: float
    startup: float = 0.0
    behaviors: int = 0


def run_sequential(paths: list[str], root: str, progress: Progress) -> Run:
    """The plain loop: no runtime, no cowns, one core."""
    facts_of(paths[-1], "warm-up")
    ledger = Ledger()
    progress(0)
    begin = time.perf_counter()
    for done, path in enumerate(paths, 1):
        facts = facts_of(path, name_of(path, root))
        for field, add in AGGREGATES.items():
            add(getattr(ledger, field), facts)
        progress(done)
    return Run(ledger, time.perf_counter() - begin)


def run_parallel(
    paths: list[str],
    root: str,
    progress: Progress,
    workers: int | None = None,
    backend: str | None = None,
) -> Run:
    """The same with behaviors; measures the start and warm-up of the workers
    separately."""
    begin = time.perf_counter()
    bocpy.start(worker_count=workers, backend=backend)
    warm_up(paths[-1], workers or bocpy.WORKER_COUNT)
    progress(0)
    ready = time.perf_counter()
    cowns = {field: bocpy.Cown(empty) for field, empty in vars(Ledger()).items()}
    for number, path in enumerate(paths, 1):
        schedule_file(path, name_of(path, root), cowns)
        if number > UNDER_WAY:
            await_one(number - UNDER_WAY, progress)
    summary = bocpy.whencall(collect, list(cowns.values()), [])
    for number in range(max(1, len(paths) - UNDER_WAY + 1), len(paths) + 1):
        await_one(number, progress)
    ledger = Ledger(**summary.unwrap(timeout=TIMEOUT))
    seconds = time.perf_counter() - ready
    bocpy.wait()
    behaviors = len(paths) * (1 + len(AGGREGATES)) + 1
    return Run(ledger, seconds, ready - begin, behaviors)


def schedule_file(path: str, name: str, cowns: dict[str, bocpy.Cown[Any]]) -> None:
    """Schedules all behaviors of one file."""
    facts = bocpy.whencall(analyze, [], [path, name])
    for field in AGGREGATES:
        bocpy.whencall(add, [cowns[field], facts], [field])


def await_one(number: int, progress: Progress) -> None:
    """Waits until one more file has been analyzed, the `number`th."""
    tag, _ = bocpy.receive(ANALYZED, TIMEOUT)
    if tag == bocpy.TIMEOUT:
        raise TimeoutError(f"no file was analyzed in {TIMEOUT:.0f} seconds")
    progress(number)


def analyze(path: str, name: str) -> Facts:
    """The body that analyzes one file, and sends a message when it is done."""
    try:
        return facts_of(path, name)
    finally:
        bocpy.send(ANALYZED, None)


def add(aggregate: bocpy.Cown[Any], facts: bocpy.Cown[Facts], field: str) -> None:
    """The body that adds one file to one aggregate."""
    AGGREGATES[field](aggregate.value, facts.value)


def collect(*aggregates: bocpy.Cown[Any]) -> dict[str, Any]:
    """The last body: all aggregates as one value, at one moment."""
    return {
        field: cown.value for field, cown in zip(AGGREGATES, aggregates, strict=True)
    }


def warm_up(path: str, workers: int) -> None:
    """Makes the workers import this module and analyze a small file a few times."""
    for _ in range(workers * WARM_UP_ROUNDS):
        bocpy.whencall(facts_of, [], [path, "warm-up"])
    bocpy.quiesce()


def name_of(path: str, root: str) -> str:
    """The file's name in the results: relative to the root, with slashes."""
    if path == root:
        return os.path.basename(path)
    return os.path.relpath(path, root).replace(os.sep, "/")
