"""Behaviors on real clusters of this machine: the same tests on Dask and on Ray.

These run in a leg of their own: `./dev test --matrix` has it on one interpreter, and
`python -m pytest tests/py/bocpy_distributed` where both are installed.
"""

import asyncio
import collections
import gc
import os
import random
import time

import bocpy
import engines
import fault_injection
import pytest
from bocpy.distributed import CancelledError, read

pytestmark = pytest.mark.filterwarnings("default")
LIMIT = engines.LIMIT


def add(cown, amount=1):
    cown.value += amount


def move(one, other):
    one.value -= 1
    other.value += 1


class Point:
    """A class that is sent by value: the workers cannot import this module."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return self.x == other.x


def test_a_behavior_changes_its_cowns_and_returns(d):
    one, other = d.Cown(1), d.Cown([2])

    @d.when(one, read(other))
    def result(one, other, more=10):
        one.value += other.value[0]
        return one.value + more

    assert result.unwrap(LIMIT) == 13
    assert one.result(LIMIT) == 3
    assert one.unwrap(LIMIT) == 3
    assert one.unwrap(LIMIT) is None


def test_a_cown_that_nobody_keeps_lives_as_long_as_its_behavior(d):
    def value_of(cown):
        return cown.value

    assert d.when(d.Cown(7))(value_of).unwrap(LIMIT) == 7
    assert (
        d.when([d.Cown(1)], read(d.Cown(2)))(
            lambda group, other: group[0].value + other.value
        ).unwrap(LIMIT)
        == 3
    )
    assert d.whencall(value_of, (d.Cown(n) for n in [8])).unwrap(LIMIT) == 8


def test_closures_groups_and_duplicates(d):
    cowns, factor = [d.Cown(i) for i in range(4)], 3

    @d.when(cowns, cowns[0])
    def total(group, first):
        first.value += 100
        return factor * sum(cown.value for cown in group)

    assert total.unwrap(LIMIT) == 318


def test_a_body_sees_its_globals_as_they_are_when_it_is_scheduled(d):
    seen = []
    for value in ([1], [1, 2]):
        globals()["CHANGING"] = value
        seen.append(d.whencall(lambda: len(CHANGING), []))  # noqa: F821
        value.append(3)
    assert [cown.unwrap(LIMIT) for cown in seen] == [1, 2]


def test_classes_of_the_program_travel_by_value(d):
    cown = d.Cown(Point(1))

    @d.when(cown)
    def x(cown):
        cown.value.x += 1
        return type(cown.value).__name__

    assert x.unwrap(LIMIT) == "Point"
    assert cown.unwrap(LIMIT) == Point(2)


def test_what_a_body_raises_is_in_its_result_with_its_traceback(d):
    cown = d.Cown([])

    @d.when(cown)
    def failing(cown):
        cown.value.append(1)
        return 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        failing.result(LIMIT)
    assert "in failing" in str(caught.value.__cause__)
    assert cown.unwrap(LIMIT) == [1]

    @d.when(failing)
    def looked(result):
        return result.exception, type(result.value).__name__

    assert looked.unwrap(LIMIT) == (True, "ZeroDivisionError")


def test_cowns_in_values_and_results(d):
    inner, outer = d.Cown(5), d.Cown(None)

    @d.when(outer)
    def found(outer):
        outer.value = {"inner": inner}
        return inner

    assert found.unwrap(LIMIT) == inner

    @d.when(outer)
    def nested(outer):
        @d.when(outer.value["inner"])
        def doubled(cown):
            return 2 * cown.value

        return doubled

    assert nested.unwrap(LIMIT).unwrap(LIMIT) == 10


def test_a_body_makes_cowns(d):
    @d.when()
    def made():
        cown = d.Cown(1)

        @d.when(cown)
        def _(cown):
            cown.value += 1

        return [cown]

    (cown,) = made.unwrap(LIMIT)
    assert cown.unwrap(LIMIT) == 2


def test_nested_behaviors_come_before_what_depends_on_their_body(d):
    assert fault_injection.nested_out_of_order(d, 60) == 0


def test_plain_when_is_recorded_in_a_body(d):
    """Bodies that imported bocpy's own names long before record what they schedule."""
    log = d.Cown([])

    @d.when(log)
    def outer(log):
        @bocpy.when(log, bocpy.read(log))
        def inner(log, again):
            log.value.append("inner")
            return len(again.value)

        log.value.append("outer")
        return bocpy.whencall(lambda log, text: log.value.append(text), [log], ["call"])

    outer.unwrap(LIMIT).unwrap(LIMIT)
    assert log.unwrap(LIMIT) == ["outer", "inner", "call"]


