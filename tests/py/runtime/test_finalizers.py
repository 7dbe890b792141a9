"""Finalizers that use the package wherever the collector happens to run them.

A finalizer may run in the middle of any call of the package, on the thread that is in
it: a lock that this thread has must not be one that the finalizer waits for.
"""

import pytest
from harness import CFFI

PROGRAM = """
import faulthandler, gc, random, sys, threading, time
import bocpy
from bocpy import Cown, after, atomically, behaviors, quiesce, receive, send, wait, when

faulthandler.dump_traceback_later(50, exit=True)
chance = random.Random(SEED)
shared = Cown(0)
ran = []
# A finalizer that waited inside of an import would wait for workers that import, too.
imported = bocpy.CancelledError, bocpy.noticeboard, bocpy.acquire

def add(c):
    c.value += 1

def scope():
    if not bocpy.cancelled():
        with behaviors():
            pass

def timer():
    after(0.001, shared)(add).cancel()

USES = [
    lambda: when(shared)(add),
    timer,
    scope,
    lambda: Cown([1]),
    lambda: send("tag", 1),
    lambda: bocpy.notice_write("key", 1),
    lambda: bocpy.noticeboard(),
    lambda: Cown(1).add_done_callback(lambda c: None),
    lambda: Cown(1).result(),
    lambda: Cown(1).unwrap(),
    lambda: Cown(1).__reduce__(),
]

# What the interrupted thread is doing may have the use refused; after wait() has closed
# the runtime, some uses are. On a busy machine nobody may receive for a while.
REASONS = (
    "deadlock", "atomically()", "torn down", "in a finalizer", "runtime is not running",
    "queue is full",
)

class Ends:
    def __init__(self):
        self.itself = self
        self.use = chance.choice(USES)

    def __del__(self):
        try:
            self.use()
        except RuntimeError as error:
            assert any(reason in str(error) for reason in REASONS), error
        except (bocpy.CancelledError, TimeoutError):
            pass
        ran.append(1)

def body(c):
    Ends()
    when(shared)(add)

def in_scope(cowns):
    with behaviors():
        for c in cowns:
            when(c)(body)

def with_timers(cowns):
    for result in [after(0.0005, c)(body) for c in cowns][::2]:
        result.cancel()

def at_once(cowns):
    with atomically():
        for c in cowns:
            when(c)(body)

def in_update(cowns):
    bocpy.notice_update("key", lambda value: [Ends()] and 1, 0)

def held(cowns):
    with bocpy.acquire(*cowns):
        Ends()

DOES = [
    in_scope,
    with_timers,
    at_once,
    in_update,
    held,
    lambda cowns: receive("tag", 0),
    lambda cowns: when(cowns[0])(body).result(),
]

def use_all():
    cowns = [Cown(0) for _ in range(4)]
    end = time.monotonic() + 2
    while time.monotonic() < end:
        Ends()
        chance.choice(DOES)(cowns)
        if chance.random() < 0.02:
            gc.collect()

bocpy.start(2, backend="threads")
if sys.implementation.name == "cpython":
    gc.set_threshold(3, 2, 2)
threads = [threading.Thread(target=use_all) for _ in range(2)]
for thread in threads:
    thread.start()
use_all()
for thread in threads:
    thread.join()
wait()
assert len(ran) > 100, len(ran)
print("ended")
"""


@pytest.mark.stress
@pytest.mark.parametrize("seed", [1, 2])
def test_finalizers_at_any_moment(program, seed):
    done = program(PROGRAM.replace("SEED", str(seed)))
    assert done.out == "ended\n"
    assert done.err.count("Traceback") == 0, done.err[:4000]  # the rest says the same


IMPORTS = """
import sys
from bocpy import start, wait, when

def one():
    return 1

told = []

def uses(event, args):
    # A finalizer may run in the middle of this import.
    if event == "import" and args[0] == "bocpy._snapshotted_globals":
        try:
            told.append(when()(one))
        except RuntimeError as error:
            told.append(str(error))

START
sys.addaudithook(uses)
print(when()(one).result(30))
wait()
print(told)
"""


def test_start_imports_what_a_finalizer_needs(program):
    source = IMPORTS.replace("START", "start(1, backend='threads')")
    assert program(source).lines == ["1", "[]"]


if not CFFI:  # the core by cffi imports it together with the package

    def test_a_finalizer_in_an_import_is_refused_by_name(program):
        done = program(IMPORTS.replace("START", ""), backend="threads")
        assert done.lines[0] == "1"
        assert "in a finalizer that interrupts the import of bocpy._body" in done.out
        assert "call start() before" in done.out


