"""The arguments of `./dev`, and what they ask for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from devtool import cli, job_matrix
from devtool.base import Problem
from devtool.interpreters import newest

DEV = Path(__file__).resolve().parents[2] / "dev"
COMMANDS = ["demo", "test", "bench", "check", "docs", "fuzz", "python", "soak"]


def wish(*words, rest=()):
    return cli.wish(cli.parser().parse_args(["test", *words]), list(rest))


def dev(*words, **changes):
    command = [sys.executable, str(DEV), *words]
    env = {**os.environ, **changes}
    return subprocess.run(command, text=True, capture_output=True, check=False, env=env)


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)])
def test_help_shows_how_it_is_called(words):
    done = dev(*words, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: dev")


def test_help_names_every_command():
    text = dev("--help").stdout
    assert all(f"\n    {name} " in text for name in COMMANDS)


def test_an_unknown_command_is_refused():
    assert dev("frobnicate").returncode == 2


def test_a_plain_test_is_c_and_python():
    asked = wish()
    assert (asked.c, asked.python, asked.matrix, asked.plain) == (
        True,
        True,
        False,
        True,
    )


def test_halves_of_a_test():
    assert not wish("--c-only").python
    assert not wish("--python-only").c
    with pytest.raises(SystemExit):
        wish("--c-only", "--python-only")


def test_a_python_by_name_leaves_c_out():
    asked = wish("--python", "3.10", "--python", "3.13t")
    assert asked.pythons == ("3.10", "3.13t")
    assert not asked.c


def test_what_follows_the_dashes_goes_to_pytest():
    assert wish(rest=["-k", "cown"]).pytest_arguments == ("-k", "cown")


@pytest.mark.parametrize(
    "option", ["--tiny", "--checks", "--systematic", "--stress", "--models"]
)
def test_a_special_build_is_not_plain(option):
    assert not wish(option).plain


def test_the_thread_sanitizer_and_c11_mutexes_do_not_go_together():
    with pytest.raises(Problem, match="--park posix"):
        wish("--sanitize", "thread", "--park", "c11")


def test_a_problem_is_one_line():
    done = dev("test", "--c-only", "--compiler", "no-such-compiler")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"dev: no no-such-compiler on PATH: .+\n", done.stderr)


@pytest.mark.parametrize("words", [["test"], ["test", "--c-only"], ["demo"]])
def test_no_compiler_is_said_at_once(words, tmp_path):
    """A missing compiler is reported before anything is made; PATH has no program at
    all."""
    done = dev(*words, PATH=str(tmp_path), CC="")
    assert done.returncode == 1
    assert re.fullmatch(r"dev: no C compiler: .*gcc.*\n", done.stderr)
    assert done.stdout.count("\n") <= 2  # what it is about to do, and the Python


def test_a_plain_test_explores_interleavings():
    jobs = job_matrix.c_jobs(wish("--c-only"), newest(), 1)
    assert [job.name for job in jobs] == ["c-cc", "c-cc-systematic"]
    assert [job.name for job in job_matrix.c_jobs(wish("--tiny"), newest(), 1)] == [
        "c-cc-tiny"
    ]
