"""Fibonacci numbers as a tree of behaviors, each over the results of two others.

What a behavior returns is in a cown, and the next behavior is scheduled over that cown.
So no thread ever waits for a number: the sum runs once both numbers are there.

    python -m bocpy.examples.fibonacci 28
"""

from __future__ import annotations

from bocpy import Cown, wait, when
from bocpy.examples._command import begin, parser, run_program

#: For numbers below this one, a behavior costs more than it gains.
SMALL = 18


def plain(n: int) -> int:
    """The n-th Fibonacci number by plain recursion, which gives a worker work to do."""
    return n if n < 2 else plain(n - 1) + plain(n - 2)


def fibonacci(n: int) -> Cown[int]:
    """A cown that will hold the n-th Fibonacci number."""
    if n < SMALL:

        @when()
        def small() -> int:
            return plain(n)

        return small

    @when(fibonacci(n - 1), fibonacci(n - 2))
    def total(one: Cown[int], other: Cown[int]) -> int:
        return one.value + other.value

    return total


def expected(n: int) -> int:
    """The n-th Fibonacci number by a loop."""
    last, this = 0, 1
    for _ in range(n):
        last, this = this, last + this
    return last


def main(arguments: list[str] | None = None) -> int:
    """Prints one Fibonacci number; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("n", type=int, nargs="?", default=24)
    options = line.parse_args(arguments)
    if not 0 <= options.n <= 40:
        line.error("n is from 0 to 40: there is too little time for more")
    begin(options)
    result = fibonacci(options.n)
    wait()
    found = result.unwrap()
    print(f"fibonacci({options.n}) = {found:,}")
    return 0 if found == expected(options.n) else 1


if __name__ == "__main__":
    run_program(main)
