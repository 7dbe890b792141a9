"""Primes by segments: behaviors search them in parallel, and one cown has the total.

The search is a behavior without cowns, whose result is a cown of its own; adding it to
the total is a behavior over both. The counts are added in the order of the segments.

    python -m bocpy.examples.primes --below 1000000
"""

from __future__ import annotations

import math

from bocpy import Cown, wait, when
from bocpy.examples._command import begin, count, parser, run_program


def primes_between(low: int, high: int) -> int:
    """How many primes there are from `low` up to, not including, `high`."""
    sieve = bytearray([1]) * (high - low)
    for divisor in range(2, math.isqrt(high) + 1):
        first = max(divisor * divisor, -(-low // divisor) * divisor)
        for multiple in range(first, high, divisor):
            sieve[multiple - low] = 0
    return sum(sieve) - sum(1 for number in (0, 1) if low <= number < high)


def main(arguments: list[str] | None = None) -> int:
    """Counts primes; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--below", type=count, default=200_000)
    line.add_argument("--segment", type=count, default=10_000)
    options = line.parse_args(arguments)
    begin(options)

    total = Cown(0)
    for low in range(0, options.below, options.segment):
        high = min(low + options.segment, options.below)

        @when()
        def found(low: int = low, high: int = high) -> int:
            return primes_between(low, high)

        @when(total, found)
        def _(total: Cown[int], found: Cown[int], high: int = high) -> None:
            total.value += found.value
            print(f"below {high:>7,}: {total.value:>6,} primes")

    wait()
    return 0 if total.unwrap() == primes_between(0, options.below) else 1


if __name__ == "__main__":
    run_program(main)
