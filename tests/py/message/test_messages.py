"""Messages: send, receive, drain, set_tags; their order, and refusals.

A receive without a timeout parks. A test whose receive could wait for ever runs as a
program with a time limit.
"""

import enum
import math
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
from harness import LIMIT, in_thread

pytestmark = pytest.mark.usefixtures("fresh_tags")

NOTHING = (TIMEOUT, None)


class Number(int):
    pass


@pytest.mark.parametrize(
    "number",
    [
        *(0, 1, -1, 255, 2**29, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**62, 2**64),
        *(-(2**29), -(2**30), -(2**30) - 1, -(2**31), -(2**31) - 1, -(2**64)),
        *(True, False, Number(7)),
    ],
)
def test_numbers_arrive_with_their_value_and_type(number):
    send("number", number)
    assert receive("number") == ("number", number)
    send("number", number)
    again = receive("number")[1]
    assert type(again) is type(number)


def test_numbers_in_a_queue_that_is_drained_or_replaced_are_dropped():
    for number in range(1000):
        send("number", number)
        send("number", [number])
    drain("number")
    assert receive("number", 0) == NOTHING
    send("number", 5)
    send("number", "five")
    set_tags(["other"])
    set_tags([])
    assert receive("number", 0) == NOTHING


class Color(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: int
    y: int


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
        (
            math.nan,
            ValueError,
            "receive(): timeout must be a number of seconds, not NaN",
        ),
        (
            "1",
            TypeError,
            "receive(): timeout must be a number of seconds or None, not 'str'",
        ),
        (
            [],
            TypeError,
            "receive(): timeout must be a number of seconds or None, not 'list'",
        ),
    ],
)
def test_receive_needs_a_number_of_seconds(timeout, error, text):
    assert refused(error, receive, "a", timeout) == text


def test_after_must_be_callable():
    text = refused(TypeError, receive, "a", 0, 5)
    assert text == "receive(): after must be callable or None, not 'int'"
