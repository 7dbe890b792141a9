"""Boids: a flock of birds without a leader.

Each bird stays with the birds that it sees: it turns to their center and to their
direction, and away from birds that are too close. The birds are in groups, each group a
cown that holds a Matrix with a row for each bird. A step of a group is one behavior
that reads all groups as they are now, in parallel with the other groups' steps; its
result is the group after the step. The picture is a pinned cown: the main thread draws.

    python -m bocpy.examples.boids --headless

Source: Reynolds, "Flocks, herds and schools: a distributed behavioral model", SIGGRAPH
1987.
"""

from __future__ import annotations

import math
import random
import sys
from typing import TextIO

from bocpy import Cown, Matrix, PinnedCown, quiesce, read, wait, when
from bocpy.examples._command import begin, count, parser, run_program

SIZE = 100.0  # the edge of the world, which is a torus
SIGHT = 12.0
CLOSE = 3.0
SPEED = 1.5
COLUMNS, ROWS = 64, 24

#: A row for each bird: its position x, y and its direction dx, dy.
Group = Matrix


def around(difference: Matrix) -> Matrix:
    """The differences from here to there on a torus, along the shorter way."""
    return difference - SIZE * ((difference + SIZE / 2) / SIZE).floor()


def steer(group: Group, flock: Group) -> Matrix:
    """The new directions of a group's birds, which see all birds of the flock."""
    # A row for each bird of the group, a column for each of the flock.
    x = around(flock[:, 0:1].T - group[:, 0:1])
    y = around(flock[:, 1:2].T - group[:, 1:2])
    distance = x * x + y * y
    seen = distance.greater(0) * distance.less(SIGHT**2)
    close = seen * distance.less(CLOSE**2)

    number = seen.sum(axis=1)
    divisor = number.clip(min=1)
    direction = group[:, 2:4]
    ahead = (seen @ flock[:, 2:4]) / divisor - direction * number.greater(0)
    together = Matrix.concat([(x * seen).sum(axis=1), (y * seen).sum(axis=1)], 1)
    apart = Matrix.concat([(x * close).sum(axis=1), (y * close).sum(axis=1)], 1)
    return direction + 0.15 * ahead + 0.01 * together / divisor - 0.05 * apart


def move(number: int, groups: list[Group]) -> Group:
    """The group of that number one step later."""
    group = groups[number]
    direction = steer(group, Matrix.concat(groups)).normalize(axis=1) * SPEED
    place = group[:, 0:2] + direction
    place -= SIZE * (place / SIZE).floor()
    return Matrix.concat([place, direction], 1)


def step(groups: list[Cown[Group]]) -> list[Cown[Group]]:
    """Schedules a step of each group; returns cowns with the groups after the step."""
    later = []
    for number in range(len(groups)):

        @when([read(group) for group in groups])
        def moved(flock: list[Cown[Group]], number: int = number) -> Group:
            return move(number, [group.value for group in flock])

        later.append(moved)
    return later


def order_of(flock: list[Group]) -> float:
    """How much the birds fly in one direction: from 0 (not at all) to 1."""
    birds = Matrix.concat(flock)
    return birds[:, 2:4].sum(axis=0).magnitude() / (SPEED * birds.rows)


def picture(flock: list[Group]) -> str:
    """The flock as text."""
    rows = [[" "] * COLUMNS for _ in range(ROWS)]
    for group in flock:
        for bird in group:
            x, y, dx, dy = bird.values()
            sector = round(math.atan2(dy, dx) / (math.pi / 4)) % 8
            column, row = int(x * COLUMNS / SIZE), int(y * ROWS / SIZE)
            rows[row % ROWS][column % COLUMNS] = ">\\v/<\\^/"[sector]
    return "\n".join("".join(row) for row in rows)


def draw(screen: PinnedCown[TextIO], groups: list[Cown[Group]], number: int) -> None:
    """Schedules a drawing, on the main thread."""

    @when(screen, [read(group) for group in groups])
    def _(screen: Cown[TextIO], flock: list[Cown[Group]]) -> None:
        frame = picture([group.value for group in flock])
        screen.value.write(f"\x1b[H\x1b[J{frame}\nstep {number}\n")
        screen.value.flush()


def hatch(birds: int, groups: int, seed: int) -> list[Group]:
    """Birds at random positions, in random directions; the same for the same seed."""
    chance = random.Random(seed)
    flock: list[list[list[float]]] = [[] for _ in range(groups)]
    for number in range(birds):
        angle = chance.uniform(0, 2 * math.pi)
        place = [chance.uniform(0, SIZE), chance.uniform(0, SIZE)]
        direction = [SPEED * math.cos(angle), SPEED * math.sin(angle)]
        flock[number % groups].append(place + direction)
    return [Matrix.concat(group) for group in flock]


def main(arguments: list[str] | None = None) -> int:
    """Lets the birds fly; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--birds", type=count, default=120)
    line.add_argument("--groups", type=count, default=4)
    line.add_argument("--steps", type=count, default=100)
    line.add_argument("--seed", type=int, default=1)
    line.add_argument("--headless", action="store_true", help="draw nothing")
    options = line.parse_args(arguments)
    if options.groups > options.birds:
        line.error("a group has one bird at least")
    begin(options)

    flock = hatch(options.birds, options.groups, options.seed)
    groups = [Cown(group.copy()) for group in flock]
    screen = PinnedCown(sys.stdout)
    for number in range(options.steps):
        groups = step(groups)
        if not options.headless:
            draw(screen, groups, number)
            quiesce()
    wait()
    parallel = [group.unwrap() for group in groups]

    print(f"in order: {order_of(flock):.2f}, after {options.steps} steps: ", end="")
    print(f"{order_of(parallel):.2f}")
    for _ in range(options.steps):
        flock = [move(number, flock) for number in range(len(flock))]
    return 0 if parallel == flock else 1


if __name__ == "__main__":
    run_program(main)
