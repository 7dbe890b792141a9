"""Code that works on a plain thread or in a spawned process works in a behavior, too:
the 152 small programs of programs/plain.py, run in all three ways."""

import os
import pathlib
import sys

import harness
import pytest

PROGRAMS = pathlib.Path(harness.PROGRAMS)
IMPORTED = "import sys; sys.path.insert(0, {0!r}); import plain; plain.main()"


def run(command, backend):
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
def test_a_behavior_does_what_plain_python_does(backend, how):
    command = ["plain.py"]
    if how == "module":
        command = ["-c", IMPORTED.format(str(PROGRAMS))]
    assert run(command, backend) == ["152 programs"]


@pytest.mark.parametrize("how", ["script", "module"])
def test_programs_that_users_reported(backend, how):
    """programs/plain_reports.py: each with its report and the right result."""
    command = ["plain_reports.py"]
    if how == "module":
        imported = IMPORTED.replace("plain", "plain_reports")
        command = ["-c", imported.format(str(PROGRAMS))]
    assert run(command, backend) == ["39 programs"]


@pytest.mark.parametrize("how", ["script", "module"])
def test_programs_that_change_what_is_around_them(backend, how):
    """programs/plain_state.py: they agree, or differ as the program says."""
    command = ["plain_state.py"]
    if how == "module":
        imported = IMPORTED.replace("plain", "plain_state")
        command = ["-c", imported.format(str(PROGRAMS))]
    count = 45 if sys.version_info >= (3, 13) else 43
    assert run(command, backend) == [f"{count} programs"]
