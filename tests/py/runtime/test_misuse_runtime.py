"""Misuse of start, wait and quiesce: each wrong call, its exception and its text."""

import bocpy
import misuse
import pytest
from bocpy import start, wait
from misuse import holding

pytestmark = pytest.mark.usefixtures("runtime")

TABLE = misuse.Table()
says, python_says = TABLE.says, TABLE.python_says

NO_NUMBER = "{}: timeout must be a number of seconds or None, not '{}'"
NO_NAN = "{}: timeout must be a number of seconds, not NaN"
FOR_ITSELF = (
    "{} inside a behavior would wait for the behavior itself: schedule another "
    "behavior instead"
)
HOLDING = (
    "{} while this thread holds a cown by acquire() would wait for itself: release() "
    "it first"
)

# Starting

NO_COUNT = "start(): worker_count must be an int or None, not '{}'"
NOT_SO_MANY = "start(): worker_count must be from 1 to 1024, not {}"
NO_BACKEND = "start(): backend must be 'interpreters' or 'threads', not '{}'"
says(TypeError, NO_COUNT.format("str"), "start('2')", "Behaviors('x').start()")
says(TypeError, NO_COUNT.format("float"), "start(1.5)", "Behaviors(1.5).__enter__()")
says(TypeError, NO_COUNT.format("list"), "start([])")
says(TypeError, NO_COUNT.format("bool"), "stopped(lambda: start(True))")
says(ValueError, NOT_SO_MANY.format(0), "start(0)", "stopped(Behaviors(0).start)")
says(ValueError, NOT_SO_MANY.format(-1), "stopped(lambda: start(-1))")
says(ValueError, NOT_SO_MANY.format(-2), "Behaviors(-2).__enter__()")
says(ValueError, NOT_SO_MANY.format(1025), "stopped(lambda: start(1025))")
says(ValueError, NOT_SO_MANY.format(10**30), "start(10**30)")
BACKEND_KIND = "start(): backend must be a str or None, not 'int'"
says(TypeError, BACKEND_KIND, "start(backend=3)")
says(TypeError, BACKEND_KIND, "Behaviors(backend=1).start()")
says(ValueError, NO_BACKEND.format("fibers"), "start(backend='fibers')")
says(
    ValueError,
    NO_BACKEND.format("thread") + ": write 'threads'",
    "start(backend='thread')",
)
says(
    ValueError,
    NO_BACKEND.format("Interpreter") + ": write 'interpreters'",
    "start(backend='Interpreter')",
)
says(
    TypeError,
    "start() got an unexpected keyword argument 'workers': write worker_count",
    "start(workers=2)",
)
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

says(TypeError, NO_NUMBER.format("wait()", "str"), "wait('a')")
says(TypeError, NO_NUMBER.format("quiesce()", "str"), "quiesce('a')")
says(TypeError, NO_NUMBER.format("wait()", "list"), "wait([])")
says(TypeError, NO_NUMBER.format("quiesce()", "complex"), "quiesce(1j)")
says(ValueError, NO_NAN.format("wait()"), "wait(NAN)")
says(ValueError, NO_NAN.format("quiesce()"), "quiesce(NAN)")
NO_SWITCH = "{}: raise_failures must be a bool or None, not '{}'"
says(TypeError, NO_SWITCH.format("wait()", "int"), "wait(raise_failures=1)")
says(TypeError, NO_SWITCH.format("quiesce()", "str"), "quiesce(raise_failures='all')")
says(TypeError, NO_SWITCH.format("start()", "int"), "start(raise_failures=1)")
says(
    TypeError,
    NO_SWITCH.format("start()", "list"),
    "Behaviors(raise_failures=[]).start()",
)
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
    "quiesce(): behaviors are still in flight after 0.001 s: thread 'MainThread' holds "
    "a cown by acquire()",
    "holding(lambda c: call_all(lambda: when(c)(body), lambda: quiesce(0.001)))",
)
python_says(TypeError, r"wait\(\) takes .* 2 were given", "wait(1, True)")
python_says(TypeError, r"quiesce\(\) takes .* 2 were given", "quiesce(1, True)")
python_says(TypeError, r"wait\(\) got .*'unknown'.*", "wait(unknown=1)")
python_says(TypeError, r"quiesce\(\) got .*'unknown'.*", "quiesce(unknown=1)")


# ---- those that take more than an expression


def start_another_count_while_holding():
    wait()
    return holding(lambda c: start(3))


#: What the expressions are made of.
NAMES = {**vars(bocpy), **vars(misuse), **globals()}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.call)
def test_misuse(row, backend):
    misuse.check(row, NAMES, backend)


def test_the_calls_are_unique():
    calls = [row.call for row in TABLE.rows]
    assert len(set(calls)) == len(calls)
