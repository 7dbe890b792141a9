"""Many at once: as_completed, map, when_each, gather, reduce, atomically."""

# ruff: noqa: PT012  what a block raises at its end is what is tested

import asyncio

import bocpy
import pytest
from bocpy import Cown, as_completed, atomically, gather, reduce, when, when_each
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


def test_as_completed(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door) or "slow")
    quick = [when(Cown(n))(lambda c: c.value) for n in range(5)]
    found = as_completed([slow, *quick], timeout=LIMIT)
    first = [next(found) for _ in range(5)]
    assert sorted(made.result() for made in first) == [0, 1, 2, 3, 4]
    gate.open()
    assert [made.result() for made in found] == ["slow"]


def test_as_completed_in_time(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door))
    with pytest.raises(TimeoutError, match="1 of 1"):
        list(as_completed([slow], timeout=0.02))
    gate.open()
    assert list(as_completed([])) == []


def test_cowns_in_asyncios_own_functions():
    async def main():
        made = [when(Cown(n))(lambda c: c.value) for n in range(5)]
        assert await asyncio.gather(*made) == [0, 1, 2, 3, 4]
        found = [await result for result in asyncio.as_completed(made)]
        assert sorted(found) == [0, 1, 2, 3, 4]
        assert await asyncio.wait_for(made[3], LIMIT) == 3

    asyncio.run(main())


def test_map_is_lazy_and_in_order():
    taken = []

    def items():
        for n in range(1000):
            taken.append(n)
            yield -n

    results = bocpy.map(abs, items(), buffersize=3, chunksize=2)
    assert taken == []
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(taken) <= 12
    assert list(results) == list(range(5, 1000))
    assert list(bocpy.map(pow, [2, 3], [3, 2])) == [8, 9]


def test_map_raises_where_the_result_would_come(gate):
    results = bocpy.map(int, ["1", "x", "3"])
    assert next(results) == 1
    with pytest.raises(ValueError, match="invalid literal"):
        next(results)
    door = gate.door
    with pytest.raises(TimeoutError, match=r"map.*0\.02"):
        list(bocpy.map(pass_through, [door], timeout=0.02))
    gate.open()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"chunksize": 0}, ValueError), ({"buffersize": "3"}, TypeError)],
)
def test_bad_arguments(arguments, error):
    with pytest.raises(error):
        bocpy.map(abs, [1], **arguments)
    with pytest.raises(TypeError, match="callable"):
        bocpy.map(3, [1])


def test_when_each_gather_reduce():
    cowns = [Cown(n) for n in range(20)]
    squares = when_each(cowns, lambda c, power: c.value**power, 2)
    assert gather(*squares).result() == [n * n for n in range(20)]
    text = reduce([Cown(str(n)) for n in range(11)], lambda a, b: a + b)
    assert text.result() == "012345678910"
    assert reduce([Cown(1)], max).result() == 1
    assert gather().result() == []
    with pytest.raises(ValueError, match="no cowns"):
        reduce([], max)


def test_gather_fails_with_what_failed():
    @when()
    def broken():
        raise KeyError("missing")

    with pytest.raises(KeyError, match="missing"):
        gather(Cown(1), broken).result()


def test_atomically_is_one_step():
    left, right = Cown([]), Cown([])
    for i in range(50):
        with atomically():
            when(left)(lambda c, i=i: c.value.append(("a", i)))
            when(right)(lambda c, i=i: c.value.append(("a", i)))
        when(right)(lambda c, i=i: c.value.append(("b", i)))
        when(left)(lambda c, i=i: c.value.append(("b", i)))
    assert left.result() == right.result()


def test_nothing_is_scheduled_if_the_block_raises():
    c = Cown(0)
    with pytest.raises(KeyError), atomically():
        when(c)(lambda c: setattr(c, "value", 1))
        raise KeyError("block")
    assert c.result() == 0


def test_nothing_is_waited_for_in_the_block():
    c = Cown(0)
    with atomically():
        made = when(c)(lambda c: c.value)
        for wait in (made.result, c.acquire, lambda: made.unwrap(timeout=1)):
            with pytest.raises(RuntimeError, match="atomically"):
                wait()
        with pytest.raises(RuntimeError, match="nest"), atomically():
            pass
    assert made.result() == 0


def test_atomically_in_a_body():
    log = Cown([])

    @when()
    def body(log=log):
        with atomically():
            for i in range(3):
                when(log)(lambda log, i=i: log.value.append(i))

    bocpy.quiesce(timeout=LIMIT)
    assert log.result() == [0, 1, 2]
