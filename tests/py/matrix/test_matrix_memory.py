"""Matrices where memory is short: each allocation fails once."""

import importlib.util
from pathlib import Path

import harness
import pytest
from bocpy import Matrix

PROGRAM = Path(__file__).parents[1] / "programs" / "matrix_memory.py"
#: CPython's own tests come with it nearly everywhere. Free-threaded 3.13 itself does
#: not survive a failing allocation: `tuple([a, b])` hangs.
FOUND = importlib.util.find_spec("_testcapi") is not None
HOOKS = FOUND and not harness.FREE_THREADED


@pytest.mark.parametrize("source", [PROGRAM.read_text("ascii")] if HOOKS else [])
def test_each_allocation_may_fail(program, source, backend):
    assert program(source).out.endswith("operations\n")


def test_memory_of_a_matrix():
    """8 bytes an element, and 256."""
    import tracemalloc

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [Matrix(10, 10) for _ in range(100)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / len(kept) <= 800 + 256
