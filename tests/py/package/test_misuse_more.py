"""Misuse of messages, notices, pinned cowns and the pump: each wrong call, the
exception that it raises, and its text.
"""

import bocpy
import misuse
import pytest
from bocpy import (
    PinnedCown,
    notice_delete,
    notice_seed,
    pump,
    quiesce,
    set_tags,
    when,
)
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")

TABLE = misuse.Table()
says, python_says = TABLE.says, TABLE.python_says

CANNOT_SHIP = (
    "{}: cannot ship a '_thread.lock'; keep it in a PinnedCown, or use "
    "backend='threads'"
)
NO_NUMBER = "timeout must be a number of seconds or None, not '{}'"

# Messages

TWO = "send() takes a tag and contents ({} given)"
says(TypeError, TWO.format(0), "send()")
says(TypeError, TWO.format(1), "send('a')")
says(TypeError, TWO.format(3), "send('a', 1, 2)")
says(
    TypeError,
    "send() got an unexpected keyword argument 'content'",
    "send('a', content=2)",
)
NO_TAG = "{}(): tag must be a str, not '{}'"
says(TypeError, NO_TAG.format("send", "int"), "send(1, 1)")
says(TypeError, NO_TAG.format("send", "bytes"), "send(b'a', 1)")
says(TypeError, NO_TAG.format("send", "NoneType"), "send(None, 1)")
says(TypeError, NO_TAG.format("send", "list"), "send(['a'], 1)")
says(
    TypeError,
    CANNOT_SHIP.format("contents"),
    "send('a', threading.Lock())",
    only="interpreters",
)
says(
    TypeError,
    CANNOT_SHIP.format("contents['k'][1]"),
    "send('a', {'k': [0, threading.Lock()]})",
    only="interpreters",
)
NO_TAGS = "{}(): tags must be a str or several, not '{}'"
NO_MEMBER = "{}(): tag {} must be a str, not '{}'"
says(TypeError, "receive() missing required argument 'tags' (pos 1)", "receive()")
says(TypeError, NO_TAGS.format("receive", "int"), "receive(1)")
says(TypeError, NO_TAGS.format("receive", "NoneType"), "receive(None)")
says(TypeError, NO_TAGS.format("receive", "bytes"), "receive(b'a')")
says(TypeError, NO_MEMBER.format("receive", 0, "int"), "receive([1])")
says(TypeError, NO_MEMBER.format("receive", 1, "NoneType"), "receive(['a', None])")
says(
    RuntimeError,
    "receive(): no tags: name one at least",
    "receive([])",
    "receive(())",
    "receive(set(), 0)",
)
says(TypeError, NO_NUMBER.format("str"), "receive('a', 'soon')")
says(TypeError, NO_NUMBER.format("list"), "receive('a', timeout=[])")
says(
    ValueError,
    "timeout must be a number of seconds, not NaN",
    "receive('a', misuse.NAN)",
)
says(
    TypeError,
    "receive(): after must be callable or None, not 'int'",
    "receive('a', 0, 5)",
)
says(
    TypeError,
    "receive(): after must be callable or None, not 'str'",
    "receive('a', 0, after='x')",
)
says(ZeroDivisionError, "division by zero", "receive('silent', 0, lambda: 1 / 0)")
FULL = (
    "{}(): tag capacity exceeded: there are 16 already; use fewer, or replace them all "
    "with set_tags()"
)
says(KeyError, FULL.format("send"), "with_sixteen_tags(lambda: bocpy.send('q', 1))")
says(KeyError, FULL.format("receive"), "with_sixteen_tags(lambda: receive('q', 0))")
says(TypeError, NO_TAGS.format("drain", "int"), "drain(1)")
says(TypeError, NO_TAGS.format("drain", "NoneType"), "drain(None)")
says(TypeError, NO_MEMBER.format("drain", 0, "int"), "drain([1])")
says(TypeError, NO_TAGS.format("set_tags", "int"), "set_tags(1)")
says(TypeError, NO_MEMBER.format("set_tags", 0, "int"), "set_tags([1])")
says(TypeError, NO_MEMBER.format("set_tags", 1, "float"), "set_tags(['a', 1.5])")
says(
    IndexError,
    "set_tags(): 17 tags, and 16 are possible",
    "set_tags([str(n) for n in range(17)])",
)
says(ValueError, "set_tags(): a tag is given twice", "set_tags(['a', 'b', 'a'])")
says(
    RuntimeError,
    "set_tags() is for the main interpreter only",
    "in_body(lambda: bocpy.set_tags(['a']))",
    only="interpreters",
)
python_says(TypeError, r".*drain\(\) takes exactly one.*", "drain()")
python_says(TypeError, r".*set_tags\(\) takes exactly one.*", "set_tags()")

