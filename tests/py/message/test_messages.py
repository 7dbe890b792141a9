"""Messages: send, receive, drain, set_tags.

A receive without a timeout parks. A test whose receive could wait for ever runs as a
program with a time limit.
"""

import enum
import math
import queue
import signal
import threading
import time
from dataclasses import dataclass

import bocpy
import pytest
from bocpy import (
    TIMEOUT,
    Cown,
    drain,
    quiesce,
    receive,
    send,
    set_tags,
    start,
    wait,
    when,
)
from harness import LIMIT, interrupt_until_it_ends, read_line

pytestmark = pytest.mark.usefixtures("fresh_tags")

NOTHING = (TIMEOUT, None)

#: How often a timeout may be late on a busy machine without being a defect.
ATTEMPTS = 50


@pytest.fixture
def fresh_tags():
    set_tags([])
    yield
    set_tags([])


class Color(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: int
    y: int


def in_thread(function, *args):
    """Starts a thread; `result()` waits for it."""
    answers = []

    def run():
        try:
            answers.append((True, function(*args)))
        except BaseException as error:
            answers.append((False, error))

    thread = threading.Thread(target=run)
    thread.start()

    def result(timeout=LIMIT):
        thread.join(timeout)
        assert not thread.is_alive(), "the thread has not ended"
        worked, answer = answers[0]
        if worked:
            return answer
        raise answer

    return result


# What arrives


@pytest.mark.parametrize(
    "contents",
    [
        None,
        0,
        2**100,
        1.5,
        "text",
        b"bytes",
        [],
        [1, 2],
        (1, 2),
        (),
        {"a": [1]},
        {1, 2},
        frozenset({3}),
        bytearray(b"x"),
        Color.RED,
        Point(1, 2),
        ValueError,
        int,
        len,
        range(3),
    ],
    ids=repr,
)
def test_contents_arrive_with_their_type(runtime, contents):
    send("tag", contents)
    tag, arrived = receive("tag", LIMIT)
    assert tag == "tag"
    assert (type(arrived), arrived) == (type(contents), contents)


def test_an_exception_is_a_value(runtime):
    send("tag", KeyError("lost"))
    arrived = receive("tag", LIMIT)[1]
    assert type(arrived) is KeyError
    assert arrived.args == ("lost",)


def test_sharing_inside_a_message_survives(runtime):
    inner = [1]
    send("tag", [inner, inner])
    arrived = receive("tag", LIMIT)[1]
    assert arrived[0] is arrived[1]


def test_cowns_travel_as_handles(runtime):
    c = Cown(5)
    send("tag", {"cown": c})
    assert receive("tag", LIMIT)[1]["cown"] == c


def test_threads_pass_the_object_and_interpreters_a_copy(runtime, chosen_backend):
    contents = [1]
    send("tag", contents)
    assert (receive("tag", LIMIT)[1] is contents) == (chosen_backend == "threads")


def test_between_a_body_and_the_main_thread(runtime):
    send("question", [20, 1])

    @when()
    def answer():
        send("answer", sum(receive("question")[1]))

    assert receive("answer", LIMIT) == ("answer", 21)
    quiesce(LIMIT)
    assert answer.unwrap() is None


def test_messages_wait_for_the_first_behavior(program, backend):
    done = program("""
        from bocpy import receive, send, start, wait, when
        send("before", [1, 2])
        start(1)
        @when()
        def got():
            return receive("before")
        wait()
        print(got.unwrap())
        send("after", 3)
        print(receive("after"))
    """)
    assert done.lines == ["('before', [1, 2])", "('after', 3)"]


def test_messages_survive_wait_and_start(runtime, chosen_backend):
    send("kept", "x")
    wait()
    start(2, backend=chosen_backend)
    assert receive("kept", 0) == ("kept", "x")


@pytest.mark.parametrize("tag", ["", "a", "ü", "\U0001f40d", "a b\n", "x" * 1000])
def test_any_text_is_a_tag(tag):
    send(tag, 1)
    assert receive(tag, 0) == (tag, 1)


# Order


def test_a_tag_is_first_in_first_out(runtime):
    for i in range(1000):
        send("n", i)
    assert [receive("n", 0)[1] for _ in range(1000)] == list(range(1000))


def test_tags_do_not_mix(runtime):
    send("a", 1)
    send("b", 2)
    assert receive("b", 0) == ("b", 2)
    assert receive("b", 0) == NOTHING
    assert receive("a", 0) == ("a", 1)


def test_several_tags_take_turns(runtime):
    for i in range(200):
        send("a", i)
        send("b", i)
    first = [receive(["a", "b"], 0)[0] for _ in range(200)]
    assert 40 < first.count("a") < 160


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, iter, dict.fromkeys])
def test_tags_come_in_any_iterable(runtime, kind):
    send("b", 1)
    assert receive(kind(["a", "b"]), 0) == ("b", 1)


