"""Prime factors: many behaviors search for a divisor, and stop once one has found it.

Each behavior tries a block of candidates, in parallel with the others. A behavior that
finds a divisor writes it on the noticeboard; behaviors that begin later read it and end
at once. The quotient is searched in the same way.

    python -m bocpy.examples.prime_factors 1000036000099
"""

from __future__ import annotations

import math

from bocpy import Cown, notice_read, notice_update, quiesce, wait, when
from bocpy.examples._command import begin, count, parser, run_program

LARGEST = 10**15


def divisor_between(number: int, low: int, high: int) -> int | None:
    """The smallest divisor of `number` from `low` up to, not including, `high`."""
    for candidate in range(low, high):
        if number % candidate == 0:
            return candidate
    return None


def search(number: int, low: int, high: int, tried: Cown[int]) -> None:
    """Schedules the search of one block; `tried` counts the blocks that were searched.

    A known divisor that is smaller than this block ends the search, a larger one does
    not. So the result is the smallest divisor, in whatever order the blocks are
    searched.
    """
    key = str(number)

    @when()
    def found() -> bool:
        if notice_read(key, number) < low:
            return False
        divisor = divisor_between(number, low, high)
        if divisor is not None:
            notice_update(key, lambda best: min(best, divisor), number)
        return True

    @when(tried, found)
    def _(tried: Cown[int], found: Cown[bool]) -> None:
        tried.value += found.value


def smallest_divisor(number: int, block: int) -> tuple[int, int, int]:
    """The smallest divisor above 1, the number of blocks, and how many were
    searched."""
    tried = Cown(0)
    last = math.isqrt(number) + 1
    blocks = range(2, last, block)
    for low in blocks:
        search(number, low, min(low + block, last), tried)
    quiesce()
    return notice_read(str(number), number), len(blocks), tried.unwrap()


def factors(number: int, block: int) -> list[int]:
    """The prime factors of a number, the smallest first."""
    found = []
    while number > 1:
        divisor, blocks, tried = smallest_divisor(number, block)
        print(f"{number:,}: {divisor:,} after {tried} of {blocks} blocks")
        found.append(divisor)
        number //= divisor
    return found


def is_prime(number: int) -> bool:
    """Whether nothing divides a number but 1 and itself."""
    return divisor_between(number, 2, math.isqrt(number) + 1) is None


def main(arguments: list[str] | None = None) -> int:
    """Factors one number; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("number", type=int, nargs="?", default=1_000_036_000_099)
    line.add_argument("--block", type=count, default=20_000, help="candidates in one")
    options = line.parse_args(arguments)
    if not 2 <= options.number <= LARGEST:
        line.error(f"the number is from 2 to {LARGEST:,}")
    begin(options)
    found = factors(options.number, options.block)
    wait()
    print(f"{options.number:,} = {' * '.join(f'{each:,}' for each in found)}")
    right = math.prod(found) == options.number and all(map(is_prime, found))
    return 0 if right else 1


if __name__ == "__main__":
    run_program(main)
