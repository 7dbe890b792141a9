"""What a program puts into modules that workers import: bodies see it, and see what was
there before once the program has put that back."""

import textwrap

import pytest

APP = """
import abc, functools


class Client:
    def get(self):
        return "real"

    @classmethod
    def name(cls):
        return cls.__name__


class Store(abc.ABC):
    pass


@functools.singledispatch
def show(x):
    return "any"


def fetch():
    return "real"


def use():
    return fetch(), Client().get(), Client.name()


def kinds(x):
    return isinstance(x, Store), show(x)


class Attributes(dict):
    __getattr__ = dict.__getitem__


rates = Attributes(rate=1)
NAN = float("nan")
values = [NAN]


def rate():
    return rates.rate, NAN in values
"""

FAKES = """
def fetch():
    return "fake"
"""

PLUGIN = """
import app


class Disk:
    pass


app.Store.register(Disk)
app.show.register(int, lambda x: "number")
app.show.register(Disk, lambda x: "disk")
"""

MAIN = """
import string
from unittest import mock
import app, fakes
import bocpy
from bocpy import Cown, acquire, start, when

start(2)
by_value = bocpy._core._backend() == "interpreters"


def run(function, *arguments):
    @when()
    def result():
        return function(*arguments)

    return result.result(60)


class Client2:
    def get(self):
        return "other"

    name = classmethod(lambda cls: "other")
"""

REPLACED = """
real = "real", "real", "Client"
assert run(app.use) == real
with mock.patch.object(app.Client, "get", lambda self: "fake"):
    assert run(app.use) == ("real", "fake", "Client")
assert run(app.use) == real
with mock.patch.object(app.Client, "name", classmethod(lambda cls: "fake")):
    assert run(app.use) == ("real", "real", "fake")
assert run(app.use) == real
with mock.patch("app.fetch", fakes.fetch):
    assert run(app.use) == ("fake", "real", "Client")
assert run(app.use) == real
with mock.patch("app.Client", Client2):
    assert run(app.use) == ("real", "other", "other")
assert run(app.use) == real


def library():
    return string.Template("$x").substitute(x=1), string.capwords("a b")


assert run(library) == ("1", "A B")
with mock.patch.object(string.Template, "substitute", lambda self, x: "fake"):
    assert run(library) == ("fake", "A B")
with mock.patch("string.capwords", fakes.fetch):
    try:
        run(library)
    except TypeError as error:
        assert "fetch()" in str(error), error
    else:
        raise AssertionError("string.capwords was not replaced")
assert run(library) == ("1", "A B")
print("right")
"""

PENDING = """
hold = Cown(0)
with acquire(hold):
    before = when(hold)(lambda hold: app.use()[1])
    app.Client.get = lambda self: "fake"
    after = when(hold)(lambda hold: app.use()[1])
seen = before.result(60), after.result(60)
# on threads a class is one object, and its methods are those that it has now
assert seen == ("real" if by_value else "fake", "fake"), seen
print("right")
"""

REGISTERED = """
assert run(app.kinds, 1) == (False, "any")
import plugin
assert run(app.kinds, 1) == (False, "number")
assert run(app.kinds, plugin.Disk()) == (True, "disk")
print("right")
"""

VALUES = """
assert run(app.rate) == (1, True)
app.rates["rate"] = 2
assert run(app.rate) == (2, True)
print("right")
"""


@pytest.fixture
def app(program, tmp_path):
    for name, text in (("app", APP), ("fakes", FAKES), ("plugin", PLUGIN)):
        (tmp_path / f"{name}.py").write_text(text)
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"

    def run(text):
        return program(path + MAIN + textwrap.dedent(text)).lines

    return run


def test_what_is_replaced_and_put_back(app, backend):
    assert app(REPLACED) == ["right"]


def test_pending_behaviors_see_what_was_there(app, backend):
    assert app(PENDING) == ["right"]


def test_what_a_plugin_registers(app, backend):
    assert app(REGISTERED) == ["right"]


