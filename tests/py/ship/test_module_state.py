"""State that a program has changed in modules that workers import themselves: a body
sees it as it was when the body was scheduled."""

import textwrap

import pytest

SETTINGS = """
import types

DEBUG = False
table = [1]
options = {"a": 1}
names = {"a"}
nested = {"a": [1]}


class Settings:
    level = 1

    def __init__(self):
        self.color = "red"


class Slotted:
    __slots__ = ("x",)

    def __init__(self):
        self.x = 1


class Model:
    def save(self):
        return "saved", DEBUG


settings = Settings()
slotted = Slotted()
space = types.SimpleNamespace(a=1)


def debug():
    return DEBUG


def late():
    return "own"


def save():
    return Model().save()
"""

DEEP = "LEVEL = 1\n"
APP = """
from . import deep
from bocpy import when

MODE = "a"
seen = []


class Item:
    def mode(self):
        return MODE, deep.LEVEL, len(seen)


def go():
    @when()
    def body():
        return MODE, deep.LEVEL, len(seen)

    return body.result(30)
"""

HEAD = """
import json, os, sys, warnings
import config
from config import Model, Settings, debug, save, settings, table
from bocpy import Cown, start, wait, when

start(2)
"""

READ = """
def read():
    @when()
    def body():
        return (
            config.DEBUG, debug(), list(config.table), list(table), config.options,
            sorted(config.names), config.nested, Settings.level, settings.color,
            config.settings.level, config.space.a, config.slotted.x, config.late(),
            save(), Model().save(), json.dumps(1),
        )
    return body.result(30)

def plain():
    return (
        config.DEBUG, debug(), list(config.table), list(table), config.options,
        sorted(config.names), config.nested, Settings.level, settings.color,
        config.settings.level, config.space.a, config.slotted.x, config.late(),
        save(), Model().save(), json.dumps(1),
    )

assert read() == plain()
"""

CHANGES = """
config.DEBUG = True
config.table.append(2)
config.options["b"] = 2
config.names.add("b")
config.nested["a"].append(2)
Settings.level = 2
settings.color = "blue"
config.space.a = 2
config.slotted.x = 2
config.late = lambda: "replaced"
Model.save = lambda self: "replaced"
dumps = json.dumps
json.dumps = lambda value: "replaced"
"""

AGAIN = """
json.dumps = dumps
config.nested["a"] = [{"x": True}]
config.table[:] = [1]
settings.extra = "more"
del Settings.level
Settings.level = 3
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "config.py").write_text(SETTINGS, encoding="utf-8")
    package = tmp_path / "package"
    package.mkdir()
    for name, text in (("__init__", ""), ("deep", DEEP), ("app", APP)):
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def run(program, text):
    done = program(HEAD + textwrap.dedent(text) + "\nwait()\nprint('right')\n")
    assert done.lines == ["right"]
    return done


@pytest.mark.parametrize("warm", [True, False])
def test_changes_are_seen(program, backend, files, warm):
    first = READ if warm else READ.replace("assert read() == plain()", "")
    after = "assert read() == plain(), (read(), plain())\n"
    run(program, first + CHANGES + after + AGAIN + after)


@pytest.mark.parametrize("imported", ["before", "after"])
def test_changes_before_the_runtime_starts_are_seen(program, backend, files, imported):
    """Whether the modules were imported before bocpy or after it."""
    lines = HEAD.replace("start(2)", "").strip().splitlines()
    own = [line for line in lines if "bocpy" not in line]
    bocpys = [line for line in lines if "bocpy" in line]
    head = own + bocpys if imported == "before" else bocpys + own
    after = "start(2)\nassert read() == plain(), (read(), plain())\n"
    first = READ.replace("assert read() == plain()", "")
    done = program("\n".join(head) + "\n" + first + CHANGES + after + "print('right')")
    assert done.lines == ["right"]


def test_modules_of_a_package_that_schedule_and_classes_of_values(
    program, backend, files
):
    run(
        program,
        """
        import package.app, package.deep
        from package.app import Item
        assert package.app.go() == ("a", 1, 0)
        package.app.MODE, package.deep.LEVEL = "b", 2
        package.app.seen.append(1)
        assert package.app.go() == ("b", 2, 1)
        item = Cown(Item())
        for level in (2, 3):
            package.deep.LEVEL = level
            @when(item)
            def mode(item): return item.value.mode()
            assert mode.result(30) == ("b", level, 1)
        """,
    )


def test_pending_behaviors_see_the_previous_values(program, backend, files):
    """On threads, functions read the program's own state, as it is at that time."""
    run(
        program,
        """
        door, handle = os.pipe()
        gate = Cown(0)
        @when(gate)
        def hold(gate, door=door): os.read(door, 1)
        seen = []
        for i in range(3):
            config.DEBUG = i
            config.table.append(i)
            settings.color = str(i)
            @when(gate)
            def see(gate):
                return debug(), len(config.table), settings.color
            seen.append(see)
        os.write(handle, b".")
        expected = [(i, 2 + i, str(i)) for i in range(3)]
        if os.environ["BOCPY_BACKEND"] == "threads":
            expected = [expected[-1]] * 3
        assert [each.result(30) for each in seen] == expected
        """,
    )


