"""`./dev test --only NAME`: what a name stands for."""

from pathlib import Path

import pytest
from devtool import cli, single_test
from devtool.base import ROOT, Problem
from devtool.interpreters import Interpreter
from devtool.jobs import Tally
from devtool.pybuild import with_place
from devtool.single_test import PY_TESTS, Target, find, for_pytest


@pytest.mark.parametrize(
    "name",
    ["request", "test_request", "test_request.c", "tests/c/protocol/test_request.c"],
)
def test_a_c_test(name):
    assert find(name) == Target("c", "test_request")


@pytest.mark.parametrize(
    "name", ["when", "test_when", "test_when.py", "tests/py/behavior/test_when.py"]
)
def test_a_file_of_python_tests(name):
    assert find(name) == Target("file", str(PY_TESTS / "behavior" / "test_when.py"))


def test_an_ending_says_which():
    """C and Python both have a test of that name."""
    assert find("runtime").kind == find("test_runtime.c").kind == "c"
    assert find("test_runtime.py").kind == "file"


def test_one_test_of_a_file():
    name = str(PY_TESTS / "behavior" / "test_when.py")
    assert find("test_when.py::test_x") == Target("file", f"{name}::test_x")


@pytest.mark.parametrize("name", ["cown and not stress", "no_such_test"])
def test_anything_else_is_for_pytest(name):
    assert find(name) == Target("word", name)


@pytest.mark.parametrize("name", ["test_nothing.py", "nothing.c"])
def test_a_file_that_is_not_there(name):
    with pytest.raises(Problem, match="there is no test"):
        find(name)


def test_a_target_that_meson_does_not_know(monkeypatch):
    build = object.__new__(single_test.Build)
    monkeypatch.setattr(single_test.Build, "introspect", lambda self, what: [])
    with pytest.raises(Problem, match="Meson knows no target test_x"):
        build.target("test_x")


def test_names_for_an_interpreter_in_a_chroot():
    file = "tests/py/behavior/test_when.py"
    assert for_pytest("test_when.py::test_x") == [f"{file}::test_x"]
    assert for_pytest("cown and not stress") == ["-k", "cown and not stress"]
    with pytest.raises(Problem, match="a test in C"):
        for_pytest("request")


def test_only_with_an_interpreter_in_a_chroot(monkeypatch):
    """It runs as the whole suite does there, with that file alone."""
    inside = Path("/usr/bin/pypy3")
    chosen = Interpreter(inside, (3, 11, 0), chroot=Path("/sid"))
    monkeypatch.setattr(cli, "choose", lambda spec: chosen)
    monkeypatch.setattr(cli, "tools_interpreter", lambda arguments: None)
    wishes = []
    monkeypatch.setattr(cli.job_matrix, "jobs", lambda *given: wishes.append(given[0]))
    monkeypatch.setattr(cli, "run_jobs", lambda *given: Tally(passed=1))
    assert cli.main(["test", "--only", "test_when.py", "--python", "pypy3.11"]) == 0
    (wish,) = wishes
    assert wish.python
    assert not wish.c
    assert list(wish.pytest_arguments) == ["tests/py/behavior/test_when.py"]


def test_words_for_pytest_get_the_suite():
    assert with_place(["-k", "cown"], ROOT) == ["-k", "cown", ROOT / "tests" / "py"]
    assert with_place([], ROOT) == [ROOT / "tests" / "py"]
    named = ["tests/py/behavior/test_when.py::test_x", "-x"]
    assert with_place(named, ROOT) == named
