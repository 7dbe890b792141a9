"""Misuse of cowns, made and used: each wrong call, its exception and its text."""

import bocpy
import misuse
import pytest
from bocpy import Cown, read
from misuse import over

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
NO_NUMBER = "{}: timeout must be a number of seconds or None, not '{}'"
NO_NAN = "{}: timeout must be a number of seconds, not NaN"
CANNOT_WAIT = (
    "a behavior cannot wait for a cown, that could deadlock: name it in @when(...), or "
    "schedule another behavior over it"
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
    "acquire(): the cown is still in use after 0.001 s: thread 'MainThread' has it by "
    "acquire()",
    "holding(lambda c: in_thread(lambda: c.acquire(timeout=0.001)))",
)
says(
    TypeError,
    NO_NUMBER.format("unwrap()", "str"),
    "Cown(1).unwrap('x')",
    "Cown(1).unwrap(timeout='soon')",
)
says(TypeError, NO_NUMBER.format("acquire()", "str"), "Cown(1).acquire(timeout='soon')")
says(TypeError, NO_NUMBER.format("acquire()", "list"), "Cown(1).acquire([])")
says(TypeError, NO_NUMBER.format("result()", "str"), "Cown(1).result('soon')")
says(
    TypeError,
    NO_NUMBER.format("acquire()", "str"),
    "bocpy.acquire(Cown(1), timeout='soon')",
)
says(ValueError, NO_NAN.format("unwrap()"), "Cown(1).unwrap(timeout=NAN)")
says(ValueError, NO_NAN.format("acquire()"), "Cown(1).acquire(timeout=NAN)")
says(ValueError, NO_NAN.format("result()"), "Cown(1).result(NAN)")
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


#: What the expressions are made of.
NAMES = {**vars(bocpy), **vars(misuse), **globals()}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.call)
def test_misuse(row, backend):
    misuse.check(row, NAMES, backend)


def test_the_calls_are_unique():
    calls = [row.call for row in TABLE.rows]
    assert len(set(calls)) == len(calls)
