"""Cowns, by the names and rules that bocpy 0.14 documents."""

from bocpy import Cown, wait, when


class Plain:
    def __init__(self, n):
        self.n = n


def main():
    numbers: Cown[list] = Cown([1, 2])
    print("acquired before:", numbers.acquired)
    with numbers:
        print("held:", numbers.acquired, numbers.value)
        numbers.value = [1, 2, 3]
    print("acquired after:", numbers.acquired)
    numbers.acquire()
    print("again:", numbers.value)
    numbers.release()
    try:
        print(numbers.value)
    except RuntimeError:
        print("value without holding: RuntimeError")
    print("equal to itself:", numbers == numbers, numbers == Cown([1, 2]))
    print("a set of two:", len({numbers, Cown(1), numbers}))
    print("ordered:", (numbers < numbers), sorted([numbers]) == [numbers])

    @when(numbers)
    def total(numbers):
        return sum(numbers.value)

    @when(Cown(Plain(4)))
    def attribute(plain):
        plain.value.n += 1
        return plain.value.n

    @when(Cown(1))
    def failed(one):
        raise ValueError("no", one.value)

    @when(failed)
    def seen(failed):
        was = failed.exception
        kind, text = type(failed.value).__name__, failed.value.args
        failed.value = "mended"
        return was, kind, text, failed.exception

    nested = Cown([Cown("inner")])

    @when(nested)
    def _(nested):
        @when(nested.value[0])
        def _(inner):
            inner.value = inner.value.upper()

    wait()
    print("total:", total.unwrap(), "then:", total.unwrap())
    print("attribute:", attribute.unwrap())
    print("seen:", seen.unwrap())
    print("mended:", failed.unwrap())


if __name__ == "__main__":
    main()
