"""Misuse of when and whencall: each wrong call, its exception and its text."""

import functools
import threading

import bocpy
import misuse
import pytest
from bocpy import Cown, when
from harness import LIMIT
from misuse import in_body

pytestmark = pytest.mark.usefixtures("runtime")

TABLE = misuse.Table()
says, python_says = TABLE.says, TABLE.python_says

NO_COWN = "when() argument {} must be a Cown, or a list or tuple of them, not '{}'"
NO_MEMBER = "when() argument {}: item {} of the group must be a Cown, not '{}'"
CALL_COWN = NO_COWN.replace("when() argument", "whencall() cown")
CALL_MEMBER = NO_MEMBER.replace("when() argument", "whencall() cown")
NO_BODY = (
    "{}(): a behavior is a callable, not '{}': pass the function itself, without "
    "calling it"
)
NO_FIT = "behavior '<lambda>' takes {}: {}"
TOO_FEW = "give it more parameters, or *args"
TOO_MANY = "give the others defaults (x=x)"
CANNOT_SHIP = (
    "{}: cannot ship a '_thread.lock'; keep it in a PinnedCown, or use "
    "backend='threads'"
)

# What is given to when

says(TypeError, NO_COWN.format(1, "int"), "when(1)", "when(1, 2)")
says(TypeError, NO_COWN.format(1, "int"), "in_body(lambda: bocpy.when(1))")
says(TypeError, NO_COWN.format(2, "str"), "when(Cown(1), 'x')")
says(TypeError, NO_COWN.format(1, "NoneType"), "when(None)")
says(TypeError, NO_COWN.format(1, "set"), "when({Cown(1)})")
says(TypeError, NO_COWN.format(1, "dict"), "when({Cown(1): 1})")
says(TypeError, NO_COWN.format(1, "generator"), "when(Cown(i) for i in range(2))")
says(TypeError, NO_COWN.format(1, "type"), "when(Cown)")
GIVE_TO_WHEN = (
    ": give the function to what when() returns, as @when(...) or when(...)(function)"
)
says(TypeError, NO_COWN.format(1, "function") + GIVE_TO_WHEN, "when(body)")
says(TypeError, NO_COWN.format(2, "function") + GIVE_TO_WHEN, "when(Cown(1), body)")
says(TypeError, NO_MEMBER.format(1, 1, "int"), "when([Cown(1), 1])")
says(TypeError, NO_MEMBER.format(2, 1, "NoneType"), "when(Cown(1), (Cown(1), None))")
says(TypeError, NO_MEMBER.format(1, 0, "list"), "when([[Cown(1)]])")
says(
    TypeError,
    "when() argument 2 is a Cown without a value: its class must call "
    "super().__init__(value)",
    "when(Cown(1), Empty())",
    "when(Cown(1), [Empty()])",
)
python_says(TypeError, r".*when\(\) takes no keyword arguments", "when(key=Cown(1))")
says(
    TypeError,
    "when(...) is a decorator: call it with one function",
    "when(Cown(1))()",
    "when(Cown(1))(body, body)",
    "when(Cown(1))(f=body)",
)
says(TypeError, NO_BODY.format("when", "int"), "when(Cown(1))(3)")
says(
    TypeError,
    NO_BODY.format("when", "int"),
    "in_body(lambda c: bocpy.when(c)(3), Cown(1))",
)
says(TypeError, NO_BODY.format("when", "NoneType"), "when(Cown(1))(None)")
says(TypeError, NO_BODY.format("when", "str"), "when(Cown(1))('body')")
says(TypeError, NO_BODY.format("when", "bocpy.Cown"), "when(Cown(1))(Cown(2))")
says(TypeError, NO_BODY.format("after", "int"), "bocpy.after(1)(1)")
says(TypeError, NO_BODY.format("at", "NoneType"), "bocpy.at(1e7)(None)")
says(
    TypeError,
    "after() cown 1 must be a Cown, or a list or tuple of them, not 'int'",
    "bocpy.after(1, 2)",
)
says(
    TypeError,
    "at() cown 2 must be a Cown, or a list or tuple of them, not 'function': give the "
    "function to what at() returns, as @at(...) or at(...)(function)",
    "bocpy.at(1e7, Cown(1), body)",
)
says(
    TypeError,
    "after(...) is a decorator: call it with one function",
    "bocpy.after(1)()",
)
READ_ONE = (
    "read() takes one Cown, not '{}': of a group, mark each, as in when([read(c) for c "
    "in group])"
)
says(TypeError, READ_ONE.format("int"), "read(1)")
says(TypeError, READ_ONE.format("NoneType"), "read(None)")
says(TypeError, READ_ONE.format("list"), "read([Cown(1)])")
python_says(TypeError, r".*exactly one argument \(0 given\)", "read()")
python_says(TypeError, r".*exactly one argument \(2 given\)", "read(Cown(1), Cown(2))")
python_says(TypeError, "cannot create 'bocpy.Reading'.*", "type(read(Cown(1)))()")

