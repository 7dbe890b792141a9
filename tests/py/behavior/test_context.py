"""Context variables that bodies see."""

HEAD = """
import asyncio, contextvars, decimal, os, threading, warnings
from contextvars import ContextVar
from bocpy import Cown, propagate, read, start, wait, when

start(2)
var = ContextVar("var")
other = ContextVar("other", default="default")
"""


def run(program, text):
    done = program(HEAD + text + "\nwait()\nprint('right')\n")
    assert done.lines == ["right"], done.err
    return done


def test_a_body_sees_the_schedulers_variables(program, backend):
    run(
        program,
        """
propagate(var)
def seen():
    @when()
    def body(): return var.get("none"), other.get()
    return body.result(30)

assert seen() == ("none", "default")
for value in (1, "text", [1, {"a": 2}], None):
    var.set(value)
    assert seen() == (value, "default")

def in_a_copy():
    var.set("copy")
    return seen()[0]
assert contextvars.copy_context().run(in_a_copy) == "copy"
assert seen()[0] is None

async def task(i):
    var.set(i)
    await asyncio.sleep(0)
    @when()
    def body(): return var.get()
    return await body
async def main():
    return await asyncio.gather(*(task(i) for i in range(10)))
assert asyncio.run(main()) == list(range(10))

def on_a_thread(found):
    found.append(seen())
    var.set("thread")
    found.append(seen())
found = []
thread = threading.Thread(target=on_a_thread, args=(found,))
thread.start(); thread.join()
assert found[-1] == ("thread", "default")
""",
    )


def test_variables_of_a_body_reach_only_behaviors_that_it_schedules(program, backend):
    run(
        program,
        """
propagate(var)
var.set(1)
c = Cown(0)
@when(c)
def outer(c):
    before = var.get()
    var.set(2)
    other.set("body's")
    @when(c)
    def inner(c): return var.get()
    return before, inner
before, inner = outer.result(30)
assert (before, inner.result(30), var.get()) == (1, 2, 1)

def look():
    @when()
    def body(): return var.get(), other.get()
    return body.result(30)
assert [look() for _ in range(10)] == [(1, "default")] * 10

@when(read(c))
def fails(c):
    var.set("lost")
    raise KeyError("mine")
try:
    fails.result(30)
except KeyError:
    assert look() == (1, "default")
""",
    )


def test_decimals(program, backend):
    run(
        program,
        """
propagate(decimal.getcontext)
decimal.getcontext().prec = 5
@when()
def third(): return str(decimal.Decimal(1) / 3)
assert third.result(30) == "0.33333"
with decimal.localcontext() as context:
    context.prec = 3
    @when()
    def third(): return str(decimal.Decimal(1) / 3)
    assert third.result(30) == "0.333"
""",
    )


def test_what_is_refused_and_told(program, backend):
    run(
        program,
        """
try:
    propagate("var")
except TypeError as error:
    assert "takes ContextVars" in str(error)
else:
    raise AssertionError("taken")
isolated = os.environ["BOCPY_BACKEND"] == "interpreters"
other.set("set")
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    @when()
    def body(): return other.get()
    assert body.result(30) == ("default" if isolated else "set")
texts = [str(each.message) for each in told if "other" in str(each.message)]
assert bool(texts) is isolated and all("bocpy.propagate" in each for each in texts)

propagate(var)
lock = threading.Lock()
var.set({"lock": lock})
try:
    @when()
    def body(): return var.get()["lock"] is lock if not isolated else None
    assert body.result(30) and not isolated
except TypeError as error:
    assert isolated
    assert str(error).startswith("context variable 'var'['lock']: "), error
""",
    )


def test_bodies_on_the_main_thread(program, backend):
    run(
        program,
        """
from bocpy import PinnedCown
pinned = PinnedCown([])
var.set("scheduled")
@when(pinned)
def body(pinned):
    pinned.value.append(var.get())
    var.set("in the body")
var.set("later")
wait()
assert pinned.unwrap() == ["scheduled"]
assert var.get() == "later"
""",
    )


def test_objects_keep_their_identity_on_the_way_back(program, backend):
    run(
        program,
        """
MISSING = object()
@when()
def back():
    @when()
    def inner(default=MISSING): return default is MISSING
    return inner, MISSING
inner, found = back.result(30)
assert inner.result(30) and found is MISSING
""",
    )
