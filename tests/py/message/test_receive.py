"""How receive waits: timeouts, wake-ups, bodies that block, signals, forks, exits.

A receive without a timeout parks. A test whose receive could wait for ever runs as a
program with a time limit.
"""

import math
import queue
import signal
import threading
import time

import pytest
from bocpy import (
    TIMEOUT,
    drain,
    quiesce,
    receive,
    send,
    when,
)
from harness import LIMIT, in_thread, interrupt_until_it_ends, read_line

pytestmark = pytest.mark.usefixtures("fresh_tags")

NOTHING = (TIMEOUT, None)

#: How often a timeout may be late on a busy machine without being a defect.
ATTEMPTS = 50


# Waiting


def seconds_of(function, *args):
    """How long a call takes that returns NOTHING."""
    began = time.monotonic()
    assert function(*args) == NOTHING
    return time.monotonic() - began


def test_a_timeout_of_zero_checks_once():
    assert min(seconds_of(receive, "none", 0) for _ in range(100)) < 0.005


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.3])
def test_a_timeout_is_neither_early_nor_late(seconds):
    """A timeout is never early; it may be late now and then on a busy machine."""
    for _ in range(ATTEMPTS):
        passed = seconds_of(receive, ["a", "b"], seconds)
        assert passed >= seconds
        if passed < seconds + 0.05:
            return
    raise AssertionError("late each time")


def test_a_timeout_is_about_the_whole_wait():
    """Other receivers take each message: useless wake-ups do not prolong the wait."""
    ended = threading.Event()

    def tease():
        while not ended.is_set():
            send("tease", 1)
            drain("tease")
            time.sleep(0.002)

    def one_wait():
        began = time.monotonic()
        while receive("tease", 0.2) != NOTHING:
            began = time.monotonic()
        return time.monotonic() - began

    teasing = in_thread(tease)
    waits = []
    while len(waits) < ATTEMPTS and not any(0.2 <= wait < 0.4 for wait in waits):
        waits.append(one_wait())
    ended.set()
    teasing()
    assert 0.2 <= min(waits) < 0.4, waits


@pytest.mark.parametrize("forever", [-1, -0.5, -math.inf, None, math.inf])
def test_a_negative_timeout_waits_for_ever(forever):
    got = in_thread(receive, "late", forever)
    time.sleep(0.1)
    send("late", 1)
    assert got() == ("late", 1)


def test_after_makes_the_result_of_a_timeout():
    assert receive("none", 0, lambda: "instead") == "instead"
    assert receive("none", timeout=0.01, after=lambda: None) is None
    send("some", 1)
    assert receive("some", 0, lambda: "instead") == ("some", 1)


def test_what_after_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        receive("none", 0, lambda: 1 / 0)


def test_no_wake_up_is_lost_with_one_producer(program, backend):
    """Pauses of every length around the moment at which a receiver goes to sleep."""
    done = program("""
        import random, threading, time
        from bocpy import receive, send
        ROUNDS = 3000
        def produce():
            chance = random.Random(7)
            for i in range(ROUNDS):
                pause = chance.choice([0, 0, 1e-6, 1e-5, 5e-5, 2e-4])
                end = time.perf_counter() + pause
                while time.perf_counter() < end:
                    pass
                send("work", i)
        thread = threading.Thread(target=produce)
        thread.start()
        for i in range(ROUNDS):
            assert receive("work") == ("work", i)
        thread.join()
        print("all")
    """)
    assert done.lines == ["all"]


def test_single_wake_ups_again_and_again(program, backend):
    done = program("""
        from bocpy import receive, send, start, wait, when
        start(1)
        ROUNDS = 1500
        @when()
        def echo():
            for _ in range(ROUNDS):
                send("pong", receive("ping")[1])
        for i in range(ROUNDS):
            send("ping", i)
            assert receive("pong") == ("pong", i)
        wait()
        print("all")
    """)
    assert done.lines == ["all"]


def test_bursts(program, backend):
    done = program("""
        from bocpy import receive, send, start, wait, when
        start(2)
        @when()
        def _():
            for burst in range(100):
                receive("go")
                for i in range(50):
                    send("burst", (burst, i))
        for burst in range(100):
            send("go", None)
            for i in range(50):
                assert receive("burst") == ("burst", (burst, i))
        wait()
        print("all")
    """)
    assert done.lines == ["all"]


