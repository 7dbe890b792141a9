"""The Pythonic face: each name, what it does, and what it refuses."""

import json
import select
import sys
import threading
import time

import pytest

from libboc import (
    REMOVED,
    BadArgument,
    BadState,
    Cancelled,
    Closed,
    Cown,
    Full,
    Lane,
    Mailbox,
    NotFound,
    Noticeboard,
    Runtime,
    Scope,
    Timeout,
    Token,
    blocking,
    cancelled,
    current,
    defer,
    read,
    schedule_all,
    when,
)


class TestCown:
    def test_value_outside(self, runtime):
        cown = Cown([1])
        assert cown.value == [1]
        cown.value = [2]
        go = threading.Event()
        runtime.schedule(lambda cown: go.wait(60), [cown])
        with pytest.raises(BadState, match="a behavior has this cown"):
            cown.value  # noqa: B018
        with pytest.raises(BadState):
            cown.value = 3
        assert cown.busy
        go.set()
        runtime.quiesce(60)
        assert cown.value == [2]
        assert not cown.busy

    def test_the_same_object(self, runtime):
        value = object()
        cown, seen = Cown(value), []
        runtime.schedule(lambda cown: seen.append(cown.value), [cown])
        runtime.quiesce(60)
        assert seen[0] is value

    def test_twice(self, runtime):
        cown, seen = Cown(1), []
        runtime.schedule(lambda *same: seen.append(same), [cown, cown])
        runtime.quiesce(60)
        assert seen == [(cown, cown)]

    def test_a_reading_cannot_be_set(self, runtime):
        errors = []
        with Runtime(1, on_error=lambda body, error: errors.append(error)) as own:
            cown = Cown(1)

            @own.when(read(cown))
            def _(cown):
                cown.value = 2

        assert isinstance(errors[0], AttributeError)
        assert cown.value == 1

    def test_a_reading_ends_with_the_body(self, runtime):
        kept = []
        cown = Cown(1)
        runtime.schedule(kept.append, [read(cown)])
        runtime.quiesce(60)
        with pytest.raises(BadState, match="only a body"):
            kept[0].value  # noqa: B018

    def test_readers_run_side_by_side(self, runtime):
        cown, barrier = Cown(1), threading.Barrier(2)
        for _ in range(2):
            runtime.schedule(lambda cown: barrier.wait(60), [read(cown)])
        runtime.quiesce(60)
        assert not barrier.broken

    @pytest.mark.parametrize("wrong", [1, None, "cown", [Cown(1)]])
    def test_no_cown(self, runtime, wrong):
        with pytest.raises(TypeError, match=r"argument 2 must be a Cown"):
            runtime.schedule(print, [Cown(1), wrong])
        with pytest.raises(TypeError, match="read"):
            read(wrong)

    def test_no_body(self, runtime):
        with pytest.raises(TypeError, match="callable"):
            runtime.when()(3)
        with pytest.raises(TypeError, match="callable"):
            runtime.behavior(None)


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
        libboc_collect()
        try:
            return runtime.quiesce(0.05)
        except Timeout:
            continue
    raise AssertionError("it is still deferred")


def libboc_collect():
    import gc

    gc.collect()


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


