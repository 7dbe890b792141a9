"""The linker of clusters and its executors, without a cluster: see simulate.py.

A documented command runs as many schedules as one likes:

    python tests/py/bocpy_distributed/simulate.py --schedules 100000 --jobs 2
"""

import subprocess
import sys
from pathlib import Path

import mutants
import pytest
import simulate

SCHEDULES = 400


def test_random_schedules_are_as_if_one_after_the_other():
    assert simulate.first_wrong(0, SCHEDULES) is None


@pytest.mark.stress
def test_many_random_schedules():
    assert simulate.first_wrong(1_000_000, 3000) is None


@pytest.mark.parametrize("control", sorted(mutants.CONTROLS))
def test_a_broken_protocol_is_found(control):
    """Breaks a rule in a process of its own, whose state it spoils."""
    program = Path(simulate.__file__)
    command = [sys.executable, program, "--schedules", "4000", "--control", control]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("seed ")
