"""Cowns that refer to themselves, through their own values or each other's, are
collected."""

import gc
import itertools
import sys
import weakref

import bocpy
import pytest
from bocpy import Cown, PinnedCown, acquire, read, when
from harness import LIMIT, rss

pytestmark = pytest.mark.usefixtures("runtime")

#: Large, so that a leak is visible: 400 of them are 80 MB.
LARGE = 200_000
ROUNDS, ROOM = 400, 40 * 2**20


class Probe:
    """An object whose finalizer shows that it was collected."""


def is_collected(probe):
    for _ in range(3):
        gc.collect()
    return probe() is None


# ---- by reference --------------------------------------------------------------------


# on other backends values are copies of an object that contains a probe
@pytest.mark.backends("threads")
class TestByReference:
    def test_a_cown_in_its_own_value(self):
        c, probe = Cown([]), Probe()
        with c as value:
            value += [c, probe]
        gone = weakref.ref(probe)
        del c, value, probe
        assert is_collected(gone)

    def test_two_cowns_in_each_other(self):
        a, b, probe = Cown([]), Cown({}), Probe()
        with acquire(a, b) as (x, y):
            x.append(b)
            y["a"] = a
            y["probe"] = probe
        gone = weakref.ref(probe)
        del a, b, x, y, probe
        assert is_collected(gone)

    def test_through_an_instance_and_an_attribute(self):
        c, probe = Cown(None), Probe()
        with c:
            c.value = probe
        probe.cown = c
        c.note = probe
        gone = weakref.ref(probe)
        del c, probe
        assert is_collected(gone)

    def test_made_by_a_body(self):
        c, probe = Cown(0), Probe()

        def fill(c, probe=probe):
            c.value = [c, probe]
            return c.value

        r = when(c)(fill)
        fill = None

        bocpy.wait()
        with r as value:
            value.append(r)
        gone = weakref.ref(probe)
        del c, r, value, probe
        bocpy.quiesce(LIMIT)
        assert is_collected(gone)

    def test_a_pinned_one(self):
        p, probe = PinnedCown([]), Probe()
        with p as value:
            value += [p, probe]
        gone = weakref.ref(probe)
        del p, value, probe
        assert is_collected(gone)

    def test_a_subclass(self):
        class Account(Cown):
            pass

        c, probe = Account([]), Probe()
        c.self = c
        with c as value:
            value += [c, probe]
        gone = weakref.ref(probe)
        del c, value, probe
        assert is_collected(gone)

    def test_an_unread_exception_is_reported_before_it_is_collected(self, monkeypatch):
        told = []
        monkeypatch.setattr(sys, "unraisablehook", lambda info: told.append(info))
        c, probe = Cown([]), Probe()

        def fail(c, probe=probe):
            c.value.append(probe)
            raise KeyError("lost")

        r = when(c)(fail)
        fail = None
        bocpy.quiesce(LIMIT)
        with c as value:
            value.append(r)
        with r as error:  # does not read the failure
            assert isinstance(error, KeyError)
        del error
        gone = weakref.ref(probe)
        del c, value, probe, r
        for _ in range(5):
            gc.collect()
        kinds = [info.exc_type for info in told]
        told.clear()
        assert kinds == [KeyError]
        assert is_collected(gone)

    def test_a_cown_that_is_still_referred_to_stays(self):
        """Something refers to one of two, or a behavior waits for it: neither may be
        collected."""
        a, b = Cown([]), Cown([])
        with acquire(a, b) as (x, y):
            x += [b, "a"]
            y += [a, "b"]
        del b, x, y
        gc.collect()
        with a as value:
            b = value[0]
        with b as other:
            assert other[1] == "b"
        late = when(b)(lambda b: b.value[1])
        del a, b, value, other
        gc.collect()
        assert late.unwrap(timeout=LIMIT) == "b"


# ---- on both backends ----------------------------------------------------------------


def grows_by(step, rounds=ROUNDS):
    """How much memory grows in so many rounds; the collector chooses when it runs."""
    for _ in range(rounds):
        step()
    gc.collect()
    bocpy.quiesce(LIMIT)
    before = rss()
    for _ in range(rounds):
        step()
    gc.collect()
    bocpy.quiesce(LIMIT)
    return rss() - before


def test_encoded_values_that_refer_to_their_own_cown():
    def step():
        c = Cown(None)
        with c:
            c.value = [c, bytearray(LARGE), c]

    assert grows_by(step) < ROOM


def test_values_that_live_in_a_worker():
    """They are garbage of the worker's interpreter, and its collector finds them."""
    bocpy.wait()
    bocpy.start(1)
    steps = itertools.count(1)

    def step():
        c = Cown(bytearray(LARGE))

        @when(c)
        def _(c):
            c.value = [c.value, c]

        del c
        if next(steps) % 20 == 0:
            when()(gc.collect)
        bocpy.quiesce(LIMIT)

    assert grows_by(step) < ROOM


def test_values_that_were_read_elsewhere():
    def step():
        c = Cown(None)
        with c:
            c.value = [bytearray(LARGE), c]
        for _ in range(2):
            when(read(c))(lambda c: len(c.value))
        assert len(c.result(timeout=LIMIT)) == 2

    assert grows_by(step, ROUNDS // 2) < ROOM


def test_a_handle_that_goes_in_a_body_of_another_cown():
    keeper = Cown(None)

    def step():
        c = Cown(None)
        with c:
            c.value = [c, bytearray(LARGE)]
        with keeper:
            keeper.value = [c]
        del c

        @when(keeper)
        def _(keeper):
            keeper.value = None

        bocpy.quiesce(LIMIT)

    assert grows_by(step) < ROOM


def test_a_cown_that_others_refer_to_keeps_its_value():
    """A handle is dropped while a message, a value and a behavior have others."""
    c, other = Cown(None), Cown(None)
    with c:
        c.value = [c, "whole"]
    with other:
        other.value = [c]
    bocpy.send("kept", c)
    late = when(c)(lambda c: c.value[1])
    del c
    gc.collect()
    bocpy.quiesce(LIMIT)
    assert late.unwrap() == "whole"
    _, again = bocpy.receive("kept", LIMIT)
    with again as value:
        assert value[1] == "whole"
    del again, value
    gc.collect()
    bocpy.quiesce(LIMIT)
    with other as (inner,):
        last = inner
    with last as value:
        assert value[1] == "whole"
