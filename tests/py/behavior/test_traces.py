"""Tracebacks of bodies: recorded at little cost, printed as Python prints them."""

import os
import sys
import traceback

import bocpy
import pytest
from bocpy import BehaviorTraceback, Cown, wait, when
from bocpy._failure.tracebacks import frames, frames_read, summaries, take, written

pytestmark = pytest.mark.usefixtures("backend")


class Refused(Exception):
    def __init__(self, why, amount):
        super().__init__(why, amount)
        self.amount = amount


def deep(n):
    if n == 0:
        raise ValueError("at the bottom")
    return deep(n - 1)


def chained():
    try:
        deep(2)
    except ValueError as error:
        raise RuntimeError("above") from error


def in_a_handler():
    try:
        deep(1)
    except ValueError:
        raise KeyError("key") from None


def while_handling():
    try:
        deep(1)
    except ValueError:
        raise LookupError("other")  # noqa: B904  the context is what is tested


def noted():
    error = ValueError("noted")
    if sys.version_info >= (3, 11):
        error.add_note("one line\nand another")
    raise error


def of_a_class():
    raise Refused("too much", 5)


def of_the_system():
    os.stat("/there/is/no/such/file")


def repeated():
    deep(50)


def raised_by(raises):
    try:
        raises()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


RAISING = [
    chained,
    in_a_handler,
    while_handling,
    noted,
    of_a_class,
    of_the_system,
    repeated,
]


@pytest.mark.parametrize("raises", RAISING)
def test_a_trace_is_written_as_python_writes_tracebacks(raises):
    error = raised_by(raises)
    trace = take(error, BehaviorTraceback)
    assert written(trace) == "".join(traceback.format_exception(error))


@pytest.mark.parametrize("raises", RAISING)
def test_a_trace_survives_the_codec(raises):
    @when()
    def result():
        raises()

    with pytest.raises(Exception) as caught:  # noqa: PT011  the type is looked at
        result.unwrap(timeout=30)
    error = raised_by(raises)
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert caught.value.args == error.args
    notes = getattr(error, "__notes__", [])
    assert getattr(caught.value, "__notes__", []) == notes
    shown = "".join(traceback.format_exception(caught.value))
    assert f"in {raises.__name__}" in shown
    wait()


@pytest.mark.parametrize(
    "error",
    [NameError("no"), SyntaxError("no"), ImportError("no"), AttributeError("no")],
)
def test_exceptions_with_extra_lines_are_left_to_traceback(error):
    assert take(error, BehaviorTraceback) is None


def test_a_traceback_that_is_text_is_not_taken_again():
    error = ValueError("no")
    error.__cause__ = BehaviorTraceback("as it was")
    assert take(error, BehaviorTraceback) is None


def test_a_value_that_counts_as_an_exception_stays_what_it_is():
    value = ("x" * 100, "ValueError", (), None, ())
    bocpy.start(1)
    c = Cown(0)

    @when(c)
    def _(c):
        c.value = value
        c.exception = True

    wait()
    with c as inside:
        assert inside == value
        assert c.exception


def test_a_thousand_failures_in_two_steps():
    bocpy.start(2)
    cowns = [Cown(i) for i in range(10)]
    seen = Cown(0)
    for i in range(1000):

        @when(cowns[i % 10])
        def tried(c, i=i):
            if i % 4 == 0:
                raise Refused("too much", i)
            c.value += 1

        @when(tried, seen)
        def _(tried, seen, i=i):
            if tried.exception:
                assert tried.value.amount == i
                seen.value += 1

    wait()
    assert seen.unwrap() == 250


def test_frames_read_in_python_are_those_read_in_c():
    try:
        chained()
    except RuntimeError as error:
        traces = [error.__traceback__, error.__cause__.__traceback__, None]
    for trace in traces:
        names, places = frames(trace)
        others, numbers = frames_read(trace)
        assert set(names) == set(others)
        assert summaries(names, places) == summaries(others, numbers)


def test_a_long_traceback_of_many_functions_keeps_each_frame():
    names = {}
    exec("def f0(): raise ValueError('end')", names)
    for i in range(1, 120):
        exec(compile(f"def f{i}(): f{i - 1}()", f"<{i}>", "exec"), names)
    try:
        names["f119"]()
    except ValueError as error:
        trace = error.__traceback__
    found = summaries(*frames(trace))
    assert [frame.name for frame in found[1:]] == [f"f{i}" for i in range(119, -1, -1)]
    assert [frame.filename for frame in found[1:-1]] == [
        f"<{i}>" for i in range(119, 0, -1)
    ]
