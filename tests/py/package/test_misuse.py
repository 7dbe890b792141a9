"""Misuse of cowns, behaviors and the runtime: each wrong call, the exception that it
raises, and its text.
"""

import functools
import threading

import bocpy
import misuse
import pytest
from bocpy import Cown, read, start, wait, when
from harness import LIMIT
from misuse import holding, in_body, over

pytestmark = pytest.mark.usefixtures("runtime")

TABLE = misuse.Table()
says, python_says = TABLE.says, TABLE.python_says

NOT_HELD = (
    "{}: this cown is not held here; use it in a behavior that was given it (@when), "
    "or between acquire() and release()"
)
ONLY_READS = (
    "{}: this behavior only reads the cown; to change it, give it to @when(...) "
    "without read()"
)
NO_VALUE = "this cown has no value yet: call super().__init__(value) first"
NO_COWN = "when() argument {} must be a Cown, or a list or tuple of them, not '{}'"
NO_MEMBER = "when() argument {}: item {} of the group must be a Cown, not '{}'"
NO_NUMBER = "timeout must be a number of seconds or None, not '{}'"
NO_NAN = "timeout must be a number of seconds, not NaN"
NO_BODY = "a behavior is a callable, not '{}'"
NO_FIT = "behavior '<lambda>' takes {}: {}"
TOO_FEW = "give it more parameters, or *args"
TOO_MANY = "give the others defaults (x=x)"
CANNOT_WAIT = (
    "a behavior cannot wait for a cown, that could deadlock: name it in @when(...), or "
    "schedule another behavior over it"
)
FOR_ITSELF = (
    "{} inside a behavior would wait for the behavior itself: schedule another "
    "behavior instead"
)
HOLDING = (
    "{} while this thread holds a cown by acquire() would wait for itself: release() "
    "it first"
)
CANNOT_SHIP = (
    "{}: cannot ship a '_thread.lock'; keep it in a PinnedCown, or use "
    "backend='threads'"
)

# Making cowns

says(TypeError, "Cown() missing required argument 'value' (pos 1)", "Cown()")
says(TypeError, "Cown() takes at most 1 argument (2 given)", "Cown(1, 2)")
says(TypeError, "Cown() takes at most 1 argument (2 given)", "in_body(Cown, 1, 2)")
says(RuntimeError, "this cown is initialized already", "Cown(1).__init__(2)")
says(
    RuntimeError,
    NO_VALUE,
    "Empty().value",
    "setattr(Empty(), 'value', 1)",
    "Empty().exception",
    "Empty().acquire()",
    "Empty().release()",
    "Empty().unwrap()",
    "Empty().__enter__()",
    "Empty().impl",
    "hash(Empty())",
)
says(
    TypeError,
    CANNOT_SHIP.format("value"),
    "Cown(threading.Lock())",
    "over(Cown(1), lambda c: setattr(c, 'value', threading.Lock()))",
    only="interpreters",
)
says(
    TypeError,
    CANNOT_SHIP.format("value[1]['a']"),
    "Cown([1, {'a': threading.Lock()}])",
    only="interpreters",
)
says(
    TypeError,
    "value: cannot ship a 'generator'; keep it in a PinnedCown, or use "
    "backend='threads'",
    "Cown(i for i in range(3))",
    only="interpreters",
)
says(
    TypeError,
    "value: cannot ship a 'misuse.Refusing': stays at home",
    "Cown(Refusing())",
    only="interpreters",
)

# Looking inside

