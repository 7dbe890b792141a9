"""Heat: a plate with one hot edge, and how the heat spreads over it.

The plate is cut into strips, each a matrix in a cown. In every step a point becomes the
mean of its four neighbors (Jacobi's method for Laplace's equation). A strip needs one
row of each strip beside it: those rows are cowns of their own, two of each, so that a
step reads the rows of the last one while it writes those of the next. Strips that are
far apart may be in different steps; there is no barrier.

Each matrix has one row, in which the rows of the plate lie one after another. So the
neighbors of all points are four views of it, which the step adds without copying them.

    python -m bocpy.examples.heat --size 512 --steps 2000 --numpy

Source: Jacobi, "Ueber eine neue Aufloesungsart der bei der Methode der kleinsten
Quadrate vorkommenden lineaeren Gleichungen", Astronomische Nachrichten 22, 1845.
"""

from __future__ import annotations

import importlib.util
import time
from itertools import pairwise

from bocpy import Cown, Matrix, read, wait, when
from bocpy.examples._command import begin, count, parser, run_program

HOT, COLD = 100.0, 0.0
SHADES = " .:-=+*#%@"


def plate(size: int) -> Matrix:
    """The plate at the beginning: cold, with a hot edge above."""
    made = Matrix(1, size * size, COLD)
    made[:, :size] = HOT
    return made


def room(points: Matrix, size: int) -> Matrix:
    """What `spread` needs beside the points: one number for each mean."""
    return Matrix(1, points.columns - 2 * size - 2)


def spread(points: Matrix, means: Matrix, size: int) -> None:
    """One step of the rows of a strip; the first and last row belong to the neighbors.

    The step replaces every point from the second point of the second row to the last
    but one of the last row but one by its mean, then makes the left and right edges
    cold again. `means` is overwritten: a matrix that is used again costs less than a
    new one in each step.
    """
    whole = points.view[0]
    means[0] = whole[1 : -2 * size - 1]
    means += whole[2 * size + 1 : -1]
    means += whole[size : -size - 2]
    means += whole[size + 2 : -size]
    means *= 0.25
    whole[size + 1 : -size - 1] = means
    whole[size:-size:size] = COLD
    whole[2 * size - 1 : -size : size] = COLD


class Strip:
    """A part of the plate, and the rows that its neighbors read, of even and odd
    steps."""

    def __init__(self, points: Matrix, size: int) -> None:
        first, last = points[:, size : 2 * size], points[:, -2 * size : -size]
        self.first = [Cown(first.copy()), Cown(first)]
        self.last = [Cown(last.copy()), Cown(last)]
        # Both move: from here on `points` is empty.
        self.points = Cown((points, room(points, size)))


def cut(whole: Matrix, size: int, strips: int) -> list[Strip]:
    """The plate as strips, each with one row more on either side."""
    ends = [(size - 2) * number // strips for number in range(strips + 1)]
    return [Strip(whole[:, a * size : (b + 2) * size], size) for a, b in pairwise(ends)]


def step(strips: list[Strip], number: int, size: int, edge: list[Cown[Matrix]]) -> None:
    """Schedules step `number` of every strip."""
    now, then = number % 2, (number + 1) % 2
    for place, strip in enumerate(strips):
        above = strips[place - 1].last[now] if place else edge[0]
        below = strips[place + 1].first[now] if place + 1 < len(strips) else edge[1]

        @when(
            strip.points, read(above), read(below), strip.first[then], strip.last[then]
        )
        def _(
            strip: Cown[tuple[Matrix, Matrix]],
            above: Cown[Matrix],
            below: Cown[Matrix],
            first: Cown[Matrix],
            last: Cown[Matrix],
        ) -> None:
            points, means = strip.value
            points[:, :size], points[:, -size:] = above.value, below.value
            spread(points, means, size)
            first.value[0] = points.view[0, size : 2 * size]
            last.value[0] = points.view[0, -2 * size : -size]


def join(strips: list[Strip], whole: Matrix, size: int) -> Matrix:
    """The plate again: the inner rows of all strips between its edges."""
    parts = [strip.points.unwrap()[0][:, size:-size] for strip in strips]
    return Matrix.concat([whole[:, :size], *parts, whole[:, -size:]], axis=1)


def picture(whole: Matrix, size: int, columns: int = 64, rows: int = 20) -> str:
    """The plate as text."""
    lines = []
    for i in range(rows):
        row = whole.view[0, i * (size - 1) // (rows - 1) * size :][:size]
        cells = [row[j * (size - 1) // (columns - 1)] for j in range(columns)]
        shades = [round(cell / HOT * (len(SHADES) - 1)) for cell in cells]
        lines.append("".join(SHADES[shade] for shade in shades))
    return "\n".join(lines)


def save(whole: Matrix, size: int, path: str) -> None:
    """The plate as a PNG."""
    from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]

    points = memoryview(whole.reshape(size, size)).tolist()
    pyplot.imsave(path, points, cmap="inferno", vmin=0, vmax=HOT)


def alone(whole: Matrix, size: int, steps: int) -> Matrix:
    """The same in one thread."""
    means = room(whole, size)
    for _ in range(steps):
        spread(whole, means, size)
    return whole


def by_numpy(size: int, steps: int) -> float:
    """The seconds that NumPy takes, in one thread."""
    import numpy as np  # type: ignore[import-not-found, unused-ignore]

    points = np.zeros((size, size))
    points[0] = HOT
    start = time.perf_counter()
    for _ in range(steps):
        mean = points[:-2, 1:-1] + points[2:, 1:-1]
        mean += points[1:-1, :-2]
        mean += points[1:-1, 2:]
        mean *= 0.25
        points[1:-1, 1:-1] = mean
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    """Heats the plate; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--size", type=count, default=512, help="rows and columns")
    line.add_argument("--steps", type=count, default=500)
    line.add_argument("--strips", type=count, default=4)
    line.add_argument("--png", help="write a picture to this file; needs matplotlib")
    line.add_argument("--numpy", action="store_true", help="time NumPy as well")
    options = line.parse_args(arguments)
    size, steps = options.size, options.steps
    if size < options.strips + 2:
        line.error("a strip has one row at least: --size is too small")
    if options.png and importlib.util.find_spec("matplotlib") is None:
        line.error("--png needs matplotlib, which is not installed")
    if options.numpy and importlib.util.find_spec("numpy") is None:
        line.error("--numpy needs NumPy, which is not installed")
    begin(options)

    whole = plate(size)
    strips = cut(whole, size, options.strips)
    edge = [Cown(whole[:, :size]), Cown(whole[:, -size:])]
    start = time.perf_counter()
    for number in range(steps):
        step(strips, number, size, edge)
    wait()
    together = time.perf_counter() - start
    heated = join(strips, whole, size)
    start = time.perf_counter()
    expected = alone(whole, size, steps)
    seconds = time.perf_counter() - start

    print(picture(heated, size))
    print(f"mean {heated.mean():.3f} after {steps} steps; ", end="")
    print(f"{together:.2f} s, in one thread {seconds:.2f} s", end="")
    print(f", by NumPy {by_numpy(size, steps):.2f} s" if options.numpy else "")
    if options.png:
        save(heated, size, options.png)
    return 0 if heated == expected else 1


if __name__ == "__main__":
    run_program(main)
