"""Memory after a burst: wait() gives back what a burst of behaviors has taken."""

import os
import sys

HEAD = """
import gc, os
from bocpy import Cown, start, wait, when
from harness import LIMIT, pass_through, rss, start_workers

start(2)
start_workers(2)
MANY = 300_000

def nothing(c):
    pass

def burst(cown):
    door, key = os.pipe()
    when(cown)(lambda c: pass_through(door))
    for _ in range(MANY):
        when(cown)(nothing)
    taken = rss()
    os.write(key, b".")
    wait(timeout=LIMIT)
    return taken
"""

# A free-threaded build keeps memory of its own objects.
if os.path.exists("/proc/self/statm") and "t" not in getattr(sys, "abiflags", ""):

    def test_wait_gives_back_what_a_burst_has_taken(program):
        done = program(
            HEAD
            + """
cown = Cown(0)
before = rss()
taken = burst(cown) - before
gc.collect()
print(taken / 2**20, (rss() - before) / 2**20)
""",
            timeout=60,
        )
        taken, kept = map(float, done.out.split())
        assert taken > 20
        assert kept < taken / 2


def test_behaviors_of_the_next_burst_are_whole(program):
    """The pools go on after parts of them were given back, with cowns still in use."""
    done = program(
        HEAD
        + """
cowns = []
for n in range(3):
    cown = Cown(n)
    cowns += [cown, *(Cown(i) for i in range(100))]
    burst(cown)
print([c.unwrap() for c in cowns] == [n for k in range(3) for n in (k, *range(100))])
""",
        timeout=60,
    )
    assert done.lines == ["True"]