def test_several_receivers_share_the_messages(program, backend):
    done = program("""
        from bocpy import Cown, receive, send, start, wait, when
        start(2)
        def receiver():
            @when()
            def got():
                return [receive(["x", "y"])[1] for _ in range(100)]
            return got
        results = [receiver() for _ in range(4)]
        for i in range(200):
            send("x", i)
            send("y", 200 + i)
        wait()
        print(sorted(sum((r.unwrap() for r in results), [])) == list(range(400)))
    """)
    assert done.lines == ["True"]


def test_several_tags_with_delayed_arrival():
    """Each message comes some time after the previous one has been received."""
    heard = queue.Queue()
    got = in_thread(lambda: [heard.put(receive(["a", "b", "c"])[0]) for _ in range(9)])
    for tag in "cabbcaacb":
        time.sleep(0.01)  # so that it has parked, mostly; the test holds in either case
        send(tag, None)
        assert heard.get(timeout=LIMIT) == tag
    got()


# In behaviors


def test_one_worker_is_enough_for_a_sender_and_its_receiver(program, backend):
    done = program("""
        from bocpy import receive, send, start, wait, when
        start(1)
        @when()
        def got():
            return receive("work")
        @when()
        def _():
            send("work", [1, 2])
        wait()
        print(got.unwrap())
    """)
    assert done.lines == ["('work', [1, 2])"]


def test_many_bodies_may_block(program, backend):
    done = program("""
        from bocpy import receive, send, start, wait, when
        start(1)
        def blocked(i):
            @when()
            def got():
                return receive(f"tag{i % 16}")[1]
            return got
        results = [blocked(i) for i in range(20)]
        @when()
        def _():
            for i in range(20):
                send(f"tag{i % 16}", i)
        wait()
        print(sorted(r.unwrap() for r in results) == list(range(20)))
    """)
    assert done.lines == ["True"]


def test_values_of_a_blocked_body_can_be_fetched(program, backend):
    """Values in the interpreter of a blocked worker can be fetched from there."""
    done = program("""
        from bocpy import Cown, receive, send, start, wait, when
        start(1)
        c = Cown([1])
        @when(c)
        def _(c):
            c.value.append(2)
        @when()
        def blocked():
            receive("go")
        @when(c)
        def _(c):
            c.value.append(3)
            send("go", None)
        wait()
        print(c.unwrap())
    """)
    assert done.lines == ["[1, 2, 3]"]


def test_a_timeout_in_a_body(runtime):
    @when()
    def got():
        return receive("none", 0.02), receive("none", 0), receive("none", 0, int)

    quiesce(LIMIT)
    assert got.unwrap() == (NOTHING, NOTHING, 0)


# Signals, fork, exit


RECEIVING = """
    from bocpy import receive
    print("receiving", flush=True)
    receive("never")
"""


def test_ctrl_c_ends_a_receive(launch, backend):
    process = launch(RECEIVING)
    read_line(process, "receiving")
    done = interrupt_until_it_ends(process)
    assert done.code in (-signal.SIGINT, 130)
    assert "KeyboardInterrupt" in done.err


def test_a_handler_runs_while_receiving(program, backend):
    done = program("""
        import os, signal, threading, time
        from bocpy import receive, send
        def handler(*_):
            send("from the handler", time.monotonic() - sent)
        signal.signal(signal.SIGTERM, handler)
        def kill():
            global sent
            time.sleep(0.05)  # so that it mostly has parked; right without, too
            sent = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
        def late():
            threading.Thread(target=kill).start()
            return receive("from the handler")[1]
        print(any(late() < 0.05 for _ in range(50)))
    """)
    assert done.lines == ["True"]


def test_a_child_has_an_empty_mailbox(program, backend):
    done = program("""
        import os
        from bocpy import receive, send, start, wait, when
        start(1)
        send("parents", 1)
        pid = os.fork()
        if pid == 0:
            assert receive("parents", 0)[1] is None
            @when()
            def _():
                send("child", receive("go")[1])
            send("go", 5)
            print(receive("child"), flush=True)
            wait()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        print(receive("parents", 0))
    """)
    assert done.lines == ["('child', 5)", "('parents', 1)"]


def test_leaving_with_messages_queued(program, backend):
    done = program("""
        from bocpy import Cown, send, start
        start(1)
        class Thing: pass
        for i in range(100):
            send("left", [i, Cown(i), Thing()])
    """)
    assert (done.out, done.err) == ("", "")
