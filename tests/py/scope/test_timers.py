"""Timers: when they run, what waits for them, and how they are cancelled."""

import datetime
import math
import os
import re
import subprocess
import sys
import time
import weakref
from functools import partial

import bocpy
import bocpy.aio
import pytest
from bocpy import (
    CancelledError,
    Cown,
    PinnedCown,
    after,
    at,
    atomically,
    behaviors,
    read,
    wait,
    when,
)
from harness import LIMIT, pass_through, run_async

pytestmark = pytest.mark.usefixtures("runtime")

HOUR = 3600


def test_it_runs_when_its_time_has_come():
    begin, c = time.monotonic(), Cown(1)

    @after(0.05, c)
    def later(c):
        c.value += 1
        return time.monotonic()

    assert isinstance(later, Cown)
    assert later.result(LIMIT) - begin >= 0.05
    assert c.result() == 2


def test_what_is_scheduled_before_its_time_goes_first():
    c = Cown([])
    after(0.05, c)(lambda c: c.value.append("later"))
    for name in "ab":
        when(c)(lambda c, name=name: c.value.append(name))
    wait()
    assert c.unwrap() == ["a", "b", "later"]


def test_others_wait_for_its_result():
    made = after(0.03)(lambda: 20)
    doubled = when(made)(lambda made: 2 * made.value)
    assert doubled.result(LIMIT) == 40
    assert made.result() == 20


def test_they_run_in_the_order_of_their_times():
    c = Cown([])
    begin = time.monotonic() + 0.1
    for n in (3, 1, 2, 0):
        at(begin + n / 100, c)(lambda c, n=n: c.value.append(n))
    wait()
    assert c.unwrap() == [0, 1, 2, 3]


def test_wait_counts_it():
    begin = time.monotonic()
    made = after(0.05)(lambda: 1)
    with pytest.raises(TimeoutError, match=r"'.*<lambda>' \(.*\) is due in 0\.0 s, by"):
        bocpy.quiesce(timeout=0.01)
    wait()
    assert time.monotonic() - begin >= 0.05
    assert made.unwrap() == 1


def test_a_timeout_names_the_timers_that_are_due_first():
    late = [after(HOUR + n)(late_body) for n in range(3, 0, -1)]
    soon = at(time.monotonic() + HOUR / 2)(soon_body)
    after_all = when(soon)(lambda soon: None)
    for timeout in (bocpy.quiesce, after_all.result, soon.result):
        with pytest.raises(TimeoutError) as told:
            timeout(timeout=0.01)
        assert re.search(r"'soon_body' \(.*\) is due in 17\d\d\.\d s", str(told.value))
    with pytest.raises(TimeoutError, match=r"soon_body.*late_body.*late_body.*late"):
        bocpy.quiesce(timeout=0.01)
    more = [after(2 * HOUR)(late_body) for _ in range(2)]
    with pytest.raises(TimeoutError, match="2 more timers are pending"):
        bocpy.quiesce(timeout=0.01)
    assert all(timer.cancel() for timer in (*late, soon, *more))
    wait()
    with pytest.raises(CancelledError):
        soon.result()


def late_body():
    pass


def soon_body():
    pass


MOMENT = r"timeout .* looks like a moment of time\.time\(\)"


def test_a_timeout_that_is_a_moment_is_refused():
    moment = time.time() + 1
    waits = (bocpy.wait, bocpy.quiesce, Cown(1).result, Cown(1).unwrap)
    for call in waits:
        with pytest.raises(ValueError, match=MOMENT):
            call(timeout=moment)
    with pytest.raises(ValueError, match=MOMENT):
        bocpy.receive("moment", moment)
    with pytest.raises(ValueError, match=MOMENT), behaviors(timeout=moment):
        pass
    with pytest.raises(ValueError, match=MOMENT):
        bocpy.map(abs, [1], timeout=moment)
    with pytest.raises(ValueError, match=MOMENT):
        list(bocpy.as_completed([Cown(1)], timeout=moment))
    with pytest.raises(ValueError, match=MOMENT):
        bocpy.acquire(Cown(1), timeout=moment)
    with (
        bocpy.BocExecutor() as executor,
        pytest.raises(ValueError, match=MOMENT),
    ):
        executor.map(abs, [1], timeout=moment)
    for call in (bocpy.aio.wait, bocpy.aio.quiesce, partial(bocpy.aio.receive, "x")):
        with pytest.raises(ValueError, match=MOMENT):
            run_async(partial(call, timeout=moment))
    assert Cown(1).result(1e9) == 1


def test_a_deadline_that_looks_like_a_delay_is_named(monkeypatch):
    monkeypatch.setattr("bocpy._timers._IMPORTED", 10_000.0)
    with pytest.warns(RuntimeWarning, match=r"use after\(5\.0\)"):
        assert at(5)(lambda: 1).result(LIMIT) == 1


def test_it_starts_the_runtime():
    wait()
    assert after(0)(lambda: 7).result(LIMIT) == 7


