"""Samples, their medians, and tables of them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent

TIME_LIMIT = 120
"""Seconds that one workload may take."""

Key = tuple[str, str, int]
"""A column, a workload, a number of workers."""


def reference(language: str) -> dict[str, dict]:
    """What was measured elsewhere, and what is aimed at, by workload."""
    return json.loads((HERE / "reference.json").read_text(encoding="utf-8"))[language]


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


class Samples:
    """All values of all rounds."""

    def __init__(self) -> None:
        self.values: dict[Key, list[float]] = {}

    def add(self, column: str, found: dict) -> None:
        """Adds what a program printed for one workload."""
        key = (column, found["workload"], found.get("workers", 0))
        self.values.setdefault(key, []).extend(found["values"])

    def median(self, column: str, workload: str, workers: int) -> float | None:
        """The median, or None if nothing was measured."""
        values = self.values.get((column, workload, workers))
        return statistics.median(values) if values else None

    def as_json(self) -> list[dict]:
        """All that was measured, for other programs."""
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
