"""`Runtime`: errors of bodies, waits, ends, workers, `hold`, traces."""

import json
import sys
import threading
import time

import pytest

from libboc import (
    BadArgument,
    BadState,
    Closed,
    Cown,
    Runtime,
    Scope,
    Timeout,
    blocking,
    current,
    read,
    when,
)


class TestRuntime:
    def test_many_cowns(self, runtime):
        cowns = [Cown(n) for n in range(1000)]
        total = Cown(0)

        @runtime.when(total, *cowns)
        def add(total, *cowns):
            total.value = sum(cown.value for cown in cowns)

        runtime.quiesce(60)
        assert total.value == sum(range(1000))

    def test_errors_go_to_the_handler(self):
        seen = []

        def body():
            raise KeyError("this")

        with Runtime(1, on_error=lambda *what: seen.append(what)) as runtime:
            runtime.schedule(body)
        assert seen[0][0] is body
        assert isinstance(seen[0][1], KeyError)

    def test_errors_go_to_unraisablehook(self, monkeypatch):
        seen = []
        monkeypatch.setattr(sys, "unraisablehook", seen.append)

        def broken():
            raise SystemExit(3)

        with Runtime(1) as runtime:
            runtime.schedule(broken)
        assert seen[0].exc_type is SystemExit
        assert seen[0].object is broken
        assert seen[0].exc_traceback is not None

    def test_a_handler_that_raises(self, monkeypatch):
        seen = []
        monkeypatch.setattr(sys, "unraisablehook", seen.append)

        def handler(body, error):
            raise RuntimeError("worse")

        with Runtime(1, on_error=handler) as runtime:
            runtime.schedule(lambda: 1 / 0)
        assert str(seen[0].exc_value) == "worse"
        assert seen[0].object is handler

    def test_what_a_failed_body_did_stays(self):
        cown, after = Cown(1), []

        def body(cown):
            cown.value = 2
            raise ValueError

        with Runtime(1, on_error=lambda *_: None) as runtime:
            runtime.schedule(body, [cown])
            runtime.schedule(lambda cown: after.append(cown.value), [cown])
        assert after == [2]

    def test_quiesce_has_a_timeout(self, runtime):
        go = threading.Event()
        runtime.schedule(lambda: go.wait(60))
        with pytest.raises(Timeout, match="in flight"):
            runtime.quiesce(0.01)
        go.set()
        runtime.quiesce(60)

    @pytest.mark.parametrize("wrong", ["1", [], True])
    def test_timeout_of_a_wrong_type(self, runtime, wrong):
        with pytest.raises(TypeError, match="timeout must be a number"):
            runtime.quiesce(wrong)

    def test_timeout_that_is_no_number(self, runtime):
        with pytest.raises(ValueError, match="NaN"):
            runtime.quiesce(float("nan"))

    def test_waits_in_bodies_are_refused(self):
        errors = []
        with Runtime(1, on_error=lambda body, error: errors.append(error)) as runtime:
            for wait in (runtime.quiesce, runtime.close, Scope().wait):
                runtime.schedule(wait)
            runtime.schedule(lambda: runtime.hold().__enter__())
        assert [type(error) for error in errors] == [BadState] * 4

    def test_closed(self):
        runtime = Runtime(1)
        runtime.close()
        runtime.close()
        assert runtime.closed
        for use in (
            lambda: runtime.schedule(print),
            lambda: runtime.behavior(print),
            runtime.quiesce,
            runtime.stats,
            lambda: runtime.workers,
            lambda: runtime.core,
        ):
            with pytest.raises(Closed, match="closed"):
                use()
        assert "closed" in repr(runtime)

    def test_close_has_a_timeout(self):
        go = threading.Event()
        runtime = Runtime(1)
        runtime.schedule(lambda: go.wait(60))
        with pytest.raises(Timeout):
            runtime.close(0.01)
        runtime.schedule(lambda: None)  # it is open again
        go.set()
        runtime.close()

    def test_bodies_schedule_while_it_closes(self):
        steps = Cown(0)

        def step(steps):
            steps.value += 1
            if steps.value < 500:
                when(steps)(step)

        with Runtime(2) as runtime:
            runtime.schedule(step, [steps])
        assert steps.value == 500

    def test_others_cannot_while_it_closes(self):
        runtime = Runtime(1)
        go = threading.Event()
        runtime.schedule(lambda: go.wait(60))
        closer = threading.Thread(target=runtime.close)
        closer.start()
        while runtime._closing is None:
            time.sleep(0.001)
        with pytest.raises(Closed, match="closing"):
            runtime.schedule(print)
        go.set()
        closer.join(60)
        assert runtime.closed

    def test_workers(self):
        with Runtime(3) as runtime:
            assert runtime.workers == 3
            assert 0 <= runtime.idle_workers <= 3
            assert runtime.worker_index is None
            seen = []
            runtime.schedule(lambda: seen.append(runtime.worker_index))
            runtime.quiesce(60)
            assert seen[0] in range(3)
            assert runtime.scheduled_outside() == 1
            stats = runtime.stats()
            assert sum(each["finished"] for each in stats) == 1

    @pytest.mark.parametrize("count", [0, -1])
    def test_too_few_workers(self, count):
        with pytest.raises(ValueError, match="workers"):
            Runtime(count)

    def test_too_many_workers(self):
        with pytest.raises(BadArgument):
            Runtime(100_000)

    def test_current(self):
        with pytest.raises(BadState, match="no runtime here"):
            current()
        with pytest.raises(BadState):
            when()
        seen = []
        with Runtime(1) as outer:
            with Runtime(1) as inner:
                assert current() is inner
                outer.schedule(lambda: seen.append(current()))
            assert current() is outer
        assert seen == [outer]

    def test_blocking(self):
        with Runtime(1, compensating_workers=1) as runtime:
            met = threading.Event()

            @runtime.when()
            def waits():
                with blocking():
                    assert met.wait(60)

            runtime.schedule(met.set)

    def test_hold(self, runtime):
        cown = Cown(1)
        for _ in range(20):
            runtime.schedule(
                lambda cown: setattr(cown, "value", cown.value + 1), [cown]
            )
        with runtime.hold(cown, read(Cown(5))) as (held, other):
            assert (held.value, other.value) == (21, 5)
            held.value = 0
            later = []
            runtime.schedule(lambda cown: later.append(cown.value), [cown])
        runtime.quiesce(60)
        assert later == [0]

    def test_hold_has_a_timeout(self, runtime):
        cown, go = Cown(1), threading.Event()
        runtime.schedule(lambda cown: go.wait(60), [cown])
        with pytest.raises(Timeout, match="hold"), runtime.hold(cown, timeout=0.01):
            pass
        go.set()
        runtime.quiesce(60)
        with runtime.hold(cown) as (held,):
            assert held.value == 1

    def test_hold_races(self, runtime):
        """A wait that gives up just as its turn comes leaves the cown free."""
        cown = Cown(0)
        for n in range(100):
            runtime.schedule(lambda cown: time.sleep(0.0005), [cown])
            try:
                with runtime.hold(cown, timeout=n * 1e-5):
                    pass
            except Timeout:
                pass
        runtime.quiesce(60)
        assert not cown.busy

    def test_trace(self):
        with Runtime(1, trace_events=1000) as runtime:
            cown = Cown(1)
            runtime.schedule(lambda cown: None, [cown])
            events = runtime.trace()
            assert {"scheduled", "started", "finished"} <= {e.kind for e in events}
            started = next(event for event in events if event.kind == "started")
            assert started.cown == cown._ref & ~3
            assert started.worker == 0
            assert started.name == "python"
            assert json.loads(runtime.trace_json())

    def test_no_trace(self, runtime):
        with pytest.raises(BadState, match="trace_events"):
            runtime.trace()
