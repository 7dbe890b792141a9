"""Scopes: what they wait for, how they fail, and how they are cancelled. Scopes in
event loops are in test_scope_loops.py.
"""

# ruff: noqa: PT012, SIM117  what a block raises at its end is what is tested

import threading
import time

import bocpy
import pytest
from bocpy import (
    CancelledError,
    Cown,
    PinnedCown,
    behaviors,
    cancelled,
    checkpoint,
    read,
    when,
)
from bocpy._failure.raise_unread import AnyGroup
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


def test_it_waits_for_what_was_started_inside_and_for_nothing_else(gate):
    door, c = gate.door, Cown([])
    unrelated = when()(lambda: pass_through(door))
    with behaviors() as scope:
        for i in range(3):

            @when(c)
            def outer(c, i=i):
                c.value.append(i)

                @when(c)
                def inner(c, i=i):
                    c.value.append(10 * i)

    assert scope.pending == 0
    assert sorted(c.unwrap()) == [0, 0, 1, 2, 10, 20]
    gate.open()
    unrelated.result(timeout=LIMIT)


def test_what_was_scheduled_before_is_not_in_it(gate):
    door, c = gate.door, Cown(0)
    when(c)(lambda c: pass_through(door))
    with behaviors() as scope:
        assert scope.pending == 0
    gate.open()


def test_it_pumps():
    drawn = PinnedCown([])
    with behaviors():

        @when(drawn)
        def _(drawn):
            drawn.value.append(1)

    assert when(drawn)(lambda drawn: drawn.value).result() == [1]


def test_nothing_is_scheduled_or_runs_after_it():
    for _ in range(30):
        running = Cown(0)
        with behaviors():
            for _ in range(20):
                when(running)(lambda c: when(c)(lambda c: setattr(c, "value", 1)))
        running.unwrap()  # raises if anything is in flight


def test_a_failure_cancels_the_rest(gate):
    door, c = gate.door, Cown(0)
    rest = []
    with pytest.raises(bocpy.FailureGroup, match="1 behavior failed") as caught:
        with behaviors() as scope:

            @when(c)
            def broken(c):
                pass_through(door)
                raise KeyError("missing")

            rest = [when(c)(lambda c: None) for _ in range(3)]
            gate.open()
    assert scope.cancelled
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    for made in rest:
        with pytest.raises(CancelledError, match="before it began"):
            made.result()
        with pytest.raises(CancelledError):
            made.unwrap()


def test_failures_with_continue():
    c = Cown(0)
    with pytest.raises(bocpy.FailureGroup) as caught:
        with behaviors(on_error="continue") as scope:
            for i in range(4):

                @when(c)
                def odd(c, i=i):
                    c.value += 1
                    if i % 2:
                        raise ValueError(i)

    assert not scope.cancelled
    assert c.unwrap() == 4
    assert [str(error) for error in caught.value.exceptions] == ["1", "3"]


def test_a_timeout_reaches_a_pinned_body_that_asks():
    pinned, rest = PinnedCown(0), []

    def endless(pinned):
        while True:
            checkpoint()

    with pytest.raises(TimeoutError, match=r"2 behaviors.*running: .*endless"):
        with behaviors(timeout=0.05) as scope:
            rest = [when(pinned)(endless), when(pinned)(lambda pinned: None)]
    assert scope.cancelled
    for made in rest:
        with pytest.raises(CancelledError):
            made.result()


def test_a_timeout_reaches_bodies_before_the_block_has_ended():
    def endless():
        while not cancelled():
            time.sleep(0.001)
        return "asked"

    with pytest.raises(TimeoutError, match=r"1 behavior still pending after 0.05 s"):
        with behaviors(timeout=0.05):
            made = when()(endless)
            assert made.result(LIMIT) == "asked"
            with behaviors():
                assert cancelled()


def test_the_exception_of_the_block_comes_first(gate):
    door = gate.door
    with pytest.raises(bocpy.FailureGroup) as caught, behaviors():

        @when()
        def broken():
            pass_through(door)
            raise ValueError("behavior")

        started(broken)
        gate.open()
        raise KeyError("block")
    kinds = [type(error) for error in caught.value.exceptions]
    assert kinds[0] is KeyError
    assert kinds[1:] in ([ValueError], [])