class TestLane:
    def test_pump(self, runtime):
        with Lane() as lane:
            cown, where = Cown(0), []
            cown.pin(lane)
            for _ in range(5):
                runtime.schedule(
                    lambda cown: where.append(threading.get_ident()), [cown]
                )
            assert lane.wait(60)
            assert lane.pump(most=2) == 2
            assert lane.pump() == 3
            assert lane.pump() == 0
            assert where == [threading.get_ident()] * 5
            assert not lane.wait(0.01)

    def test_descriptor(self, runtime):
        with Lane() as lane:
            try:
                lane.fileno()
            except NotFound:
                assert sys.platform == "win32"
                return
            assert select.select([lane], [], [], 0)[0] == []
            cown = Cown(0)
            cown.pin(lane)
            runtime.schedule(lambda cown: None, [cown])
            assert select.select([lane], [], [], 60)[0] == [lane]
            lane.pump()

    def test_refusals(self, runtime):
        with Lane() as lane, Lane() as other:
            cown, second = Cown(0), Cown(0)
            cown.pin(lane)
            second.pin(other)
            with pytest.raises(BadState):
                cown.pin(lane)
            with pytest.raises(TypeError, match="Lane"):
                Cown(1).pin(runtime)
            with pytest.raises(BadArgument):
                runtime.schedule(print, [cown, second])
            with pytest.raises(BadState, match="pinned"), runtime.hold(cown):
                pass
            with pytest.raises(ValueError, match="most"):
                lane.pump(most=-1)
        with pytest.raises(Closed):
            lane.pump()

    def test_nested(self, runtime):
        with Lane() as lane:
            cown, seen = Cown(0), []
            cown.pin(lane)

            def nested(cown):
                try:
                    lane.pump()
                except BadState as error:
                    seen.append(error)

            runtime.schedule(nested, [cown])
            lane.wait(60)
            assert lane.pump() == 1
            assert len(seen) == 1

    def test_interrupts_are_raised_by_pump(self, runtime):
        with Lane() as lane:
            cown, ran = Cown(0), []
            cown.pin(lane)

            def interrupted(cown):
                raise KeyboardInterrupt

            runtime.schedule(interrupted, [cown])
            runtime.schedule(lambda cown: ran.append(1), [cown])
            lane.wait(60)
            with pytest.raises(KeyboardInterrupt):
                lane.pump()
            runtime._drain(60)
            assert ran == [1]

    def test_the_end_pumps(self):
        ran = []
        with Lane() as lane, Runtime(1) as runtime:
            cown = Cown(0)
            cown.pin(lane)

            def body(cown):
                ran.append(1)
                if len(ran) < 5:
                    runtime.schedule(body, [cown])

            runtime.schedule(body, [cown])
        assert ran == [1] * 5

    def test_forgotten(self, runtime):
        for _ in range(20):
            lane, cown = Lane(), Cown(0)
            cown.pin(lane)
            runtime.schedule(lambda cown: None, [cown])
            lane.wait(60)
            lane.pump()
            del lane, cown
            libboc_collect()