def test_containers_that_are_not_plain(app, backend):
    """One whose missing attributes raise a KeyError; one that is not equal to its
    copy."""
    assert app(VALUES) == ["right"]


FIRST_SEEN_REPLACED = """
import sys
sys.path.insert(0, {folder!r})
import client
from bocpy import start, when

start(1)
original = client.Client.get
client.Client.get = lambda self: "fake"
for _ in range(2):
    @when()
    def seen():
        return client.Client().get()
    print(seen.result(30))
    client.Client.get = original
"""


def test_a_method_that_was_replaced_before_any_body_saw_it(program, backend, tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    text = "class Client:\n    def get(self): return 'real'\n"
    (folder / "client.py").write_text(text)
    source = FIRST_SEEN_REPLACED.format(folder=str(folder))
    assert program(source).lines == ["fake", "real"]


CLOCK = """
import datetime, time

real, real_time = datetime.datetime, time.time
stack = []


class Moment:
    def __init__(self, at):
        self.at = at


class Fake(real):
    @classmethod
    def now(cls, tz=None):
        return stack[-1].at if stack else real.now(tz)


def fake_time():
    return stack[-1].at.timestamp()


def freeze(at):
    stack.append(Moment(at))
    datetime.datetime, time.time = Fake, fake_time


def thaw():
    stack.pop()
    datetime.datetime, time.time = real, real_time
"""

FROZEN = """
import sys
sys.path.insert(0, "site-packages")
import datetime, time
import clock
from bocpy import start, when

start(2)


def look():
    seconds = datetime.datetime.fromtimestamp(time.time())
    return datetime.datetime.now().year, seconds.year


first, second = (datetime.datetime(year, 6, 1) for year in (1999, 2001))
for at in (first, second):
    clock.freeze(at)
    print(*when()(look).result(60))
    clock.stack[-1].at = at.replace(year=at.year + 1)
    print(*when()(look).result(60))
    clock.thaw()
    print(min(when()(look).result(60)) > 2020)
"""


def test_an_installed_package_replaces_the_clock(program, backend, tmp_path):
    """As freezegun does: what the package stores belongs to the replacement."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "clock.py").write_text(CLOCK, encoding="utf-8")
    assert program(FROZEN).lines == [
        *("1999 1999", "2000 2000", "True"),
        *("2001 2001", "2002 2002", "True"),
    ]


PUT_BACK = """
import glob, os
from bocpy import start, when

start(1)
real = os.getcwd


def named():
    return os.getcwd()


def by_a_library():
    return os.path.abspath("a")


print(when()(by_a_library).result(60) == os.path.abspath("a"))
os.getcwd = lambda: "/fake"
print(when()(named).result(60), os.path.abspath("a"))
print(when()(by_a_library).result(60))
os.getcwd = real
print(when()(by_a_library).result(60) == os.path.abspath("a"))
"""


def test_what_is_put_back_is_so_for_code_of_libraries(program, backend):
    expected = ["True", "/fake /fake/a", "/fake/a", "True"]
    assert program(PUT_BACK).lines == expected


TRAVEL = """
import sys
sys.path.insert(0, "site-packages")
import warnings
from bocpy import start, when

start(1)


def look():
    return 1


def told():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        when()(look).result(60)
    return [each.filename == __file__ for each in seen if "real time" in str(each)]


print(told())
import time_machine
print(told())
time_machine.start()
print(told(), told())
"""

TIME_MACHINE = """
traveller_stack = []
original = None


def start():
    global original
    original = len
    traveller_stack.append("2020-01-01")
"""


def test_time_machine_is_warned_of(program, backend, tmp_path):
    """It replaces functions in C that workers have of their own."""
    (tmp_path / "site-packages").mkdir()
    path = tmp_path / "site-packages" / "time_machine.py"
    path.write_text(TIME_MACHINE, encoding="utf-8")
    first = "[True]" if backend == "interpreters" else "[]"
    assert program(TRAVEL).lines == ["[]", "[]", f"{first} []"]
