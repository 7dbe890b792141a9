"""Tracebacks of bodies: recorded at little cost, printed as Python prints them."""

import builtins
import os
import sys
import traceback

import bocpy
import pytest
from bocpy import BehaviorTraceback, Cown, wait, when
from bocpy._failure.tracebacks import entries_of, summaries, take, take_read, written

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


PLAIN = [
    cls
    for cls in vars(builtins).values()
    if isinstance(cls, type)
    and issubclass(cls, BaseException)
    and not issubclass(cls, UnicodeError | KeyboardInterrupt | SystemExit)
    and "Group" not in cls.__name__
]


@pytest.mark.parametrize("cls", PLAIN, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("args", [(), ("x",), (1, "é", None, b"\0", True, 2.5)])
def test_exceptions_of_python_arrive_with_their_arguments(cls, args):
    if issubclass(cls, SyntaxError):
        args = args[:1]
    expected = cls(*args)

    @when()
    def result():
        raise cls(*args)

    with pytest.raises(cls) as caught:
        result.unwrap(timeout=30)
    assert type(caught.value) is type(expected)
    assert caught.value.args == expected.args
    shown = "".join(traceback.format_exception(caught.value))
    assert "raise cls(*args)" in shown
    wait()


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def above_an_unprintable_one():
    try:
        raise Unprintable
    except Unprintable as error:
        raise ValueError("above") from error


def with_a_lone_surrogate():
    raise ValueError("\udc80")


@pytest.mark.parametrize(
    ("raises", "text"),
    [
        (above_an_unprintable_one, "above"),
        (with_a_lone_surrogate, "\udc80"),
    ],
)
def test_what_c_does_not_write_is_left_to_traceback(raises, text):
    @when()
    def result():
        raises()

    with pytest.raises(ValueError, match=text) as caught:
        result.unwrap(timeout=30)
    shown = "".join(traceback.format_exception(caught.value))
    assert f"in {raises.__name__}" in shown
    wait()


def test_each_kind_of_an_own_class_arrives_after_others_of_it():
    @when()
    def results():
        raised = []
        for parts in ("a", 1), (1, "a"), ("b", [1]), ("c", 3):
            error = Refused(*parts)
            if parts == ("c", 3):
                error.more = [1, 2]
            raised.append(error)
        return raised

    for sent in results.unwrap(timeout=30):
        for _ in range(3):

            @when()
            def result(sent=sent):
                raise sent

            with pytest.raises(Refused) as caught:
                result.unwrap(timeout=30)
            assert caught.value.args == sent.args
            assert vars(caught.value) == vars(sent)
    wait()


@pytest.mark.parametrize(
    "value",
    [
        ("x" * 100, "ValueError", (), None, ()),
        ("\0bocpy.failure", 1 << 80, (), b""),
        ("\0bocpy.failure", "ValueError", (), None, ()),
    ],
)
def test_a_value_that_counts_as_an_exception_stays_what_it_is(value):
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


@pytest.mark.parametrize("raises", RAISING)
def test_a_trace_read_in_python_is_that_read_in_c(raises):
    error = raised_by(raises)
    found, others = (
        [
            (link, text, summaries(names, places))
            for link, text, names, places in entries_of(read(error, BehaviorTraceback))
        ]
        for read in (take, take_read)
    )
    assert found == others


def test_a_long_chain_and_one_in_a_ring_are_left_to_traceback():
    first = error = ValueError("first")
    for i in range(19):
        error.__cause__ = ValueError(i)
        error = error.__cause__
    assert len(entries_of(take(first, BehaviorTraceback))) == 20
    error.__cause__ = ValueError("one too many")
    assert take(first, BehaviorTraceback) is None
    error.__cause__ = first
    assert take(first, BehaviorTraceback) is None


def test_an_exception_without_a_traceback_has_an_entry_without_frames():
    trace = take(ValueError("not raised"), BehaviorTraceback)
    assert entries_of(trace) == [("", "ValueError: not raised", (), b"")]
    assert written(trace) == "ValueError: not raised\n"


def test_a_long_traceback_of_many_functions_keeps_each_frame():
    names = {}
    exec("def f0(): raise ValueError('end')", names)
    for i in range(1, 120):
        exec(compile(f"def f{i}(): f{i - 1}()", f"<{i}>", "exec"), names)
    try:
        names["f119"]()
    except ValueError as error:
        ((_, _, seen, places),) = entries_of(take(error, BehaviorTraceback))
    found = summaries(seen, places)
    assert [frame.name for frame in found[1:]] == [f"f{i}" for i in range(119, -1, -1)]
    assert [frame.filename for frame in found[1:-1]] == [
        f"<{i}>" for i in range(119, 0, -1)
    ]
