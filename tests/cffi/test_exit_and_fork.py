"""Ends: of programs, of runtimes, of handles in any order; forks, threads, signals."""

import gc
import os
import random
import signal
import sys
import threading
import time
import weakref

import pytest

from libboc import (
    Cown,
    Lane,
    Mailbox,
    Noticeboard,
    Runtime,
    Scope,
    defer,
    read,
)

HEAD = """
import gc, os, sys, threading, time
import libboc
from libboc import *
"""


def collect():
    for _ in range(3):
        gc.collect()


class TestExit:
    def check(self, program, source, printed="", code=0):
        done = program(HEAD + source)
        assert done.code == code, done.err
        assert done.out == printed
        assert done.err == ""

    def test_what_was_scheduled_is_finished(self, program):
        self.check(
            program,
            """
runtime, count = Runtime(2), Cown(0)
def body(count):
    time.sleep(0.001)
    count.value += 1
    if count.value == 100:
        print("finished", flush=True)
for _ in range(100):
    runtime.schedule(body, [count])
""",
            "finished\n",
        )

    def test_pinned_behaviors_are_run(self, program):
        self.check(
            program,
            """
runtime, lane, cown = Runtime(2), Lane(), Cown(0)
cown.pin(lane)
for _ in range(3):
    runtime.schedule(lambda cown: print(threading.current_thread().name), [cown])
""",
            "MainThread\n" * 3,
        )

    def test_handles_that_are_left(self, program):
        self.check(
            program,
            """
runtime, mailbox, board, scope = Runtime(1), Mailbox(), Noticeboard(), Scope()
mailbox.send("tag", object())
board.write("key", object())
snapshot = board.read()
behavior = runtime.behavior(print, Cown(1))
cycle = [runtime, mailbox, board, scope, snapshot, behavior]
cycle.append(cycle)
""",
        )

    def test_an_exception(self, program):
        done = program(
            HEAD
            + """
runtime = Runtime(1)
runtime.schedule(lambda: (time.sleep(0.05), print("finished")))
raise SystemExit(3)
"""
        )
        assert (done.code, done.out) == (3, "finished\n")

    def test_daemon_threads_that_wait(self, program):
        self.check(
            program,
            """
mailbox, runtime = Mailbox(), Runtime(1)
def wait():
    mailbox.receive("never")
for _ in range(3):
    threading.Thread(target=wait, daemon=True).start()
time.sleep(0.05)
runtime.schedule(lambda: print("finished"))
""",
            "finished\n",
        )

    def test_a_body_that_ends_the_process(self, program):
        self.check(
            program,
            """
runtime = Runtime(2)
def leave():
    sys.stdout.flush()
    os._exit(5)
runtime.schedule(leave)
runtime.quiesce()
""",
            code=5,
        )

    def test_failures_are_told(self, program):
        done = program(HEAD + "Runtime(1).schedule(lambda: 1 / 0)")
        assert done.code == 0
        assert "ZeroDivisionError" in done.err
        assert "Exception in a behavior" in done.err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
