"""Modules that the program puts into `sys.modules`, or binds names to, after a behavior
that uses them was scheduled."""

import pytest

HEAD = """
import importlib, os, sys, types, warnings
from bocpy import start, when

start(2)

def made(x):
    module = types.ModuleType("late")
    module.x, module.f = x, lambda: ("f", x)
    return module

def imported():
    try:
        import late
    except ImportError:
        return None
    return late.x, late.f()

def by_text():
    found = sys.modules.get("late")
    return found and found.x

def by_import_module():
    return importlib.import_module("late").x

def check(*functions):
    for function in functions:
        found = when()(function).result(30)
        assert found == function(), (function, found, function())
"""

STEPS = """
check(imported, by_text)
sys.modules["late"] = made(1); check(imported, by_text, by_import_module)
sys.modules["late"].x = 2; check(imported, by_text, by_import_module)
sys.modules["late"] = made(3); check(imported, by_text, by_import_module)
del sys.modules["late"].f; sys.modules["late"].f = int; check(imported)
del sys.modules["late"]; check(imported, by_text)
sys.modules["late"] = made(4); check(imported, by_text, by_import_module)
print("right")
"""

PENDING = """
sys.modules["late"] = made(1)
check(imported)
door, handle = os.pipe()
gate = when()(lambda: os.read(door, 1))
results, expected = [], []
for x in range(3):
    sys.modules["late"] = made(x)
    results.append(when()(imported))
    expected.append(imported())
os.write(handle, b".")
found = [each.result(30) for each in results]
assert found == expected, (found, expected)
print("right")
"""

REPLACED = """
import config

def body():
    import config
    return config.x
check(body)
fake = types.ModuleType("config")
fake.x = 5
sys.modules["config"] = fake
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    when()(body).result(30)
print(*[str(each.message).partition(" after")[0] for each in caught])
"""

CONFIG = "x = 1\n"
OTHER = "x = 2\n"
USER = """
import config as used

def choose(name):
    global used
    used = __import__(name)

def read():
    return used.__name__, used.x
"""

REBOUND = """
import config, other, user
from user import read
check(read)
user.choose("other"); check(read)
other.x = 3; check(read)
user.choose("config"); check(read)
config.x = 4; check(read)
mine = config
def own(): return mine.__name__, mine.x
check(own)
mine = other; check(own)
other.x = 5; check(own, read)
print("right")
"""

ONE_OF_A_KIND = """
import user
from user import read
check(read)
user.used = types.ModuleType("nowhere")
user.used.x = 1
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    when()(read).result(30)
print(*[str(each.message).partition(",")[0] for each in caught])
"""


@pytest.fixture(autouse=True)
def _modules(tmp_path):
    for name, text in (("config", CONFIG), ("other", OTHER), ("user", USER)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")


def test_a_body_gets_the_module_that_is_there(program, backend):
    assert program(HEAD + STEPS).lines == ["right"]


@pytest.mark.backends("interpreters")
def test_behaviors_that_wait_get_the_former_modules(program, backend):
    assert program(HEAD + PENDING).lines == ["right"]


def test_a_module_that_workers_import_is_not_replaced(program, backend):
    expected = "module 'config' was replaced in sys.modules"
    lines = program(HEAD + REPLACED).lines
    assert lines == [expected if backend == "interpreters" else ""]


def test_a_name_of_a_module_is_bound_to_another_module(program, backend):
    assert program(HEAD + REBOUND).lines == ["right"]


def test_a_name_is_bound_to_a_module_that_cannot_be_sent(program, backend):
    expected = "user.used was replaced"
    lines = program(HEAD + ONE_OF_A_KIND).lines
    assert lines == [expected if backend == "interpreters" else ""]
