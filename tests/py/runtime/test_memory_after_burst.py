"""Memory after a burst: wait() gives back what a burst of behaviors has taken."""

import os

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT, pass_through, rss

pytestmark = pytest.mark.usefixtures("runtime")

MIB = 2**20
MANY = 150_000


def nothing(c):
    pass


def schedule_many(cown, gate):
    door = gate.door
    when(cown)(lambda c: pass_through(door))
    for _ in range(MANY):
        when(cown)(nothing)


if os.path.exists("/proc/self/statm") and not os.environ.get("LD_PRELOAD"):

    def test_wait_gives_back_what_a_burst_has_taken(gate):
        cown = Cown(0)
        before = rss()
        schedule_many(cown, gate)
        taken = rss() - before
        gate.open()
        bocpy.wait(timeout=LIMIT)
        kept = rss() - before
        assert taken > 10 * MIB
        assert kept < taken / 2, (taken // MIB, kept // MIB)


def test_behaviors_of_the_next_burst_are_whole(gate):
    """The pools go on after parts of them were given back, with cowns still in use."""
    cowns = []
    for round_ in range(3):
        cown = Cown(round_)
        cowns += [cown, *(Cown(i) for i in range(100))]
        schedule_many(cown, gate)
        gate.open()
        bocpy.wait(timeout=LIMIT)
    got = [c.unwrap() for c in cowns]
    assert got == [n for round_ in range(3) for n in (round_, *range(100))]
