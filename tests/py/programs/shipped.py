"""One of everything that can be a global, and functions that use it elsewhere.

The program is this file and shipped_classes.py, one after the other in one module:
tests/py/ship/test_ship.py joins their texts. `report()` calls each case in a
sub-interpreter and prints its name and its result; the cases are written so that every
one of them returns the same as it would here.
"""
# ruff: noqa: F821 -- the classes stand in the other part

import collections
import contextlib
import functools
import json as renamed
import operator
import os
import os.path as path
import re
import sys
import threading
import weakref
import xml.dom

from shipping import Failed, There

with open(os.environ["TALLY"], "a", encoding="ascii") as tally:
    tally.write("x")

try:
    import there_is_no_such_module as absent
except ImportError:
    absent = None

CASES = []


def case(function):
    CASES.append(function)
    return function


# ---- constants, modules, functions ---------------------------------------------------

OFFSET = 100
TABLE = {"one": 1, "two": [2, 2], "self": None}
TABLE["self"] = TABLE["two"]
PATTERN = re.compile("a+")
SENTINEL = object()
HANDLERS = {"double": lambda n: n * 2, "add": functools.partial(operator.add, OFFSET)}
BY_LENGTH = collections.defaultdict(list, {1: ["a"]})
WEAK = weakref.WeakValueDictionary()


def helper(n):
    return deeper(n) + OFFSET


def deeper(n, *, factor=2):
    """Has a docstring."""
    return n * factor


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def defaulted(value=SENTINEL):
    return value is SENTINEL


helper.note = "attribute"
ALIASES = {"helper": helper}


@case
def constants():
    return OFFSET, TABLE, TABLE["self"] is TABLE["two"], PATTERN.match("aab").group()


@case
def functions():
    return helper(1), is_even(10), helper.note, deeper.__doc__, deeper.__name__


@case
def function_identity():
    return ALIASES["helper"] is helper, defaulted(), defaulted(None)


@case
def lambdas_and_partials():
    return HANDLERS["double"](4), HANDLERS["add"](1), BY_LENGTH[1], len(WEAK)


@case
def modules():
    return (
        renamed.dumps([1]),
        path.join("a", "b"),
        absent,
        os.sep,
        xml.dom.Node.TEXT_NODE,
    )


@case
def names_of_this_module():
    return __name__, os.path.basename(globals().get("__file__", "none"))[:0]


def repeat(times):
    count = 0

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            nonlocal count
            count += 1
            return [function(*args) for _ in range(times)], count

        return wrapper

    return decorate


@repeat(2)
def decorated(n):
    return helper(n)


def quiet(function):
    @functools.wraps(function)
    def wrapper(*args):
        with contextlib.suppress(ValueError):
            return function(*args)

    return wrapper


@quiet
def quietly(n):
    return helper(n)


@functools.lru_cache(maxsize=7)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@functools.singledispatch
def dispatched(value):
    return "object"


@dispatched.register
def _(value: int):
    return "int"


@contextlib.contextmanager
def managed(n):
    yield n


def generate(n):
    yield from range(n)


@case
def decorators():
    with managed(3) as entered:
        pass
    return decorated(1), decorated.__name__, decorated.__wrapped__(2), entered


@case
def caches():
    return fib(30), fib.cache_parameters()["maxsize"], fib(3)


@case
def dispatch():
    return dispatched(1), dispatched("x"), list(generate(3))


# ---- what crosses, both ways ---------------------------------------------------------


def sent_and_returned(there):
    """Values whose classes are checked at both ends."""
    point = there.call(lambda p: (p.moved(1), type(p) is Point), Point(1))
    yield point, type(point[0]) is Point
    yield there.call(lambda c: (c is Color.RED, c), Color.RED)[1] is Color.RED
    yield there.call(lambda a: a is Access.READ | Access.WRITE, Access.BOTH)
    failure = there.call(lambda f: (f, f.code), Failure(3, detail="d"))
    yield type(failure[0]) is Failure, failure[0].code, failure[0].args, failure[1]
    lost = there.call(lambda e: (e.filename, e.errno, e.again is e, e), Chained("f"))
    yield lost[:3], type(lost[3]) is Chained, lost[3].again is lost[3], str(lost[3])
    yield there.call(lambda f, g: (f(1), g is helper), deeper, helper)
    yield there.call(lambda: helper) is helper
    local = there.call(lambda: local_class()())
    again = there.call(lambda one: one, local)
    yield type(again) is type(local), again.get()
    yield there.call(lambda cls, one: (type(one) is cls, one.get()), type(local), local)


def callables(there):
    captured = 4
    yield there.call(Calling(1).method, 5)
    yield there.call(Calling(1), 5)
    yield there.call(functools.partial(deeper, factor=5), 2)
    yield there.call(functools.partial(Calling.method, Calling(3)), 2)
    yield there.call(lambda n=captured, *, k=3: n + k + captured)
    yield there.call(quietly, 1)
    yield there.call(Derived.make, 3).n, type(there.call(Derived, 3)) is Derived
    yield there.call(max, [1, 5, 2]), there.call(fib, 10)


def rebinding(there):
    global late, OFFSET, HIDDEN

    def uses_late():
        return late()

    def uses_offset():
        return helper(0)

    def uses_hidden():
        return HIDDEN

    try:
        there.call(uses_late)
    except Failed as error:
        yield str(error).splitlines()[-1]
    late = lambda: "late"  # noqa: E731
    yield there.call(uses_late)
    late = lambda: "later"  # noqa: E731
    yield there.call(uses_late)
    yield there.call(uses_offset)
    OFFSET = 7
    yield there.call(uses_offset)
    OFFSET = 100
    HIDDEN = threading.Lock()
    try:
        there.call(uses_hidden)
    except Failed as error:
        yield str(error).splitlines()[-1].replace("instances", "object")[:80]
    HIDDEN = 3
    yield there.call(uses_hidden)
    del HIDDEN
    try:
        there.call(uses_hidden)
    except Failed as error:
        yield str(error).splitlines()[-1]


def report(rebinds=True):
    with There() as there, There() as other:
        for function in CASES:
            there_result, here_result = there.call(function), function()
            print((function.__name__, "same", there_result == here_result))
            if there_result != here_result:
                print(function.__name__, there_result, here_result, file=sys.stderr)
        by_value = ("sent_and_returned", "callables", "rebinding")
        for name in by_value if rebinds else by_value[:2]:
            for number, result in enumerate(globals()[name](there)):
                print((name, number, result))
        local = there.call(lambda: local_class()())
        print(("through", 0, other.call(lambda one: one.get(), local)))
