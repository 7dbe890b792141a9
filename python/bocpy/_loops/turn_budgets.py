"""How much a turn of an event loop does before the loop runs other callbacks.

Threads: each loop is its thread's.
"""

from __future__ import annotations

import time

#: How many behaviors over pinned cowns run before the loop runs other callbacks.
PUMPED = 64

#: How many completions a turn of the loop takes from the queue: half a millisecond.
TAKEN = 500

#: How many awaits of completed results may go on in one turn of asyncio's loop.
AT_ONCE = 16

#: How many tasks a turn of the loop wakes, at least and at most, and how many seconds
#: it should take.
MIN_WOKEN, MAX_WOKEN = 16, 200
TURN_SECONDS = 0.001


class TurnSize:
    """How many tasks a turn of the loop wakes, so that it takes about a millisecond.

    Until they wait again, tasks take 5 microseconds or, with interpreters, on a busy
    machine, or with more to do, many times that: the turn before tells. It begins with
    the least, and grows by an eighth: where slow turns and fast ones alternate, because
    the system lets a worker run in place of the loop, all are as small as a slow one.
    """

    def __init__(self) -> None:
        self.tasks = MIN_WOKEN
        self.woken = 0  # in the turn that goes on; 0: none is measured
        self.began = 0.0

    def next(self, ready: int) -> int:
        """How many of the tasks that can go on a turn wakes that begins now. The one
        before ends now, unless `end` was called."""
        now = time.perf_counter()
        if self.woken and now > self.began:
            fit = int(self.woken * TURN_SECONDS / (now - self.began))
            most = self.tasks + self.tasks // 8
            self.tasks = max(MIN_WOKEN, min(MAX_WOKEN, fit, most))
        self.began = now
        self.woken = min(self.tasks, ready)
        return self.woken

    def end(self) -> None:
        """The turn woke few tasks, and none is left: it is not measured."""
        self.woken = 0
