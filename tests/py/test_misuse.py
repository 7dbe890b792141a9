"""Misuse: each wrong call, the exception that it raises and what its text says.

The patterns name the essential parts of a message (what was wrong, where, what to
do), not whole sentences. After each misuse the runtime must still work.
"""

import copy
import functools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bocpy
import pytest
from bocpy import Behaviors, Cown, quiesce, start, wait, when, whencall
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")

NAN = float("nan")


@dataclass
class Misuse:
    name: str
    call: Callable[[], Any]
    kind: type
    pattern: str


TABLE: list[Misuse] = []


def misuse(kind, pattern):
    """Adds a function to the table."""

    def add(function):
        TABLE.append(Misuse(function.__name__, function, kind, pattern))
        return function

    return add


def rows(kind, calls):
    """Adds one-line misuses: name -> (call, pattern)."""
    for name, (call, pattern) in calls.items():
        TABLE.append(Misuse(name, call, kind, pattern))


def held():
    c = Cown(1)
    c.acquire()
    return c


def in_thread(function):
    """Calls it on another thread and raises here what it raised there."""
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


def with_nonlocal():
    total = 0

    @when(Cown(1))
    def _(c):
        nonlocal total
        total += c.value

    return total


def with_nonlocal_inside():
    total = 0

    @when(Cown(1))
    def _(c):
        def inner():
            nonlocal total
            total += 1

        inner()

    return total


def with_unbound():
    @when(Cown(1))
    def result(c):
        return later

    result.unwrap(timeout=LIMIT)
    later = 1
    return later


def fails_in_body(function):
    """Runs `function` in a body and raises what it raised there."""
    when()(function).unwrap(timeout=LIMIT)


# Making cowns

rows(
    TypeError,
    {
        "Cown()": (lambda: Cown(), "1|one|missing.*value"),
        "Cown(1, 2)": (lambda: Cown(1, 2), "2|positional"),
        "Cown(unknown=1)": (lambda: Cown(unknown=1), "unknown|keyword|value"),
        "c < 1": (lambda: Cown(1) < 1, "not supported.*Cown.*int"),
        "c + 1": (lambda: Cown(1) + 1, r"unsupported operand.*Cown"),
        "c()": (lambda: Cown(1)(), "Cown.*not callable"),
        "c[0]": (lambda: Cown([1])[0], "Cown.*not subscriptable"),
        "len(c)": (lambda: len(Cown([1])), "Cown.*no len|len"),
        "iter(c)": (lambda: iter(Cown([1])), "Cown.*not iterable"),
        "c.unwrap('x')": (lambda: Cown(1).unwrap("x"), "str|positional|number"),
        "c.unwrap(timeout=str)": (
            lambda: Cown(1).unwrap(timeout="soon"),
            "timeout.*str|str.*number|must be real number",
        ),
        "c.acquire(timeout=str)": (
            lambda: Cown(1).acquire(timeout="soon"),
            "timeout.*str|str.*number|must be real number",
        ),
        "c.acquire(unknown=1)": (lambda: Cown(1).acquire(unknown=1), "unknown|keyword"),
        "c.release(1)": (lambda: Cown(1).release(1), "release|argument"),
    },
)

rows(
    ValueError,
    {
        "c.unwrap(timeout=nan)": (
            lambda: Cown(1).unwrap(timeout=NAN),
            "(?i)nan|number",
        ),
        "c.acquire(timeout=nan)": (
            lambda: Cown(1).acquire(timeout=NAN),
            "(?i)nan|number",
        ),
    },
)

# Values without holding the cown

rows(
    RuntimeError,
    {
        "read of a free cown": (
            lambda: Cown(1).value,
            "value.*(hold|acquire|behavior)",
        ),
        "write of a free cown": (
            lambda: setattr(Cown(1), "value", 2),
            "(value|cown).*(hold|acquire|behavior)",
        ),
        "exception flag of a free cown": (
            lambda: setattr(Cown(1), "exception", True),
            "(hold|acquire|behavior)",
        ),
        "disown of a free cown": (lambda: Cown(1).impl.disown(), "disown|hold|own"),
    },
)


@misuse(RuntimeError, "(hold|acquire|behavior)")
def read_of_a_cown_that_another_thread_holds():
    c = held()
    try:
        in_thread(lambda: c.value)
    finally:
        c.release()


@misuse(RuntimeError, "(hold|acquire|behavior)")
def write_of_a_cown_that_another_thread_holds():
    c = held()
    try:
        in_thread(lambda: setattr(c, "value", 2))
    finally:
        c.release()


