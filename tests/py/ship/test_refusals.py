"""Refusals of objects that a worker's interpreter cannot have; the message names the
object and the way out."""

import pytest
from bocpy import Cown

HEAD = """
import asyncio, os, tempfile, threading
from bocpy import Cown, start, wait, when

class Bar:  # as those of progress bars do, it ends its line when it ends
    def __del__(self): pass

start(2)
isolated = os.environ["BOCPY_BACKEND"] == "interpreters"
"""

OBJECTS = ["Event()", "Lock()", "Semaphore()", "Condition()", "Queue()"]


def test_objects_of_event_loops(program, backend):
    """A copy of an event would be set, and no task would wake up."""
    done = program(
        HEAD
        + f"""
def made(text):
    return eval("asyncio." + text)

for text in {OBJECTS!r}:
    try:
        Cown({{"part": made(text)}})
        taken = True
    except TypeError as error:
        taken = False
        assert "belongs to an event loop" in str(error), error
        assert str(error).startswith("value['part']"), error
        assert "backend='threads'" in str(error), error
    assert taken is not isolated, text

@when()
def back(): return [asyncio.Event()]
if isolated:
    try:
        back.result(30)
    except TypeError as error:
        assert "event loop" in str(error)
    else:
        raise AssertionError("a copy came back")
else:
    back.result(30)
wait()
print("right")
"""
    )
    assert done.lines == ["right"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GUARD", "threading.Lock()"),
        ("GUARDS", '{"a": [threading.RLock()]}'),
        ("FILE", "open(__file__)"),
        ("NUMBERS", "(i for i in range(3))"),
        ("FOLDER", "tempfile.TemporaryDirectory()"),
        ("BAR", "Bar()"),
    ],
)
def test_globals_that_cannot_be_sent(program, backend, name, value):
    done = program(
        HEAD
        + f"""
{name} = {value}
@when()
def body(): return {name} is not None
try:
    assert body.result(30) and not isolated
except NameError as error:
    text = str(error)
    assert isolated
    assert "global '{name}' of __main__" in text, text
    assert "PinnedCown" in text and "backend='threads'" in text, text
wait()
print("right")
"""
    )
    assert done.lines == ["right"]


@pytest.mark.parametrize("kind", ["Mock", "MagicMock", "AsyncMock"])
def test_mocks(program, backend, kind):
    """A copy of a mock would record the calls where no test sees them."""
    done = program(
        HEAD
        + f"""
from unittest import mock
helper = mock.{kind}(return_value=3)

@when()
def by_global(): return helper is not None
try:
    assert by_global.result(30) and not isolated
except NameError as error:
    assert isolated and "records its calls" in str(error), error

try:
    cown = Cown([helper])
    assert not isolated
except TypeError as error:
    assert isolated and "backend='threads'" in str(error), error

assert when()(lambda: mock.sentinel.own is not None).result(30)
wait()
print("right")
"""
    )
    assert done.lines == ["right"], done.err


def test_a_test_case_is_refused_by_name(program, backend):
    """It refers to its run; the path to a stream of that says nothing to a user."""
    done = program(
        HEAD
        + """
import unittest

class Test(unittest.TestCase):
    def test_it(self):
        c = Cown(1)
        try:
            @when(c)
            def body(c):
                self.assertEqual(c.value, 1)
            body.result(30)
            print("run")
        except TypeError as error:
            print(error)

unittest.main()
"""
    )
    if backend == "threads":
        assert done.lines == ["run"]
    else:
        assert done.lines == [
            "self: cannot ship a 'Test': a unittest.TestCase belongs to the run of the "
            "tests; have the body return what the test asserts, use an assert "
            "statement in it, or use backend='threads'"
        ]


def test_pointers_and_modules_that_nobody_imports(program, backend):
    done = program(
        HEAD
        + """
import ctypes, types

pointer = ctypes.pointer(ctypes.c_int(1))
plugin = types.ModuleType("plugin")
exec("def run(): return 1", vars(plugin))

def told(function):
    try:
        return function()
    except (TypeError, NameError) as error:
        return str(error)

@when()
def named(): return pointer
@when()
def loaded(): return plugin.run()

if isolated:
    text = told(lambda: Cown([pointer]))
    text = text.replace("ctypes.LP_c_int", "LP_c_int")  # since 3.14
    assert text.startswith("value[0]: cannot ship a 'LP_c_int'"), text
    assert "PinnedCown" in text, text
    assert "'pointer'" in told(lambda: named.result(30))
    assert "enter it in sys.modules" in told(lambda: loaded.result(30))
else:
    assert named.result(30) is pointer
    assert loaded.result(30) == 1
wait()
print("right")
"""
    )
    assert done.lines == ["right"]


class Keyed(set):
    def __hash__(self):
        return hash(self.key)


@pytest.mark.backends("interpreters")
def test_a_set_that_contains_itself_is_named(runtime, backend):
    keyed = Keyed()
    keyed.key = 1
    keyed.add(keyed)
    text = r"value\['a'\]\[0\]: cannot ship a 'test_refusals.Keyed': it contains itself"
    with pytest.raises(RecursionError, match=text):
        Cown({"a": [keyed]})


PROXY = """
import os
from bocpy import Cown

class Proxy:
    def __init__(self, inner):
        self.inner = inner

    @property
    def __class__(self):
        return type(self.inner)

    def __reduce_ex__(self, protocol):
        raise NotImplementedError("must define __reduce__()")

isolated = os.environ["BOCPY_BACKEND"] == "interpreters"
for value in ([1, {"k": Proxy([1])}], Proxy({}), (Proxy(()), Proxy(set()))):
    try:
        Cown(value)
        print(not isolated)
    except TypeError as error:
        text = str(error)
        print("Proxy': must define" in text and "PinnedCown" in text)
"""


def test_a_proxy_that_refuses_is_named(program, backend):
    """It says that it has another class, as the proxies of wrapt do."""
    assert program(PROXY).lines == ["True"] * 3
