"""`Behavior`, `schedule_all` and `defer`: each behavior is scheduled and completed
once."""

import gc
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
    defer,
    read,
    schedule_all,
)


class TestBehavior:
    def test_schedule_once(self, runtime):
        seen = []
        behavior = runtime.behavior(lambda: seen.append(1))
        assert "not scheduled" in repr(behavior)
        behavior.schedule()
        with pytest.raises(BadState, match="already"):
            behavior.schedule()
        with pytest.raises(BadState):
            schedule_all([behavior])
        runtime.quiesce(60)
        assert seen == [1]

    def test_forgotten(self, runtime):
        cown = Cown(1)
        runtime.behavior(print, cown)
        runtime.quiesce(60)
        assert cown.value == 1

    def test_forgotten_by_its_runtime(self):
        runtime = Runtime(1)
        behavior = runtime.behavior(print, Cown(1))
        runtime.close()
        with pytest.raises(Closed):
            behavior.schedule()

    def test_done(self, runtime):
        told = []
        runtime.behavior(lambda: None, done=told.append).schedule()
        runtime.quiesce(60)
        scope = Scope()
        scope.cancel()
        runtime.behavior(print, scope=scope, done=told.append).schedule()
        runtime.quiesce(60)
        assert told == [True, False]

    def test_schedule_or_run(self, runtime):
        cown, where = Cown(1), []
        body = runtime.behavior(lambda cown: where.append(threading.get_ident()), cown)
        assert body.schedule_or_run()
        assert where == [threading.get_ident()]

        def interrupted(cown):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            runtime.behavior(interrupted, cown).schedule_or_run()

    def test_several_runtimes(self, runtime):
        with Runtime(1) as other:
            both = [runtime.behavior(print), other.behavior(print)]
            with pytest.raises(BadArgument, match="several runtimes"):
                schedule_all(both)
        schedule_all([])

    def test_schedule_all_is_one_step(self, runtime):
        left, right, seen = Cown([]), Cown([]), []
        for n in range(100):
            schedule_all(
                [
                    runtime.behavior(lambda c, n=n: c.value.append(n), left),
                    runtime.behavior(lambda c, n=n: c.value.append(n), right),
                ]
            )
            runtime.schedule(
                lambda a, b: seen.append(a.value == b.value), [read(left), read(right)]
            )
        runtime.quiesce(60)
        assert seen == [True] * 100


class TestDefer:
    def test_any_thread_completes(self, runtime):
        cown, rest, order = Cown(1), [], []
        runtime.schedule(lambda cown: rest.append(defer()), [cown])
        while not rest:
            time.sleep(0.001)
        runtime.schedule(lambda cown: order.append(cown.value), [cown])
        with pytest.raises(Timeout):
            runtime.quiesce(0.01)
        cown.value = 2
        order.append("completed")
        rest[0].complete()
        with pytest.raises(BadState, match="completed already"):
            rest[0].complete()
        runtime.quiesce(60)
        assert order == ["completed", 2]

    def test_completed_inside(self, runtime):
        cown = Cown(1)
        runtime.schedule(lambda cown: defer().complete(), [cown])
        runtime.quiesce(60)
        assert cown.value == 1

    def test_refusals(self):
        with pytest.raises(BadState, match="bodies"):
            defer()
        errors = []

        def twice():
            with defer():
                defer()

        with Runtime(1, on_error=lambda body, error: errors.append(error)) as runtime:
            runtime.schedule(twice)
        assert "already" in str(errors[0])

    def test_forgotten(self, runtime):
        """A deferred behavior that no code can complete any more is completed."""
        with pytest.warns(ResourceWarning, match="forgotten"):
            forget(runtime)


def forget(runtime):
    runtime.schedule(lambda: defer() and None)
    for _ in range(1000):
        gc.collect()
        try:
            return runtime.quiesce(0.05)
        except Timeout:
            continue
    raise AssertionError("it is still deferred")
