"""A handler of a signal raises at each place of a call where one can run.

    python interrupted.py USE

Handlers run on the main thread: where a function in Python begins, where a loop begins
its next turn, and after a call of a function in C. A trace function raises at the n-th
such place in the package's core by cffi, for each n until the call ends before. Each
time, the exception must come out of the call; nothing may be left behind, and what
comes next works. Prints the number of places and the problems.
"""

import contextlib
import dis
import os
import sys

import bocpy
from bocpy import (
    Cown,
    PinnedCown,
    acquire,
    after,
    drain,
    notice_read,
    notice_write,
    pump,
    quiesce,
    read,
    receive,
    send,
    start,
    when,
)
from bocpy._cffi import acquire as acquisitions
from bocpy._cffi import base, behavior, in_flight, runtime, timer
from bocpy._cffi import pump as lane

FOLDER = os.path.dirname(base.__file__)
#: After these a handler runs, if the function that was called is in C.
PLACES = ("CALL", "CALL_KW", "CALL_FUNCTION_EX", "JUMP_BACKWARD")
LIMIT = 50

shared, pinned = Cown(0), PinnedCown(0)


class Interrupted(BaseException):
    pass


def add(c):
    c.value += 1


def acquires():
    held = acquire(shared)
    held.release()


def reads():
    held = acquire(read(shared))
    held.release()


def blocks():
    with shared:
        pass


def atomically():
    with bocpy.atomically():
        when(shared)(add)
        when(shared)(add)


def drains():
    for _ in range(3):
        send("tag", [1])
    drain("tag")


def messages():
    send("tag", [1])
    receive("tag")


def pumps():
    when(pinned, read(shared))(lambda p, c: None)
    pump(max_behaviors=1)


def scopes():
    with bocpy.behaviors():
        when(shared)(add)


def cancelled():
    with bocpy.behaviors() as scope:
        when(shared)(add)
        scope.cancel()
        when(shared)(add)


USES = {
    "when": lambda: when(shared)(add),
    "result": lambda: when(Cown(2))(add).result(),
    "unwrap": lambda: Cown(1).unwrap(),
    "acquires": acquires,
    "reads": reads,
    "blocks": blocks,
    "atomically": atomically,
    "drains": drains,
    "messages": messages,
    "receive": lambda: receive("none", 0.001),
    "notices": lambda: (notice_write("key", 1), notice_read("key")),
    "timer": lambda: after(0, shared)(add),
    "quiesce": lambda: quiesce(LIMIT),
    "pumps": pumps,
    "pinned": lambda: when(pinned, shared)(lambda p, c: 3).unwrap(timeout=LIMIT),
    "callback": lambda: when(shared)(add).add_done_callback(lambda r: None),
    "scopes": scopes,
    "cancelled": cancelled,
}

#: Empty when nothing is in flight.
TABLES = {
    "pending": behavior.pending,
    "going": acquisitions.going,
    "held": acquisitions.held,
    "running": in_flight.running,
    "inside": runtime._inside,
    "waiting": runtime._waiting,
    "timers": timer.pending,
}


class Places:
    """Counts the places, and raises at the chosen one."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.count = 0
        self.hit = None
        self.last = {}
        self.names = {}

    def come(self, frame):
        self.count += 1
        if self.count == self.chosen:
            file = os.path.basename(frame.f_code.co_filename)
            self.hit = f"{file}:{frame.f_lineno}, {frame.f_code.co_name}"
            sys.settrace(None)
            raise Interrupted

    def called(self, frame, event, argument):
        back = frame.f_back
        # What the library calls is called by the caller of a function in C.
        if id(back) in self.last and not frame.f_code.co_name.startswith("py_"):
            self.last[id(back)] = None
        if not frame.f_code.co_filename.startswith(FOLDER):
            return None
        # What a finalizer raises is reported, in any program.
        if frame.f_code.co_name in ("__del__", "orphan"):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.last.pop(id(frame), None)
        self.come(frame)
        return self.inside

    def inside(self, frame, event, argument):
        if event == "return":
            self.last.pop(id(frame), None)
        elif event == "opcode":
            before = self.last.get(id(frame))
            self.last[id(frame)] = self.name(frame)
            if before in PLACES:
                self.come(frame)
        return self.inside

    def name(self, frame):
        code = frame.f_code
        if code not in self.names:
            found = dis.get_instructions(code)
            self.names[code] = {each.offset: each.opname for each in found}
        return self.names[code].get(frame.f_lasti)


def left_behind(objects):
    """What a call has left."""
    with contextlib.suppress(RuntimeError):
        shared.release()
    quiesce(LIMIT)
    problems = []
    for cown in (shared, pinned):
        if when(cown)(lambda c: 7).unwrap(timeout=LIMIT) != 7:
            problems.append("a wrong result")
    drain("tag")
    quiesce(LIMIT)
    problems += [f"{len(table)} {name}" for name, table in TABLES.items() if table]
    if len(base.objects) > objects:
        problems.append("objects")
    me = base.me
    if me.bodies or me.pumping or me.scope or me.batch or me.name or me.kept:
        problems.append("the thread's state")
    if lane._listener or lane._busy or shared._holder or shared._readers:
        problems.append("the lane's or the cown's state")
    return problems


def interrupted(use, number):
    """The problems; None if the call has fewer places."""
    objects = len(base.objects)
    places = Places(number)
    raised = False
    sys.settrace(places.called)
    try:
        use()
    except Interrupted:
        raised = True
    finally:
        sys.settrace(None)
    if places.hit is None:
        return None
    problems = [] if raised else ["nothing was raised"]
    problems += left_behind(objects)
    return [f"{number} ({places.hit}): {problem}" for problem in problems]


def main(name):
    start(2)
    use = USES[name]
    for _ in range(3):
        use()
    left_behind(0)
    number = 1
    while (problems := interrupted(use, number)) is not None:
        print(*problems, sep="\n", end="\n" if problems else "")
        number += 1
    print("ends" if number > 15 else f"{number} places")


if __name__ == "__main__":
    main(sys.argv[1])