@misuse(RuntimeError, "release|hold|thread")
def release_of_a_cown_that_another_thread_holds():
    c = held()
    try:
        in_thread(c.release)
    finally:
        c.release()


@misuse(RuntimeError, "disown|hold|own")
def disown_of_a_cown_that_another_thread_holds():
    c = held()
    try:
        in_thread(c.impl.disown)
    finally:
        c.release()


@misuse(RuntimeError, "(hold|acquire|behavior)")
def read_after_release():
    c = held()
    c.release()
    return c.value


@misuse(RuntimeError, "(hold|acquire|behavior)")
def read_after_with():
    c = Cown(1)
    with c:
        pass
    return c.value


@misuse(RuntimeError, "(hold|acquire|behavior)")
def a_body_reads_a_cown_that_it_was_not_given():
    other = Cown(1)
    fails_in_body(lambda: other.value)


@misuse(RuntimeError, "(hold|acquire|behavior)")
def a_body_writes_a_cown_that_it_was_not_given():
    other = Cown(1)
    fails_in_body(lambda: setattr(other, "value", 2))


@misuse(RuntimeError, "(hold|acquire|behavior)")
def a_handle_is_used_after_its_body():
    @when(Cown(1))
    def leaked(c):
        return [c]

    return leaked.unwrap(timeout=LIMIT)[0].value


@misuse(RuntimeError, "in flight|pending|wait|quiesce")
def unwrap_while_behaviors_are_pending():
    c = held()
    try:
        result = when(c)(body)
        result.unwrap()
    finally:
        c.release()


@misuse(TimeoutError, "(?i)unwrap|time|0.001")
def unwrap_that_times_out():
    c = held()
    try:
        when(c)(body).unwrap(timeout=0.001)
    finally:
        c.release()


@misuse(TimeoutError, "(?i)acquire|time|0.001")
def acquire_that_times_out():
    c = held()
    try:
        in_thread(lambda: c.acquire(timeout=0.001))
    finally:
        c.release()


# What is given to when

rows(
    TypeError,
    {
        "when(1)": (lambda: when(1)(body), r"\b(1|first)\b.*int|int.*\b(1|first)\b"),
        "when(c, 'x')": (lambda: when(Cown(1), "x")(body), r"\b2\b.*str|str.*\b2\b"),
        "when(None)": (lambda: when(None)(body), r"\b1\b.*NoneType|None"),
        "when([c, 1])": (lambda: when([Cown(1), 1])(body), r"\b1\b.*int"),
        "when(c, (c, None))": (
            lambda: when(Cown(1), (Cown(1), None))(body),
            r"\b2\b.*None",
        ),
        "when([[c]])": (lambda: when([[Cown(1)]])(body), r"\b1\b.*list"),
        "when({c})": (lambda: when({Cown(1)})(body), r"\b1\b.*set"),
        "when({c: c})": (lambda: when({Cown(1): 1})(body), r"\b1\b.*dict"),
        "when(generator)": (
            lambda: when(Cown(i) for i in range(2))(body),
            r"\b1\b.*generator",
        ),
        "when(Cown)": (lambda: when(Cown)(body), r"\b1\b.*type"),
        "when(body)": (lambda: when(body)(body), r"\b1\b.*function"),
        "when(key=c)": (lambda: when(key=Cown(1)), "keyword"),
        "when(c)()": (lambda: when(Cown(1))(), "one function"),
        "when(c)(f, g)": (lambda: when(Cown(1))(body, body), "one function"),
        "when(c)(f=f)": (lambda: when(Cown(1))(f=body), "one function"),
        "when(c)(3)": (lambda: when(Cown(1))(3), "callable.*int|int.*callable"),
        "when(c)(None)": (lambda: when(Cown(1))(None), "callable.*None|None.*callable"),
        "when(c)('body')": (
            lambda: when(Cown(1))("body"),
            "callable.*str|str.*callable",
        ),
        "when(c)(c)": (lambda: when(Cown(1))(Cown(2)), "callable.*Cown|Cown.*callable"),
        "too few parameters": (lambda: when(Cown(1))(lambda: 0), "lambda.*0.*1"),
        "too few of two": (
            lambda: when(Cown(1), Cown(2))(lambda a: 0),
            "lambda.*1.*2",
        ),
        "a group is one parameter": (
            lambda: when([Cown(1), Cown(2)])(lambda a, b: 0),
            "lambda.*2.*1|'b'.*default",
        ),
        "too many parameters": (
            lambda: when(Cown(1))(lambda a, b: 0),
            "lambda.*(2.*1|b).*default",
        ),
        "parameters without cowns": (lambda: when()(lambda a: 0), "lambda.*(1.*0|a)"),
        "keyword-only without default": (
            lambda: when(Cown(1))(eval("lambda a, *, k: 0")),
            "k.*default|default.*k",
        ),
    },
)

