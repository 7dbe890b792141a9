"""The demo's tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .job import Run
from .ledger import COUNTED, Ledger

ROWS = 10
WIDTH = 80
"""Columns of a terminal that the tables fit."""
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"

Cell = str | int | float


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table with its numbers aligned right, and the title as its first line."""
    body = [[shown(cell) for cell in row] for row in rows]
    columns = zip(head, *body, strict=True)
    widths = fitting([max(map(len, column)) for column in columns])
    body = [[cut(c, w) for c, w in zip(row, widths, strict=True)] for row in body]
    left = [not numeric(column) for column in zip(*body, strict=True)] or [True] * len(
        head
    )
    lines = [title]
    for cells in [list(head), ["-" * width for width in widths], *body]:
        padded = [
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(cells, widths, left, strict=True)
        ]
        lines.append("  " + "  ".join(padded).rstrip())
    return "\n".join(lines)


def fitting(widths: list[int]) -> list[int]:
    """The widths of the columns; if the table is too wide, its widest column is
    narrowed."""
    over = sum(2 + width for width in widths) - WIDTH
    if over > 0:
        widest = widths.index(max(widths))
        widths[widest] = max(widths[widest] - over, 8)
    return widths


def cut(cell: str, width: int) -> str:
    """The cell, without its middle if it is too long: names differ at both ends."""
    if len(cell) <= width:
        return cell
    tail = min((width - 3) // 2 + 4, width - 4)
    return f"{cell[: width - 3 - tail]}...{cell[-tail:]}"


def numeric(column: Iterable[str]) -> bool:
    """Whether all cells of a column begin with a digit."""
    return all(cell[:1].isdigit() for cell in column)


def shown(cell: Cell) -> str:
    """A cell as text, with thousands separated and short fractions."""
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return cell


def findings(ledger: Ledger, color: bool) -> str:
    """The tables of results."""
    totals = ledger.totals
    files = totals["files"]
    counted = [(name, totals[name], round(totals[name] / files)) for name in COUNTED]
    packages = sorted(ledger.packages.items(), key=lambda item: (-item[1][1], item[0]))
    imports = sorted(ledger.imports.items(), key=lambda item: (-item[1], item[0]))
    titled = f"{files:,} files, {totals['unreadable']} of them no valid Python"
    tables = [
        table(titled, ("what", "in all", "a file"), counted),
        table(
            "The largest packages",
            ("package", "files", "lines", "functions"),
            [(name, *row) for name, row in packages[:ROWS]],
        ),
        table(
            "The most imported modules",
            ("module", "files that import it"),
            imports[:ROWS],
        ),
        table(
            "The longest functions",
            ("lines", "function", "at line"),
            [(lines, name, first) for lines, name, first in ledger.longest[:ROWS]],
        ),
    ]
    return "\n\n".join(titled_in(text, color) for text in tables)


def timings(plain: Run, parallel: Run, workers: int, color: bool) -> str:
    """The table of what both runs took, and of the speedup."""
    speed_up = plain.seconds / parallel.seconds
    rate = round(parallel.behaviors / parallel.seconds)
    rows = [
        ("plain loop", plain.seconds, 1.0),
        (f"behaviors, {workers} workers", parallel.seconds, speed_up),
        (
            "the same with start-up",
            parallel.seconds + parallel.startup,
            plain.seconds / (parallel.seconds + parallel.startup),
        ),
    ]
    text = table("Time", ("run", "seconds", "speed-up"), rows)
    notes = (
        f"\n\n{parallel.behaviors:,} behaviors, {rate:,} a second. Start-up is what it"
        f" took\nto start the workers and have them import and try the analyzer: "
        f"{parallel.startup:.2f} s, once."
    )
    return titled_in(text, color) + notes


def titled_in(text: str, color: bool) -> str:
    """The table with its title in bold, if colors are wanted."""
    title, _, rest = text.partition("\n")
    return f"{BOLD}{title}{PLAIN}\n{rest}" if color else text
