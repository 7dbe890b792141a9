"""Tables of misuses: rows, and the objects of which wrong calls are made.

A row is an expression, which is also its name; the exception that it raises; and the
text of that: the whole text, or a pattern where Python writes it and versions differ.
"""

import re
import threading
from dataclasses import dataclass

import bocpy
import cffi_core
import harness
from bocpy import Cown, PinnedCown, quiesce, start, wait, when, whencall
from harness import LIMIT

NAN = float("nan")


@dataclass
class Misuse:
    call: str
    kind: type
    text: str
    pattern: bool = False
    only: str | None = None

    def matches(self, error):
        text = text_of(error)
        if harness.CFFI and re.search(cffi_core.WORDED_BY_PYTHON, self.text):
            return True
        return (
            bool(re.fullmatch(self.text, text)) if self.pattern else self.text == text
        )


def text_of(error):
    """The message alone: a SyntaxError adds the place, a KeyError adds quotes."""
    if isinstance(error, SyntaxError):
        return error.msg
    return error.args[0] if isinstance(error, KeyError) else str(error)


class Table:
    def __init__(self):
        self.rows = []

    def says(self, kind, text, *calls, only=None):
        """The row of calls that raise exactly that exception; with `only`, on that
        backend alone, while others accept the call."""
        self.rows += [Misuse(call, kind, text, only=only) for call in calls]

    def python_says(self, kind, pattern, *calls):
        self.rows += [Misuse(call, kind, pattern, pattern=True) for call in calls]

    def exact(self):
        return [row for row in self.rows if not row.pattern]


def check(row, names, backend):
    """Evaluates the row's expression, and checks that the runtime still works."""
    raised = None
    try:
        eval(row.call, names)
    except BaseException as error:
        raised = error
    if row.only in (None, backend):
        assert type(raised) is row.kind, raised
        assert row.matches(raised), text_of(raised)
    else:
        assert raised is None
    start(worker_count=2)
    c = Cown([1])
    p = PinnedCown(2)
    got = whencall(lambda c, p: c.value[0] + p.value, [c, p], [])
    assert got.unwrap(timeout=LIMIT) == 3
    quiesce(timeout=LIMIT)
    bocpy._core._clear_notices()


# ---- what calls are made with


def body(c):
    return c


async def coroutine(c):
    return c


def generator(c):
    yield c


async def async_generator(c):
    yield c


class Methods:
    async def coroutine(self, c):
        return c

    def generator(self, c):
        yield c


class Refusing:
    def __reduce__(self):
        raise TypeError("stays at home")


class Empty(Cown):
    def __init__(self):
        pass


def call_all(*functions):
    """Calls them in turn; returns the value of the last."""
    return [function() for function in functions][-1]


def holding(function):
    """Calls it with a cown that this thread holds."""
    c = Cown([1])
    with c:
        return function(c)


def in_thread(function):
    """Runs it on another thread, and raises its exception here."""
    caught = []

    def run():
        try:
            function()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if caught:
        raise caught[0]


def in_body(function, *captures):
    """Runs it in a body, and raises its exception here."""
    return whencall(function, [], captures).unwrap(timeout=LIMIT)


def over(cown, function):
    """Runs it in a behavior over the cown, and raises its exception here."""
    return when(cown)(function).unwrap(timeout=LIMIT)


def stopped(function):
    """Calls it while no runtime runs."""
    wait()
    return function()