says(
    RuntimeError,
    NOT_HELD.format("value"),
    "Cown(1).value",
    "setattr(Cown(1), 'value', 2)",
    "holding(lambda c: in_thread(lambda: c.value))",
    "holding(lambda c: in_thread(lambda: setattr(c, 'value', 2)))",
    "read_after_release()",
    "read_after_with()",
    "in_body(lambda other: other.value, Cown(1))",
    "in_body(lambda other: setattr(other, 'value', 2), Cown(1))",
    "over(Cown(1), lambda c: [c])[0].value",
    "when(Cown(1))(lambda c: 1).value",
)
says(
    RuntimeError,
    NOT_HELD.format("exception"),
    "setattr(Cown(1), 'exception', True)",
    "in_body(lambda other: setattr(other, 'exception', True), Cown(1))",
)
says(
    RuntimeError,
    NOT_HELD.format("disown()"),
    "Cown(1).impl.disown()",
    "holding(lambda c: in_thread(c.impl.disown))",
)
says(
    RuntimeError,
    "release(): another thread or behavior holds this cown",
    "holding(lambda c: in_thread(c.release))",
)
says(RuntimeError, ONLY_READS.format("value"), "reading('c.value = 2')")
says(RuntimeError, ONLY_READS.format("exception"), "reading('c.exception = True')")
says(RuntimeError, ONLY_READS.format("unwrap()"), "reading('c.unwrap()')")
says(RuntimeError, ONLY_READS.format("disown()"), "reading('c.impl.disown()')")
says(
    AttributeError,
    "the value cannot be deleted: set it to None",
    "holding(lambda c: delattr(c, 'value'))",
)
says(
    RuntimeError,
    f"acquire(): {CANNOT_WAIT}",
    "in_body(lambda c: c.acquire(), Cown(1))",
    "in_body(lambda c: c.acquire(timeout=1), Cown(1))",
    "in_body(lambda c: c.__enter__(), Cown(1))",
    "in_body(lambda c: bocpy.acquire(c), Cown(1))",
)
says(
    RuntimeError,
    f"unwrap(): {CANNOT_WAIT}",
    "in_body(lambda c: c.unwrap(), Cown(1))",
)
says(
    RuntimeError,
    "{} while this thread holds another cown could deadlock: take all of them at once "
    "(with bocpy.acquire(a, b) as (x, y), in a task bocpy.aio.hold), or release what "
    "it holds first".format("acquire()"),
    "holding(lambda c: Cown(2).acquire())",
    "holding(lambda c: bocpy.acquire(c, Cown(2)))",
)
says(
    RuntimeError,
    "unwrap() while behaviors on this cown are still in flight: call wait() or "
    "quiesce() first, or give unwrap() a timeout",
    "holding(lambda c: when(c)(body).unwrap())",
)
python_says(
    TimeoutError,
    r"unwrap\(\): the cown is still in use after 0\.001 s: 'body' \(.*misuse\.py:\d+\) "
    "was scheduled last before this call",
    "holding(lambda c: in_thread(lambda: when(c)(body).unwrap(timeout=0.001)))",
)
says(
    TimeoutError,
    "acquire(): the cown is still in use after 0.001 s: a thread or task has it by "
    "acquire() or hold()",
    "holding(lambda c: in_thread(lambda: c.acquire(timeout=0.001)))",
)
says(
    TypeError,
    NO_NUMBER.format("str"),
    "Cown(1).unwrap('x')",
    "Cown(1).unwrap(timeout='soon')",
    "Cown(1).acquire(timeout='soon')",
)
says(TypeError, NO_NUMBER.format("list"), "Cown(1).acquire([])")
says(
    ValueError,
    NO_NAN,
    "Cown(1).unwrap(timeout=NAN)",
    "Cown(1).acquire(timeout=NAN)",
)
says(TypeError, "unwrap() takes at most 1 argument (2 given)", "Cown(1).unwrap(1, 2)")
python_says(TypeError, "'<' not supported .*'bocpy.Cown' and 'int'", "Cown(1) < 1")
python_says(TypeError, "unsupported operand .*'bocpy.Cown' and 'int'", "Cown(1) + 1")
python_says(TypeError, "'bocpy.Cown' object is not callable", "Cown(1)()")
python_says(TypeError, "'bocpy.Cown' object is not subscriptable", "Cown([1])[0]")
python_says(TypeError, ".*'bocpy.Cown' has no len.*", "len(Cown([1]))")
python_says(TypeError, "'bocpy.Cown' object is not iterable", "iter(Cown([1]))")
python_says(TypeError, ".*'unknown'.*", "Cown(1).acquire(unknown=1)")
python_says(TypeError, r".*release\(\) takes no arguments.*", "Cown(1).release(1)")
python_says(AttributeError, ".*no attribute 'no_such'.*", "Cown(1).no_such")
python_says(
    AttributeError, ".*'acquired'.*not writable.*", "setattr(Cown(1), 'acquired', 1)"
)
python_says(TypeError, "cannot create 'bocpy.CownCapsule'.*", "type(Cown(1).impl)()")