# Bodies

says(
    TypeError,
    NO_FIT.format("0 positional arguments, but there is 1 cown", TOO_FEW),
    "when(Cown(1))(lambda: 0)",
)
says(
    TypeError,
    NO_FIT.format("1 positional argument, but there are 2 cowns", TOO_FEW),
    "when(Cown(1), Cown(2))(lambda a: 0)",
    "when(Cown(1), Cown(2))(lambda a, /: 0)",
)
says(
    TypeError,
    NO_FIT.format("2 positional arguments, but there is 1 cown", TOO_MANY),
    "when([Cown(1), Cown(2)])(lambda a, b: 0)",
    "when(Cown(1))(lambda a, b: 0)",
)
says(
    TypeError,
    NO_FIT.format("1 positional argument, but there are 0 cowns", TOO_MANY),
    "when()(lambda a: 0)",
)
says(
    TypeError,
    NO_FIT.format("1 positional argument, but there is 1 cown and 2 captures", TOO_FEW),
    "whencall(lambda a: 0, [Cown(1)], [1, 2])",
    "when(Cown(1))(functools.partial(lambda a: 0, 1, 2))",
)
says(
    TypeError,
    NO_FIT.format(
        "3 positional arguments, but there is 1 cown and 1 capture", TOO_MANY
    ),
    "whencall(lambda a, b, c: 0, [Cown(1)], [1])",
)
says(
    TypeError,
    "behavior '<lambda>' has keyword-only parameters without defaults: nothing is "
    "passed for them, so give them defaults (x=x)",
    "when(Cown(1))(lambda a, *, k: 0)",
)
says(
    TypeError,
    "behavior '<lambda>' misses an argument for 'c'",
    "when(Cown(1))(functools.partial(lambda a, b, c: 0, b=1))",
)
says(
    TypeError,
    "behavior '<lambda>' got several values for argument 'a'",
    "when(Cown(1))(functools.partial(lambda a: 0, a=1))",
)
says(
    TypeError,
    "behavior '<lambda>' has no parameter 'z'",
    "when(Cown(1))(functools.partial(lambda a: 0, z=1))",
)
says(
    SyntaxError,
    "behavior 'coroutine' is a coroutine function: write `def`, and await the result "
    "cown instead",
    "when(Cown(1))(coroutine)",
    "when(Cown(1))(Methods().coroutine)",
    "when()(functools.partial(coroutine, 1))",
    "whencall(coroutine, [Cown(1)], [])",
)
A_GENERATOR = (
    "behavior '{}' is a generator function: return a list, or schedule a behavior per "
    "step"
)
says(
    SyntaxError,
    A_GENERATOR.format("generator"),
    "when(Cown(1))(generator)",
    "when(Cown(1))(Methods().generator)",
    "whencall(generator, [Cown(1)], [])",
)
says(SyntaxError, A_GENERATOR.format("<lambda>"), "when()(lambda: (yield))")
says(
    SyntaxError,
    "behavior 'async_generator' is an asynchronous generator: write `def`, and return "
    "a list or fill a cown",
    "when(Cown(1))(async_generator)",
)
says(
    SyntaxError,
    "behavior '_' assigns 'total' of an enclosing function: a behavior sees a snapshot "
    "of the variables that it closes over, so keep what it changes in a cown, or "
    "return it",
    "with_nonlocal()",
    "with_nonlocal_inside()",
)
says(
    TypeError,
    CANNOT_SHIP.format("given"),
    "whencall(lambda given: 0, [], [threading.Lock()])",
    "when()(lambda given=threading.Lock(): 0)",
    "when()(functools.partial(lambda given: 0, given=threading.Lock()))",
    "(lambda given: when()(lambda: given))(threading.Lock())",
    only="interpreters",
)
says(TypeError, CANNOT_SHIP.format("result"), "make_a_lock()", only="interpreters")
python_says(NameError, ".*'later'.*", "with_unbound()")
python_says(ModuleNotFoundError, ".*'nowhere'.*", "in_body(__import__, 'nowhere')")
python_says(NameError, "name 'no_such' is .*", "in_body(lambda: no_such)")

# whencall

