"""The harness of the tests itself."""

import pytest
from harness import finish_program, start_program


def test_the_limit_of_the_harness_shows_the_stacks(tmp_path):
    """A program that hangs is reported with its stacks."""
    process = start_program(
        "import threading\ndef stuck():\n    threading.Event().wait()\nstuck()",
        tmp_path,
        backend=None,
    )
    with pytest.raises(AssertionError, match="in stuck"):
        finish_program(process, timeout=1.0)
    assert process.returncode != 0
