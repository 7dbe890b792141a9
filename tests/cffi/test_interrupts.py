"""Handlers of signals that raise at any moment, in the middle of any call."""

import signal

import pytest

PROGRAM = """
import gc, random, signal, sys, threading, time
import faulthandler
faulthandler.dump_traceback_later(50, exit=True)
from libboc import Cown, Full, Mailbox, Runtime, Timeout, _base, _behavior

class Stop(BaseException):
    pass

def handler(*_):
    if armed:
        raise Stop

armed = False
signal.signal(signal.SIGALRM, handler)
sys.unraisablehook = lambda told: None  # finalizers are interrupted, too
chance = random.Random(1)
runtime, mailbox, mine, theirs = Runtime(2), Mailbox(), Cown(0), Cown(0)
over = threading.Event()

def add(cown):
    cown.value += 1

def feed():
    while not over.wait(0.0003):
        try:
            mailbox.send("tag", object())
        except Full:
            pass
        runtime.schedule(add, [theirs])

feeder = threading.Thread(target=feed)
feeder.start()
calls = [
    lambda: runtime.quiesce(0.0004),
    lambda: mailbox.receive("tag", 0.0004),
    lambda: mailbox.drain("tag"),
    lambda: runtime.schedule(add, [mine]),
    lambda: runtime.behavior(add, mine).schedule(),
    lambda: runtime.stats(),
]
stops = 0
end = time.monotonic() + 3
while time.monotonic() < end:
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(5e-6, 4e-4))
    try:
        armed = True
        for _ in range(20):
            chance.choice(calls)()
        armed = False
    except Stop:
        stops += 1
    except Timeout:
        pass
    armed = False
signal.setitimer(signal.ITIMER_REAL, 0)
over.set()
feeder.join()
runtime.quiesce(40)  # no behavior is lost or stuck
# A finalizer that was interrupted leaves a behavior that was not scheduled; no other
# call does, and the runtime ends what is left.
assert len(_behavior.pending) * 100 < stops, (len(_behavior.pending), stops)
runtime.close(40)
assert not _behavior.pending, len(_behavior.pending)
del mailbox
for _ in range(3):
    gc.collect()
# What was interrupted while it cleaned up may leave a few bytes, never more.
assert len(_base.objects) * 50 < stops, (len(_base.objects), stops)
assert stops > 10, stops
print("whole")
"""


@pytest.mark.stress
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="setitimer")
def test_at_any_moment(program):
    """No wait leaves the library a node or a waiter that is gone; none hangs."""
    done = program(PROGRAM)
    assert (done.code, done.out) == (0, "whole\n"), done.err