rows(
    SyntaxError,
    {
        "async def": (
            lambda: when(Cown(1))(coroutine),
            "coroutine",
        ),
        "generator": (lambda: when(Cown(1))(generator), "generator"),
        "async generator": (lambda: when(Cown(1))(async_generator), "async|coroutine"),
        "async method": (lambda: when(Cown(1))(Methods().coroutine), "async|coroutine"),
        "generator method": (lambda: when(Cown(1))(Methods().generator), "generator"),
        "async partial": (
            lambda: when()(functools.partial(coroutine, 1)),
            "async|coroutine",
        ),
        "whencall async": (
            lambda: whencall(coroutine, [Cown(1)], []),
            "async|coroutine",
        ),
        "whencall generator": (lambda: whencall(generator, [Cown(1)], []), "generator"),
        "lambda with yield": (lambda: when(Cown(1))(lambda c: (yield)), "generator"),
        "nonlocal": (with_nonlocal, "assigns .total. of an enclosing function"),
        "nonlocal in an inner function": (
            with_nonlocal_inside,
            "assigns .total. of an enclosing function",
        ),
    },
)

rows(NameError, {"a closure variable without a value": (with_unbound, "later")})

# whencall

rows(
    TypeError,
    {
        "whencall()": (lambda: whencall(), "argument"),
        "whencall(f)": (lambda: whencall(body), "argument"),
        "whencall of a str": (lambda: whencall("body", [Cown(1)], []), "str"),
        "whencall of None": (lambda: whencall(None, [], []), "None"),
        "whencall with a cown for a list": (
            lambda: whencall(body, Cown(1), []),
            "Cown.*(iterable|list)|(iterable|list).*Cown",
        ),
        "whencall with a number for a list": (
            lambda: whencall(body, 1, []),
            "int.*(iterable|list)|(iterable|list).*int",
        ),
        "whencall over an int": (lambda: whencall(body, [3], []), r"\b1\b.*int"),
        "whencall over a str": (lambda: whencall(body, [Cown(1), "c"], []), "2.*str"),
        "whencall over a nested list": (
            lambda: whencall(body, [[[Cown(1)]]], []),
            r"\b1\b.*list",
        ),
        "captures that are None": (
            lambda: whencall(body, [Cown(1)], None),
            "captures.*None|None.*(captures|sequence|iterable|list)",
        ),
        "captures that are an int": (
            lambda: whencall(body, [], 5),
            "captures.*int|int.*(captures|sequence|iterable|list)",
        ),
        "whencall(unknown=1)": (
            lambda: whencall(body, [], [], unknown=1),
            "unknown|keyword|argument",
        ),
        "more captures than parameters": (
            lambda: whencall(body, [Cown(1)], [1, 2]),
            "body.*(1|3|2)",
        ),
    },
)

# Starting and waiting


def stopped(function):
    """Calls it without a running runtime."""

    def call():
        wait()
        return function()

    return call


rows(
    TypeError,
    {
        "start('2')": (stopped(lambda: start("2")), "str"),
        "start(1.5)": (stopped(lambda: start(1.5)), "float"),
        "start([])": (stopped(lambda: start([])), "list"),
        "start(worker_count=None, unknown=1)": (
            stopped(lambda: start(unknown=1)),
            "unknown|keyword",
        ),
        "start(1, None, 'threads')": (
            stopped(lambda: start(1, None, "threads")),
            "positional|keyword|argument",
        ),
        "start(backend=3)": (stopped(lambda: start(backend=3)), "backend.*int|str"),
        "Behaviors('x')": (
            stopped(lambda: Behaviors("x").__enter__()),
            "str",
        ),
        "Behaviors(1.5)": (stopped(lambda: Behaviors(1.5).__enter__()), "float"),
        "wait('a')": (lambda: wait("a"), "str|number"),
        "wait([])": (lambda: wait([]), "list|number"),
        "wait(1, 2)": (lambda: wait(1, True), "positional|argument"),
        "wait(unknown=1)": (lambda: wait(unknown=1), "unknown|keyword"),
        "quiesce('a')": (lambda: quiesce("a"), "str|number"),
        "quiesce([])": (lambda: quiesce([]), "list|number"),
        "quiesce(1, 2)": (lambda: quiesce(1, True), "positional|argument"),
        "quiesce(unknown=1)": (lambda: quiesce(unknown=1), "unknown|keyword"),
        "quiesce(complex)": (lambda: quiesce(1j), "complex|number"),
    },
)

