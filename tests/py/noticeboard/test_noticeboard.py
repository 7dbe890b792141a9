"""The noticeboard: seed, write, update, delete, and the snapshots of behaviors."""

import copy
import math
import threading
from collections.abc import Mapping

import bocpy
import pytest
from bocpy import (
    REMOVED,
    Cown,
    WaitResult,
    notice_delete,
    notice_read,
    notice_seed,
    notice_update,
    notice_write,
    noticeboard,
    quiesce,
    start,
    wait,
    when,
)
from harness import LIMIT


@pytest.fixture(autouse=True)
def board(runtime):
    yield
    quiesce(LIMIT)
    wait()


def here():
    return dict(noticeboard())


def refused(error, call, *args, **named):
    with pytest.raises(error) as caught:
        call(*args, **named)
    return str(caught.value)


# Reading and writing


@pytest.mark.parametrize(
    "value", [None, 5, "text", [1, [2]], {"a": (1,)}, {1, 2}, 2.5, b"x"], ids=repr
)
def test_what_is_written_is_read(value):
    notice_write("key", value)
    assert (type(notice_read("key")), notice_read("key")) == (type(value), value)
    assert here() == {"key": value}


def test_the_default_of_a_read():
    assert notice_read("none") is None
    assert notice_read("none", 5) == 5
    assert notice_read(key="none", default="d") == "d"


def test_the_board_keeps_the_order_of_first_writing():
    for key in "cab":
        notice_write(key, key)
    notice_write("a", "again")
    assert list(noticeboard()) == ["c", "a", "b"]


def test_a_notice_is_a_copy_for_writer_and_readers():
    value = [1]
    notice_write("list", value)
    value.append(2)
    notice_read("list").append(3)
    noticeboard()["list"].append(4)
    assert notice_read("list") == [1]


def test_the_mapping_is_immutable():
    notice_write("key", 1)
    board = noticeboard()
    assert isinstance(board, Mapping)
    with pytest.raises(TypeError):
        board["key"] = 2
    with pytest.raises(AttributeError):
        board.clear()


def test_a_mapping_does_not_change():
    notice_write("key", 1)
    board = noticeboard()
    notice_write("key", 2)
    notice_write("other", 3)
    assert dict(board) == {"key": 1}


def test_cowns_may_be_notices():
    c = Cown(5)
    notice_write("cown", c)
    assert notice_read("cown") == c

    @when()
    def _():
        @when(notice_read("cown"))
        def _(c):
            c.value += 1

    quiesce(LIMIT)
    assert c.unwrap() == 6


def test_deleting():
    notice_write("key", 1)
    notice_delete("key")
    notice_delete("key")
    assert here() == {}


@pytest.mark.parametrize("key", ["", "k", "ü" * 31, "x" * 63, "a b", "\U0001f40d"])
def test_keys(key):
    notice_write(key, 1)
    assert notice_read(key) == 1
    assert here() == {key: 1}


# In behaviors


def test_behaviors_write_and_read():
    notice_seed("limit", 10)

    @when()
    def seen():
        notice_write("found", [notice_read("limit")])

    quiesce(LIMIT)
    assert seen.unwrap() is None
    assert here() == {"limit": 10, "found": [10]}


def test_a_body_sees_one_snapshot(gate):
    notice_write("key", "before")
    door = gate.door

    @when()
    def seen():
        from harness import pass_through

        first = dict(noticeboard())
        notice_write("entered", 1)
        pass_through(door)
        notice_write("own", 1)
        same = noticeboard() is noticeboard()
        return first, dict(noticeboard()), notice_read("key"), notice_read("own"), same

    while notice_read("entered") is None:
        pass
    notice_write("key", "after")
    gate.open()
    before = {"key": "before"}
    assert seen.unwrap(timeout=LIMIT) == (before, before, "before", None, True)
    assert notice_read("key") == "after"


