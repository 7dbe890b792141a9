"""The pump: when behaviors over pinned cowns run, and which of their results and
failures the program sees."""

import threading
import time

import pytest
from bocpy import (
    Cown,
    PinnedCown,
    PumpResult,
    pump,
    quiesce,
    receive,
    send,
    set_pump_watchdog,
    set_wait_pump_poll,
    start,
    wait,
    when,
    whencall,
)
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


class Widget:
    """An object that cannot leave its interpreter."""

    def __init__(self):
        self.drawn = []

    def __reduce__(self):
        raise TypeError("stays at home")


def here():
    return threading.current_thread() is threading.main_thread()


def draw(widget, what):
    widget.value.drawn.append(what)


def on_main(*_):
    return here()


def pumped(executed, raised=0, *, late=False):
    return PumpResult(executed, late, raised)


def pump_until(done):
    """Pumps until the condition holds, for behaviors that become ready elsewhere."""
    end = time.monotonic() + LIMIT
    while not done():
        pump()
        assert time.monotonic() < end


@pytest.fixture
def watchdog():
    yield set_pump_watchdog
    set_pump_watchdog(None)


# pump()


def test_pump_runs_what_is_ready():
    widget = Widget()
    p = PinnedCown(widget)
    for i in range(3):
        whencall(draw, [p], [i])
    assert widget.drawn == []
    assert pump() == pumped(3)
    assert widget.drawn == [0, 1, 2]
    assert pump() == pumped(0)


def test_without_pinned_cowns():
    assert pump() == pumped(0)


def test_pump_runs_max_behaviors_at_most():
    p = PinnedCown(Widget())
    for i in range(5):
        whencall(draw, [p], [i])
    assert pump(max_behaviors=2) == pumped(2)
    assert pump(None, 1) == pumped(1)
    assert pump(max_behaviors=2**70) == pumped(2)


def test_pump_stops_at_its_deadline():
    p = PinnedCown(1)
    for _ in range(3):
        whencall(lambda p: time.sleep(0.05), [p])
    assert pump(deadline_ms=1) == pumped(1, late=True)
    assert pump(10, 1) == pumped(1), "the count comes first"
    assert pump(deadline_ms=1) == pumped(1), "nothing is left"


