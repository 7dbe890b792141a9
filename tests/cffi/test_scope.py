"""`Scope`: waits for what was scheduled in it, and cancels it."""

import threading
import time

import pytest

from libboc import (
    Cown,
    Scope,
    Timeout,
    cancelled,
    when,
)


class TestScope:
    def test_waits_for_all_of_it(self, runtime):
        count = Cown(0)

        def more(count, depth=5):
            count.value += 1
            if depth:
                for _ in range(2):
                    when(count)(lambda count: more(count, depth - 1))

        other = threading.Event()
        runtime.schedule(lambda: other.wait(60))
        with Scope():
            runtime.schedule(more, [count])
        assert count.value == 63
        other.set()

    def test_cancel(self, runtime):
        cown, ran, go = Cown(1), [], threading.Event()
        scope = Scope()
        runtime.schedule(lambda cown: go.wait(60), [cown])
        for n in range(5):
            runtime.schedule(lambda cown, n=n: ran.append(n), [cown], scope=scope)
        scope.cancel()
        assert scope.cancelled
        go.set()
        scope.wait(60)
        assert ran == []

    def test_a_body_sees_it(self, runtime):
        assert not cancelled()
        scope, seen, began = Scope(), [], threading.Event()

        def body():
            began.set()
            while not cancelled():
                time.sleep(0.001)
            seen.append(True)

        runtime.schedule(body, scope=scope)
        began.wait(60)
        scope.cancel()
        scope.wait(60)
        assert seen == [True]

    def test_a_block_that_raises_cancels(self, runtime):
        cown, ran, go = Cown(1), [], threading.Event()
        runtime.schedule(lambda cown: go.wait(60), [cown])
        go_soon = threading.Timer(0.02, go.set)

        def block():
            with Scope():
                runtime.schedule(lambda cown: ran.append(1), [cown])
                go_soon.start()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            block()
        assert ran == []
        go_soon.join()

    def test_parents(self, runtime):
        parent = Scope()
        child = Scope(parent)
        go = threading.Event()
        runtime.schedule(lambda: go.wait(60), scope=child)
        with pytest.raises(Timeout, match="work is left"):
            parent.wait(0.01)
        parent.cancel()
        assert child.cancelled
        go.set()
        parent.wait(60)
        with pytest.raises(TypeError, match="parent"):
            Scope(runtime)
