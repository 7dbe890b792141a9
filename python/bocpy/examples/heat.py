"""Heat: a plate with one hot edge, and how the heat spreads over it.

The plate is cut into strips, each a matrix in a cown. In every step a point becomes the
mean of its four neighbors (Jacobi's method for Laplace's equation). A strip needs one
row of each strip beside it: those rows are cowns of their own, two of each, so that a
step reads the rows of the last one while it writes those of the next. Strips that are
far apart may be in different steps; there is no barrier.

    python -m bocpy.examples.heat --size 512 --steps 2000

Source: Jacobi, "Ueber eine neue Aufloesungsart der bei der Methode der kleinsten
Quadrate vorkommenden lineaeren Gleichungen", Astronomische Nachrichten 22, 1845.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from itertools import pairwise

from bocpy import Cown, Matrix, read, wait, when
from bocpy.examples._command import begin, count, parser

HOT = 100.0
SHADES = " .:-=+*#%@"


def plate(size: int) -> Matrix:
    """The plate at the beginning: cold, with a hot edge above."""
    made = Matrix(size, size)
    made[0] = HOT
    return made


def spread(strip: Matrix) -> None:
    """One step of the rows of a strip; the first and last row belong to the
    neighbors."""
    mean = strip[:-2, 1:-1]
    mean += strip[2:, 1:-1]
    mean += strip[1:-1, :-2]
    mean += strip[1:-1, 2:]
    mean *= 0.25
    strip[1:-1, 1:-1] = mean


class Strip:
    """A part of the plate, and the rows that its neighbors read, of even and odd
    steps."""

    def __init__(self, rows: Matrix) -> None:
        self.first = [Cown(rows[1]), Cown(rows[1])]
        self.last = [Cown(rows[-2]), Cown(rows[-2])]
        self.rows = Cown(rows)  # moves the matrix: from here on `rows` is empty


def cut(whole: Matrix, strips: int) -> list[Strip]:
    """The plate as strips, each with one more row on either side."""
    inner = whole.rows - 2
    ends = [inner * number // strips for number in range(strips + 1)]
    return [Strip(whole[a : b + 2]) for a, b in pairwise(ends)]


def step(strips: list[Strip], number: int, edge: list[Cown[Matrix]]) -> None:
    """Schedules step `number` of every strip."""
    now, then = number % 2, (number + 1) % 2
    for place, strip in enumerate(strips):
        above = strips[place - 1].last[now] if place else edge[0]
        below = strips[place + 1].first[now] if place + 1 < len(strips) else edge[1]

        @when(strip.rows, read(above), read(below), strip.first[then], strip.last[then])
        def _(
            rows: Cown[Matrix],
            above: Cown[Matrix],
            below: Cown[Matrix],
            first: Cown[Matrix],
            last: Cown[Matrix],
        ) -> None:
            strip = rows.value
            strip[0], strip[-1] = above.value, below.value
            spread(strip)
            first.value[0] = strip.view[1]
            last.value[0] = strip.view[-2]


def join(strips: list[Strip], whole: Matrix) -> Matrix:
    """The plate again: the inner rows of all strips between its edges."""
    parts = [strip.rows.unwrap()[1:-1] for strip in strips]
    return Matrix.concat([whole[0:1], *parts, whole[-1:]])


def picture(whole: Matrix, columns: int = 64, rows: int = 20) -> str:
    """The plate as text."""
    lines = []
    for i in range(rows):
        row = whole.row_view(i * (whole.rows - 1) // (rows - 1))
        cells = [row[j * (len(row) - 1) // (columns - 1)] for j in range(columns)]
        shades = [round(cell / HOT * (len(SHADES) - 1)) for cell in cells]
        lines.append("".join(SHADES[shade] for shade in shades))
    return "\n".join(lines)


def save(whole: Matrix, path: str) -> None:
    """The plate as a PNG."""
    from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]

    pyplot.imsave(path, memoryview(whole).tolist(), cmap="inferno", vmin=0, vmax=HOT)


def alone(whole: Matrix, steps: int) -> Matrix:
    """The same in one thread."""
    for _ in range(steps):
        spread(whole)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Heats the plate; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--size", type=count, default=256, help="rows and columns")
    line.add_argument("--steps", type=count, default=500)
    line.add_argument("--strips", type=count, default=4)
    line.add_argument("--png", help="write a picture to this file; needs matplotlib")
    options = line.parse_args(arguments)
    if options.size < options.strips + 2:
        line.error("a strip has one row at least: --size is too small")
    if options.png and importlib.util.find_spec("matplotlib") is None:
        line.error("--png needs matplotlib, which is not installed")
    begin(options)

    whole = plate(options.size)
    strips = cut(whole, options.strips)
    edge = [Cown(whole[0:1]), Cown(whole[-1:])]
    start = time.perf_counter()
    for number in range(options.steps):
        step(strips, number, edge)
    wait()
    together = time.perf_counter() - start
    heated = join(strips, whole)
    start = time.perf_counter()
    expected = alone(whole, options.steps)
    seconds = time.perf_counter() - start

    print(picture(heated))
    print(f"mean {heated.mean():.3f} after {options.steps} steps; ", end="")
    print(f"{together:.2f} s, in one thread {seconds:.2f} s")
    if options.png:
        save(heated, options.png)
    return 0 if heated == expected else 1


if __name__ == "__main__":
    sys.exit(main())