def test_a_module_that_is_loaded_again(program, backend, files):
    run(
        program,
        """
        import importlib, pathlib
        settings.color = "blue"
        @when()
        def before(): return config.late(), settings.color
        assert before.result(30) == ("own", "blue")
        file = pathlib.Path(config.__file__)
        file.write_text(file.read_text().replace('"own"', '"longer"'))
        importlib.reload(config)
        config.DEBUG = 7
        @when()
        def after(): return config.late(), config.DEBUG
        assert after.result(30) == ("longer", 7)
        """,
    )


def test_registrations_with_a_function_of_a_module_that_is_loaded_again(
    program, backend, files
):
    """The reload makes another function, with which nothing is registered yet."""
    text = "from functools import singledispatch\n\n@singledispatch\ndef area(x):\n"
    (files / "shapes.py").write_text(text + '    return "any"\n')
    run(
        program,
        """
        import importlib, shapes

        def found(value):
            return {each.result(30) for each in [
                when()(lambda: shapes.area(value)) for _ in range(6)
            ]}

        assert found("a") == {"any"}
        shapes.area.register(str, lambda x: "text")
        assert found("a") == {"text"}
        importlib.reload(shapes)
        assert found("a") == found(1) == {"any"}
        shapes.area.register(int, lambda x: "number")
        assert found("a") == {"any"} and found(1) == {"number"}
        """,
    )


def test_a_deleted_attribute_is_missing_in_workers(program, backend, files):
    run(
        program,
        """
        @when()
        def there(): return config.DEBUG
        there.result(30)
        del config.DEBUG
        @when()
        def gone(): return config.DEBUG
        try:
            gone.result(30)
        except AttributeError as error:
            assert "DEBUG" in str(error)
        else:
            raise AssertionError("the name is there")
        """,
    )


def test_state_that_cannot_be_followed_is_warned_of(program, backend, files):
    run(
        program,
        """
        from unittest import mock
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with mock.patch("config.late", return_value="mocked"):
                @when()
                def body(): return config.late()
                seen = body.result(30)
        texts = {str(each.message) for each in told}
        if os.environ["BOCPY_BACKEND"] == "threads":
            assert (seen, texts) == ("mocked", set())
        else:
            assert seen == "own"
            (text,) = texts
            assert "config.late was replaced" in text and "MagicMock" in text, text
        """,
    )
    done = run(
        program,
        """
        config.table.extend(range(10_000))
        @when()
        def size(): return len(config.table)
        size.result(30)
        """,
    )
    told = "config.table has 10001 elements in the main program" in done.err
    assert told is (backend == "interpreters")


