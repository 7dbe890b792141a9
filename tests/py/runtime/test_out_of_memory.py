"""Each allocation of an operation fails once: it raises MemoryError or succeeds, and
what comes next works.

CPython 3.12 and 3.13 crash where the allocation of a generator fails, and all versions
where that of an interpreter does. So the operations here are those that make none, the
worker has started before, and values do not move. The allocations of all interpreters
are counted together: some that fail are those of a body.
"""

import importlib.util

import pytest
from harness import FREE_THREADED

PROGRAM = """
import faulthandler, os, sys
import _testcapi, bocpy
from bocpy import Cown, acquire, after, quiesce, receive, send, start, wait, when

faulthandler.dump_traceback_later(50, exit=True)
sys.unraisablehook = lambda told: None
shared = Cown(0)

def add(c):
    c.value += 1

def acquires():
    with acquire(shared):
        pass

def atomically():
    with bocpy.atomically():
        when(shared)(add)
        when(shared)(add)

USES = {
    "when": lambda: when(shared)(add),
    "result": lambda: when(Cown(2))(add).result(),
    "cown": lambda: Cown([1]),
    "unwrap": lambda: Cown(1).unwrap(),
    "acquire": acquires,
    "atomically": atomically,
    "send": lambda: send("tag", [1, "x"]),
    "receive": lambda: receive("tag", 0),
    "notice": lambda: bocpy.notice_write("key", 1),
    "noticeboard": bocpy.noticeboard,
    "timer": lambda: after(0, shared)(add),
    "cancel": lambda: after(0.01, shared)(add).cancel(),
    "quiesce": lambda: quiesce(30),
}

# A worker that starts makes an interpreter, or generators.
start(1 if os.environ["BOCPY_BACKEND"] == "interpreters" else 2)
use = USES["USE"]
for _ in range(3):
    use()
    when(shared)(add).result(timeout=30)
for number in range(60):
    _testcapi.set_nomemory(number, number + 1)
    try:
        use()
    except MemoryError:
        pass
    finally:
        _testcapi.remove_mem_hooks()
    quiesce(30)
    assert when(shared)(lambda c: 7).result(timeout=30) == 7, number
wait(raise_failures=False)
print("whole")
"""

# Without a GIL the hooks would be changed while workers allocate.
if importlib.util.find_spec("_testcapi") and not FREE_THREADED:

    @pytest.mark.stress
    @pytest.mark.parametrize(
        "use",
        [
            "when",
            "result",
            "cown",
            "unwrap",
            "acquire",
            "atomically",
            "send",
            "receive",
            "notice",
            "noticeboard",
            "timer",
            "cancel",
            "quiesce",
        ],
    )
    def test_each_allocation_fails_once(program, backend, use):
        done = program(PROGRAM.replace('["USE"]', f'["{use}"]'))
        assert done.out == "whole\n"
