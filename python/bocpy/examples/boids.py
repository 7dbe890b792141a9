"""Boids: a flock that nobody leads.

Each bird keeps with those that it sees: it turns to where they are and where they go,
and away from who is too close. The birds are in groups, each group a cown. A step of a
group is one behavior that reads all groups as they are now, side by side with the other
groups' steps, and a result that is the group as it will be. The picture is a pinned
cown: what is drawn on a terminal is drawn by the main thread.

    python -m bocpy.examples.boids --headless

Source: Reynolds, "Flocks, herds and schools: a distributed behavioral model", SIGGRAPH
1987.
"""

from __future__ import annotations

import math
import random
import sys
from typing import NamedTuple, TextIO

from bocpy import Cown, PinnedCown, quiesce, read, wait, when
from bocpy.examples._command import begin, count, parser

SIZE = 100.0  # of the world, which is a torus
SIGHT = 12.0
CLOSE = 3.0
SPEED = 1.5
COLUMNS, ROWS = 64, 24


class Bird(NamedTuple):
    """Where a bird is and where it flies to."""

    x: float
    y: float
    dx: float
    dy: float


Group = list[Bird]


def offset(here: float, there: float) -> float:
    """The way from here to there on a torus, the shorter one."""
    return (there - here + SIZE / 2) % SIZE - SIZE / 2


def steer(bird: Bird, seen: list[tuple[float, float, Bird]]) -> tuple[float, float]:
    """The new direction of a bird; of the others, where they are from here."""
    if not seen:
        return bird.dx, bird.dy
    number = len(seen)
    ahead = (sum(b.dx for *_, b in seen) / number, sum(b.dy for *_, b in seen) / number)
    together = (sum(x for x, *_ in seen) / number, sum(y for _, y, _ in seen) / number)
    close = [(x, y) for x, y, _ in seen if math.hypot(x, y) < CLOSE]
    apart = (-sum(x for x, _ in close), -sum(y for _, y in close))
    dx = bird.dx + 0.15 * (ahead[0] - bird.dx) + 0.01 * together[0] + 0.05 * apart[0]
    dy = bird.dy + 0.15 * (ahead[1] - bird.dy) + 0.01 * together[1] + 0.05 * apart[1]
    return dx, dy


def move(bird: Bird, flock: list[Group]) -> Bird:
    """A bird one step later."""
    seen = []
    for group in flock:
        for other in group:
            x, y = offset(bird.x, other.x), offset(bird.y, other.y)
            if 0 < math.hypot(x, y) < SIGHT:
                seen.append((x, y, other))
    dx, dy = steer(bird, seen)
    speed = math.hypot(dx, dy) or 1.0
    dx, dy = dx / speed * SPEED, dy / speed * SPEED
    return Bird((bird.x + dx) % SIZE, (bird.y + dy) % SIZE, dx, dy)


def step(groups: list[Cown[Group]]) -> list[Cown[Group]]:
    """Schedules a step of each group; the groups as they will be."""
    later = []
    for number in range(len(groups)):

        @when([read(group) for group in groups])
        def moved(flock: list[Cown[Group]], number: int = number) -> Group:
            now = [group.value for group in flock]
            return [move(bird, now) for bird in now[number]]

        later.append(moved)
    return later


def order_of(flock: list[Group]) -> float:
    """How much the birds fly in one direction: from 0, not at all, to 1."""
    birds = [bird for group in flock for bird in group]
    dx, dy = sum(bird.dx for bird in birds), sum(bird.dy for bird in birds)
    return math.hypot(dx, dy) / (SPEED * len(birds))


def picture(flock: list[Group]) -> str:
    """The flock as text."""
    rows = [[" "] * COLUMNS for _ in range(ROWS)]
    for group in flock:
        for bird in group:
            sector = round(math.atan2(bird.dy, bird.dx) / (math.pi / 4)) % 8
            x, y = int(bird.x * COLUMNS / SIZE), int(bird.y * ROWS / SIZE)
            rows[y % ROWS][x % COLUMNS] = ">\\v/<\\^/"[sector]
    return "\n".join("".join(row) for row in rows)


def draw(screen: PinnedCown[TextIO], groups: list[Cown[Group]], number: int) -> None:
    """Schedules a drawing, on the main thread."""

    @when(screen, [read(group) for group in groups])
    def _(screen: Cown[TextIO], flock: list[Cown[Group]]) -> None:
        frame = picture([group.value for group in flock])
        screen.value.write(f"\x1b[H\x1b[J{frame}\nstep {number}\n")
        screen.value.flush()


def hatch(birds: int, groups: int, seed: int) -> list[Group]:
    """Birds anywhere, flying anywhere; the same for the same seed."""
    chance = random.Random(seed)
    flock: list[Group] = [[] for _ in range(groups)]
    for number in range(birds):
        angle = chance.uniform(0, 2 * math.pi)
        x, y = chance.uniform(0, SIZE), chance.uniform(0, SIZE)
        bird = Bird(x, y, SPEED * math.cos(angle), SPEED * math.sin(angle))
        flock[number % groups].append(bird)
    return flock


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
    groups = [Cown(group) for group in flock]
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
        flock = [[move(bird, flock) for bird in group] for group in flock]
    return 0 if parallel == flock else 1


if __name__ == "__main__":
    sys.exit(main())
