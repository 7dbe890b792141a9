#!/usr/bin/env python3
"""Makes the plots of docs/pictures from the tables that the pages show.

    tools/plots.py            writes docs/pictures/{cost-c,cost-python}.svg
    tools/plots.py --check    fails if that would change anything

A plot says what its table says: whoever measures again writes the table, and runs this.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from diagrams import PICTURES, ROOT, WIDTH, Drawing

LEFT, RIGHT = 230, 80
BAR = 11


@dataclass(frozen=True)
class Plot:
    name: str
    title: str
    page: str
    #: The title of the table's first column.
    key: str
    #: One group of bars for each of these columns, or for each of these rows.
    groups: tuple[str, ...]
    bars: tuple[str, ...]
    rows_are_groups: bool
    unit: str


PLOTS = (
    Plot(
        "cost-python",
        "Microseconds for a task that does nothing",
        "README.md",
        "",
        ("many at once", "with its result", "update of shared data"),
        (
            "bocpy, `interpreters`",
            "bocpy, `threads`",
            "`ThreadPoolExecutor` (and a lock)",
            "`ProcessPoolExecutor` (and a shared value)",
        ),
        False,
        "µs",
    ),
    Plot(
        "cost-c",
        "Nanoseconds for a behavior, two workers",
        "docs/benchmarks.md",
        "workload",
        ("chain1", "fanout", "zero", "rr64", "ring2", "hot2", "group8"),
        ("boc gcc 2", "verona-rt 2", "oneTBB 2", "GCC OpenMP 2"),
        True,
        "ns",
    ),
)


def table(page: str, key: str, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The first table of a page with that first column and those others, by row."""
    head: list[str] = []
    rows: dict[str, dict[str, str]] = {}
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            if rows:
                break
            head = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == key and set(columns) <= set(cells):
            head = cells
        elif head and not cells[0].startswith("---"):
            rows[cells[0]] = dict(zip(head, cells, strict=True))
    if not rows:
        raise SystemExit(f"{page} has no table with {key!r} and {', '.join(columns)}")
    return rows


def number(text: str) -> float | None:
    """A cell's number; None for a cell without one."""
    return None if text in ("-", "") else float(text.replace(",", ""))


def figures(plot: Plot) -> list[tuple[str, list[float | None]]]:
    """For each group of the plot, the length of each bar."""
    columns = plot.bars if plot.rows_are_groups else plot.groups
    rows = table(plot.page, plot.key, columns)
    if plot.rows_are_groups:
        return [(g, [number(rows[g][bar]) for bar in plot.bars]) for g in plot.groups]
    return [(g, [number(rows[bar][g]) for bar in plot.bars]) for g in plot.groups]


def draw(plot: Plot) -> Drawing:
    groups = figures(plot)
    most = max(length or 0 for _, bars in groups for length in bars)
    step = (BAR + 3) * len(plot.bars) + 16
    legend = 24 * ((len(plot.bars) + 1) // 2)
    said = "; ".join(
        f"{group}: "
        + ", ".join(
            f"{bar} {length:g} {plot.unit}".replace("`", "")
            for bar, length in zip(plot.bars, bars, strict=True)
            if length is not None
        )
        for group, bars in groups
    )
    height = 20 + legend + step * len(groups)
    drawing = Drawing(plot.name, plot.title, f"{said}.", height)
    for i, bar in enumerate(plot.bars):
        x, y = 20 + i % 2 * 340, 8 + i // 2 * 24
        css = f"bar{i}"
        drawing.parts.append(
            f'<rect class="{css}" x="{x}" y="{y}" width="14" height="14" rx="3"/>'
        )
        drawing.label(x + 22, y + 12, bar.replace("`", ""), "small")
    for row, (group, bars) in enumerate(groups):
        top = 20 + legend + step * row
        middle = top + (BAR + 3) * len(bars) / 2 + 4
        drawing.label(LEFT - 14, middle, group, "", "end")
        for i, length in enumerate(bars):
            if length is None:
                continue
            y = top + (BAR + 3) * i
            width = max(1.5, length / most * (WIDTH - LEFT - RIGHT))
            drawing.parts.append(
                f'<rect class="bar{i}" x="{LEFT}" y="{y}" width="{width:.1f}" '
                f'height="{BAR}" rx="2"/>'
            )
            value = f"{length:,g} {plot.unit}"
            drawing.label(LEFT + width + 6, y + BAR - 1, value, "small")
    return drawing


def main() -> int:
    stale = []
    for plot in PLOTS:
        target = PICTURES / f"{plot.name}.svg"
        text = draw(plot).svg()
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale.append(target.relative_to(ROOT).as_posix())
        if "--check" not in sys.argv:
            target.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'is stale' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