# What is given to when

says(TypeError, NO_COWN.format(1, "int"), "when(1)", "when(1, 2)")
says(TypeError, NO_COWN.format(1, "int"), "in_body(lambda: bocpy.when(1))")
says(TypeError, NO_COWN.format(2, "str"), "when(Cown(1), 'x')")
says(TypeError, NO_COWN.format(1, "NoneType"), "when(None)")
says(TypeError, NO_COWN.format(1, "set"), "when({Cown(1)})")
says(TypeError, NO_COWN.format(1, "dict"), "when({Cown(1): 1})")
says(TypeError, NO_COWN.format(1, "generator"), "when(Cown(i) for i in range(2))")
says(TypeError, NO_COWN.format(1, "type"), "when(Cown)")
says(TypeError, NO_COWN.format(1, "function"), "when(body)")
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
says(TypeError, NO_BODY.format("int"), "when(Cown(1))(3)")
says(TypeError, NO_BODY.format("int"), "in_body(lambda c: bocpy.when(c)(3), Cown(1))")
says(TypeError, NO_BODY.format("NoneType"), "when(Cown(1))(None)")
says(TypeError, NO_BODY.format("str"), "when(Cown(1))('body')")
says(TypeError, NO_BODY.format("Cown"), "when(Cown(1))(Cown(2))")
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
says(TypeError, NO_BODY.format("str"), "whencall('body', [Cown(1)], [])")
says(TypeError, NO_BODY.format("NoneType"), "whencall(None, [], [])")
NO_LIST = "whencall(): {} must be a list, not '{}'"
says(TypeError, NO_LIST.format("args", "bocpy.Cown"), "whencall(body, Cown(1), [])")
says(TypeError, NO_LIST.format("args", "int"), "whencall(body, 1, [])")
says(TypeError, NO_LIST.format("args", "NoneType"), "whencall(body, None)")
says(TypeError, NO_LIST.format("captures", "int"), "whencall(body, [], 5)")
says(TypeError, NO_LIST.format("captures", "NoneType"), "whencall(body, [], None)")
says(TypeError, NO_COWN.format(1, "int"), "whencall(body, [3], [])")
says(TypeError, NO_COWN.format(2, "str"), "whencall(body, [Cown(1), 'c'], [])")
says(TypeError, NO_MEMBER.format(1, 0, "list"), "whencall(body, [[[Cown(1)]]], [])")

# Starting

NO_COUNT = "worker_count must be an int or None, not '{}'"
NOT_SO_MANY = "worker_count must be from 1 to 1024, not {}"
NO_BACKEND = "backend must be 'interpreters' or 'threads', not '{}'"
says(TypeError, NO_COUNT.format("str"), "start('2')", "Behaviors('x').start()")
says(TypeError, NO_COUNT.format("float"), "start(1.5)", "Behaviors(1.5).__enter__()")
says(TypeError, NO_COUNT.format("list"), "start([])")
says(TypeError, NO_COUNT.format("bool"), "stopped(lambda: start(True))")
says(ValueError, NOT_SO_MANY.format(0), "start(0)", "stopped(Behaviors(0).start)")
says(ValueError, NOT_SO_MANY.format(-1), "stopped(lambda: start(-1))")
says(ValueError, NOT_SO_MANY.format(-2), "Behaviors(-2).__enter__()")
says(ValueError, NOT_SO_MANY.format(1025), "stopped(lambda: start(1025))")
says(ValueError, NOT_SO_MANY.format(10**30), "start(10**30)")
says(TypeError, "backend must be a str or None, not 'int'", "start(backend=3)")
says(
    TypeError,
    "backend must be a str or None, not 'int'",
    "Behaviors(backend=1).start()",
)
says(ValueError, NO_BACKEND.format("fibers"), "start(backend='fibers')")
says(ValueError, NO_BACKEND.format(""), "stopped(lambda: start(backend=''))")
says(
    TypeError,
    "start() takes at most 2 positional arguments (3 given)",
    "start(1, None, 'threads')",
)
says(
    RuntimeError,
    "the runtime has 2 workers already: wait() for them before start(worker_count=3)",
    "start(3)",
    "Behaviors(3).__enter__()",
)
says(
    RuntimeError,
    "the runtime uses another backend already: wait() for it before "
    "start(backend='threads')",
    "start(backend='threads')",
    only="interpreters",
)
says(RuntimeError, HOLDING.format("start()"), "start_another_count_while_holding()")
python_says(TypeError, ".*'unknown'.*", "start(unknown=1)")
python_says(TypeError, "Behaviors.* 1 to 2 .* 3 were given", "Behaviors(1, 2)")

