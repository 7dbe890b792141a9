"""The switch that makes wait() and quiesce() raise failures that the program did not
look at."""

import builtins
import sys
import threading
import traceback

import bocpy
import pytest
from bocpy import (
    Behaviors,
    Cown,
    FailureGroup,
    PinnedCown,
    pump,
    quiesce,
    start,
    wait,
    when,
    whencall,
)
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

GROUPS = sys.version_info >= (3, 11)


@pytest.fixture
def kept(runtime):
    """Failures are kept for wait()."""
    start(raise_failures=True)
    yield
    start(raise_failures=False)


@pytest.fixture
def reported(monkeypatch):
    """The failures that sys.unraisablehook reports."""
    told = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda report: told.append(repr(report.exc_value))
    )
    return told


def fail(error):
    raise error


def failing(*errors):
    return [whencall(fail, [], [error]) for error in errors]


def shown(group):
    return [repr(error) for error in group.exceptions]


@pytest.mark.parametrize("call", [wait, quiesce])
def test_unread_failures_are_raised(call):
    results = failing(KeyError("a"), ValueError("b"))
    with pytest.raises(FailureGroup) as caught:
        call(raise_failures=True)
    assert sorted(shown(caught.value)) == ["KeyError('a')", "ValueError('b')"]
    assert caught.value.message.startswith("2 behaviors failed: 'fail' (")
    assert "test_raise_failures.py:" in caught.value.message
    assert all(result.exception for result in results)


def test_a_raised_failure_counts_as_read(reported):
    results = failing(KeyError("a"))
    with pytest.raises(FailureGroup, match=r"^1 behavior failed"):
        wait(raise_failures=True)
    wait(raise_failures=True)
    quiesce(raise_failures=True)
    with pytest.raises(KeyError, match="a"):
        results[0].unwrap()
    results.clear()
    wait()
    assert reported == []


def test_without_failures():
    result = when()(lambda: 1)
    assert wait(raise_failures=True) is None
    assert result.unwrap() == 1


def test_read_failures_are_not_raised():
    read, handled, unread = failing(KeyError("a"), KeyError("b"), KeyError("c"))

    @when(handled)
    def _(handled):
        assert handled.exception

    quiesce()
    with pytest.raises(KeyError):
        read.unwrap()
    with pytest.raises(FailureGroup) as caught:
        wait(raise_failures=True)
    assert shown(caught.value) == ["KeyError('c')"]
    assert unread.exception


def test_by_default_nothing_is_raised():
    results = failing(KeyError("a"))
    wait()
    quiesce(raise_failures=False)
    assert results[0].exception


def test_wait_closes_the_runtime_although_it_raises():
    results = failing(KeyError("a"))
    with pytest.raises(FailureGroup):
        wait(raise_failures=True)
    start(worker_count=1)
    assert len(quiesce(stats=True)) == 1
    assert results


def test_quiesce_leaves_the_runtime_open():
    results = failing(KeyError("a"))
    with pytest.raises(FailureGroup):
        quiesce(raise_failures=True)
    assert pump() == (0, False, 0)
    assert results


def test_wait_raises_after_all_behaviors_have_ended(gate):
    results = failing(KeyError("a"))
    whencall(lambda c: pass_through(c.value), [Cown(gate.door)])
    with pytest.raises(TimeoutError):
        quiesce(timeout=0.01, raise_failures=True)
    assert wait(timeout=0.01, raise_failures=True) is None
    gate.open()
    with pytest.raises(FailureGroup):
        wait(raise_failures=True)
    assert results


def test_failures_in_dropped_results_are_raised_if_kept(kept, reported):
    """A behavior may fail, and its result be dropped, at once: wait() raises."""
    for number in range(20):
        whencall(fail, [], [KeyError(number)])
    with pytest.raises(FailureGroup) as caught:
        wait()
    assert sorted(error.args[0] for error in caught.value.exceptions) == [*range(20)]
    assert "20 behaviors failed" in caught.value.message
    assert caught.value.message.endswith("and 15 more")
    wait()
    assert reported == []


def test_kept_failures_are_reported_on_demand(kept, reported):
    whencall(fail, [], [KeyError("a")])
    wait(raise_failures=False)
    assert reported == ["KeyError('a')"]