def started(_):
    time.sleep(0.02)


def test_exceptions_that_are_no_failures_go_through():
    c = Cown(0)
    with pytest.raises(KeyboardInterrupt), behaviors() as scope:
        when(c)(lambda c: None)
        raise KeyboardInterrupt
    assert scope.cancelled


def test_cancel_lets_what_has_begun_end(gate):
    door, c = gate.door, Cown([])
    with behaviors() as scope:

        @when(c)
        def first(c):
            c.value.append("begun")
            pass_through(door)
            c.value.append(cancelled())

        later = when(c)(lambda c: c.value.append("later"))
        while not first_has_begun(scope):
            time.sleep(0.001)
        scope.cancel()
        gate.open()
        after = when(Cown(1))(lambda c: "ran")
    assert c.unwrap() == ["begun", True]
    for made in (later, after):
        with pytest.raises(CancelledError):
            made.result()


def first_has_begun(scope):
    return bool(scope._handle.running())


def test_checkpoint_ends_a_body_and_is_no_failure(gate):
    door = gate.door
    with behaviors() as scope:

        @when()
        def long():
            pass_through(door)
            checkpoint()
            return "to the end"

        while not first_has_begun(scope):
            time.sleep(0.001)
        scope.cancel()
        gate.open()
    with pytest.raises(CancelledError):
        long.result()
    checkpoint()
    assert not cancelled()


def test_checkpoint_is_no_failure_where_it_raises_for_the_first_time(backend, program):
    """Here no earlier test has made the worker's interpreter look up the class."""
    done = program("""
        from bocpy import CancelledError, behaviors, checkpoint, wait, when
        from bocpy import receive, send

        try:
            with behaviors(timeout=0.1):

                @when()
                def long():
                    send("begun", None)
                    while True:
                        checkpoint()

                receive("begun")
        except TimeoutError as error:
            print("running: 'long'" in str(error))
        with behaviors() as scope:

            @when()
            def forgotten():
                send("begun", None)
                while True:
                    checkpoint()

            receive("begun")
            scope.cancel()
        del forgotten
        wait()
        try:
            long.result()
        except CancelledError as error:
            print(error)
    """)
    assert done.out == "True\nthe scope of this behavior was cancelled\n"
    assert done.err == ""


def test_a_timeout_names_what_was_running(gate):
    door = gate.door
    with pytest.raises(TimeoutError, match=r"reports.*pending after 0\.05 s.*slow' \("):
        with behaviors("reports", timeout=0.05) as scope:
            assert scope.deadline > time.monotonic()

            @when()
            def slow():
                pass_through(door)

            threading.Timer(0.3, gate.open).start()
    assert scope.cancelled
    assert slow.result() is None


def test_nested_scopes(gate):
    door, c = gate.door, Cown([])
    with behaviors() as outer:
        with behaviors() as inner:
            when(c)(lambda c: c.value.append("inner"))
        assert (inner.pending, outer.pending) == (0, 0)
        slow = when()(lambda: pass_through(door))
        with behaviors():
            pass
        assert outer.pending == 1
        gate.open()
        slow.result(timeout=LIMIT)
    assert c.unwrap() == ["inner"]


def test_cancelling_an_outer_scope_cancels_the_inner():
    with behaviors() as outer, behaviors() as inner:
        outer.cancel()
        assert inner.cancelled
        made = when()(lambda: 1)
    with pytest.raises(CancelledError):
        made.result()


def test_threads_do_not_inherit_it():
    made = []
    with behaviors() as scope:
        thread = threading.Thread(target=lambda: made.append(cancelled()))
        scope.cancel()
        thread.start()
        thread.join()
    assert made == [False]


def test_in_a_body_it_is_chained_on(gate):
    log = Cown([])

    @when(log)
    def starts(log):
        scope = behaviors("work")
        for i in range(3):

            @scope.when(Cown(i))
            def _(c, log=log):
                when(log)(lambda log, v=c.value: log.value.append(v))

        @when(scope.done)
        def _(done, log=log):
            when(log)(lambda log: log.value.append("done"))

        with pytest.raises(RuntimeError, match=r"scope\.done"), scope:
            pass

    bocpy.quiesce(timeout=LIMIT)
    starts.unwrap()
    *numbers, last = log.unwrap()
    assert (sorted(numbers), last) == ([0, 1, 2], "done")


