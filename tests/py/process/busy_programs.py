"""The beginnings of programs that end, or are ended, while behaviors run."""

# Starts a runtime and three behaviors; what each test does then comes after it.
BUSY = """\
import atexit, os, signal, sys, threading, time
import bocpy
from bocpy import Cown, quiesce, wait, when

def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass

c = Cown(0)
for _ in range(3):
    @when(c)
    def _(c):
        spin(0.05)
        c.value += 1
        print("ran", c.value, flush=True)
"""
RAN = ["ran 1", "ran 2", "ran 3"]

# A behavior that blocks until the test's program opens the door.
BLOCKED = """\
import os, signal, sys, threading, time
import bocpy
from bocpy import Cown, quiesce, wait, when

hear, door = os.pipe()
entered, say = os.pipe()
c = Cown(0)

@when(c)
def blocked(c):
    os.write(say, b".")
    os.read(hear, 1)
    c.value += 1

os.read(entered, 1)
"""