def test_polling_costs_little(program, backend, files):
    """A list that a body reaches is compared at each scheduling."""
    run(
        program,
        """
        import time
        def once():
            start = time.perf_counter()
            for _ in range(1000):
                @when()
                def body(): return config.table, config.nested
            seconds = time.perf_counter() - start
            wait()
            return seconds
        assert min(once() for _ in range(5)) < 0.05
        """,
    )


OTHERS = """
import functools


class Part:
    def __init__(self):
        self.n = 1

    def get(self):
        return self.n

    size = property(lambda self: 1)


part = Part()
parts, get, gets = [part], part.get, [part.get]
numbers = {"a": 1}
number = numbers.get


@functools.singledispatch
def kind(value):
    return "any"


def first():
    return "first"


functions = {"first": first}


def seen():
    found = [parts[0].n, get(), gets[0](), number("a"), part.size, kind("a"), kind(1)]
    return [*found, functions["first"](), first()]
"""

WITH_OTHERS = """
import others
from bocpy import start, when

start(2)
"""


@pytest.fixture
def others(tmp_path):
    (tmp_path / "others.py").write_text(OTHERS, encoding="utf-8")


@pytest.mark.parametrize("warm", [True, False])
def test_objects_behind_other_names_and_replaced_properties(
    program, backend, others, warm
):
    """Also where the worker imports the module after the program has changed it."""
    change = """
others.part.n, others.numbers["a"] = 2, 3
others.Part.size = property(lambda self: 4)
others.kind.register(str, lambda value: "text")
assert seen() == others.seen(), (seen(), others.seen())
others.kind.register(int, lambda value: "number")
others.kind.register(str, lambda value: "str")
assert seen() == others.seen(), (seen(), others.seen())
"""
    text = "def seen(): return when()(others.seen).result(30)\n"
    first = "assert seen() == others.seen()\n" if warm else ""
    done = program(f"{WITH_OTHERS}{text}{first}{change}print('right')")
    assert done.lines == ["right"]


def test_a_function_that_is_put_back(program, backend, others):
    text = """
table, alias = {"first": others.first}, others.first
own = others.first

def seen():
    return table["first"](), alias(), others.seen()

def run():
    return when()(seen).result(30)

assert run() == seen()
for other in (lambda: "other", own, (lambda: 5), own):
    others.first = other
    assert run() == seen(), (run(), seen())
"""
    assert program(f"{WITH_OTHERS}{text}print('right')").lines == ["right"]


MORE = """
import configparser
import functools
import types


class Space(types.SimpleNamespace):
    pass


class Lazy:
    @functools.cached_property
    def value(self):
        return source["value"]


source = {"value": 1}
space = Space(inner=Space(n=1))
parser = configparser.ConfigParser()
parser["a"] = {"x": "1"}


def seen():
    try:
        late = defined_late
    except NameError:
        late = None
    sections = {name: dict(parser[name]) for name in parser.sections()}
    return space.inner.n, Lazy().value, sections, late
"""


def test_objects_with_a_state_of_their_own_and_late_names(program, backend, tmp_path):
    (tmp_path / "more.py").write_text(MORE, encoding="utf-8")
    text = """
import importlib, sys
import more
from bocpy import start, when

start(2)

def seen(): return when()(lambda: more.seen()).result(30)

assert seen() == more.seen()
more.space.inner.n, more.source["value"] = 2, 3
more.parser["a"]["x"] = "4"
more.parser["b"] = {"y": "5"}
more.defined_late = 6
assert seen() == more.seen(), (seen(), more.seen())
del more.defined_late
assert seen() == more.seen(), (seen(), more.seen())

del sys.modules["more"]
more = importlib.import_module("more")
assert seen() == more.seen(), (seen(), more.seen())
more.source["value"] = 7
assert seen() == more.seen(), (seen(), more.seen())
print("right")
"""
    assert program(text).lines == ["right"]
