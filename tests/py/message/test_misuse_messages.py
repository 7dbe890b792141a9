"""Misuse of messages and notices: each wrong call, its exception and its text."""

import bocpy
import misuse
import pytest
from bocpy import notice_delete, notice_seed, set_tags

pytestmark = pytest.mark.usefixtures("runtime")

TABLE = misuse.Table()
says, python_says = TABLE.says, TABLE.python_says

CANNOT_SHIP = (
    "{}: cannot ship a '_thread.lock'; keep it in a PinnedCown, or use "
    "backend='threads'"
)
NO_NUMBER = "receive(): timeout must be a number of seconds or None, not '{}'"

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
    "receive(): timeout must be a number of seconds, not NaN",
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

NO_KEY = "{}(): a notice's key must be a str, not '{}'"
LONG = "{}(): a notice's key has at most 63 bytes of UTF-8, not {}"
NUL = "{}(): a notice's key must have no NUL in it: {!r}"
says(TypeError, NO_KEY.format("notice_write", "int"), "notice_write(1, 1)")
says(TypeError, NO_KEY.format("notice_delete", "int"), "notice_delete(1)")
says(TypeError, NO_KEY.format("notice_read", "int"), "notice_read(1)")
says(TypeError, NO_KEY.format("notice_seed", "int"), "notice_seed(1, 1)")
says(TypeError, NO_KEY.format("notice_update", "NoneType"), "notice_update(None, len)")
says(TypeError, NO_KEY.format("notice_write", "bytes"), "notice_write(b'k', 1)")
says(ValueError, LONG.format("notice_write", 64), "notice_write('k' * 64, 1)")
says(ValueError, LONG.format("notice_read", 64), "notice_read('k' * 64)")
says(ValueError, LONG.format("notice_seed", 64), "notice_seed('\xe9' * 32, 1)")
says(ValueError, LONG.format("notice_delete", 99), "notice_delete('k' * 99)")
says(ValueError, LONG.format("notice_update", 70), "notice_update('k' * 70, len)")
says(ValueError, NUL.format("notice_write", "a\0b"), r"notice_write('a\0b', 1)")
says(ValueError, NUL.format("notice_delete", "\0"), r"notice_delete('\0')")
says(ValueError, NUL.format("notice_seed", "\0"), r"notice_seed('\0', 1)")
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


#: What the expressions are made of.
NAMES = {**vars(bocpy), **vars(misuse), **globals()}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.call)
def test_misuse(row, backend):
    misuse.check(row, NAMES, backend)


def test_the_calls_are_unique():
    calls = [row.call for row in TABLE.rows]
    assert len(set(calls)) == len(calls)
