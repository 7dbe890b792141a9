"""Workers beside tracemalloc, which before CPython 3.15 hangs where an interpreter is
made by a thread that has none."""

import importlib.util
import sys

#: CPython makes interpreters while tracemalloc traces.
SOUND = sys.version_info >= (3, 15)

BEFORE = """\
import tracemalloc
tracemalloc.start()
from bocpy import Cown, when

c = Cown(1)
try:
    print(when(c)(lambda c: c.value).unwrap(timeout=60))
except RuntimeError as error:
    print(error)
    tracemalloc.stop()
    print(when(c)(lambda c: c.value).unwrap(timeout=60))
"""

MEANWHILE = """\
import os, sys, tracemalloc, warnings
from bocpy import Cown, receive, send, start, when

def meet(c):
    send("here", None)
    receive("go", 60)

start(2)
when(Cown(0))(lambda c: None).result(60)
tracemalloc.start()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    long = when(Cown(0))(meet)
    receive("here", 60)
    others = [when(Cown(i))(lambda c: c.value) for i in range(100)]
    send("go", None)
    print(sum(each.unwrap(timeout=60) for each in others))
print(*{str(each.message).partition(": ")[2] for each in seen}, sep="\\n")
sys.stdout.flush()
os._exit(0)  # CPython frees another interpreter's memory where tracemalloc ends
"""


# PyPy has none.
if importlib.util.find_spec("_tracemalloc"):

    def test_it_traces_before_workers_start(program, backend):
        """The refusal names tracemalloc and the way out, and the cown is not lost."""
        done = program(BEFORE)
        if backend == "interpreters" and not SOUND:
            refusal, *rest = done.lines
            assert "tracemalloc traces" in refusal
            assert "backend='threads'" in refusal
            assert rest == ["1"]
        else:
            assert done.lines == ["1"]

    def test_it_begins_to_trace_while_workers_run(program, backend):
        """A second worker, if one is wanted, does not start; its work is done."""
        done = program(MEANWHILE)
        assert done.lines[0] == "4950"
        for text in filter(None, done.lines[1:]):
            assert "tracemalloc traces" in text

    def test_it_traces_from_the_beginning(program, backend):
        source = BEFORE.replace("tracemalloc.start()\n", "")
        assert program(source, env={"PYTHONTRACEMALLOC": "1"}).lines[-1] == "1"
