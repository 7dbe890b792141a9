"""Many behaviors, many cowns, long chains: the suite's load tests.

The times asserted here bound growth, not speed: work that must be linear would take
minutes or for ever if it were not.
"""

import random
import threading
import time

import bocpy
import pytest
from bocpy import Cown, when, whencall
from harness import LIMIT

pytestmark = [pytest.mark.usefixtures("runtime"), pytest.mark.stress]


def add_one(c):
    c.value += 1


def move(source, target):
    source.value -= 1
    target.value += 1


def append(c, what):
    c.value.append(what)


def test_many_behaviors_on_one_cown():
    c = Cown(0)
    for _ in range(50_000):
        when(c)(add_one)
    bocpy.quiesce(timeout=LIMIT)
    assert c.unwrap() == 50_000


def test_many_behaviors_on_many_cowns():
    cowns = [Cown(0) for _ in range(5_000)]
    for _ in range(10):
        for c in cowns:
            when(c)(add_one)
    bocpy.quiesce(timeout=LIMIT)
    assert [c.unwrap() for c in cowns] == [10] * 5_000


def test_transfers_around_a_ring():
    ring = [Cown(100) for _ in range(64)]
    for n in range(20_000):
        when(ring[7 * n % 64], ring[(7 * n + 1) % 64])(move)
    bocpy.quiesce(timeout=LIMIT)
    values = [c.unwrap() for c in ring]
    assert sum(values) == 6_400


def test_random_transfers_from_several_threads():
    accounts = [Cown(0) for _ in range(16)]

    def work(seed):
        numbers = random.Random(seed)
        for _ in range(2_500):
            when(*numbers.sample(accounts, 2))(move)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bocpy.quiesce(timeout=LIMIT)
    assert sum(c.unwrap() for c in accounts) == 0


def test_a_mutable_value_that_moves_between_workers():
    a, b = Cown([]), Cown([])
    for n in range(3_000):
        whencall(append, [(a, b)[n % 2]], [n])

        @when(a, b)
        def _(a, b):
            a.value, b.value = b.value, a.value

    bocpy.quiesce(timeout=LIMIT)
    assert sorted(a.unwrap() + b.unwrap()) == list(range(3_000))


def test_a_hundred_thousand_cowns_in_one_behavior():
    cowns = [Cown(n) for n in range(100_000)]
    random.Random(1).shuffle(cowns)
    began = time.thread_time()

    @when(cowns)
    def total(group):
        return sum(c.value for c in group)

    scheduled = time.thread_time() - began
    assert total.unwrap(timeout=LIMIT) == sum(range(100_000))
    assert scheduled < 5


def test_a_hundred_thousand_duplicates():
    c = Cown(0)
    whencall(lambda group: add_one(group[-1]), [[c] * 100_000], [])
    assert c.unwrap(timeout=LIMIT) == 1


def test_groups_of_many_that_overlap():
    cowns = [Cown(0) for _ in range(256)]
    numbers = random.Random(2)
    for _ in range(300):

        @when(numbers.sample(cowns, 64))
        def _(group):
            for c in group:
                c.value += 1

    bocpy.quiesce(timeout=LIMIT)
    assert sum(c.unwrap() for c in cowns) == 300 * 64


def grow(c, n):
    add_one(c)
    if n > 1:
        whencall(grow, [c], [n - 1])


def test_a_chain_in_which_each_behavior_schedules_the_next():
    c = Cown(0)
    whencall(grow, [c], [20_000])
    bocpy.quiesce(timeout=LIMIT)
    assert c.unwrap() == 20_000


def test_a_tree_of_behaviors():
    count = Cown(0)

    def branch(depth):
        @when()
        def _():
            if depth:
                branch(depth - 1)
                branch(depth - 1)
            else:
                when(count)(add_one)

    branch(11)
    bocpy.quiesce(timeout=LIMIT)
    assert count.unwrap() == 2**11


def test_a_hundred_thousand_deep_chain_of_results():
    last = Cown(0)
    for _ in range(100_000):
        last = whencall(lambda c: c.value + 1, [last], [])
    assert last.unwrap(timeout=LIMIT) == 100_000


def test_a_hundred_thousand_deep_chain_of_cowns():
    """Each cown holds the one before it; dropping the last one frees them all."""
    last = None
    for _ in range(100_000):
        last = Cown(last)
    when(last)(lambda c: None)
    bocpy.quiesce(timeout=LIMIT)
    del last
    assert whencall(lambda: "alive", [], []).unwrap(timeout=LIMIT) == "alive"


def test_cowns_that_are_made_and_dropped():
    for n in range(30_000):
        when(Cown(n))(add_one)
    bocpy.quiesce(timeout=LIMIT)


def test_failures_in_numbers():
    c = Cown(0)

    def fail(c):
        c.value += 1
        raise ValueError("again")

    results = [when(c)(fail) for _ in range(2_000)]
    bocpy.quiesce(timeout=LIMIT)
    for result in results:
        with pytest.raises(ValueError, match="again"):
            result.unwrap()
    assert c.unwrap() == 2_000


def test_quiesce_between_bursts():
    c = Cown(0)
    for burst in range(300):
        for _ in range(burst % 7):
            when(c)(add_one)
        bocpy.quiesce(timeout=LIMIT)
    assert c.unwrap() == sum(burst % 7 for burst in range(300))


def test_holding_and_behaviors_take_turns():
    c = Cown(0)
    for _ in range(1_000):
        when(c)(add_one)
        with c as value:
            c.value = value + 1
    assert c.unwrap(timeout=LIMIT) == 2_000


def test_threads_that_hold_while_behaviors_run():
    c = Cown(0)

    def work():
        for _ in range(300):
            when(c)(add_one)
            with c as value:
                c.value = value + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert c.unwrap(timeout=LIMIT) == 2_400


@pytest.mark.slow
def test_a_million_pending_behaviors():
    c = Cown(0)
    c.acquire()
    for _ in range(1_000_000):
        when(c)(add_one)
    c.release()
    bocpy.quiesce(timeout=3 * LIMIT)
    assert c.unwrap() == 1_000_000


@pytest.mark.slow
def test_a_million_cowns():
    cowns = [Cown(n) for n in range(1_000_000)]
    for c in cowns[::1000]:
        when(c)(add_one)
    bocpy.quiesce(timeout=LIMIT)
    assert sum(c.unwrap() for c in cowns[::1000]) == sum(range(1, 1_000_001, 1000))


def spin(tag, end):
    """Runs bodies that each take a waiter and return it, until `end`."""

    @when()
    def _():
        limit = time.monotonic() + 0.2
        while time.monotonic() < limit:
            bocpy.receive(tag, timeout=1e-6)
        if time.monotonic() < end:
            spin(tag, end)


def test_waits_of_workers_beside_those_of_the_main_interpreter():
    """Every wait takes a waiter from one pool: workers and the main interpreter, each
    with a GIL of its own, must not get the same one."""
    end = time.monotonic() + 3
    wrong = []

    def unwrap_results():
        c = Cown(0)
        while time.monotonic() < end and not wrong:

            @when(c)
            def result(c):
                return 77

            got = result.unwrap(timeout=LIMIT)
            if got != 77:
                wrong.append(got)

    for n in range(2):
        spin(f"spin{n}", end)
    threads = [threading.Thread(target=unwrap_results) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)