LOGGING = """
import logging, sys
from bocpy import start, wait, when

def one():
    return 1

told = []

def uses(event, args):
    # A finalizer may run in the middle of this import, on whatever thread makes it.
    if event == "import" and args[0] == "bocpy._main_interpreter.change_counter":
        try:
            told.append(when()(one))
        except Exception as error:
            told.append(repr(error))

sys.addaudithook(uses)
start(1)
print(when()(one).result(30))
wait()
print(*[text for text in told if type(text) is str])
"""


def test_a_finalizer_schedules_while_log_records_are_prepared(program):
    """A module that its own thread is importing is not asked for what it has not got
    yet. (On `interpreters` the start imports it.)"""
    assert program(LOGGING, backend="threads").lines == ["1", ""]


CONTEXTS = """
import faulthandler, gc, sys
from contextvars import ContextVar
from bocpy import Cown, behaviors, start, wait, when

faulthandler.dump_traceback_later(50, exit=True)
start(1, backend="threads")
variables = [ContextVar(f"v{n}") for n in range(40)]
for variable in variables:
    variable.set(1)
entered = 0

class Ends:
    def __init__(self):
        self.itself = self

    def __del__(self):
        global entered
        with behaviors():
            entered += 1

def nothing(c):
    pass

for n in range(4000):
    if sys.implementation.name == "cpython":
        gc.set_threshold(2 + n % 40, 1, 1)
    Ends()
    with behaviors():
        pass
    Ends()
    when(Cown(n))(nothing)
wait()
print(entered > 1000, [variable.get() for variable in variables] == [1] * 40)
"""


def test_a_finalizer_enters_a_scope_while_a_scope_is_entered(program):
    """Both change the context of the thread, the one inside of the other's change."""
    assert program(CONTEXTS).out == "True True\n"


AT_THE_END = """
import faulthandler, threading
from bocpy import Cown, acquire, after, behaviors, start, wait, when

faulthandler.dump_traceback_later(30, exit=True)
local = threading.local()
told = []

USES = [
    lambda: Cown(1).result(),
    lambda: Cown(1).unwrap(),
    lambda: acquire(Cown(1)).__enter__(),
    lambda: when(Cown(1))(print),
    lambda: after(0, Cown(1))(print),
    lambda: start(2),
    lambda: behaviors().when(Cown(1))(print),
]

class Ends:
    def __del__(self):
        for use in USES:
            try:
                use()
            except RuntimeError as error:
                told.append(str(error))
        ends = "in a finalizer of a worker that ends", "is being torn down"
        assert all(any(end in text for end in ends) for text in told), told
        print(len(told), "refused")

def body(c):
    local.value = Ends()

start(1, backend="threads")
when(Cown(1))(body).result()
wait()
"""


def test_finalizers_of_what_a_worker_kept_for_its_thread(program):
    """They run while the worker ends, are refused what nobody would do, and do not
    wait for it."""
    done = program(AT_THE_END)
    assert done.lines == ["7 refused"], done.err


#: A finalizer may run at any allocation, so in the imports that a start makes.
IN_A_START = """
import gc, sys, threading
from bocpy import Cown, start, wait, when

class Final:
    def __del__(self):
        calls = {"start": lambda: start(2), "when": lambda: when()(int), "wait": wait}
        try:
            calls[sys.argv[1]]()
        except RuntimeError as error:
            refused.append(str(error))

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "bocpy._body":
            Final()

refused = []
sys.meta_path.insert(0, Finder())
start(2)
print(when()(lambda: 5).result(30), *refused)
"""


@pytest.mark.backends("interpreters")
@pytest.mark.parametrize("call", ["start", "when", "wait"])
def test_a_finalizer_in_a_start(program, backend, call):
    """On threads the module is imported before the runtime is locked."""
    (line,) = program(IN_A_START, args=[call]).lines
    assert line.startswith("5 ")
    assert "in a finalizer or handler that interrupted its thread" in line


#: A worker imports while it starts, and the thread that starts it waits for it.
IN_A_WORKERS_START = """
import sys
from bocpy import start, wait, when

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "bocpy._threads" and not refused:
            try:
                wait()
            except RuntimeError as error:
                refused.append(str(error))

refused = []
sys.meta_path.insert(0, Finder())
for name in "bocpy._threads", "bocpy._worker":
    sys.modules.pop(name, None)
start(2)
print(when()(lambda: 5).result(30), *refused)
wait()
"""


def test_an_import_hook_in_a_workers_start(program, backend):
    (line,) = program(IN_A_WORKERS_START).lines
    if CFFI:  # the core by cffi has imported before what its workers need
        assert line == "5"
    else:
        assert line.startswith("5 wait() in a finalizer or handler")
