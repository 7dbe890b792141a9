"""The aggregates of the demo: plain data, and how one file's facts are added to them.

A `Ledger` holds the four aggregates. The sequential run adds to its fields directly;
the parallel run keeps each field in a cown of its own and calls the same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .source import Facts, Span, ranked

COUNTED = ("lines", "tokens", "functions", "classes")


@dataclass
class Ledger:
    """All that the demo finds out."""

    totals: dict[str, int] = field(default_factory=dict)
    packages: dict[str, list[int]] = field(default_factory=dict)
    imports: dict[str, int] = field(default_factory=dict)
    longest: list[Span] = field(default_factory=list)


def add_totals(totals: dict[str, int], facts: Facts) -> None:
    """Counts the file, what is in it, and whether it could be read."""
    totals["files"] = totals.get("files", 0) + 1
    totals["unreadable"] = totals.get("unreadable", 0) + bool(facts["problem"])
    for name in COUNTED:
        totals[name] = totals.get(name, 0) + facts[name]  # type: ignore[literal-required]


def add_package(packages: dict[str, list[int]], facts: Facts) -> None:
    """Adds files, lines, functions to the package or top-level module of the file."""
    package = facts["name"].partition("/")[0].removesuffix(".py")
    row = packages.setdefault(package, [0, 0, 0])
    row[0] += 1
    row[1] += facts["lines"]
    row[2] += facts["functions"]


def add_imports(imports: dict[str, int], facts: Facts) -> None:
    """Counts, for each module, the files that import it."""
    for module in facts["imports"]:
        imports[module] = imports.get(module, 0) + 1


def add_longest(longest: list[Span], facts: Facts) -> None:
    """Keeps the longest functions of all files."""
    longest[:] = ranked(longest + facts["longest"])


AGGREGATES: dict[str, Callable[[Any, Facts], None]] = {
    "totals": add_totals,
    "packages": add_package,
    "imports": add_imports,
    "longest": add_longest,
}
"""The fields of a `Ledger`, and what adds a file to each."""