rows(
    ValueError,
    {
        "start(0)": (stopped(lambda: start(0)), "worker_count.*(0|least|positive)"),
        "start(-1)": (stopped(lambda: start(-1)), "worker_count.*(-1|least|positive)"),
        "start(worker_count=-(10**6))": (
            stopped(lambda: start(worker_count=-(10**6))),
            "worker_count",
        ),
        "Behaviors(0)": (stopped(lambda: Behaviors(0).__enter__()), "0|least|positive"),
        "Behaviors(-2)": (
            stopped(lambda: Behaviors(-2).__enter__()),
            "-2|least|positive",
        ),
        "start(backend='fibers')": (
            stopped(lambda: start(backend="fibers")),
            "fibers.*threads|threads.*fibers",
        ),
        "start(backend='')": (stopped(lambda: start(backend="")), "backend|threads"),
        "wait(nan)": (lambda: wait(NAN), "(?i)nan|number"),
        "quiesce(nan)": (lambda: quiesce(NAN), "(?i)nan|number"),
    },
)

rows(
    RuntimeError,
    {
        "another worker count": (lambda: start(worker_count=3), "3.*2|2.*3"),
        "another worker count for Behaviors": (
            lambda: Behaviors(3).__enter__(),
            "3.*2|2.*3",
        ),
        "wait in a body": (
            lambda: fails_in_body(lambda: bocpy.wait()),
            "wait.*behavior",
        ),
        "wait with a timeout in a body": (
            lambda: fails_in_body(lambda: bocpy.wait(1)),
            "wait.*behavior",
        ),
        "quiesce in a body": (
            lambda: fails_in_body(lambda: bocpy.quiesce()),
            "quiesce.*behavior",
        ),
        "quiesce with a timeout in a body": (
            lambda: fails_in_body(lambda: bocpy.quiesce(timeout=1)),
            "quiesce.*behavior",
        ),
    },
)


@misuse(TimeoutError, "(?i)quiesce|time|behavior")
def quiesce_that_times_out():
    c = held()
    try:
        when(c)(body)
        quiesce(0.001)
    finally:
        c.release()


# Misuse in bodies


rows(
    TypeError,
    {
        "when(1) in a body": (
            lambda: fails_in_body(lambda: bocpy.when(1)(body)),
            r"\b1\b.*int",
        ),
        "when(c)(3) in a body": (
            lambda: fails_in_body(lambda: bocpy.when(Cown(1))(3)),
            "callable",
        ),
        "too few parameters in a body": (
            lambda: fails_in_body(lambda: bocpy.when(Cown(1))(lambda: 0)),
            "lambda.*0.*1",
        ),
        "Cown(1, 2) in a body": (
            lambda: fails_in_body(lambda: Cown(1, 2)),
            "2|positional",
        ),
    },
)


@misuse(ModuleNotFoundError, "there_is_none")
def a_body_that_imports_what_is_not_there():
    fails_in_body(lambda: __import__("there_is_none"))


@misuse(NameError, "there_is_no_such_name")
def a_body_that_uses_an_unknown_name():
    fails_in_body(lambda: there_is_no_such_name)  # noqa: F821


@misuse(AttributeError, "value")
def deleting_the_value():
    c = held()
    try:
        del c.value
    finally:
        c.release()


@misuse(AttributeError, "no_such")
def an_unknown_attribute():
    return Cown(1).no_such


@misuse(AttributeError, "acquired")
def writing_acquired():
    Cown(1).acquired = True


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_misuse(row):
    with pytest.raises(row.kind) as caught:
        row.call()
    assert type(caught.value) is row.kind
    text = str(caught.value)
    assert re.search(row.pattern, text, re.DOTALL), text
    c = Cown(1)
    assert whencall(lambda c: c.value, [c], []).unwrap(timeout=LIMIT) == 1
    assert copy.copy(c).unwrap() == 1


def test_the_table_is_long_and_its_names_are_unique():
    names = [row.name for row in TABLE]
    assert len(set(names)) == len(names) >= 100