class TestFork:
    def test_in_the_main_thread(self, program):
        done = program(
            HEAD
            + """
runtime, cown, board = Runtime(2), Cown(1), Noticeboard()
board.write("key", 1)
for _ in range(1000):
    runtime.schedule(lambda cown: None, [cown])
child = os.fork()
if child == 0:
    assert runtime.closed
    assert board.read()["key"] == 1
    with Runtime(2) as own:
        mine = Cown(0)
        for _ in range(100):
            own.schedule(lambda mine: setattr(mine, "value", mine.value + 1), [mine])
    assert mine.value == 100
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
runtime.close()
print("parent")
"""
        )
        assert (done.code, done.out) == (0, "parent\n"), done.err

    def test_in_a_body(self, program):
        done = program(
            HEAD
            + """
codes = []
def body():
    child = os.fork()
    if child == 0:
        os._exit(7)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
with Runtime(2) as runtime:
    runtime.schedule(body)
print(codes)
"""
        )
        assert (done.code, done.out) == (0, "[7]\n"), done.err

    def test_many(self, program):
        """A child of fork never waits for a lock that a thread of its parent had."""
        done = program(
            HEAD
            + """
runtime, cowns = Runtime(2), [Cown(0) for _ in range(10)]
for _ in range(30):
    for _ in range(50):
        runtime.schedule(lambda cown: Cown(1), cowns[:1])
    child = os.fork()
    if child == 0:
        del cowns
        gc.collect()
        with Runtime(1) as own:
            own.schedule(lambda: Cown(2))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
        )
        assert done.code == 0, done.err


@pytest.mark.skipif(sys.platform == "win32", reason="kill")
class TestInterrupts:
    @pytest.mark.parametrize(
        "wait",
        [
            "runtime.quiesce()",
            "runtime.close()",
            "scope.wait()",
            "mailbox.receive('never')",
            "lane.wait()",
            "runtime.hold(cown).__enter__()",
        ],
    )
    def test_wait(self, program, wait):
        done = program(
            HEAD
            + f"""
import signal
runtime, scope, mailbox, lane, cown = Runtime(1), Scope(), Mailbox(), Lane(), Cown(1)
go = threading.Event()
runtime.schedule(lambda cown: go.wait(60), [cown], scope=scope)
sent = []
def interrupt():
    time.sleep(0.1)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    {wait}
except KeyboardInterrupt:
    print(time.monotonic() - sent[0])
go.set()
"""
        )
        assert done.code == 0, done.err
        assert float(done.out) < 1

    def test_a_signal_that_a_worker_takes(self, runtime):
        """Its handler runs on the main thread, which looks for it while it waits."""
        seen = []
        before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))

        def body():
            signal.raise_signal(signal.SIGUSR1)
            deadline = time.monotonic() + 60
            while not seen and time.monotonic() < deadline:
                time.sleep(0.001)

        try:
            runtime.schedule(body)
            runtime.quiesce(60)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert seen == [1]


class TestHandles:
    def test_in_any_order(self, runtime):
        chance = random.Random(1)
        for _ in range(50):
            handles = []
            board, mailbox, parent = Noticeboard(), Mailbox(), Scope()
            cowns = [Cown(object()) for _ in range(3)]
            board.write("key", cowns[0])
            mailbox.send("tag", cowns[1])
            cowns[2].value = [cowns[2]]
            handles += [board, mailbox, parent, Scope(parent), board.read(), *cowns]
            handles.append(runtime.behavior(lambda *_: None, *cowns))
            handles.append(runtime.behavior(lambda *_: None, scope=parent))
            runtime.schedule(lambda *_: None, [cowns[0], read(cowns[1])])
            del board, mailbox, parent, cowns
            chance.shuffle(handles)
            if chance.random() < 0.5:
                handles.append(handles)  # a cycle: the collector picks the order
                del handles
                collect()
            else:
                while handles:
                    handles.pop()
                    if chance.random() < 0.2:
                        collect()

    def test_values_end_with_their_cowns(self, runtime):
        class Value:
            pass

        value = Value()
        watched = weakref.ref(value)
        cown = Cown(value)
        runtime.schedule(lambda cown: None, [cown])
        runtime.quiesce(60)
        del value, cown
        for _ in range(20):
            collect()
            if watched() is None:
                break
        assert watched() is None

    def test_a_cycle_through_a_cown_is_collected(self, runtime):
        cown = Cown(None)
        cown.value = [cown]
        watched = weakref.ref(cown)
        del cown
        for _ in range(20):
            collect()
            if watched() is None:
                break
        assert watched() is None

    def test_cowns_outlive_runtimes(self):
        cown = Cown(0)
        for _ in range(5):
            with Runtime(1) as runtime:
                runtime.schedule(
                    lambda cown: setattr(cown, "value", cown.value + 1), [cown]
                )
        assert cown.value == 5

    def test_behaviors_outlive_their_handles(self, runtime):
        seen = []
        for n in range(100):
            runtime.schedule(lambda cown: seen.append(cown.value), [Cown(n)])
            if n % 10 == 0:
                collect()
        runtime.quiesce(60)
        assert sorted(seen) == list(range(100))


class TestThreads:
    def test_all_schedule(self, runtime):
        cown = Cown(0)

        def many():
            for _ in range(500):
                runtime.schedule(
                    lambda cown: setattr(cown, "value", cown.value + 1), [cown]
                )

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        runtime.quiesce(60)
        assert cown.value == 2000

    def test_many_runtimes(self):
        def life():
            with Runtime(2) as runtime:
                cown = Cown(0)
                for _ in range(20):
                    runtime.schedule(lambda cown: None, [cown])

        threads = [threading.Thread(target=life) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)

    @pytest.mark.stress
    def test_close_while_others_schedule(self):
        """Each call is carried out or refused; no thread uses a freed runtime."""
        for _ in range(20):
            runtime, count, accepted = Runtime(1), Cown(0), []

            def hammer(runtime=runtime, count=count, accepted=accepted):
                from libboc import Closed

                try:
                    while True:
                        runtime.schedule(
                            lambda count: setattr(count, "value", count.value + 1),
                            [count],
                        )
                        accepted.append(1)
                except Closed:
                    return

            threads = [threading.Thread(target=hammer) for _ in range(2)]
            for thread in threads:
                thread.start()
            time.sleep(0.005)
            runtime.close()
            for thread in threads:
                thread.join(60)
            assert count.value == len(accepted)

    def test_deferred_forever_is_no_wait(self, runtime):
        """A thread that no runtime knows completes the behavior."""
        cown, rests = Cown(0), []
        for _ in range(50):
            runtime.schedule(lambda cown: rests.append(defer()), [cown])
            while not rests:
                time.sleep(0)
            thread = threading.Thread(target=rests.pop().complete)
            thread.start()
            thread.join(60)
        runtime.quiesce(60)


def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.stress
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="/proc")
class TestLeaks:
    def check(self, once, times):
        for _ in range(times):
            once()
        collect()
        before = rss()
        for _ in range(4 * times):
            once()
        collect()
        assert rss() - before < 8_000_000

    def test_runtimes(self):
        self.check(lambda: Runtime(2).close(), 50)

    def test_behaviors(self, runtime):
        cown = Cown(0)

        def once():
            for _ in range(100):
                runtime.schedule(lambda cown: None, [cown])
            runtime.quiesce(60)

        self.check(once, 50)

    def test_failures(self):
        def raise_it(cown):
            raise ValueError(cown.value)

        with Runtime(1, on_error=lambda *_: None) as runtime:

            def once():
                for _ in range(50):
                    runtime.schedule(raise_it, [Cown(bytes(1000))])
                runtime.quiesce(60)

            self.check(once, 50)

    def test_messages_and_notices(self):
        def once():
            mailbox, board = Mailbox(), Noticeboard()
            for _ in range(50):
                mailbox.send("tag", bytes(1000))
            board.write("key", bytes(1000))
            board.read()
            lane = Lane()
            Cown(1).pin(lane)

        self.check(once, 50)
