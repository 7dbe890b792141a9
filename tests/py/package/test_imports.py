"""What `import bocpy` imports, and what it leaves to the first use."""

import os
import subprocess
import sys

import bocpy
import pytest
from harness import BACKENDS, CFFI

#: Modules that a program does not need which has only imported the package; each worker
#: imports the package, too.
LEFT_OUT = ("bocpy._bulk", "bocpy._scope", "bocpy._timers", "datetime", "contextlib")


def imported(code, show="print(*sys.modules)"):
    """The modules that are imported after `code` in a new program."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{code}\nimport sys\n{show}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_every_public_name_can_be_imported():
    for name in bocpy.__all__:
        assert getattr(bocpy, name) is not None
        assert name in dir(bocpy)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="module 'bocpy' has no attribute 'whne'"):
        bocpy.whne  # noqa: B018


if not CFFI:  # the core by cffi imports more

    def test_names_are_imported_when_they_are_used():
        before = imported("import bocpy") - imported("import typing, threading")
        assert before.isdisjoint({*LEFT_OUT, "bocpy._ship"})
        assert "bocpy._bulk" in imported("from bocpy import gather")
        assert {"bocpy._scope", "bocpy._timers"} <= imported("from bocpy import *")


if "interpreters" in BACKENDS:

    def test_a_worker_imports_what_it_needs():
        there = imported(
            "import bocpy\nbocpy.start(2, backend='interpreters')",
            "bocpy.when()(lambda: print(*sys.modules)).unwrap(timeout=60)",
        )
        assert "bocpy._ship" in there
        assert there.isdisjoint({"bocpy._bulk", "bocpy._scope", "bocpy._timers", "dis"})