class TestMailbox:
    def test_order_and_identity(self):
        mailbox = Mailbox()
        messages = [object() for _ in range(10)]
        for message in messages:
            mailbox.send("tag", message)
        for message in messages:
            assert mailbox.receive("tag")[1] is message

    def test_several_tags(self):
        mailbox = Mailbox()
        mailbox.send(b"bytes", 1)
        mailbox.send("text", 2)
        got = [mailbox.receive([b"bytes", "text"]) for _ in range(2)]
        assert sorted(got, key=lambda each: each[1]) == [(b"bytes", 1), ("text", 2)]

    @pytest.mark.parametrize("timeout", [0, 0.01, -1.0])
    def test_timeout(self, timeout):
        with pytest.raises(Timeout, match="receive"):
            Mailbox().receive("never", timeout)

    def test_timeout_off_the_main_thread(self):
        raised = []

        def receive():
            try:
                Mailbox().receive("never", 0.01)
            except Timeout as error:
                raised.append(error)

        thread = threading.Thread(target=receive)
        thread.start()
        thread.join(60)
        assert raised

    def test_across_threads(self):
        mailbox = Mailbox()
        threads = [
            threading.Thread(target=lambda: mailbox.send("tag", 1)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        assert sum(mailbox.receive("tag", 60)[1] for _ in range(4)) == 4
        for thread in threads:
            thread.join()

    def test_refusals(self):
        mailbox = Mailbox(tags=2, capacity=2)
        mailbox.send("a", 1)
        mailbox.send("a", 1)
        with pytest.raises(Full, match="'a'"):
            mailbox.send("a", 1)
        mailbox.send("b", 1)
        with pytest.raises(NotFound, match="'c'"):
            mailbox.send("c", 1)
        with pytest.raises(NotFound):
            mailbox.receive("c", 0)
        with pytest.raises(BadArgument):
            mailbox.receive([])
        with pytest.raises(TypeError, match="tag"):
            mailbox.send(1, 1)
        with pytest.raises(Full):
            mailbox.set_tags(["a", "b", "c"])
        with pytest.raises(BadArgument):
            mailbox.set_tags(["a", "a"])
        with pytest.raises(BadArgument, match="capacity=3"):
            Mailbox(capacity=3)
        mailbox.drain(["a", "b"])
        with pytest.raises(Timeout):
            mailbox.receive(["a", "b"], 0)

    def test_closed(self):
        with Mailbox() as mailbox:
            mailbox.send("a", 1)
        with pytest.raises(Closed):
            mailbox.send("a", 1)
        assert mailbox.receive("a") == ("a", 1)
        with pytest.raises(Closed):
            mailbox.receive("a")

    @pytest.mark.parametrize("main", [True, False])
    def test_close_wakes(self, main):
        mailbox, raised = Mailbox(), []

        def receive():
            try:
                mailbox.receive("a")
            except Closed as error:
                raised.append(error)

        def close():
            time.sleep(0.02)
            mailbox.close()

        first, second = (close, receive) if main else (receive, close)
        thread = threading.Thread(target=first)
        thread.start()
        second()
        thread.join(60)
        assert raised

    @pytest.mark.parametrize("main", [True, False])
    def test_cancel(self, main):
        mailbox, token, raised = Mailbox(), Token(), []

        def receive():
            for _ in range(2):
                try:
                    mailbox.receive("a", token=token)
                except Cancelled as error:
                    raised.append(error)

        def cancel():
            while len(raised) < 2:
                time.sleep(0.005)
                seen = len(raised)
                mailbox.cancel(token)
                while len(raised) == seen and seen < 2:
                    time.sleep(0.001)

        first, second = (cancel, receive) if main else (receive, cancel)
        thread = threading.Thread(target=first)
        thread.start()
        second()
        thread.join(60)
        assert len(raised) == 2

    def test_set_tags_ends_receives(self):
        mailbox, raised = Mailbox(), []

        def receive():
            try:
                mailbox.receive("gone")
            except NotFound as error:
                raised.append(error)

        thread = threading.Thread(target=receive)
        thread.start()
        while not raised:
            mailbox.set_tags(["other"])
            time.sleep(0.005)
            if not thread.is_alive():
                break
        thread.join(60)
        assert raised


class TestNoticeboard:
    def test_snapshots(self):
        board = Noticeboard()
        board.write("a", 1)
        before = board.read()
        board.write("a", 2)
        board.write("b", [3])
        assert dict(before) == {"a": 1}
        after = board.read()
        assert dict(after) == {"a": 2, "b": [3]}
        assert after.version > before.version
        assert after.version_of("b") == after.version
        assert after.version_of("c") == 0
        assert "a" in after
        assert "c" not in after
        with pytest.raises(KeyError):
            after["c"]
        del board
        libboc_collect()
        assert dict(before) == {"a": 1}

    def test_versions(self):
        board = Noticeboard()
        board.write("a", 1, version=0)
        with pytest.raises(BadState):
            board.write("a", 2, version=0)
        version = board.read().version_of("a")
        board.write("a", 2, version=version)
        with pytest.raises(BadState):
            board.delete("a", version=version)
        board.delete("a", version=board.read().version_of("a"))
        with pytest.raises(NotFound):
            board.delete("a")

    def test_update(self):
        board = Noticeboard()
        board.update("n", lambda n: n + 1, 0)
        board.update("n", lambda n: n + 1)
        assert board.read()["n"] == 2
        with pytest.raises(ZeroDivisionError):
            board.update("n", lambda n: n / 0)
        assert board.read()["n"] == 2
        board.update("n", lambda n: REMOVED)
        board.update("n", lambda n: REMOVED)
        assert not board.read()

    def test_updates_of_many_threads(self):
        board = Noticeboard()

        def many():
            for _ in range(200):
                board.update("n", lambda n: n + 1, 0)

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert board.read()["n"] == 800

    def test_refusals(self):
        board = Noticeboard()
        with pytest.raises(BadArgument):
            board.write("x" * 64, 1)
        with pytest.raises(BadArgument):
            board.write("a\0b", 1)
        with pytest.raises(TypeError, match="key"):
            board.write(1, 1)
        for n in range(64):
            board.write(str(n), n)
        with pytest.raises(Full):
            board.write("more", 1)
        with pytest.raises(Full):
            board.update("more", lambda n: 1)
        board.clear()
        assert len(board.read()) == 0