# Notices

NO_KEY = "a notice's key must be a str, not '{}'"
LONG = "a notice's key has at most 63 bytes of UTF-8, not {}"
NUL = "a notice's key must have no NUL in it: {!r}"
says(TypeError, NO_KEY.format("int"), "notice_write(1, 1)", "notice_delete(1)")
says(TypeError, NO_KEY.format("int"), "notice_read(1)", "notice_seed(1, 1)")
says(TypeError, NO_KEY.format("NoneType"), "notice_update(None, len)")
says(TypeError, NO_KEY.format("bytes"), "notice_write(b'k', 1)")
says(ValueError, LONG.format(64), "notice_write('k' * 64, 1)", "notice_read('k' * 64)")
says(ValueError, LONG.format(64), "notice_seed('\xe9' * 32, 1)")
says(ValueError, LONG.format(99), "notice_delete('k' * 99)")
says(ValueError, LONG.format(70), "notice_update('k' * 70, len)")
says(ValueError, NUL.format("a\0b"), r"notice_write('a\0b', 1)")
says(ValueError, NUL.format("\0"), r"notice_delete('\0')", r"notice_seed('\0', 1)")
MISSING = "{}() missing required argument '{}' (pos {})"
says(TypeError, MISSING.format("notice_write", "key", 1), "notice_write()")
says(TypeError, MISSING.format("notice_write", "value", 2), "notice_write('k')")
says(TypeError, MISSING.format("notice_read", "key", 1), "notice_read()")
says(TypeError, MISSING.format("notice_update", "fn", 2), "notice_update('k')")
says(TypeError, MISSING.format("notice_seed", "value", 2), "notice_seed('k')")
says(
    TypeError,
    "notice_update(): fn must be callable, not 'int'",
    "notice_update('k', 3)",
)
says(
    TypeError,
    CANNOT_SHIP.format("value"),
    "notice_write('k', threading.Lock())",
    "notice_seed('k', threading.Lock())",
    "notice_update('k', lambda value: threading.Lock())",
)
says(ZeroDivisionError, "division by zero", "notice_update('k', lambda value: 1 / 0)")
NO_ROOM = "{}(): the noticeboard is full, it has 64 keys: notice_delete() one"
says(RuntimeError, NO_ROOM.format("notice_write"), "full(notice_write)")
says(RuntimeError, NO_ROOM.format("notice_seed"), "full(notice_seed)")
says(
    RuntimeError,
    NO_ROOM.format("notice_update"),
    "full(lambda key, value: notice_update(key, lambda old: value))",
)
CLOSED = "{}(): the runtime is not running: start() it before, or use notice_seed()"
says(
    RuntimeError,
    CLOSED.format("notice_write"),
    "stopped(lambda: notice_write('k', 1))",
)
says(
    RuntimeError, CLOSED.format("notice_delete"), "stopped(lambda: notice_delete('k'))"
)
says(
    RuntimeError,
    CLOSED.format("notice_update"),
    "stopped(lambda: notice_update('k', len))",
)
says(
    RuntimeError,
    "notice_seed() is for the main interpreter only",
    "in_body(lambda: bocpy.notice_seed('k', 1))",
    only="interpreters",
)
python_says(TypeError, ".*item assignment", "set_one()")

# Pinned cowns

says(
    TypeError, "PinnedCown() missing required argument 'value' (pos 1)", "PinnedCown()"
)
says(TypeError, "PinnedCown() takes at most 1 argument (2 given)", "PinnedCown(1, 2)")
says(RuntimeError, "this cown is initialized already", "PinnedCown(1).__init__(2)")
says(
    RuntimeError,
    "PinnedCown() on a worker: the value would have no home there; make it in the main "
    "interpreter, and give the cown to the behavior",
    "in_body(lambda: bocpy.PinnedCown(1))",
)
STAYS = (
    "{}: this cown is pinned, its value stays on the main thread: look at it in a "
    "behavior over the cown (@when), which runs there"
)
says(
    RuntimeError,
    STAYS.format("value"),
    "in_body(lambda p: p.value, PinnedCown(1))",
    "in_body(lambda p: setattr(p, 'value', 2), PinnedCown(1))",
    "in_thread(lambda p=PinnedCown(1): p.value)",
)
says(
    RuntimeError,
    STAYS.format("acquire()"),
    "in_body(lambda p: p.acquire(), PinnedCown(1))",
    "in_body(lambda p: p.__enter__(), PinnedCown(1))",
    "in_thread(PinnedCown(1).acquire)",
)
says(
    RuntimeError,
    STAYS.format("unwrap()"),
    "in_body(lambda p: p.unwrap(), PinnedCown(1))",
    "in_body(lambda p: p.unwrap(timeout=1), PinnedCown(1))",
    "in_thread(PinnedCown(1).unwrap)",
)
says(
    RuntimeError,
    STAYS.format("exception"),
    "in_body(lambda p: setattr(p, 'exception', True), PinnedCown(1))",
)
says(
    RuntimeError,
    STAYS.format("disown()"),
    "in_body(lambda p: p.impl.disown(), PinnedCown(1))",
)
says(
    RuntimeError,
    "value: this cown is not held here; use it in a behavior that was given it "
    "(@when), or between acquire() and release()",
    "PinnedCown(1).value",
)