def test_a_tag_may_be_named_twice(runtime):
    send("a", 1)
    assert receive(["a", "a"], 0) == ("a", 1)


def test_each_producer_keeps_its_order(runtime):
    count = 300

    def produce(name):
        @when()
        def _(name=name):
            for i in range(count):
                send("mixed", (name, i))

    for name in range(4):
        produce(name)
    seen = {name: [] for name in range(4)}
    for _ in range(4 * count):
        name, i = receive("mixed", LIMIT)[1]
        seen[name].append(i)
    assert seen == {name: list(range(count)) for name in range(4)}


def test_interleaved_producers_of_several_tags(runtime):
    tags = ["a", "b", "c"]
    for tag in tags:

        @when()
        def _(tag=tag):
            for i in range(200):
                send(tag, i)

    seen = {tag: [] for tag in tags}
    for _ in range(600):
        tag, i = receive(tags, LIMIT)
        seen[tag].append(i)
    assert all(seen[tag] == list(range(200)) for tag in tags)


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


# Drain


def test_drain_empties_what_it_names(runtime):
    for tag in "abc":
        send(tag, 1)
    drain("a")
    drain(["b", "unknown"])
    drain([])
    assert receive(["a", "b"], 0) == NOTHING
    assert receive("c", 0) == ("c", 1)


def test_drain_leaves_receivers_waiting():
    got = in_thread(receive, "work")
    for _ in range(10):
        drain("work")
        time.sleep(0.005)
    send("work", 1)
    assert got() == ("work", 1)


def test_drained_contents_are_given_up(runtime, chosen_backend):
    dropped = []

    class Noisy:
        def __del__(self):
            dropped.append(1)

    if chosen_backend == "threads":
        for _ in range(3):
            send("noisy", Noisy())
        drain("noisy")
        assert dropped == [1, 1, 1]
    else:
        before = bocpy.Cown(0)
        send("noisy", before)
        drain("noisy")
        assert receive("noisy", 0) == NOTHING


# set_tags


def test_set_tags_discards_everything(runtime):
    send("old", 1)
    send("both", 2)
    set_tags(["both", "new"])
    assert receive(["old", "both", "new"], 0) == NOTHING


def test_set_tags_takes_one_name_or_none(runtime):
    set_tags("one")
    set_tags(())
    send("another", 1)
    assert receive("another", 0) == ("another", 1)


def test_sixteen_tags_while_running(runtime):
    names = [f"tag{i}" for i in range(16)]
    set_tags(names)
    for name in names:
        send(name, name)
    assert {receive(names, 0)[1] for _ in names} == set(names)


def test_a_receiver_of_a_removed_tag_gets_an_error():
    ended = threading.Event()

    def wait_for_it():
        try:
            receive(["gone", "also gone"])
        finally:
            ended.set()

    set_tags(["gone", "also gone"])
    got = in_thread(wait_for_it)
    # it has not parked yet: it waits again for the message that is there
    while not ended.wait(0.01):
        set_tags(["other"])
        set_tags(["gone", "also gone"])
    with pytest.raises(RuntimeError, match=r"set_tags\(\) took away a tag"):
        got()


def test_a_receiver_of_a_tag_that_stays_goes_on():
    set_tags(["stays", "goes"])
    got = in_thread(receive, "stays")
    time.sleep(0.1)
    set_tags(["other", "stays"])
    send("stays", 1)
    assert got() == ("stays", 1)


def refused(error, call, *args, **named):
    with pytest.raises(error) as caught:
        call(*args, **named)
    return str(caught.value)


@pytest.mark.parametrize(
    ("tags", "error", "text"),
    [
        ([f"t{i}" for i in range(17)], IndexError, "17 tags, and 16 are possible"),
        (["a", "a"], ValueError, "set_tags(): a tag is given twice"),
        (["a", 5], TypeError, "set_tags(): tag 1 must be a str, not 'int'"),
        (5, TypeError, "set_tags(): tags must be a str or several, not 'int'"),
        (["\ud800"], UnicodeEncodeError, "surrogates not allowed"),
    ],
)
def test_set_tags_is_all_or_nothing(tags, error, text):
    set_tags(["kept"])
    send("kept", 1)
    assert text in refused(error, set_tags, tags)
    assert receive("kept", 0) == ("kept", 1)