def test_the_switch_can_be_turned_off(reported):
    start(raise_failures=True)
    start(raise_failures=None)
    start(raise_failures=False)
    whencall(fail, [], [KeyError("a")])
    wait()
    assert reported == ["KeyError('a')"]


def test_base_exceptions_make_a_base_exception_group():
    results = failing(KeyError("a"), KeyboardInterrupt("b"))
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        wait(raise_failures=True)
    assert not isinstance(caught.value, Exception)
    assert sorted(shown(caught.value)) == ["KeyError('a')", "KeyboardInterrupt('b')"]
    assert results


def test_failures_of_pinned_behaviors():
    p = PinnedCown(1)
    results = [whencall(lambda p: p.value.nothing, [p])]
    with pytest.raises(FailureGroup, match=r"1 behavior failed: '.*<lambda>'"):
        wait(raise_failures=True)
    assert results


def test_tracebacks_show_the_bodies():
    results = failing(KeyError("a"), ValueError("b"))
    with pytest.raises(FailureGroup) as caught:
        wait(raise_failures=True)
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("in fail") == 2
    assert "KeyError: 'a'" in text
    assert "ValueError: b" in text
    assert results


def test_a_failure_group_is_an_exception_group():
    group = FailureGroup("two", [KeyError("a"), ValueError("b")])
    assert isinstance(group, Exception)
    assert group.message == "two"
    assert shown(group) == ["KeyError('a')", "ValueError('b')"]
    if GROUPS:
        keys, rest = group.split(KeyError)
        assert isinstance(group, builtins.ExceptionGroup)
        assert type(keys) is type(rest) is FailureGroup
        assert shown(rest) == ["ValueError('b')"]
    else:
        assert str(group).startswith("two\n\nKeyError: 'a'")


@pytest.fixture
def unset(runtime):
    """No runtime, and the switch as it is at first."""
    wait()
    yield
    start(raise_failures=False)


def run_block(error=None):
    with Behaviors(2, raise_failures=True):
        whencall(fail, [], [KeyError("a")])
        if error is not None:
            raise error


def test_a_block_raises_at_its_end(unset):
    with pytest.raises(FailureGroup, match="1 behavior failed"):
        run_block()


def test_a_block_that_raises_is_not_hidden(unset, reported):
    with pytest.raises(LookupError, match="own"):
        run_block(LookupError("own"))
    assert reported == ["KeyError('a')"]


def test_on_another_thread():
    results, raised = failing(KeyError("a")), []

    def run():
        try:
            wait(raise_failures=True)
        except FailureGroup as group:
            raised.extend(shown(group))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert raised == ["KeyError('a')"]
    assert results


def test_a_result_that_a_thread_holds_is_not_read(gate):
    """The thread that holds the cown looks at its failure or not: wait() does not wait
    for it."""
    results = failing(KeyError("a"))
    quiesce()
    held, done = threading.Event(), threading.Event()

    def run():
        with results[0]:
            held.set()
            done.wait(LIMIT)

    thread = threading.Thread(target=run)
    thread.start()
    held.wait(LIMIT)
    try:
        bocpy._failure.raise_unread.raise_failures()
    finally:
        done.set()
        thread.join()
    with results[0]:
        assert results[0].exception


@pytest.mark.parametrize("call", [start, wait, quiesce])
def test_the_switch_is_a_bool(call):
    with pytest.raises(
        TypeError, match=r"raise_failures must be a bool or None.*'int'"
    ):
        call(raise_failures=1)


def test_a_program_that_fails_says_so(program, backend):
    done = program(
        """
        from bocpy import start, wait, when

        start(raise_failures=True)

        @when()
        def broken():
            return [][0]

        del broken
        wait()
        print("not reached")
        """,
        expect_code=1,
    )
    assert done.out == ""
    assert "1 behavior failed: 'broken' (" in done.err
    assert "IndexError" in done.err
    assert done.err.count("list index out of range") <= 2


def test_kept_failures_are_reported_at_the_end(program, backend):
    done = program(
        """
        from bocpy import start, when

        start(raise_failures=True)

        @when()
        def broken():
            return [][0]

        del broken
        """
    )
    assert "IndexError" in done.err
    assert "'broken'" in done.err
