"""when and whencall, by the names and rules that bocpy 0.14 documents."""

import math
from collections import Counter

from bocpy import Cown, wait, when, whencall

FACTOR = 3


def scaled(x):
    return FACTOR * x


def power(base, exponent, offset):
    return base.value**exponent + offset


def wrong_arguments():
    for bad in (5, "text", [1]):
        try:

            @when(bad)
            def _(bad):
                pass

        except TypeError:
            print("a wrong argument: TypeError")
    try:

        @when()
        async def later():
            pass

    except SyntaxError:
        print("async def: SyntaxError")
    except TypeError:
        print("async def: TypeError")


def main():
    log = Cown([])
    for number in range(4):

        @when(log)
        def _(log, number=number):
            log.value = [*log.value, number]

    a, b = Cown(1), Cown(2)

    @when(a, b)
    def swapped(a, b):
        a.value, b.value = b.value, a.value
        return a.value, b.value

    @when([a, b], log)
    def grouped(pair, log):
        return type(pair).__name__, [cown.value for cown in pair], len(log.value)

    @when([a, b], [])
    def groups(pair, empty):
        return len(pair), len(empty)

    @when()
    def nothing():
        return math.isqrt(17), Counter("aab").most_common(1), scaled(5)

    @when(a, a)
    def twice(one, other):
        one.value += 1
        return other.value

    @when(b)
    def chained(b):
        @when(b)
        def inner(b):
            b.value += 40
            return b.value

        return "inner is scheduled"

    @when(b)
    def after(b):
        return b.value > 0

    called = whencall(power, [a], [2, 100])
    wrong_arguments()
    wait()
    print("log:", list(log.unwrap()))
    print("swapped:", swapped.unwrap())
    print("grouped:", grouped.unwrap())
    print("groups:", groups.unwrap())
    print("nothing:", nothing.unwrap())
    print("twice:", twice.unwrap())
    print("chained:", chained.unwrap(), after.unwrap())
    print("called:", called.unwrap())


if __name__ == "__main__":
    main()