says(
    TypeError, "whencall() missing required argument 'func' (pos 1)", "bocpy.whencall()"
)
says(TypeError, "whencall() missing required argument 'args' (pos 2)", "whencall(body)")
says(
    TypeError,
    "whencall() takes at most 3 arguments (4 given)",
    "whencall(body, [], [], 4)",
)
says(TypeError, NO_BODY.format("whencall", "str"), "whencall('body', [Cown(1)], [])")
says(TypeError, NO_BODY.format("whencall", "NoneType"), "whencall(None, [], [])")
NO_LIST = (
    "whencall(): {} must be a list, not '{}': call it as whencall(func, args, captures)"
)
says(TypeError, NO_LIST.format("args", "bocpy.Cown"), "whencall(body, Cown(1), [])")
says(TypeError, NO_LIST.format("args", "function"), "whencall([Cown(1)], body)")
says(TypeError, NO_LIST.format("args", "int"), "whencall(body, 1, [])")
says(TypeError, NO_LIST.format("args", "NoneType"), "whencall(body, None)")
says(TypeError, NO_LIST.format("captures", "int"), "whencall(body, [], 5)")
says(TypeError, NO_LIST.format("captures", "NoneType"), "whencall(body, [], None)")
says(TypeError, CALL_COWN.format(1, "int"), "whencall(body, [3], [])")
says(TypeError, CALL_COWN.format(2, "str"), "whencall(body, [Cown(1), 'c'], [])")
says(TypeError, CALL_MEMBER.format(1, 0, "list"), "whencall(body, [[[Cown(1)]]], [])")

# Many at once

MAKE_ONE = (
    "{}: cown {} must be a Cown, not '{}': make one of a value with Cown(value), and "
    "take a list apart with *"
)
TAKES_COWNS = "{} takes an iterable of cowns first, not '{}'"
NO_NUMBER = "{}: timeout must be a number of seconds or None, not '{}'"
NO_NAN = "{}: timeout must be a number of seconds, not NaN"
says(TypeError, MAKE_ONE.format("gather()", 1, "int"), "bocpy.gather(1)")
says(TypeError, MAKE_ONE.format("gather()", 2, "str"), "bocpy.gather(Cown(1), 'ab')")
says(TypeError, MAKE_ONE.format("reduce()", 1, "int"), "bocpy.reduce([1], max)")
says(TypeError, TAKES_COWNS.format("reduce(cowns, function)", "Cown"), "swapped()")
says(
    TypeError,
    TAKES_COWNS.format("when_each(cowns, body)", "function"),
    "bocpy.when_each(body, [Cown(1)])",
)
says(
    TypeError,
    TAKES_COWNS.format("as_completed(results)", "int"),
    "bocpy.as_completed(1)",
)
says(TypeError, MAKE_ONE.format("as_completed()", 1, "int"), "bocpy.as_completed([1])")
says(
    TypeError,
    NO_NUMBER.format("as_completed()", "str"),
    "completed([Cown(1)], 'x')",
    "bocpy.as_completed([Cown(1)], 'x')",
)
says(TypeError, NO_NUMBER.format("map()", "str"), "bocpy.map(abs, [1], timeout='x')")
says(TypeError, NO_NUMBER.format("as_completed()", "list"), "completed([Cown(1)], [])")
says(ValueError, NO_NAN.format("as_completed()"), "bocpy.as_completed([], misuse.NAN)")
says(ValueError, NO_NAN.format("map()"), "bocpy.map(abs, [1], timeout=misuse.NAN)")
says(
    TypeError,
    "map() argument 2 must be an iterable of items, not 'int': write "
    "bocpy.map(function, [item])",
    "bocpy.map(abs, 1)",
)
says(TypeError, "map(): chunksize must be an int, not 'str'", "map_in_chunks('2')")
says(
    TypeError,
    "behaviors() makes scopes, Scope() does not: write `with behaviors(name, "
    "timeout=..., limit=...) as scope:`",
    "bocpy.Scope()",
    "bocpy.Scope('name')",
    "bocpy.Scope(timeout=1)",
)


# ---- those that take more than an expression


def swapped():
    return bocpy.reduce(Cown(1), max)


def completed(*given):
    return list(bocpy.as_completed(*given))


def map_in_chunks(size):
    return bocpy.map(abs, [1], chunksize=size)


def make_a_lock():
    return in_body(lambda: threading.Lock())


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


#: What the expressions are made of.
NAMES = {**vars(bocpy), **vars(misuse), **globals(), "functools": functools}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.call)
def test_misuse(row, backend):
    misuse.check(row, NAMES, backend)


def test_the_calls_are_unique():
    calls = [row.call for row in TABLE.rows]
    assert len(set(calls)) == len(calls)
