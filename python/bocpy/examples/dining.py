"""The dining philosophers: a fork is a cown, a meal a behavior over two of them.

A philosopher who takes one fork and waits for the other may wait forever, if all do so.
A behavior gets both or waits for both, so that nobody can hold one and starve.

    python -m bocpy.examples.dining
"""

from __future__ import annotations

import sys

from bocpy import Cown, wait, when

PHILOSOPHERS = 5
MEALS = 500


def dine(left: Cown[int], right: Cown[int], plate: Cown[int], hungry: int) -> None:
    """Schedules a meal; it counts on both forks, and schedules the next one."""

    @when(left, right, plate)
    def _(left: Cown[int], right: Cown[int], plate: Cown[int]) -> None:
        left.value += 1
        right.value += 1
        plate.value += 1
        if hungry > 1:
            dine(left, right, plate, hungry - 1)


def main() -> int:
    """Seats the philosophers; returns the exit code."""
    forks = [Cown(0) for _ in range(PHILOSOPHERS)]
    plates = [Cown(0) for _ in range(PHILOSOPHERS)]
    for seat, plate in enumerate(plates):
        dine(forks[seat], forks[(seat + 1) % PHILOSOPHERS], plate, MEALS)
    wait()
    eaten = [plate.unwrap() for plate in plates]
    used = [fork.unwrap() for fork in forks]
    print(f"meals eaten: {eaten}; times that each fork was used: {used}")
    right = eaten == [MEALS] * PHILOSOPHERS and used == [2 * MEALS] * PHILOSOPHERS
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
