"""The dining philosophers: a fork is a cown, a meal a behavior over two of them.

A philosopher who takes one fork and waits for the other may wait forever, if all do so.
A behavior gets both or waits for both, so that nobody can hold one and starve.

    python -m bocpy.examples.dining_philosophers
"""

from __future__ import annotations

from bocpy import Cown, wait, when
from bocpy.examples._command import begin, count, parser, run_program


def dine(left: Cown[int], right: Cown[int], plate: Cown[int], hungry: int) -> None:
    """Schedules a meal; it counts on both forks, and schedules the next one."""

    @when(left, right, plate)
    def _(left: Cown[int], right: Cown[int], plate: Cown[int]) -> None:
        left.value += 1
        right.value += 1
        plate.value += 1
        if hungry > 1:
            dine(left, right, plate, hungry - 1)


def main(arguments: list[str] | None = None) -> int:
    """Seats the philosophers; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--philosophers", type=count, default=5)
    line.add_argument("--meals", type=count, default=500, help="for each of them")
    options = line.parse_args(arguments)
    if options.philosophers < 2:
        line.error("two philosophers are needed for two forks")
    begin(options)

    seats, meals = options.philosophers, options.meals
    forks = [Cown(0) for _ in range(seats)]
    plates = [Cown(0) for _ in range(seats)]
    for seat, plate in enumerate(plates):
        dine(forks[seat], forks[(seat + 1) % seats], plate, meals)
    wait()
    eaten = [plate.unwrap() for plate in plates]
    used = [fork.unwrap() for fork in forks]
    print(f"meals eaten: {eaten}; times that each fork was used: {used}")
    return 0 if eaten == [meals] * seats and used == [2 * meals] * seats else 1


if __name__ == "__main__":
    run_program(main)
