"""Programs written for bocpy 0.14's documented names, run unchanged.

Beside each is the output that it has with 0.14. To record that again:

    python -m venv old && old/bin/pip install bocpy==0.14
    for p in tests/py/programs/compat/*.py; do old/bin/python $p > ${p%.py}.txt; done
"""

from pathlib import Path

import bocpy
import pytest

PROGRAMS = Path(__file__).parents[1] / "programs" / "compat"


@pytest.mark.parametrize("name", sorted(path.stem for path in PROGRAMS.glob("*.py")))
def test_a_program_prints_what_it_printed_with_0_14(name, program, backend):
    done = program((PROGRAMS / f"{name}.py").read_text(encoding="utf-8"))
    expected = (PROGRAMS / f"{name}.txt").read_text(encoding="utf-8")
    assert (done.out, done.err) == (expected, "")


@pytest.mark.parametrize("how", ["module", "-c", "stdin"])
def test_a_program_prints_the_same_however_it_is_started(how, program, backend):
    source = (PROGRAMS / "behaviors.py").read_text(encoding="utf-8")
    expected = (PROGRAMS / "behaviors.txt").read_text(encoding="utf-8")
    assert program(source, how=how).out == expected


def test_every_program_has_its_record():
    names = {path.stem for path in PROGRAMS.glob("*.py")}
    assert names == {path.stem for path in PROGRAMS.glob("*.txt")}


#: The names that 0.14 documents, except Matrix and MatrixView.
NAMES = [
    "Behaviors",
    "Cown",
    "PinnedCown",
    "PumpResult",
    "REMOVED",
    "TIMEOUT",
    "WORKER_COUNT",
    "WaitResult",
    "__version__",
    "drain",
    "get_include",
    "get_sources",
    "notice_delete",
    "notice_read",
    "notice_seed",
    "notice_update",
    "notice_write",
    "noticeboard",
    "pump",
    "quiesce",
    "receive",
    "send",
    "set_pump_watchdog",
    "set_tags",
    "set_wait_pump_poll",
    "start",
    "wait",
    "when",
    "whencall",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_documented_name_is_public_here(name):
    assert name in bocpy.__all__
    assert hasattr(bocpy, name)
