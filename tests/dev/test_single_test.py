"""`./dev test --only NAME`: what a name stands for."""

import pytest
from devtool import single_test
from devtool.base import Problem
from devtool.single_test import PY_TESTS, Target, find


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
