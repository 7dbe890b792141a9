"""A free cown needs no worker: the calling thread acquires it and takes its value at
once, also while all workers are in long bodies."""

import threading
import time

import bocpy
import pytest
from bocpy import Cown, PinnedCown, receive, send, when

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def busy():
    """All workers are in bodies that end when the test does."""
    bocpy.start(2)
    for _ in range(2):

        @when()
        def _():
            send("begun", None)
            receive("end", 60)

    for _ in range(2):
        receive("begun", 60)
    yield
    for _ in range(2):
        send("end", None)
    bocpy.wait()


@pytest.fixture
def calculating():
    """All workers run Python code that never waits."""
    bocpy.start(2)
    for _ in range(2):

        @when()
        def _():
            send("begun", None)
            until = time.monotonic() + 0.8
            while time.monotonic() < until:
                pass

    for _ in range(2):
        receive("begun", 60)
    yield
    bocpy.wait()


@pytest.mark.parametrize("timeout", [None, 0, 5])
def test_a_free_cown_is_held_at_once(calculating, timeout):
    c = Cown([1])
    began = time.monotonic()
    c.acquire(timeout=timeout)
    c.value.append(2)
    c.release()
    with c as value:
        assert value == [1, 2]
    assert c.unwrap(timeout=0) == [1, 2]
    assert time.monotonic() - began < 0.6


def test_a_free_cown_is_held_with_timeout_0_every_time():
    bocpy.start(2)
    for i in range(300):
        c = Cown(i)
        c.acquire(timeout=0)
        assert c.value == i
        c.release()
        assert Cown(i).unwrap(timeout=0) == i
    bocpy.wait()


def test_a_pinned_cown_is_held_at_once(busy):
    c = PinnedCown(1)
    c.acquire(timeout=0)
    c.value += 1
    c.release()
    assert c.unwrap(timeout=0) == 2


def test_a_cown_in_use_is_waited_for(busy):
    c = Cown(0)
    c.acquire()
    order = []

    def other():
        with c:
            order.append("other")

    thread = threading.Thread(target=other)
    thread.start()
    order.append("first")
    c.release()
    thread.join(30)
    assert order == ["first", "other"]


def test_a_cown_in_use_times_out_with_timeout_0():
    bocpy.start(1)
    c = Cown(0)

    @when(c)
    def _(c):
        send("begun", None)
        receive("end", 60)

    receive("begun", 60)
    with pytest.raises(TimeoutError, match="still in use"):
        c.acquire(timeout=0)
    with pytest.raises(TimeoutError, match=r"unwrap\(\): .* still in use"):
        c.unwrap(timeout=0)
    send("end", None)
    assert c.unwrap(timeout=30) == 0
    bocpy.wait()


def test_a_behavior_that_waits_for_a_held_cown_runs_after_its_release(calculating):
    c = Cown([])
    with c as value:

        @when(c)
        def after(c):
            c.value.append("after")

        value.append("holder")
    bocpy.quiesce(30)
    assert c.unwrap() == ["holder", "after"]