def test_what_belongs_to_one_process_is_refused_in_a_body(d):
    calls = [
        lambda: bocpy.notice_write("key", 1),
        lambda: bocpy.noticeboard(),
        lambda: bocpy.send("tag", 1),
        lambda: bocpy.receive("tag", 0),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="inside of a distributed behavior"):
            d.whencall(call, []).unwrap(LIMIT)
    with pytest.raises(TypeError, match="cown of a cluster"):
        bocpy.when(d.Cown(1))


def test_readers_have_copies_and_writers_do_not_wait_for_them(d):
    shared, sums = d.Cown(list(range(10))), []
    others = [d.Cown(i) for i in range(6)]
    for round_ in range(5):
        for other in others:

            @d.when(read(shared), other)
            def total(shared, other, round_=round_):
                return sum(shared.value) - 45, round_

            sums.append(total)
        d.when(shared)(lambda shared: shared.value.append(1))
    assert [s.unwrap(LIMIT) for s in sums] == [(r, r) for r in range(5) for _ in others]


def test_a_reader_cannot_set(d):
    cown = d.Cown(1)

    @d.when(read(cown))
    def setting(cown):
        cown.value = 2

    with pytest.raises(RuntimeError, match="only reads"):
        setting.unwrap(LIMIT)


def test_large_values_do_not_travel(d):
    cown = d.Cown(0)

    def fill(cown):
        cown.value = bytearray(5_000_000)

    def touch(cown, at=0):
        cown.value[at] += 1
        return id(cown.value), os.getpid()

    d.when(cown)(fill)
    d.wait(LIMIT)
    moves = d.stats()["moves"]
    places = {d.when(cown)(touch) for _ in range(50)}
    assert len({place.unwrap(LIMIT) for place in places}) == 1
    assert d.stats()["moves"] == moves


def test_arrays_with_a_shape(d):
    import numpy

    cown, other = d.Cown(numpy.zeros((64, 64))), d.Cown(numpy.ones((64, 64)))
    for _ in range(6):

        @d.when(cown, d.read(other))
        def rows(cown, other):
            cown.value += other.value
            return [cown.value[0], cown.value[:, 0]]

    assert [row.sum() for row in rows.unwrap(LIMIT)] == [6 * 64] * 2
    assert cown.result(LIMIT).sum() == cown.unwrap(LIMIT).sum() == 6 * 64 * 64


def test_arrays_arrive_writable(d):
    cown = d.Cown(bytearray(100_000))
    for worker in range(2):
        near = d.Cown(worker)

        @d.when(near, cown)
        def changed(near, cown, worker=worker):
            cown.value[0] += 1

    assert cown.unwrap(LIMIT)[0] == 2


def test_what_cannot_be_sent_is_refused_at_the_call(d):
    import threading

    with pytest.raises(TypeError, match="the cown's value"):
        d.Cown(threading.Lock())
    lock = threading.Lock()
    with pytest.raises(TypeError, match="captures"):
        d.when()(lambda: lock)
    local = bocpy.Cown(1)
    with pytest.raises(TypeError, match=r"argument 1 of when.* cown of this process"):
        d.when(local)
    with pytest.raises(TypeError, match="PinnedCown"):
        d.whencall(add, [bocpy.PinnedCown(1)])
    with pytest.raises(SyntaxError, match="coroutine"):

        @d.when()
        async def _(): ...

    with pytest.raises(RuntimeError, match="cannot be acquired"):
        d.Cown(1).acquire()
    with pytest.raises(RuntimeError, match="noticeboard belongs to one process"):
        d.notice_write("key", 1)
    with pytest.raises(TypeError, match="takes 1 positional"):
        d.when(d.Cown(1), d.Cown(2))(lambda one: None)


def test_a_value_that_cannot_be_pickled_fails_where_it_is_needed(d):
    cown = d.Cown(0)

    @d.when(cown)
    def _(cown):
        import threading

        cown.value = threading.Lock()

    with pytest.raises(TypeError, match="cannot be sent"):
        cown.result(LIMIT)

    @d.when(cown)
    def still(cown):
        return cown.value.locked()

    assert still.unwrap(LIMIT) is False


def test_await(d):
    async def main():
        cowns = [d.Cown(i) for i in range(20)]
        for cown in cowns:
            d.when(cown)(add)
        return await asyncio.gather(*cowns)

    assert asyncio.run(main()) == list(range(1, 21))

    async def failing():
        return await d.whencall(lambda: 1 / 0, [])

    with pytest.raises(ZeroDivisionError):
        asyncio.run(failing())


