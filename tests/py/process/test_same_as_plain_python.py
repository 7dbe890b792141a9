"""Code that works on a plain thread or in a spawned process works in a behavior, too:
the small programs of programs/plain*.py, run in all three ways."""

import os
import pathlib
import sys

import harness
import pytest

PROGRAMS = pathlib.Path(harness.PROGRAMS)
IMPORTED = "import sys; sys.path.insert(0, {0!r}); import {1}; {1}.main()"


def run(name, how, backend):
    """Runs a program as a script or as an imported module."""
    command = [f"{name}.py"]
    if how == "module":
        command = ["-c", IMPORTED.format(str(PROGRAMS), name)]
    environment = {**os.environ, "BOCPY_BACKEND": backend}
    process = harness.subprocess.run(
        [sys.executable, *command],
        cwd=PROGRAMS,
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * harness.LIMIT,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout.splitlines()


@pytest.mark.parametrize("how", ["script", "module"])
@pytest.mark.parametrize(("name", "count"), [("plain", 66), ("plain_library", 86)])
def test_a_behavior_does_what_plain_python_does(backend, name, count, how):
    assert run(name, how, backend) == [f"{count} programs"]


@pytest.mark.parametrize("how", ["script", "module"])
@pytest.mark.parametrize(
    ("name", "count"), [("plain_reports", 39), ("plain_defects", 20)]
)
def test_programs_that_users_reported(backend, name, count, how):
    """Each with its report and the right result."""
    assert run(name, how, backend) == [f"{count} programs"]


@pytest.mark.parametrize("how", ["script", "module"])
def test_programs_for_which_the_main_thread_sets_something(backend, how):
    """programs/plain_state.py: they agree, or differ as the program says."""
    assert run("plain_state", how, backend) == ["33 programs"]


@pytest.mark.parametrize("how", ["script", "module"])
def test_programs_that_change_what_is_around_them(backend, how):
    """programs/plain_losses.py: likewise."""
    count = 40 if sys.version_info >= (3, 13) else 38
    assert run("plain_losses", how, backend) == [f"{count} programs"]