def test_a_deadline_far_in_the_future():
    when(PinnedCown(1))(on_main)
    assert pump(deadline_ms=(2**63 - 1) // 10**6) == pumped(1)


def test_behaviors_that_become_ready_meanwhile_run_too():
    p, seen = PinnedCown(0), []

    def again(p):
        p.value += 1
        seen.append(p.value)
        if p.value < 4:
            when(p)(again)

    when(p)(again)
    assert pump() == pumped(4)
    assert seen == [1, 2, 3, 4]


def test_pinned_behaviors_and_workers_schedule_for_each_other():
    p, c = PinnedCown([]), Cown(0)

    @when(p)
    def _(p):
        p.value.append("first")

        @when(c)
        def _(c):
            c.value += 1

            @when(p, c)
            def _(p, c):
                p.value.append(c.value)

    wait()
    assert p.unwrap() == ["first", 1]


def test_failures_fill_results_and_are_counted():
    p = PinnedCown(1)
    failed = when(p)(lambda p: 1 / 0)
    fine = when(p)(lambda p: p.value)
    assert pump() == pumped(2, 1)
    assert failed.exception
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        failed.unwrap()
    assert fine.unwrap() == 1


def raise_it(p, error):
    raise error


def test_raise_on_error_stops_at_the_first_and_leaves_the_rest():
    p = PinnedCown(Widget())
    first = whencall(raise_it, [p], [KeyError("first")])
    whencall(draw, [p], ["afterwards"])
    second = whencall(raise_it, [p], [KeyError("second")])
    with pytest.raises(KeyError, match="first") as caught:
        pump(raise_on_error=True)
    assert any(entry.name == "raise_it" for entry in caught.traceback)
    assert first.exception
    with pytest.raises(KeyError, match="second"):
        pump(raise_on_error=True)
    assert pump(raise_on_error=True) == pumped(0)
    assert p.unwrap().drawn == ["afterwards"]
    with pytest.raises(KeyError, match="second"):
        second.unwrap()


def test_raise_on_error_without_one():
    when(PinnedCown(1))(on_main)
    assert pump(raise_on_error=True) == pumped(1)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("call", [pump, wait, quiesce])
def test_base_exceptions_end_the_pump_at_once(kind, call):
    p = PinnedCown(1)
    stopped = whencall(raise_it, [p], [kind("now")])
    left = when(p)(on_main)
    with pytest.raises(kind, match="now"):
        call()
    assert not left.acquired
    assert pump() == pumped(1)
    assert left.unwrap() is True
    with pytest.raises(kind, match="now"):
        stopped.unwrap()


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_what_pump_raised_is_not_reported_again(program, backend):
    done = program(
        """
        from bocpy import PinnedCown, pump, wait, when

        p = PinnedCown(1)
        when(p)(lambda p: 1 / 0)
        try:
            pump(raise_on_error=True)
        except ZeroDivisionError:
            print("heard")
        wait()
        """
    )
    assert done.lines == ["heard"]
    assert done.err == ""


def test_unread_failures_of_pinned_behaviors_are_reported(program, backend):
    done = program(
        """
        from bocpy import PinnedCown, wait, when

        p = PinnedCown(1)

        @when(p)
        def careless(p):
            return 1 / 0

        del careless
        wait()
        """
    )
    assert "ZeroDivisionError" in done.err
    assert "careless" in done.err


# Waiting


def test_quiesce_runs_pinned_behaviors_and_leaves_the_runtime_open():
    result = when(PinnedCown(1))(on_main)
    quiesce()
    assert result.unwrap() is True
    assert pump() == pumped(0)


def test_wait_gives_up_between_two():
    p = PinnedCown([])

    def slow(p):
        p.value.append(1)
        time.sleep(0.05)

    for _ in range(3):
        when(p)(slow)
    wait(timeout=0.01)
    assert pump() == pumped(2)
    assert len(p.unwrap()) == 3


def test_quiesce_gives_up_on_a_chain_without_end():
    p = PinnedCown(0)
    over = []

    def again(p):
        p.value += 1
        if not over:
            when(p)(again)

    when(p)(again)
    with pytest.raises(TimeoutError):
        quiesce(timeout=0.05)
    over.append(True)
    quiesce(timeout=LIMIT)
    assert p.unwrap() > 1


def test_wait_wakes_when_a_worker_fills_the_lane(gate):
    """The main thread sleeps by then: the worker that fills the lane wakes it."""
    p = PinnedCown([])

    @when(Cown(gate.door))
    def _(door):
        pass_through(door.value)

        @when(p)
        def _(p):
            p.value.append(1)

    timer = threading.Timer(0.05, gate.open)
    timer.start()
    wait()
    assert p.unwrap() == [1]


def test_wait_wakes_for_a_pinned_cown_that_another_thread_makes():
    """Also for the first pinned cown of the process, while the main thread sleeps
    already."""
    held, made = Cown(1), []

    def run():
        with held:
            said.set()
            time.sleep(0.05)
            p = PinnedCown(1)
            made.append(when(p)(tell))
            assert told.wait(LIMIT)

    def tell(p):
        told.set()
        return on_main(p)

    said, told = threading.Event(), threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    said.wait()
    quiesce(timeout=LIMIT)
    thread.join()
    assert made[0].unwrap() is True


def test_many_wakeups():
    p, c = PinnedCown(0), Cown(0)

    def step(c, n):
        c.value += 1
        whencall(show, [p, c], [n])

    def show(p, c, n):
        p.value += 1
        if n:
            whencall(step, [c], [n - 1])

    whencall(step, [c], [300])
    wait()
    assert (p.unwrap(), c.unwrap()) == (301, 301)


def test_acquire_runs_a_pinned_behavior_that_holds_the_cown():
    """acquire() runs behaviors that only the waiting thread itself can run."""
    p, c = PinnedCown(1), Cown([])

    @when(p, c)
    def _(p, c):
        c.value.append(p.value)

    with c as value:
        assert value == [1]
    late = when(p, c)(lambda p, c: c.value)
    assert late.unwrap(timeout=LIMIT) == [1]


def test_holding_a_pinned_cown_behind_others():
    p = PinnedCown([])
    for i in range(3):
        whencall(lambda p, i: p.value.append(i), [p], [i])
    with p as value:
        assert value == [0, 1, 2]


def test_waits_behind_a_blocked_pinned_behavior_time_out(gate):
    p, c = PinnedCown(1), Cown(gate.door)

    @when(c)
    def _(c):
        pass_through(c.value)

    result = when(p, c)(on_main)
    for call in (p.acquire, p.unwrap, c.acquire, result.unwrap):
        with pytest.raises(TimeoutError):
            call(timeout=0.01)
    gate.open()
    quiesce()
    assert result.unwrap() is True
    assert p.unwrap() == 1


def test_receive_runs_a_pinned_behavior_that_sends():
    whencall(lambda p: send("pinned", p.value), [PinnedCown(7)])
    assert receive("pinned", LIMIT) == ("pinned", 7)


def test_another_thread_waits_for_the_main_one():
    result, done = when(PinnedCown(1))(on_main), []

    def run():
        quiesce(timeout=LIMIT)
        done.append(here())

    thread = threading.Thread(target=run)
    thread.start()
    pump_until(lambda: done)
    thread.join()
    assert result.unwrap() is True


def test_a_behavior_may_not_wait():
    p = PinnedCown(1)
    refused = []

    @when(p)
    def _(p):
        for call in (pump, wait, quiesce, Cown(1).acquire, PinnedCown(1).acquire):
            try:
                call()
            except RuntimeError as error:
                refused.append(str(error))

    pump()
    assert len(refused) == 5
    assert all("behavior" in text for text in refused)
    assert pump() == pumped(0)


def test_start_and_wait_cycles():
    p = PinnedCown(Widget())
    widget = p.unwrap()
    p = PinnedCown(widget)
    wait()
    for i in range(30):
        start(worker_count=1 + i % 2)
        whencall(draw, [p], [i])
        wait()
    assert widget.drawn == list(range(30))


def test_cowns_survive_a_change_of_backends(backend):
    widget = Widget()
    p, c = PinnedCown(widget), Cown([1])
    when(p, c)(lambda p, c: p.value.drawn.append(c.value[0]))
    wait()
    start(worker_count=3, backend=backend)
    when(p, c)(lambda p, c: p.value.drawn.append(c.value[0]))
    wait()
    assert widget.drawn == [1, 1]


def test_many_threads_schedule():
    p = PinnedCown(0)

    def add(p):
        p.value += 1

    def run():
        for _ in range(100):
            when(p)(add)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    pump_until(lambda: not any(thread.is_alive() for thread in threads))
    wait()
    assert p.unwrap() == 400


def test_workers_race_to_schedule():
    p = PinnedCown(0)
    n = 40

    def spread(c):
        for _ in range(n):

            @when(p)
            def _(p):
                p.value += 1

    for _ in range(8):
        when(Cown(1))(spread)
    wait()
    assert p.unwrap() == 8 * n


# Arguments


@pytest.mark.parametrize("bad", [0, -1, True, 1.5, "1", float("nan"), [1]])
@pytest.mark.parametrize(
    "call",
    [
        lambda bad: pump(deadline_ms=bad),
        lambda bad: pump(max_behaviors=bad),
        lambda bad: set_pump_watchdog(warn_ms=bad),
        lambda bad: set_wait_pump_poll(bad),
    ],
)
def test_bad_numbers(call, bad):
    with pytest.raises(TypeError, match=r"must be a positive int.*not ('|0|-1)"):
        call(bad)


@pytest.mark.parametrize("name", ["deadline_ms", "warn_ms"])
def test_numbers_that_the_clock_cannot_count(name):
    call = pump if name == "deadline_ms" else set_pump_watchdog
    with pytest.raises(OverflowError, match=f"{name}.*9223372036854 milliseconds"):
        call(**{name: 2**63})


def test_set_wait_pump_poll_checks_its_argument():
    assert set_wait_pump_poll() is None
    assert set_wait_pump_poll(ms=1) is None


def test_pump_on_another_thread():
    raised = []

    def run():
        try:
            pump()
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "main thread only" in raised[0]


@pytest.mark.parametrize("call", [pump, set_pump_watchdog])
def test_pump_on_a_worker(call, backend, watchdog):
    if backend == "threads" and call is set_pump_watchdog:
        assert when()(call).unwrap(timeout=LIMIT) is None
        return
    with pytest.raises(RuntimeError, match=r"main (thread|interpreter) only"):
        when()(call).unwrap(timeout=LIMIT)


def test_pump_without_a_runtime():
    wait()
    with pytest.raises(RuntimeError, match=r"without a runtime.*start"):
        pump()