def test_callbacks(d):
    seen = []
    cown = d.Cown(7)
    cown.add_done_callback(lambda cown: seen.append(cown.result(0.1 + LIMIT)))
    engines.until(lambda: seen == [7])


def test_a_scope_waits_for_what_was_started_in_it(d):
    cown = d.Cown(0)
    with d.scope("work") as scope:
        for _ in range(10):

            @d.when(cown)
            def _(cown):
                @d.when(cown)
                def _(cown):
                    cown.value += 1

        assert scope.pending > 0
    assert scope.pending == 0
    assert cown.unwrap(LIMIT) == 10


def test_a_scope_raises_failures_and_cancels(d):
    gate = d.Cown(0)
    late = []

    def fill():
        with d.scope("failing"):
            d.when(gate)(lambda gate: 1 / 0)
            d.when(gate)(lambda gate: time.sleep(0.3))
            late.extend(d.when(gate)(add) for _ in range(5))

    with pytest.raises(bocpy.FailureGroup) as caught:
        fill()
    assert [type(e) for e in caught.value.exceptions] == [ZeroDivisionError]
    with pytest.raises(CancelledError):
        late[-1].unwrap(LIMIT)
    assert gate.unwrap(LIMIT) == 0


def test_a_scopes_timeout_names_what_was_running(d):
    def sleeper(cown):
        time.sleep(0.6)

    with pytest.raises(bocpy.FailureGroup) as caught, d.scope(timeout=0.2):
        d.when(d.Cown(0))(sleeper)
    assert "sleeper" in str(caught.value.exceptions[0])


def test_async_scope(d):
    async def main():
        async with d.scope() as scope:
            cown = d.Cown(1)
            d.when(cown)(add)
        return scope.pending, await cown

    assert asyncio.run(main()) == (0, 2)


def test_room_in_a_scope(d):
    async def main():
        most = 0
        async with d.scope(limit=2) as scope:
            for _ in range(10):
                await scope.room()
                most = max(most, scope.pending)
                d.when(d.Cown(0))(add)
        return most

    assert asyncio.run(main()) <= 1


def test_threads_schedule_side_by_side(d):
    """Four clients' worth of threads; what one schedules keeps its order."""
    from concurrent.futures import ThreadPoolExecutor

    cowns = [d.Cown([]) for _ in range(4)]

    def client(number):
        for i in range(100):
            for cown in cowns:
                d.whencall(lambda c, what: c.value.append(what), [cown], [(number, i)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(client, range(4)))
    for cown in cowns:
        seen = cown.unwrap(LIMIT)
        assert len(seen) == 400
        for number in range(4):
            assert [i for n, i in seen if n == number] == list(range(100))


def test_transfers_spread_cowns_over_workers(d):
    cowns = [d.Cown(0) for _ in range(64)]
    pick = random.Random(1)
    for _ in range(2000):
        d.when(*pick.sample(cowns, 2))(move)
    d.wait(LIMIT)
    numbers = {cown._id for cown in cowns}
    where = collections.Counter(d.who_has()[number] for number in numbers)
    assert sum(where.values()) == 64
    assert all(0.3 * 64 <= count <= 0.7 * 64 for count in where.values()), (
        where,
        d.stats(),
    )
    assert sum(cown.unwrap(LIMIT) for cown in cowns) == 0


def test_nothing_is_left_of_dropped_cowns(cluster, d):
    d.wait(LIMIT)
    gc.collect()
    before = d.stats()["cowns"]
    cowns = [d.Cown(i) for i in range(2000)]
    for cown in cowns:
        d.when(cown)(add)
    d.wait(LIMIT)
    del cowns, cown
    engines.until(lambda: d.stats()["cowns"] <= before)
    if cluster.name == "dask":
        assert cluster.tasks() <= 8


def test_failures_that_nobody_looks_at_are_reported_once(d, monkeypatch):
    seen = []
    monkeypatch.setattr("sys.unraisablehook", seen.append)

    @d.when()
    def unnoticed():
        return 1 / 0

    d.wait(LIMIT)
    del unnoticed
    engines.until(lambda: seen)
    assert "unnoticed" in seen[0].err_msg
    assert isinstance(seen[0].exc_value, ZeroDivisionError)


def test_closed(cluster):
    d = cluster.connect()
    cown = d.Cown(1)
    d.close()
    with pytest.raises(RuntimeError, match="closed"):
        d.Cown(1)
    with pytest.raises(RuntimeError, match="closed"):
        cown.unwrap()
