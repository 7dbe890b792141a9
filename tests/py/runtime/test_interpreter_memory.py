"""The memory of an interpreter is freed when it ends.

One object that survives is enough for CPython to keep all memory of the interpreter,
1.4 MB and more. Before 3.13 CPython itself leaves some.
"""

import os
import sys

import pytest
from harness import LIMIT

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 14) or sys.platform != "linux",
    reason="CPython before 3.14 leaves objects of each interpreter that ends; /proc",
)

ENDS = 20
ALLOWED = ENDS // 2  # MiB

#: Ways in which a body keeps an object until the last moment of its interpreter, when
#: that has freed most of its state.
HOLD = {
    "nothing": "pass",
    "an importer": "SourceFileLoader.held_by_a_test = _core",
}
if hasattr(os, "register_at_fork"):
    HOLD["a hook of forks"] = "os.register_at_fork(before=partial(id, _core))"

PROGRAM = """
    import gc
    from bocpy import Cown, start, wait, when
    from harness import rss

    def body(c):
        import os
        from functools import partial
        from importlib.machinery import SourceFileLoader
        from bocpy import _core
        HOLD

    def end(workers, runs):
        start(workers, backend="interpreters")
        if runs:
            when(Cown(0))(body).unwrap(timeout=20)
        wait()
        start(1, backend="threads")
        wait()

    def rss_after(ends):
        for _ in range(ends):
            end(WORKERS, RUNS)
        gc.collect()
        return rss()

    before = rss_after(4)
    print((rss_after(ENDS) - before) / 2**20)
    """


def grown(program, workers, runs, hold="nothing"):
    source = PROGRAM.replace("HOLD", HOLD[hold]).replace("ENDS", str(ENDS))
    source = source.replace("WORKERS", str(workers)).replace("RUNS", str(runs))
    return float(program(source, timeout=2 * LIMIT).out)


def test_workers_that_have_run_nothing(program):
    assert grown(program, workers=2, runs=False) < ALLOWED


@pytest.mark.parametrize("hold", HOLD)
def test_a_worker_that_has_run_a_body(program, hold):
    assert grown(program, workers=1, runs=True, hold=hold) < ALLOWED