def test_set_tags_is_for_the_main_interpreter(runtime, chosen_backend):
    @when()
    def attempt():
        set_tags(["x"])

    quiesce(LIMIT)
    if chosen_backend == "interpreters":
        with pytest.raises(RuntimeError, match="is for the main interpreter only"):
            attempt.unwrap()
    else:
        assert attempt.unwrap() is None


# Refusals


def test_the_seventeenth_tag_names_the_capacity():
    for i in range(16):
        send(f"tag{i}", i)
    text = "tag capacity exceeded: there are 16 already"
    assert text in refused(KeyError, send, "one more", 1)
    assert text in refused(KeyError, receive, "one more", 0)
    assert text in refused(KeyError, receive, "one more")
    assert receive("tag3", 0) == ("tag3", 3)


def test_a_full_queue_refuses():
    for i in range(16384):
        send("full", i)
    assert refused(RuntimeError, send, "full", 0) == "Message queue is full"
    assert receive("full", 0) == ("full", 0)
    send("full", 16384)
    send("other", 1)


@pytest.mark.parametrize("tag", [None, 5, b"bytes", ["list"], 1.5])
def test_a_tag_is_a_str(tag):
    name = type(tag).__name__
    assert (
        refused(TypeError, send, tag, 1) == f"send(): tag must be a str, not '{name}'"
    )


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), "send() takes a tag and contents (0 given)"),
        (("a",), "send() takes a tag and contents (1 given)"),
        (("a", 1, 2), "send() takes a tag and contents (3 given)"),
    ],
)
def test_send_needs_a_tag_and_contents(args, text):
    assert refused(TypeError, send, *args) == text


def test_send_takes_names():
    send(tag="a", contents=1)
    send("a", contents=2)
    assert [receive(tags="a", timeout=0)[1] for _ in range(2)] == [1, 2]
    assert "unexpected keyword argument 'what'" in refused(TypeError, send, "a", what=2)


def test_what_cannot_be_shipped_raises_in_the_sender(runtime, chosen_backend):
    if chosen_backend == "threads":
        lock = threading.Lock()
        send("tag", lock)
        assert receive("tag", 0)[1] is lock
        return
    text = refused(TypeError, send, "tag", {"a": threading.Lock()})
    assert text.startswith("contents['a']: cannot ship a '_thread.lock'")
    assert receive("tag", 0) == NOTHING


@pytest.mark.parametrize(
    ("tags", "error", "text"),
    [
        ([], RuntimeError, "receive(): no tags: name one at least"),
        (5, TypeError, "receive(): tags must be a str or several, not 'int'"),
        (None, TypeError, "receive(): tags must be a str or several, not 'NoneType'"),
        (b"a", TypeError, "receive(): tags must be a str or several, not 'bytes'"),
        (["a", 5], TypeError, "receive(): tag 1 must be a str, not 'int'"),
    ],
)
def test_receive_needs_tags(tags, error, text):
    assert refused(error, receive, tags, 0) == text


def test_what_an_iterable_of_tags_raises_is_raised():
    def tags():
        yield "a"
        raise TypeError("of my own")

    assert refused(TypeError, receive, tags(), 0) == "of my own"


@pytest.mark.parametrize("call", [drain, set_tags])
def test_drain_and_set_tags_need_tags(call):
    name = call.__name__
    assert refused(TypeError, call, 5).startswith(f"{name}(): tags must be a str or")
    assert refused(TypeError, call, [None]).startswith(f"{name}(): tag 0 must be a str")


@pytest.mark.parametrize(
    ("timeout", "error", "text"),
    [
        (math.nan, ValueError, "timeout must be a number of seconds, not NaN"),
        ("1", TypeError, "timeout must be a number of seconds or None, not 'str'"),
        ([], TypeError, "timeout must be a number of seconds or None, not 'list'"),
    ],
)
def test_receive_needs_a_number_of_seconds(timeout, error, text):
    assert refused(error, receive, "a", timeout) == text


def test_after_must_be_callable():
    text = refused(TypeError, receive, "a", 0, 5)
    assert text == "receive(): after must be callable or None, not 'int'"


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
