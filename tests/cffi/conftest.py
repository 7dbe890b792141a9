"""The suite of `bindings/libboc`: its classes, and through them the C library.

It runs on every implementation of Python that the package supports. `program` runs a
source text as a program of its own; `runtime` is a runtime with two workers.
"""

from __future__ import annotations

import gc
import os
import platform
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings

import libboc
from libboc import _base, _behavior

# Where the tests run in the background, Ctrl-C is ignored, and would be in programs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

PYPY = platform.python_implementation() == "PyPy"

settings.register_profile(
    "suite",
    deadline=None,
    max_examples=int(os.environ.get("BOC_TEST_EXAMPLES", "40")),
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("suite")


@dataclass
class Outcome:
    code: int
    out: str
    err: str


def run_program(source: str, timeout: float = 60, **variables: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **variables},
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def program():
    return run_program


@pytest.fixture
def runtime():
    with libboc.Runtime(workers=2) as made:
        yield made
        made.quiesce(60)


@pytest.fixture(autouse=True)
def nothing_left():
    """A test leaves no behavior, no message and no notice behind."""
    before = tables()
    yield
    for _ in range(10):
        if tables() <= before:
            break
        collect()
    assert tables() <= before


def tables():
    """How many objects the library has, of all kinds."""
    return sum(
        map(
            len,
            (
                _base.objects,
                _behavior.pending,
                _behavior.telling,
                _behavior.deferred,
            ),
        )
    )


def collect() -> None:
    for _ in range(3):
        gc.collect()
