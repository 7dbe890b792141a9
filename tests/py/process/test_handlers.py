"""What handlers of signals that raise may interrupt: locks are given back, and nothing
is lost."""

import os

import pytest

HEAD = """\
import _imp, contextlib, signal, sys, threading, time
import bocpy
from bocpy import (
    Cown, PinnedCown, notice_read, notice_write, pump, quiesce, receive, send, start,
    wait, when,
)

class Interrupted(BaseException):
    pass

class Alarm(Exception):
    pass

def raise_alarm(number, frame):
    raise Alarm

def interrupt(number, frame):
    raise Interrupted

main = threading.get_ident()
take = _imp.acquire_lock

def fail(*cowns):
    raise ValueError("as told")

def name_missing(*cowns):
    return missing

def ends(wait):
    with contextlib.suppress(Exception):
        wait()

start(2)
c, p, again = Cown(0), PinnedCown(0), Cown(0)
when(c)(lambda c: 1).unwrap(timeout=50)
"""

#: Waits of the main thread: each may be the first that needs a module.
WAITS = """\
def pass_time(c):
    time.sleep(0.05)

def leave_scope(body, **options):
    with scopes.pop()(**options):
        when(c)(body)

def message():
    send("tag", 1)
    receive("tag")
    receive("none", timeout=0.001)

scopes = [bocpy.behaviors] * 3
waits = [
    lambda: when(c)(pass_time).unwrap(timeout=0.001),
    lambda: c.acquire(timeout=0.001),
    lambda: quiesce(timeout=0.001),
    quiesce,
    lambda: (c.acquire(), c.release()),
    message,
    lambda: (notice_write("name", 1), notice_read("name")),
    lambda: (when(p, c)(lambda p, c: None), pump(max_behaviors=3)),
    lambda: when(c)(fail).unwrap(timeout=50),
    lambda: when(c)(name_missing).unwrap(timeout=50),
    lambda: when(c)(fail).result(timeout=50),
    lambda: (when(p)(name_missing), quiesce()),
    lambda: when(when(p)(fail))(lambda r: r.value).unwrap(timeout=50),
    lambda: ([when(c)(fail) and None for _ in range(30)], quiesce()),
    lambda: quiesce(stats=True, noticeboard=True),
    lambda: leave_scope(pass_time),
    lambda: leave_scope(fail),
    lambda: leave_scope(pass_time, timeout=0.001),
    lambda: (kept.append(when(c)(fail)), quiesce(raise_failures=True)),
    lambda: wait(stats=True, noticeboard=True),
    lambda: when(c)(fail).unwrap(timeout=50),
]
kept = []
"""


def test_no_wait_of_the_main_thread_imports_anything(program, backend):
    done = program(
        HEAD
        + WAITS
        + """
taken = []

def acquire_lock():
    take()
    if threading.get_ident() == main:
        taken.append(sys._getframe(1).f_locals.get("name"))

_imp.acquire_lock = acquire_lock
for number, each in enumerate(waits):
    ends(each)
    if taken:
        print(number, taken)
    taken.clear()
print("done")
"""
    )
    assert done.lines == ["done"]


