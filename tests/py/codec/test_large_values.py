"""Large bytes, str, and tuples and frozensets of plain values: the same object in their
own interpreter, one copy in another, and no references once no interpreter needs
them."""

import gc
import sys
import time

import bocpy
import pytest
from bocpy import Cown, read, receive, send, wait, when

pytestmark = pytest.mark.usefixtures("backend")

SIZE = 100_000
LARGE = [
    b"\x00\xff" * SIZE,
    "a" * SIZE,
    "é" * SIZE,
    "Ω" * SIZE,
    "😀" * SIZE,
    tuple(range(5000)),
    frozenset(range(5000)),
    tuple((str(i), float(i), b"x", None, (i, True)) for i in range(2000)),
    ("a" * SIZE, b"b" * SIZE, *range(2000)),
]
IDS = ["bytes", "ascii", "latin", "ucs2", "ucs4", "tuple", "frozenset", "nested", "big"]


def settled(thing):
    """The reference count, after other interpreters have dropped their references."""
    base = None
    for _ in range(200):
        gc.collect()
        count = sys.getrefcount(thing)
        if count == base:
            break
        base = count
        time.sleep(0.02)
    return base


@pytest.mark.parametrize("value", LARGE, ids=IDS)
def test_the_interpreter_that_made_it_gets_the_same_object_back(value):
    send("here", value)
    assert receive("here")[1] is value
    c = Cown([value, {"key": value}])
    with c as inside:
        assert inside[0] is value
        assert inside[1]["key"] is value


@pytest.mark.parametrize("value", LARGE, ids=IDS)
def test_a_body_gets_an_equal_object(value):
    c = Cown(value)

    @when(c)
    def there(c, captured=value):
        send("large", captured)
        return c.value == captured, len(c.value), c.value

    _, sent = receive("large", 30)
    same, length, back = there.unwrap(timeout=30)
    assert same
    assert length == len(value)
    assert back == value == sent
    wait()


@pytest.mark.parametrize("kind", [bytes, tuple])
def test_nothing_is_kept(kind):
    value = kind(bytes(range(256)) * 1000)
    before = settled(value)
    cowns = [Cown(value) for _ in range(10)]
    for c in cowns:

        @when(c)
        def _(c, captured=value):
            send("large", c.value + captured[:1])

        receive("large", 30)
    del cowns, c, _
    send("large", value)
    bocpy.drain("large")
    wait()
    send("poke", 1)
    receive("poke")
    send("large", b"x" * SIZE)  # drops objects that others no longer need
    receive("large")
    assert settled(value) <= before


def test_a_value_that_a_worker_sent_outlives_its_interpreter():
    bocpy.start(2)

    @when()
    def _():
        send("large", [b"w" * 200_000, "w" * 200_000, tuple(range(3000))])

    wait()
    backend = bocpy._core._backend()
    bocpy.start(1, backend="threads")
    wait()
    bocpy.start(1, backend=backend)
    wait()
    assert receive("large", 0)[1] == [
        *(b"w" * 200_000, "w" * 200_000),
        tuple(range(3000)),
    ]


def test_readers_share_the_copy():
    c = Cown([b"r" * SIZE, "r" * SIZE])
    results = []
    for _ in range(8):

        @when(read(c))
        def size(c):
            return len(c.value[0]) + len(c.value[1])

        results.append(size)
    wait()
    assert [r.unwrap() for r in results] == [2 * SIZE] * 8
    assert c.unwrap() == [b"r" * SIZE, "r" * SIZE]


def test_a_refused_value_leaves_nothing_behind():
    value = b"v" * SIZE
    before = settled(value)
    for _ in range(5):
        try:
            send("large", [value, (i for i in "no")])
        except TypeError:
            continue
        receive("large")  # backend threads moves any object
    assert settled(value) <= before


def test_chains_of_large_values_between_workers():
    bocpy.start(2)
    c = Cown(b"")
    others = [Cown(i) for i in range(20)]
    for other in others:

        @when(c, other)
        def _(c, other):
            c.value = bytes([other.value]) * (SIZE + other.value)

        @when(other, c)
        def _(other, c):
            other.value = c.value

    wait()
    for i, other in enumerate(others):
        assert other.unwrap() == bytes([i]) * (SIZE + i)


def test_what_a_worker_has_decoded_serves_the_next_body():
    bocpy.start(1)
    cown = Cown(0)

    def references(cown, table):
        import sys

        return sys.getrefcount(table)

    def run(size):
        table = tuple(range(size))
        done = [bocpy.whencall(references, [cown], [table]) for _ in range(20)]
        return [one.result(timeout=30) for one in done]

    alone, shared = run(100), run(5000)
    if bocpy._core._backend() == "interpreters":
        assert max(alone) < min(shared)
    wait()


def test_a_tuple_that_has_parts_that_change_is_encoded_each_time():
    inner = [0]
    table, cown = (inner, *range(2000)), Cown(0)
    seen = []
    for i in range(3):
        inner[0] = i

        @when(cown)
        def first(cown, table=table, inner=inner):
            return table[0] is inner, len(table)

        seen.append(first)
    assert [one.result(timeout=30) for one in seen] == [(True, 2001)] * 3
    wait()


def test_two_tuples_at_the_same_address_are_not_confused():
    for i in range(30):
        table = tuple([i] * 2000)

        @when()
        def first(table=table):
            return table[0], table[-1]

        del table
        if i % 3 == 0:
            bocpy.quiesce(timeout=30)
        results = [first]
        table = tuple([-i] * 2000)
        results.append(when()(lambda table=table: (table[0], table[-1])))
        del table
        assert [one.result(timeout=30) for one in results] == [(i, i), (-i, -i)]
    wait()