def test_a_decorator_may_be_used_again():
    soon = after(0.02)
    begin = time.monotonic()
    first = soon(time.monotonic).result(LIMIT)
    second = soon(time.monotonic).result(LIMIT)
    assert first >= begin + 0.02
    assert second >= first + 0.02


def test_captures_groups_readers_and_pinned_cowns():
    group, shared, pinned, n = [Cown(1), Cown(2)], Cown(3), PinnedCown(4), 5

    @after(0.01, group, read(shared))
    def total(group, shared, n=n):
        return sum(c.value for c in group) + shared.value + n

    @after(0.01, pinned)
    def drawn(pinned):
        pinned.value += n
        return pinned.value

    wait()
    assert total.unwrap() == 11
    assert drawn.unwrap() == 9


def test_bodies_start_timers():
    c = Cown([])

    def again(c):
        c.value.append(2)

    @when(c)
    def tick(c):
        c.value.append(1)
        after(0.01, c)(again)

    wait()
    assert c.unwrap() == [1, 2]


def test_a_failure_is_the_results():
    def broken():
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        after(0.01)(broken).result(LIMIT)


# ---- bounds ----


@pytest.mark.parametrize(
    ("seconds", "error", "text"),
    [
        (-1, ValueError, "not be negative"),
        (-1e-9, ValueError, "not be negative"),
        (math.nan, ValueError, "not NaN"),
        (math.inf, ValueError, "292 years"),
        (1e10, ValueError, "292 years"),
        (10**400, ValueError, "292 years"),
        (time.time() + 1, ValueError, r"the delay .* looks like .* time\.time\(\)"),
        ("1", TypeError, "number of seconds, not 'str'"),
        (None, TypeError, "number of seconds, not 'NoneType'"),
        (True, TypeError, "not 'bool'"),
        (datetime.timedelta(1), TypeError, "not '(datetime.)?timedelta'"),
    ],
)
def test_bad_delays_are_refused(seconds, error, text):
    with pytest.raises(error, match=text):
        after(seconds)