def test_a_body_has_one_object_for_a_notice():
    notice_write("list", [1])

    @when()
    def seen():
        notice_read("list").append(2)
        return noticeboard()["list"] is notice_read("list"), notice_read("list")

    assert seen.unwrap(timeout=LIMIT) == (True, [1, 2])
    assert notice_read("list") == [1]


def test_the_next_body_takes_a_new_snapshot():
    @when()
    def _():
        noticeboard()
        notice_write("key", 1)

    quiesce(LIMIT)

    @when()
    def seen():
        return notice_read("key")

    assert seen.unwrap(timeout=LIMIT) == 1


def test_a_body_that_raises_gives_its_snapshot_up():
    notice_write("key", 1)

    @when()
    def failed():
        noticeboard()
        raise ValueError("after looking")

    quiesce(LIMIT)
    with pytest.raises(ValueError, match="after looking"):
        failed.unwrap()
    notice_write("key", 2)
    assert notice_read("key") == 2


# Updates


def test_update_is_one_step():
    for _ in range(100):

        @when()
        def _():
            notice_update("count", lambda n: n + 1, 0)

    quiesce(LIMIT)
    assert notice_read("count") == 100


def test_update_from_threads_and_behaviors_at_once():
    def count():
        for _ in range(200):
            notice_update("count", lambda n: n + 1, 0)

    @when()
    def _():
        for _ in range(200):
            notice_update("count", lambda n: n + 1, 0)

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quiesce(LIMIT)
    assert notice_read("count") == 600


def test_update_passes_the_default():
    notice_update("new", lambda value: [value])
    notice_update("other", lambda value: value, default="d")
    assert here() == {"new": [None], "other": "d"}


def test_removed_takes_the_notice_off():
    notice_write("key", 1)
    notice_update("key", lambda _: REMOVED)
    notice_update("never there", lambda _: REMOVED)
    assert here() == {}


def test_removed_is_one_object_wherever_it_goes():
    c = Cown(REMOVED)

    @when(c)
    def same(c, captured=REMOVED):
        return c.value is REMOVED and captured is REMOVED

    assert same.unwrap(timeout=LIMIT) is True
    assert copy.deepcopy(REMOVED) is REMOVED
    assert repr(REMOVED) == "REMOVED"

    notice_write("key", 1)

    @when()
    def _(gone=REMOVED):
        notice_update("key", lambda _: gone)

    quiesce(LIMIT)
    assert here() == {}


def test_what_an_update_raises_is_raised_and_changes_nothing():
    notice_write("key", [1])

    def fail(value):
        value.append(2)
        raise LookupError("of my own")

    assert "of my own" in refused(LookupError, notice_update, "key", fail)
    text = refused(TypeError, notice_update, "key", lambda _: threading.Lock())
    assert text.startswith("value: cannot ship a '_thread.lock'")
    assert notice_read("key") == [1]


def test_an_update_may_use_the_board():
    def move(value):
        notice_write("copy", value)
        return REMOVED

    notice_write("key", 5)
    notice_update("key", move)
    assert here() == {"copy": 5}


# Life


def test_seed_starts_the_runtime(program, backend):
    done = program("""
        from bocpy import _core, notice_read, notice_seed, wait, when
        notice_seed("limit", 10)
        print(_core._running())
        @when()
        def seen():
            return notice_read("limit")
        wait()
        print(seen.unwrap())
    """)
    assert done.lines == ["True", "10"]


def test_wait_clears_the_board_and_quiesce_does_not():
    notice_seed("key", 1)
    quiesce(LIMIT)
    assert here() == {"key": 1}
    wait()
    assert here() == {}


def test_a_wait_that_gives_up_leaves_the_board(gate):
    door = gate.door

    @when()
    def _():
        from harness import pass_through

        pass_through(door)

    notice_write("key", 1)
    assert wait(0.01, noticeboard=True) == {"key": 1}
    assert here() == {"key": 1}
    gate.open()