def test_scopes_travel_to_bodies():
    log = Cown([])
    with behaviors("work") as scope:

        @when(log)
        def body(log, scope=scope):
            scope.when(log)(lambda log: log.value.append(cancelled()))
            log.value.append((scope.name, scope.pending > 0))
            scope.cancel()

    assert log.unwrap() == [("work", True)]


def test_limit_holds_back_threads_outside():
    most, c = [], Cown(0)
    with behaviors(limit=5) as scope:
        for _ in range(200):
            when(c)(lambda c: setattr(c, "value", c.value + 1))
            most.append(scope.pending)
    assert max(most) <= 5
    assert c.unwrap() == 200


def test_limit_does_not_hold_back_bodies():
    c = Cown(0)
    with behaviors(limit=1):

        @when(Cown(0))
        def body(_):
            for _ in range(10):
                when(c)(lambda c: setattr(c, "value", c.value + 1))

    assert c.unwrap() == 10


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"timeout": "1"}, TypeError),
        ({"timeout": -1}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"on_error": "stop"}, ValueError),
        ({"name": 5}, TypeError),
        ({"limit": 0}, ValueError),
        ({"limit": 1.5}, TypeError),
    ],
)
def test_bad_arguments(arguments, error):
    with pytest.raises(error):
        behaviors(**arguments)


def test_readers_and_results_in_a_scope():
    c = Cown([1])
    with behaviors():
        looks = [when(read(c))(lambda c: len(c.value)) for _ in range(4)]
    assert [made.unwrap() for made in looks] == [1] * 4


def test_ctrl_c_cancels_first_and_leaves_then(launch):
    process = launch(
        """
        import sys, time
        from bocpy import Cown, behaviors, cancelled, when

        c = Cown(0)
        try:
            with behaviors():
                @when(c)
                def long(c):
                    print("begun", flush=True)
                    while not cancelled():
                        time.sleep(0.01)
                    print("cancelled", flush=True)
                    return 1
                rest = when(c)(lambda c: print("never", flush=True))
        except KeyboardInterrupt:
            print("interrupted", long.result(), flush=True)
        """
    )
    import signal

    from harness import finish_program, read_line

    read_line(process, "begun")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    done = finish_program(process)
    assert done.lines[-2:] == ["cancelled", "interrupted 1"]


@pytest.mark.parametrize("where", ["while it waits", "in the block"])
def test_a_second_ctrl_c_leaves_what_does_not_end(launch, where):
    """The first may come before the block has ended, too."""
    process = launch(
        f"""
        import os, time
        from bocpy import CancelledError, Cown, behaviors, cancelled, when

        c = Cown(0)
        reading, door = os.pipe()
        try:
            with behaviors() as scope:
                @when(c)
                def stubborn(c, reading=reading):
                    print("begun", flush=True)
                    while not cancelled():
                        time.sleep(0.001)
                    print("cancelled", flush=True)
                    os.read(reading, 1)
                    return "ended"
                rest = when(c)(lambda c: print("never", flush=True))
                while {where == "in the block"}:
                    time.sleep(0.01)
        except KeyboardInterrupt:
            print("left", scope.cancelled, scope.pending, flush=True)
            os.write(door, b".")
            print(stubborn.result(10), flush=True)
            try:
                rest.result(10)
            except CancelledError:
                print("rest cancelled", scope.pending, flush=True)
        """
    )
    import signal

    from harness import finish_program, read_line

    read_line(process, "begun")
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    read_line(process, "cancelled")
    time.sleep(0.1)  # the first Ctrl-C is over in the main thread
    process.send_signal(signal.SIGINT)
    done = finish_program(process)
    assert done.lines == ["left True 2", "ended", "rest cancelled 0"]


def test_groups_with_base_exceptions():
    with pytest.raises(AnyGroup), behaviors():

        @when()
        def leaves():
            raise SystemExit(3)