@pytest.mark.parametrize(
    ("deadline", "error", "text"),
    [
        (math.nan, ValueError, "not NaN"),
        (math.inf, ValueError, "292 years"),
        (10**400, ValueError, "292 years"),
        ("1", TypeError, "must be a number"),
        (False, TypeError, "not 'bool'"),
        (datetime.datetime(2030, 1, 1), TypeError, "use after"),
        (time.time() + 1, ValueError, r"time\.time\(\).*use after"),
        (time.time() + 10 * 365 * 86400 // 2, ValueError, "use after"),
    ],
)
def test_bad_deadlines_are_refused(deadline, error, text):
    with pytest.raises(error, match=text):
        at(deadline)


def test_what_is_over_runs_at_once():
    for passed in (time.monotonic(), 0, -5, -math.inf, -(10**400)):
        assert at(passed)(lambda: 1).result(LIMIT) == 1
    assert after(0)(lambda: 2).result(LIMIT) == 2


def test_the_cowns_are_checked_where_they_are_given():
    with pytest.raises(TypeError, match=r"after\(\) cown 2"):
        after(1, Cown(1), 5)
    with pytest.raises(TypeError, match="needs a number of seconds"):
        after()
    with pytest.raises(TypeError):
        at()
    with pytest.raises(TypeError, match="positional"):
        after(1, Cown(1))(lambda: None)


def test_the_longest_delay():
    made = after(9.2e9)(lambda: None)
    assert made.cancel()


def test_in_atomically_it_is_refused():
    with atomically():
        with pytest.raises(RuntimeError, match="atomically"):
            after(1, Cown(1))
        with pytest.raises(RuntimeError, match="atomically"):
            at(time.monotonic() + 1, Cown(1))


def test_a_behavior_that_would_hold_it_back_is_refused():
    c, other = Cown([]), Cown(0)

    @after(0.05, c, other)
    def later(c, other):
        c.value.append("later")

    for cowns in [(later, c), (c, [later]), (other, later), (read(later), read(c))]:
        with pytest.raises(RuntimeError, match="in that body over the cown"):
            when(*cowns)(lambda a, b: None)
    free = Cown(0)
    when(later, free)(lambda later, free: None)

    @when(later)
    def _(later):
        when(c)(lambda c: c.value.append("after it"))

    wait()
    when(later, c)(lambda later, c: c.value.append("over"))
    wait()
    assert c.unwrap() == ["later", "after it", "over"]


# ---- cancelling ----


def test_cancel_takes_it_back(gate):
    door, c = gate.door, Cown(0)
    when(c)(lambda c: pass_through(door))
    made = after(HOUR, c)(lambda c: setattr(c, "value", 1))
    chained = when(made)(lambda made: made.exception)
    assert made.cancel()
    assert not made.cancel()
    with pytest.raises(CancelledError, match="before it began"):
        made.result(LIMIT)  # although c is held
    assert chained.result(LIMIT) is True
    gate.open()
    assert c.result(LIMIT) == 0


def test_cancel_after_its_time_says_false():
    made = after(0.01)(lambda: 3)
    assert made.result(LIMIT) == 3
    assert not made.cancel()
    assert made.result() == 3


def test_cancel_of_other_results_says_false(gate):
    door, c = gate.door, Cown(0)
    assert not c.cancel()
    running = when(c)(lambda c: pass_through(door))
    assert not running.cancel()
    gate.open()
    assert not running.cancel()


def test_any_handle_cancels():
    made = after(HOUR)(lambda: None)
    box = Cown([made])

    @when(box)
    def taken(box):
        return box.value[0].cancel()

    assert taken.result(LIMIT) is True
    with pytest.raises(CancelledError):
        made.result(LIMIT)


def test_pinned_behaviors_are_cancelled_on_the_main_thread():
    pinned = PinnedCown(0)
    made = after(HOUR, pinned)(lambda pinned: None)
    assert made.cancel()
    wait()
    with pytest.raises(CancelledError):
        made.result(LIMIT)


def test_what_was_captured_is_dropped():
    class Thing:
        pass

    wait()
    bocpy.start(worker_count=2, backend="threads")  # where nothing is copied
    thing = Thing()
    gone = weakref.ref(thing)
    made = after(HOUR)(lambda thing=thing: thing)
    del thing
    assert made.cancel()
    wait()
    assert gone() is None


# ---- scopes ----


def test_a_scope_waits_for_its_timers():
    begin = time.monotonic()
    with behaviors() as scope:
        made = after(0.05)(lambda: 1)
        assert scope.pending == 1
    assert time.monotonic() - begin >= 0.05
    assert made.result() == 1


def test_cancelling_a_scope_cancels_its_timers():
    begin = time.monotonic()
    with behaviors() as scope:
        made = [after(HOUR)(lambda: 1) for _ in range(20)]

        @when()
        def _():
            after(HOUR)(lambda: 2)

        scope.cancel()
    assert time.monotonic() - begin < LIMIT
    for result in made:
        with pytest.raises(CancelledError):
            result.result()


def test_a_scope_within_is_cancelled_too():
    with behaviors() as outer:
        inner = behaviors()
        made = inner.when()(lambda: after(HOUR)(lambda: 1))
        late = made.result(LIMIT)
        outer.cancel()
    with pytest.raises(CancelledError):
        late.result(LIMIT)


def test_a_failure_cancels_the_timers_of_its_scope():
    scope = behaviors()
    late = []
    with pytest.raises(bocpy.FailureGroup), scope:
        late += [after(HOUR)(lambda: 1), when()(lambda: 1 / 0)]
    with pytest.raises(CancelledError):
        late[0].result()


def test_the_timeout_of_a_scope_cancels_its_timers():
    with pytest.raises(TimeoutError), behaviors(timeout=0.05):
        late = after(HOUR)(lambda: 1)
    with pytest.raises(CancelledError):
        late.result()


def test_what_is_started_in_a_cancelled_scope_is_cancelled():
    with behaviors() as scope:
        scope.cancel()
        late = after(HOUR)(lambda: 1)
    with pytest.raises(CancelledError):
        late.result()


# ---- loops ----


def test_it_is_awaited():
    async def main():
        made = after(0.02)(lambda: 5)
        assert await made == 5
        late = after(HOUR)(lambda: 5)
        after(0.02)(lambda: late.cancel())
        with pytest.raises(CancelledError):
            await late

    run_async(main)


# ---- the process ----


def run(program, **options):
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        **options,
    )


def test_the_end_of_the_program_waits_for_them(backend):
    done = run(
        f"import bocpy; bocpy.start(backend={backend!r}); c = bocpy.Cown(2)\n"
        "@bocpy.after(0.2, c)\ndef _(c): print(c.value, flush=True)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


def test_workers_that_wait_for_a_timer_are_idle(backend):
    done = run(
        f"import bocpy, time; bocpy.start(backend={backend!r})\n"
        "bocpy.after(0.01)(lambda: None).result()\n"
        "late = bocpy.after(3600)(lambda: None)\n"
        "begin = time.process_time(); time.sleep(0.5)\n"
        "print(time.process_time() - begin < 0.1); late.cancel()\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_is_refused_while_timers_are_pending(backend):
    done = run(
        f"import bocpy, os, warnings; bocpy.start(backend={backend!r})\n"
        "warnings.simplefilter('ignore')\n"
        "late = bocpy.after(3600)(lambda: None)\n"
        "try: os.fork()\n"
        "except RuntimeError as error: print(error, flush=True)\n"
        "late.cancel(); bocpy.wait(); child = os.fork()\n"
        "if child == 0:\n"
        "    bocpy.after(0.01)(lambda: None).result(); os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "bocpy.after(0.01)(lambda: print('parent')).result()\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["7", "parent"]
    assert "fork() while 1 behaviors" in done.stdout


def test_start_and_wait_again_and_again():
    for _ in range(3):
        made = after(0.01)(lambda: 1)
        wait()
        assert made.unwrap() == 1


def test_many():
    c = Cown(0)
    results = [
        after((i % 50) / 1000, c)(lambda c: setattr(c, "value", c.value + 1))
        for i in range(2000)
    ]
    cancelled = sum(result.cancel() for result in results[::3])
    wait()
    assert c.unwrap() == 2000 - cancelled