def test_what_wait_returns():
    notice_seed("key", 1)
    assert quiesce(noticeboard=True) == {"key": 1}
    both = wait(stats=True, noticeboard=True)
    assert type(both) is WaitResult
    stats, notices = both
    assert notices == both.noticeboard == {"key": 1}
    assert [type(row) for row in stats] == [dict] * len(stats)
    start(2)
    assert wait(noticeboard=True) == {}
    assert wait() is None


def test_a_child_has_an_empty_board(program, backend):
    done = program("""
        import os
        from bocpy import notice_read, notice_seed, noticeboard, start, wait, when
        start(1)
        notice_seed("parents", 1)
        pid = os.fork()
        if pid == 0:
            assert dict(noticeboard()) == {}
            notice_seed("childs", 2)
            @when()
            def seen():
                return dict(noticeboard())
            wait()
            print(seen.unwrap(), flush=True)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        print(dict(noticeboard()))
    """)
    assert done.lines == ["{'childs': 2}", "{'parents': 1}"]


def test_leaving_with_notices(program, backend):
    done = program("""
        from bocpy import Cown, notice_seed, notice_write, when
        class Thing: pass
        notice_seed("cown", [Cown(5), Thing()])
        @when()
        def _():
            notice_write("late", Cown([Thing()]))
    """)
    assert (done.out, done.err) == ("", "")


# Refusals


def test_the_board_has_room_for_64():
    for i in range(64):
        notice_write(str(i), i)
    text = "the noticeboard is full, it has 64 keys: notice_delete() one"
    full = [
        (notice_write, "one more", 1),
        (notice_seed, "one more", 1),
        (notice_update, "one more", lambda _: 1),
    ]
    for call, *args in full:
        assert refused(RuntimeError, call, *args) == f"{call.__name__}(): {text}"
    notice_write("63", "again")
    notice_delete("0")
    notice_write("one more", 1)
    assert len(here()) == 64


KEYS = [
    (5, TypeError, "a notice's key must be a str, not 'int'"),
    (None, TypeError, "a notice's key must be a str, not 'NoneType'"),
    (b"k", TypeError, "a notice's key must be a str, not 'bytes'"),
    ("a\0b", ValueError, "a notice's key must have no NUL in it: 'a\\x00b'"),
    ("x" * 64, ValueError, "a notice's key has at most 63 bytes of UTF-8, not 64"),
    ("ü" * 32, ValueError, "a notice's key has at most 63 bytes of UTF-8, not 64"),
]


@pytest.mark.parametrize(("key", "error", "text"), KEYS)
def test_what_can_be_no_key(key, error, text):
    assert refused(error, notice_read, key) == f"notice_read(): {text}"
    assert refused(error, notice_write, key, 1) == f"notice_write(): {text}"
    assert refused(error, notice_seed, key, 1) == f"notice_seed(): {text}"
    assert refused(error, notice_delete, key) == f"notice_delete(): {text}"
    assert refused(error, notice_update, key, lambda v: v) == f"notice_update(): {text}"
    assert here() == {}


def test_writers_need_a_running_runtime():
    wait()
    calls = [
        (notice_write, "k", 1),
        (notice_delete, "k"),
        (notice_update, "k", lambda v: v),
    ]
    for call, *args in calls:
        assert refused(RuntimeError, call, *args) == (
            f"{call.__name__}(): the runtime is not running: start() it before, or use "
            "notice_seed()"
        )
    assert notice_read("k") is None
    assert here() == {}


def test_seed_is_for_the_main_interpreter(chosen_backend):
    @when()
    def attempt():
        notice_seed("key", 1)

    quiesce(LIMIT)
    if chosen_backend == "interpreters":
        with pytest.raises(RuntimeError, match=r"notice_seed\(\) is for the main"):
            attempt.unwrap()
    else:
        assert attempt.unwrap() is None


def test_what_cannot_be_shipped_is_an_error_of_the_writer():
    for call in (notice_write, notice_seed):
        text = refused(TypeError, call, "key", [threading.Lock()])
        assert text.startswith("value[0]: cannot ship a '_thread.lock'")
    assert here() == {}


