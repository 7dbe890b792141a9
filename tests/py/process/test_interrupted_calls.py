"""The core by cffi is in Python, so handlers of signals that raise interrupt its calls
halfway: wherever that is, nothing is left behind (programs/interrupted.py)."""

import os
import sys

import pytest
from harness import CFFI, PROGRAMS, PYPY

USES = [
    "when",
    "result",
    "unwrap",
    "acquires",
    "reads",
    "blocks",
    "atomically",
    "drains",
    "messages",
    "receive",
    "notices",
    "timer",
    "quiesce",
    "pumps",
    "pinned",
    "callback",
    "scopes",
    "cancelled",
]

# PyPy has no events for instructions; before 3.12 the instructions differ.
if CFFI and not PYPY and sys.version_info >= (3, 12):

    @pytest.mark.parametrize("use", USES)
    def test_a_call_that_is_interrupted_leaves_nothing_behind(program, use):
        with open(os.path.join(PROGRAMS, "interrupted.py"), encoding="utf-8") as file:
            text = file.read()
        done = program(text.replace("main(sys.argv[1])", f"main({use!r})"))
        assert done.lines == ["ends"]
