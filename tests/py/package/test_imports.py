"""What `import bocpy` imports, and what it leaves to the first use."""

import os
import subprocess
import sys
import typing
from types import FunctionType

import bocpy
import pytest
from harness import BACKENDS, CFFI

#: Modules that a program does not need which has only imported the package; each worker
#: imports the package, too.
LEFT_OUT = ("bocpy._bulk", "bocpy._scope", "bocpy._timers", "datetime", "contextlib")

#: Modules of the standard library that took most of the time of a start.
SLOW = ("collections", "dis", "functools", "inspect", "re", "typing", "weakref")

#: The most modules that a worker imports before its first body, besides those of an
#: interpreter that has just started.
WORKER_MODULES = 45


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
        before = imported("import bocpy") - imported("pass")
        assert before.isdisjoint({*LEFT_OUT, *SLOW, "bocpy._ship"})
        assert "bocpy._bulk" in imported("from bocpy import gather")
        assert {"bocpy._scope", "bocpy._timers"} <= imported("from bocpy import *")


if "interpreters" in BACKENDS:

    def test_a_worker_imports_what_it_needs():
        there = imported(
            "import bocpy\nbocpy.start(2, backend='interpreters')",
            "bocpy.when()(lambda: print(*sys.modules)).unwrap(timeout=60)",
        )
        assert "bocpy._ship" in there
        assert there.isdisjoint({"bocpy._bulk", "bocpy._scope", "bocpy._timers"})
        # The body is from `python -c`, whose lines a worker asks for: CPython 3.12
        # imports some of the slow ones for `linecache`.
        added = there - imported("import threading, linecache")
        assert added.isdisjoint(SLOW)
        assert len(added) <= WORKER_MODULES, sorted(added)

    def test_the_main_interpreter_does_not_import_typing_to_schedule():
        code = "import bocpy\nbocpy.start(1, backend='interpreters')"
        there = imported(f"{code}\nbocpy.when()(lambda: 1).unwrap(timeout=60)")
        assert "bocpy._ship.shipment" in there
        assert "typing" not in there - imported("pass")


def test_named_tuples_of_the_package_are_like_those_of_typing():
    from bocpy._body import Body, Names
    from bocpy._code.uses import Value

    body = Body(1, 0, (), False, varkeywords=False, free=("x",), names=None)
    assert body == (1, 0, (), False, False, ("x",), None)
    assert (body.positional, body.free, body.names) == (1, ("x",), None)
    value = Value("LOAD_FAST", "x", 1)
    assert value.path == ()
    assert value.part("y").path == ("y",)
    assert repr(value) == "Value(load='LOAD_FAST', name='x', place=1, path=())"
    for wrong in ({}, {"other": 1}):
        with pytest.raises(TypeError, match="Names takes the values"):
            Names((), None, (), (), **wrong)


def callables():
    """The public functions, and the methods of public classes, by their names."""
    for name in (*bocpy.__all__, "map"):
        value = getattr(bocpy, name)
        if isinstance(value, type):
            for key, member in vars(value).items():
                member = getattr(member, "fget", None) or getattr(
                    member, "__func__", member
                )
                if isinstance(member, FunctionType) and "bocpy" in member.__module__:
                    yield pytest.param(member, id=f"{name}.{key}")
        elif isinstance(value, FunctionType):
            yield pytest.param(value, id=name)
    for name in bocpy.aio.__all__:
        if isinstance(getattr(bocpy.aio, name), FunctionType):
            yield pytest.param(getattr(bocpy.aio, name), id=f"aio.{name}")


@pytest.mark.parametrize("function", list(callables()))
def test_annotations_can_be_evaluated(function):
    hints = typing.get_type_hints(function)
    assert hints.keys() == function.__annotations__.keys()


def test_what_annotations_are():
    result = bocpy.WaitResult | list[dict[str, int]] | dict[str, typing.Any] | None
    assert typing.get_type_hints(bocpy.wait)["return"] == result
    assert typing.get_type_hints(bocpy.quiesce)["return"] == result
    assert typing.get_type_hints(bocpy.pump)["return"] is bocpy.PumpResult