if os.name == "posix":

    @pytest.mark.parametrize("wait", ["pump()", "failed.unwrap(timeout=50)"])
    def test_a_handler_leaves_no_lock_of_an_import_taken(program, backend, wait):
        done = program(
            HEAD
            + f"""
signal.signal(signal.SIGUSR1, interrupt)
failed = when(c)(fail)
when(c)(lambda c: 1).unwrap(timeout=50)
armed = [True]

def acquire_lock():
    take()
    if armed and threading.get_ident() == main:
        armed.clear()
        signal.raise_signal(signal.SIGUSR1)

_imp.acquire_lock = acquire_lock
with contextlib.suppress(Interrupted, ValueError):
    {wait}
armed.clear()
other = threading.Thread(target=lambda: __import__("fractions"), daemon=True)
other.start()
other.join(50)
print(other.is_alive())
"""
        )
        assert done.lines == ["False"]

    def test_a_handler_interrupts_a_wait_for_a_late_import(program, backend):
        done = program(
            HEAD
            + """
from importlib.abc import MetaPathFinder
signal.signal(signal.SIGUSR1, interrupt)

class Slow(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "bocpy._pump_result":
            signal.raise_signal(signal.SIGUSR1)
            time.sleep(0.2)

sys.meta_path.insert(0, Slow())
try:
    pump()
except Interrupted:
    print("interrupted")
print(pump())
"""
        )
        assert done.lines == [
            "interrupted",
            "PumpResult(executed=0, deadline_reached=False, raised=0)",
        ]

    @pytest.mark.parametrize("handler", ["interrupt", "raise_alarm", "Handler().on"])
    def test_a_value_survives_a_handler_while_it_is_decoded(program, backend, handler):
        done = program(
            """
            class Handler:
                def on(self, *_):
                    raise Alarm

            def rebuilt(n):
                if armed:
                    armed.clear()
                    signal.raise_signal(signal.SIGUSR1)
                return Odd(n)

            class Odd:
                def __init__(self, n):
                    self.n = n
                def __reduce__(self):
                    return rebuilt, (self.n,)

            armed = []
            """.replace("\n            ", "\n")
            + HEAD
            + f"""
signal.signal(signal.SIGUSR1, {handler})

@when(c)
def _(c):
    c.value = Odd(7)

quiesce()
armed.append(True)
try:
    c.acquire()
    print(c.value.n)
except (Interrupted, Alarm) as error:
    print(type(error).__name__)
c.release()
print(c.unwrap(timeout=50).n)
"""
        )
        raised = "Interrupted" if handler == "interrupt" else "Alarm"
        expected = [raised, "7"] if backend == "interpreters" else ["7", "7"]
        assert done.lines == expected

    def test_a_value_survives_a_handler_while_it_is_encoded(program, backend):
        done = program(
            """
            class Odd:
                def __init__(self, n):
                    self.n = n
                def __reduce__(self):
                    if armed:
                        armed.clear()
                        signal.raise_signal(signal.SIGUSR1)
                    return Odd, (self.n,)

            armed = []
            """.replace("\n            ", "\n")
            + HEAD
            + """
signal.signal(signal.SIGUSR1, raise_alarm)
c.acquire()
c.value = Odd(7)
c.value.n += 1
armed.append(True)
try:
    c.release()
    when(c)(lambda c: None)
    for _ in range(100):
        time.sleep(0.001)
    print("not raised")
except Alarm as error:
    print("raised")
print(c.unwrap(timeout=50).n)
"""
        )
        raised = "raised" if backend == "interpreters" else "not raised"
        assert done.lines == [raised, "8"]

    def test_a_handler_that_interrupts_a_report_still_raises(program, backend):
        done = program(
            HEAD
            + """
import io
signal.signal(signal.SIGUSR1, interrupt)

class Out(io.StringIO):
    def write(self, text):
        signal.raise_signal(signal.SIGUSR1)
        return len(text)

when(c)(lambda c: None).unwrap(timeout=50)
before, sys.stderr = sys.stderr, Out()
try:
    failed = when(c)(fail)
    del failed
    quiesce()
    print("not raised")
except Interrupted:
    print("raised")
sys.stderr = before
quiesce()
print(when(c)(lambda c: 1).unwrap(timeout=50))
"""
        )
        assert done.lines == ["raised", "1"]


#: A handler of a signal calls what would wait for the wait that it interrupts.
IN_WAITS = """
import os, signal, sys, time
from bocpy import *
backend, way = sys.argv[1:]
told = []
def note(name, call):
    try:
        told.append(call())
    except RuntimeError as error:
        text = str(error)
        told.append(f"{name} in a handler" if "in a handler" in text else text)
def fork():
    child = os.fork()
    if not child:
        os._exit(3)
    return os.waitpid(child, 0)[1] >> 8
def handle(number, frame):
    note("fork()", fork)
    os.write(opener, b".")
    if way == "wait":
        wait()
        note("start()", lambda: start(200))
signal.signal(signal.SIGUSR1, handle)
start(2, backend=backend)
me, c = os.getpid(), Cown(0)
door, opener = os.pipe()
@when(c)
def result(c):
    time.sleep(0.5)  # nothing that a body can see tells when the main thread waits
    os.kill(me, signal.SIGUSR1)
    os.read(door, 1)
    return 7
if way == "wait":
    wait()
elif way == "quiesce":
    quiesce()
elif way == "unwrap":
    assert result.unwrap(timeout=50) == 7
else:
    with c:
        pass
wait()
assert when(c)(lambda c: 5).unwrap(timeout=50) == 5
print(*told, sep="\\n")
"""


@pytest.mark.parametrize("way", ["wait", "quiesce", "unwrap", "with"])
def test_a_handler_does_not_wait_for_the_wait_that_it_interrupts(program, backend, way):
    """It hung. On `threads` a fork in there leaves the workers alone."""
    shown = program(IN_WAITS, args=[backend, way]).lines
    assert shown[0] == ("3" if backend == "threads" else "fork() in a handler")
    assert shown[1:] == ["start() in a handler"] * (way == "wait")