def test_update_wants_a_callable():
    text = refused(TypeError, notice_update, "key", 5)
    assert text == "notice_update(): fn must be callable, not 'int'"


def test_nan_is_kept():
    notice_write("nan", math.nan)
    assert math.isnan(notice_read("nan"))


def test_the_names_are_public():
    names = {
        "REMOVED",
        "noticeboard",
        "notice_read",
        "notice_seed",
        "notice_write",
        "notice_update",
        "notice_delete",
    }
    assert names <= set(bocpy.__all__)


# ---- large values are decoded once ---------------------------------------------------

LARGE = [
    list(range(2000)),
    {str(i): i for i in range(2000)},
    set(range(2000)),
    bytearray(5000),
    tuple(range(2000)),
    [[i] for i in range(1000)],
    {"deep": [list(range(2000))]},
]


def spoil(value):
    """Changes the value, and the parts of it that can be changed."""
    if isinstance(value, list):
        for item in value:
            spoil(item)
        value.append("spoilt")
    elif isinstance(value, dict):
        for item in value.values():
            spoil(item)
        value["spoilt"] = True
    elif isinstance(value, set):
        value.add("spoilt")
    elif isinstance(value, bytearray):
        value.extend(b"spoilt")


@pytest.mark.parametrize("value", LARGE, ids=lambda value: type(value).__name__)
def test_what_a_reader_changes_no_other_reader_sees(value):
    notice_seed("large", value)
    results = []
    for _ in range(6):

        @when()
        def seen():
            found = notice_read("large")
            before = copy.deepcopy(found)
            spoil(found)
            return before

        results.append(seen)
    assert all(one.unwrap(timeout=LIMIT) == value for one in results)
    here = notice_read("large")
    spoil(here)
    assert notice_read("large") == value


@pytest.mark.stress
def test_threads_that_read_one_bytearray_leave_no_export(program, backend):
    """CPython prints the error as it frees a bytearray whose exports it miscounted."""
    done = program("""
        from collections import deque
        from itertools import repeat
        from threading import Barrier, Thread
        from bocpy import notice_read, notice_seed, start, wait
        start()
        together = Barrier(2)
        def read_often():
            together.wait()
            deque(map(notice_read, repeat("data", 2000)), 0)
        for _ in range(100):
            notice_seed("data", bytearray(1100))
            threads = [Thread(target=read_often) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        notice_seed("data", bytearray(1100))
        print(notice_read("data") == bytearray(1100))
        wait()
    """)
    assert (done.out, done.err) == ("True\n", "")


def test_a_large_notice_that_is_written_again_is_read_again():
    for number in range(3):
        notice_seed("large", [number] * 2000)
        assert notice_read("large") == [number] * 2000

        @when()
        def seen():
            return notice_read("large")[0]

        assert seen.unwrap(timeout=LIMIT) == number


CALLBACKS = """
import logging, time
from bocpy import *
start(1)
seen = []
def first(cown): seen.append((notice_read("k"), dict(noticeboard())))
class Handler(logging.Handler):
    def emit(self, record): seen.append((notice_read("k"), dict(noticeboard())))
logging.getLogger().addHandler(Handler())
for i in range(5):
    notice_write("k", [i])
    @when()
    def read():
        import logging
        before = notice_read("k")
        logging.getLogger().warning("look")
        return before, notice_read("k"), dict(noticeboard())
    read.add_done_callback(first)
    quiesce()
    assert read.unwrap() == ([i], [i], {"k": [i]}), (i, read.unwrap())
    assert [seen.pop(), seen.pop()] == [([i], {"k": [i]})] * 2 and not seen
wait()
print("done")
"""


def test_callbacks_and_handlers_see_the_board_as_it_is(program, backend):
    """They run on a worker's thread, in the main interpreter: the body kept what they
    had read, in the wrong interpreter."""
    assert program(CALLBACKS).out.split() == ["done"]
