"""Parts of functions that a program replaces in modules that workers import themselves:
bodies see them as they are when they are scheduled."""

import pytest

CONFIG = """
import functools


def default(a=1):
    return a


def keyword(*, a=1):
    return a


def code():
    return "own"


def other():
    return "other", LEVEL


def noted():
    return getattr(noted, "note", None)


def items(a=[1]):
    return a


def traced(function):
    @functools.wraps(function)
    def wrapper(a=1):
        return function(), a

    return wrapper


@traced
def wrapped():
    return LEVEL


class Model:
    def save(self, a=1):
        return a

    @staticmethod
    def made(a=1):
        return a

    @property
    def size(self):
        return "own"


LEVEL = 1


def use():
    model = Model()
    return (
        *(default(), keyword(), code(), noted(), items(), wrapped(), model.save()),
        *(Model.made(), model.size, getattr(Model.save, "note", None)),
    )
"""

HEAD = """
import os, sys, warnings
import config
from config import Model, default, use
from bocpy import Cown, start, wait, when

warnings.simplefilter("error")
start(2)

def other_size(self): return "other"

def own():
    model = Model()
    return (
        *(config.default(), config.keyword(), config.code(), config.noted()),
        *(config.items(), config.wrapped(), model.save(), Model.made(), model.size),
        *(default(), getattr(Model.save, "note", None)),
    )

def check():
    for function in (use, own):
        found = when()(function).result(30)
        assert found == function(), (found, function())
"""

STEPS = """
config.default.__defaults__ = (2,)
config.keyword.__kwdefaults__ = {"a": 2}
config.keyword.__kwdefaults__["a"] = 3
config.noted.note = 5
config.noted.note = [6]
del config.noted.note
config.code.__code__ = config.other.__code__
config.LEVEL = 2
config.items.__defaults__ = ({"x": 1},)
config.wrapped.__defaults__ = (7,)
Model.save.__defaults__ = (2,)
Model.save.note = "a note"
del Model.save.note
Model.made.__defaults__ = (config.LEVEL,)
Model.size.fget.__code__ = other_size.__code__
config.default.__defaults__ = (1,)
"""

PENDING = """
door, handle = os.pipe()
gate = when()(lambda: os.read(door, 1))
results, expected = [], []
"""


@pytest.fixture(autouse=True)
def _config(tmp_path):
    (tmp_path / "config.py").write_text(CONFIG, encoding="utf-8")


def run(program, text):
    assert program(HEAD + text + "\nwait()\nprint('right')\n").lines == ["right"]


def test_each_change_is_seen(program, backend):
    steps = STEPS.strip().splitlines()
    run(program, "check()\n" + "\n".join(f"{step}; check()" for step in steps))


def test_changes_before_the_first_behavior_are_seen(program, backend):
    steps = [step for step in STEPS.strip().splitlines() if "items" not in step]
    run(program, "\n".join(steps[:-1]) + "\ncheck()\n")


@pytest.mark.backends("interpreters")
def test_behaviors_that_wait_keep_what_they_were_scheduled_with(program, backend):
    keep = "results.append(when()(use)); expected.append(use())"
    steps = "".join(f"{step}\n{keep}\n" for step in STEPS.strip().splitlines())
    end = (
        "os.write(handle, b'.')\n"
        "found = [each.result(30) for each in results]\n"
        "assert found == expected, (found, expected)\n"
    )
    run(program, f"check()\n{PENDING}{keep}\n{steps}{end}check()\n")


@pytest.mark.backends("interpreters")
def test_a_part_that_cannot_be_sent_is_named(program, backend):
    run(
        program,
        """
check()
warnings.simplefilter("always")
config.default.__defaults__ = (open(os.devnull),)
with warnings.catch_warnings(record=True) as caught:
    check_result = when()(lambda: config.default()).result(30)
assert check_result == 1
texts = [str(each.message) for each in caught if each.category is RuntimeWarning]
assert len(texts) == 1 and "config.default.__defaults__ was replaced" in texts[0], texts
""",
    )


PUT_BACK = """
check()
config.default.__defaults__ = (2,)
Model.save.__defaults__ = (2,)
check()
first, model = config.default, config.Model
class Other(Model):
    def save(self): return "other"
config.default, config.Model = lambda: "another", Other
assert when()(lambda: (config.default(), config.Model().save())).result(30) == (
    "another", "other"
)
config.default, config.Model = first, model
check()
first.__defaults__ = (3,)
check()
"""


def test_a_function_is_replaced_and_put_back(program, backend):
    run(program, PUT_BACK)


WRAPPING = """
import functools


def switch():
    level, name = 1, None

    def get():
        return level, name

    def set_to(value, text):
        nonlocal level, name
        level, name = value, text

    return get, set_to


get, set_to = switch()


def twice(function):
    @functools.wraps(function)
    def wrapper(*args, **keywords):
        return function(*args, **keywords) * 2

    return wrapper


def unnamed(function):
    def inner(*args):
        return function(*args)

    return inner


@twice
def wrapped(x=1, *, y=10):
    return x + y


@unnamed
def hidden(x=1):
    return x


class Model:
    @twice
    def method(self, x=1):
        return x

    @unnamed
    def other(self, x=3):
        return x


def listed(x=[1], y=(1, 2), z=dict):
    return x, y, z.__name__


def nested(x=(1, (2,))):
    return x
"""

WRAPPED_STEPS = """
config.set_to(5, "x")
config.wrapped.__wrapped__.__defaults__ = (6,)
config.wrapped.__wrapped__.__kwdefaults__["y"] = 20
config.hidden.__closure__[0].cell_contents.__defaults__ = (7,)
config.Model.method.__wrapped__.__defaults__ = (8,)
config.Model.other.__closure__[0].cell_contents.__defaults__ = (9,)
config.set_to(1.5, None)
"""

WRAPPED_HEAD = """
import os
import config
from bocpy import quiesce, start, when

start(2)
config.nested.__defaults__ = ((5, (6,)),)
config.listed.__defaults__ = ([9], (3,), list)
config.wrapped.__wrapped__.__defaults__ = (4,)
config.set_to(3, "before a body reads it")

def read():
    model = config.Model()
    methods = model.method(), model.other()
    functions = config.wrapped(), config.hidden(), config.listed(), config.nested()
    return config.get(), methods, functions

def scheduled():
    return [when()(read) for _ in range(4)], read()

def check(results, expected):
    for result in results:
        assert result.result(30) == expected, (result.result(30), expected)
"""


@pytest.mark.parametrize("pending", [False, True])
def test_what_functions_enclose(program, backend, tmp_path, pending):
    """Functions below decorators, variables of enclosing functions that are numbers and
    text, and defaults that are set before the first body."""
    (tmp_path / "config.py").write_text(WRAPPING, encoding="utf-8")
    if pending and backend == "threads":  # bodies read what is there when they run
        pending = False
    text = WRAPPED_HEAD + "check(*scheduled())\n"
    if pending:
        text += "door, handle = os.pipe()\ngate = when()(lambda: os.read(door, 1))\n"
        text += "other = when()(lambda: os.read(door, 1))\nheld = []\n"
    for step in WRAPPED_STEPS.strip().splitlines():
        add = (
            "held.append(scheduled())" if pending else "check(*scheduled()); quiesce()"
        )
        text += f"{step}\n{add}\n"
    if pending:
        text += 'os.write(handle, b"..")\nfor each in held: check(*each)\n'
        text += "quiesce()\ncheck(*scheduled())\n"
    assert program(text + "print('right')\n").lines == ["right"]