# The pump

NOT_POSITIVE = "{} must be a positive int{}, not {}"
for name, call, unless in (
    ("deadline_ms", "pump(deadline_ms={})", " or None"),
    ("max_behaviors", "pump(max_behaviors={})", " or None"),
    ("warn_ms", "set_pump_watchdog({})", " or None"),
    ("ms", "set_wait_pump_poll({})", ""),
):
    for number, shown in (
        ("0", "0"),
        ("-1", "-1"),
        ("True", "'bool'"),
        ("1.5", "'float'"),
        ("'1'", "'str'"),
        ("misuse.NAN", "'float'"),
    ):
        says(TypeError, NOT_POSITIVE.format(name, unless, shown), call.format(number))
says(TypeError, "ms must be a positive int, not 'NoneType'", "set_wait_pump_poll(None)")
TOO_LONG = "{} is {}: the most is 9223372036854 milliseconds"
says(OverflowError, TOO_LONG.format("deadline_ms", 2**63), "pump(2**63)")
says(OverflowError, TOO_LONG.format("warn_ms", 10**30), "set_pump_watchdog(10**30)")
says(
    TypeError,
    "on_starve must be callable or None, not 'int'",
    "set_pump_watchdog(on_starve=3)",
)
says(
    TypeError,
    "on_starve must be callable or None, not 'str'",
    "set_pump_watchdog(None, 'x')",
)
says(
    RuntimeError,
    "set_pump_watchdog() is for the main interpreter only",
    "in_body(lambda: bocpy.set_pump_watchdog(None))",
    only="interpreters",
)
says(
    RuntimeError,
    "pump() is for the main thread only: that is where behaviors over pinned cowns run",
    "in_thread(pump)",
)
says(
    RuntimeError,
    "pump() inside a behavior: pinned behaviors do not nest; the pump that runs this "
    "one goes on when it returns",
    "in_a_pinned_body(lambda p: bocpy.pump())",
)
says(
    RuntimeError,
    "wait() inside a behavior would wait for the behavior itself: schedule another "
    "behavior instead",
    "in_a_pinned_body(lambda p: bocpy.wait())",
)
says(
    RuntimeError,
    "pump() without a runtime: call start(), or schedule a behavior, first",
    "stopped(pump)",
)
says(ZeroDivisionError, "division by zero", "raise_on_error()")
python_says(TypeError, r"pump\(\) takes .* 4 were given", "pump(1, 2, True, 4)")
python_says(TypeError, ".*'unknown'", "pump(unknown=1)")


# ---- those that take more than an expression


def with_sixteen_tags(function):
    try:
        set_tags([str(n) for n in range(16)])
        return function()
    finally:
        set_tags([])


def full(write):
    keys = [f"key {n}" for n in range(64)]
    for key in keys:
        notice_seed(key, 0)
    try:
        return write("one more", 1)
    finally:
        for key in keys:
            notice_delete(key)


def set_one():
    bocpy.noticeboard()["k"] = 1


def in_a_pinned_body(function):
    result = when(PinnedCown(1))(function)
    quiesce(timeout=LIMIT)
    return result.unwrap()


def raise_on_error():
    when(PinnedCown(1))(lambda p: 1 / 0)
    return pump(raise_on_error=True)


#: What the expressions are made of.
NAMES = {**vars(bocpy), **vars(misuse), **globals()}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.call)
def test_misuse(row, backend):
    misuse.check(row, NAMES, backend)


def test_the_table_is_long_and_its_calls_are_unique():
    calls = [row.call for row in TABLE.rows]
    assert len(set(calls)) == len(calls)
    assert len(TABLE.exact()) >= 100
