"""Samples, the load during the measurement, their medians, and tables of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

HERE = Path(__file__).resolve().parent.parent

TIME_LIMIT = 120
"""Seconds that one workload may take."""

QUIET = 0.1
"""Processors that other programs may keep busy before a run is repeated."""

REPEATS = 3
"""How often a run is repeated at most."""

Key = tuple[str, str, int]
"""A column, a workload, a number of workers."""


def run_json(
    command: Sequence[object], env: dict[str, str] | None = None
) -> list[dict]:
    """Runs a benchmark program and returns its lines of JSON; none if it failed."""
    text = [str(part) for part in command]
    try:
        done = subprocess.run(
            text, env=env, capture_output=True, text=True, timeout=TIME_LIMIT
        )
    except subprocess.TimeoutExpired:
        print(f"took too long: {' '.join(text)}", file=sys.stderr)
        return []
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"failed ({done.returncode}): {' '.join(text)}: {last}", file=sys.stderr)
        return []
    return [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]


class OtherLoad:
    """How many processors other programs kept busy during a `with`."""

    def __enter__(self) -> Self:
        self.began = (time.monotonic(), self.busy(), self.own())
        return self

    def __exit__(self, *_: object) -> None:
        began, busy, own = self.began
        others = (self.busy() - busy) - (self.own() - own)
        self.processors = max(0.0, others / max(1e-3, time.monotonic() - began))

    @staticmethod
    def known() -> bool:
        return Path("/proc/stat").exists()

    @classmethod
    def busy(cls) -> float:
        """Seconds that all processors were busy since the system started."""
        if not cls.known():
            return 0.0
        line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
        user, nice, system, _idle, _waiting, irq, softirq, steal = map(
            int, line.split()[1:9]
        )
        ticks = user + nice + system + irq + softirq + steal
        return ticks / os.sysconf("SC_CLK_TCK")

    @classmethod
    def own(cls) -> float:
        """Seconds of this process and of the children that have ended."""
        return sum(os.times()[:4]) if cls.known() else 0.0


class Samples:
    """All values of all rounds, and the load of other programs meanwhile."""

    def __init__(self) -> None:
        self.values: dict[Key, list[float]] = {}
        self.loads: list[float] = []
        self.repeated = 0

    def measure(
        self, column: str, command: Sequence[object], env: dict[str, str] | None = None
    ) -> None:
        """Runs a program and adds what it prints.

        Under other load it runs again, a few times; the quietest run counts.
        """
        runs = []
        for _ in range(1 + REPEATS):
            with OtherLoad() as load:
                found = run_json(command, env)
            runs.append((load.processors, found))
            if load.processors <= QUIET:
                break
        self.repeated += len(runs) - 1
        least, found = min(runs, key=lambda run: run[0])
        self.loads.append(least)
        for line in found:
            self.add(column, line)

    def other_load(self) -> str:
        """A sentence about the load of other programs during all measurements."""
        if not self.loads or not OtherLoad.known():
            return "What else the machine did meanwhile is not known on this system."
        over = sum(load > QUIET for load in self.loads)
        return (
            "Other work on the machine, in processors: "
            f"{statistics.median(self.loads):.2f} at the median of {len(self.loads)} "
            f"runs, {max(self.loads):.2f} at most. {self.repeated} runs were repeated "
            f"because it was more than {QUIET}; {over} counted although it was."
        )

    def add(self, column: str, found: dict) -> None:
        """Adds the output of a program for one workload."""
        key = (column, found["workload"], found.get("workers", 0))
        self.values.setdefault(key, []).extend(found["values"])

    def median(self, column: str, workload: str, workers: int) -> float | None:
        """The median, or None if nothing was measured."""
        values = self.values.get((column, workload, workers))
        return statistics.median(values) if values else None

    def as_json(self) -> list[dict]:
        """All measurements, for other programs."""
        return [
            {"column": key[0], "workload": key[1], "workers": key[2], "values": values}
            for key, values in self.values.items()
        ]


def figure(value: float | None, digits: int = 0) -> str:
    """A number as a cell of a table; a dash if there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(value: float | None, other: float | None) -> str:
    """How many times `other` the value is, as a cell."""
    return "-" if value is None or not other else f"{value / other:.2f}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that reads well as text and as Markdown."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, head, widths)) + " |"]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.append("| " + " | ".join(rule) + " |")
    for row in rows:
        cells = [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