# Waiting

says(TypeError, NO_NUMBER.format("str"), "wait('a')", "quiesce('a')")
says(TypeError, NO_NUMBER.format("list"), "wait([])", "quiesce([])")
says(TypeError, NO_NUMBER.format("complex"), "quiesce(1j)")
says(ValueError, NO_NAN, "wait(NAN)", "quiesce(NAN)")
NO_SWITCH = "raise_failures must be a bool or None, not '{}'"
says(TypeError, NO_SWITCH.format("int"), "wait(raise_failures=1)")
says(TypeError, NO_SWITCH.format("str"), "quiesce(raise_failures='all')")
says(TypeError, NO_SWITCH.format("int"), "start(raise_failures=1)")
says(TypeError, NO_SWITCH.format("list"), "Behaviors(raise_failures=[]).start()")
says(
    RuntimeError,
    FOR_ITSELF.format("wait()"),
    "in_body(lambda: bocpy.wait())",
    "in_body(lambda: bocpy.wait(1))",
    "in_body(lambda: bocpy.Behaviors().stop())",
)
says(
    RuntimeError,
    FOR_ITSELF.format("quiesce()"),
    "in_body(lambda: bocpy.quiesce())",
    "in_body(lambda: bocpy.quiesce(timeout=1))",
)
says(RuntimeError, HOLDING.format("wait()"), "holding(lambda c: wait())")
says(RuntimeError, HOLDING.format("quiesce()"), "holding(lambda c: quiesce())")
says(
    TimeoutError,
    "quiesce(): behaviors are still in flight after 0.001 s",
    "holding(lambda c: call_all(lambda: when(c)(body), lambda: quiesce(0.001)))",
)
python_says(TypeError, r"wait\(\) takes .* 2 were given", "wait(1, True)")
python_says(TypeError, r"quiesce\(\) takes .* 2 were given", "quiesce(1, True)")
python_says(TypeError, r"wait\(\) got .*'unknown'.*", "wait(unknown=1)")
python_says(TypeError, r"quiesce\(\) got .*'unknown'.*", "quiesce(unknown=1)")


# ---- those that take more than an expression


def read_after_release():
    c = Cown(1)
    c.acquire()
    c.release()
    return c.value


def read_after_with():
    c = Cown(1)
    with c:
        pass
    return c.value


def reading(statement):
    """Runs the statement in a behavior that only reads its cown."""
    return over(read(Cown(1)), lambda c: exec(statement, {"c": c}))


def make_a_lock():
    return in_body(lambda: threading.Lock())


def start_another_count_while_holding():
    wait()
    return holding(lambda c: start(3))


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
NAMES = {
    **vars(bocpy),
    **vars(misuse),
    **globals(),
    "functools": functools,
}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.call)
def test_misuse(row, backend):
    misuse.check(row, NAMES, backend)


def test_the_table_is_long_and_its_calls_are_unique():
    calls = [row.call for row in TABLE.rows]
    assert len(set(calls)) == len(calls)
    assert len(TABLE.exact()) >= 150
