"""A value that only the main interpreter uses stays an object there. Holding its cown
costs nothing that depends on its size, and workers get the value when they need it."""

import gc
import sys
import threading
import weakref

import bocpy
import pytest
from bocpy import Cown, read, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


class Token:
    """An object to which weak references can refer."""


def at_home(value):
    """A cown whose value stays an object of the main interpreter."""
    c = Cown(value)
    for _ in range(2):
        with c as held:
            assert held == value
    return c


def test_the_object_is_the_same_in_the_next_hold():
    c = at_home([1, 2])
    with c as first:
        first.append(3)
    with c as second:
        assert second is first
        second.append(4)
    assert c.unwrap() == [1, 2, 3, 4]


def test_a_behavior_gets_what_the_holds_have_made(backend):
    c = at_home({"n": 0})
    for turn in range(1, 6):
        with c as held:
            held["n"] += 1

        @when(c)
        def _(c):
            c.value["n"] += 10

        with c as back:
            assert back["n"] == turn * 11
            if backend == "interpreters":
                assert back is not held


def test_readers_get_it_and_the_next_hold_changes_it():
    c = at_home([0])
    for n in range(5):
        with c as held:
            held[0] = n

        @when(read(c))
        def seen(c):
            return list(c.value)

        assert seen.unwrap(timeout=LIMIT) == [n]


def test_a_behavior_gets_it_while_the_main_thread_computes():
    c = at_home(list(range(1000)))
    got = threading.Event()

    @when(c)
    def total(c):
        return sum(c.value)

    total.add_done_callback(lambda _: got.set())
    n = 0
    while not got.is_set():
        n += 1
    assert total.unwrap(timeout=LIMIT) == sum(range(1000))


def test_threads_hold_it_in_turn():
    c = at_home([])

    def add():
        for _ in range(200):
            with c as held:
                held.append(1)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):

        @when(c)
        def _(c):
            c.value.append(2)

    for thread in threads:
        thread.join(LIMIT)
    bocpy.quiesce(LIMIT)
    both = c.unwrap()
    assert (both.count(1), both.count(2)) == (600, 50)


def test_what_cannot_leave_is_reported_when_a_worker_needs_it(backend, monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda info: told.append(info.exc_value))
    c = at_home([1])
    with c as held:
        held.append(threading.Lock())
    with c as held:
        assert len(held) == 2

    @when(c)
    def length(c):
        return len(c.value)

    if backend == "threads":
        assert length.unwrap(timeout=LIMIT) == 2
        return
    with pytest.raises(TypeError):
        length.unwrap(timeout=LIMIT)
    bocpy.quiesce(LIMIT)
    assert any("value[1]" in str(one) for one in told)


def test_a_cycle_through_it_is_collected():
    c = at_home([])
    token = Token()
    gone = weakref.ref(token)
    with c as held:
        held += [c, token]
    del c, held, token
    bocpy.quiesce(LIMIT)
    gc.collect()
    assert gone() is None


def test_it_outlives_the_workers(backend):
    c = at_home([1])
    for other in sorted({"threads", backend}):
        bocpy.wait()
        bocpy.start(2, backend=other)

        @when(c)
        def _(c):
            c.value.append(2)

        with c as held, c:
            held.append(3)
    assert c.unwrap(timeout=LIMIT)[:3] == [1, 2, 3]
