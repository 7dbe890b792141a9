"""./dev itself: its help, its arguments, and how it finds interpreters."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from devtool.interpreters import Interpreter  # noqa: E402

COMMANDS = ["demo", "test", "bench", "check", "docs", "python"]


def dev(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "dev", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_names_every_command():
    done = dev("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_examples(command):
    done = dev(command, "--help")
    assert done.returncode == 0
    assert f"dev {command}" in done.stdout


def test_an_unknown_command_is_refused():
    done = dev("dance")
    assert done.returncode == 2
    assert "dance" in done.stderr


def made(version, **traits):
    return Interpreter(executable=Path(sys.executable), version=version, **traits)


def test_names_of_interpreters():
    assert made((3, 13, 2)).name == "3.13"
    assert made((3, 13, 2), free_threaded=True).name == "3.13t"
    assert made((3, 13, 2), free_threaded=True).label == "3.13.2t"


@pytest.mark.parametrize(
    ("traits", "missing"),
    [
        ({}, []),
        ({"headers": False}, ["lacks its C headers"]),
        ({"venv": False}, ["lacks the venv and ensurepip modules"]),
        ({"implementation": "graalpy"}, ["is not CPython or PyPy"]),
    ],
)
def test_what_an_interpreter_lacks(traits, missing):
    assert made((3, 12, 0), **traits).faults() == missing


def test_an_old_interpreter_cannot_run_it(tmp_path):
    """An old interpreter prints the message before it reaches syntax that it does not
    know."""
    source = (ROOT / "dev").read_text(encoding="utf-8")
    old = "import sys\nsys.version_info = (3, 9)\n"
    (tmp_path / "dev").write_text(source.replace("import sys\n", old), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "dev"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("dev: needs Python 3.10 or newer to run itself")
    assert done.stderr.count("\n") == 1


def test_old_interpreters_are_not_suitable():
    assert made((3, 9, 1)).faults() == ["is older than 3.10"]


def test_the_newest_final_interpreter_with_a_gil_ranks_first():
    best = made((3, 13, 0))
    others = [
        made((3, 12, 9)),
        made((3, 15, 0), final=False),
        made((3, 13, 0), free_threaded=True),
    ]
    assert max([best, *others], key=Interpreter.rank) is best
