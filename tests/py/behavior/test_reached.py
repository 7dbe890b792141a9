"""What bodies reach by import, by names that exist only while they run, and by
registrations: it is the same as for the program, whichever body comes first
(programs/reached.py)."""

import ast
import pathlib
import sys

import harness
import pytest

PROGRAM = pathlib.Path(harness.PROGRAMS) / "reached.py"
TEXT = PROGRAM.read_text(encoding="utf-8")


def names():
    """The names of the program's cases and values, read without running it."""
    for node in ast.parse(TEXT).body:
        if isinstance(node, ast.FunctionDef) and "case" in map(
            ast.unparse, node.decorator_list
        ):
            yield node.name
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VALUES":
            yield from (key.value for key in node.value.keys)
    if sys.version_info >= (3, 12):
        yield "aliases"


NAMES = [name for name in names() if sys.platform != "win32" or name != "foreign"]


# CPython 3.12 keeps ctypes out of sub-interpreters, and the error says so.
LACKING = {"foreign", "pair", "array"} if sys.version_info[:2] == (3, 12) else set()


@pytest.mark.parametrize("name", NAMES)
def test_a_body_reaches_what_the_program_does(program, backend, name):
    source = TEXT.replace("sys.argv[1]", repr(name))
    if backend == "interpreters" and name in LACKING:
        error = program(source, expect_code=1).err
        assert "_ctypes does not support loading in subinterpreters" in error
        return
    assert program(source).out.strip() == "agree"


MONTE_CARLO = """
import time
from random import random, randint
from bocpy import start, wait, when

start(2)

def sample():
    return random(), randint(0, 10**12)

results = []
for _ in range(6):
    @when()
    def result():
        time.sleep(0.02)
        return sample()
    results.append(result)
wait()
drawn = [r.unwrap() for r in results] + [(random(), randint(0, 10**12))]
print(len({a for a, _ in drawn}), len({b for _, b in drawn}))
"""


def test_workers_draw_different_numbers(program, backend):
    assert program(MONTE_CARLO).out.split() == ["7", "7"]


HOOK = """
import importlib.abc, importlib.machinery, sys
from bocpy import Cown, wait, when

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name == "made_up":
            return importlib.machinery.ModuleSpec(name, self)
    def exec_module(self, module):
        exec("class Thing:\\n    def __init__(self, n): self.n = n\\n"
             "def f(x): return g(x) + 1\\ndef g(x): return 2 * x", module.__dict__)

sys.meta_path.insert(0, Finder())
import made_up

@when()
def first():
    import made_up
    return made_up.f(3)

@when(Cown(made_up.Thing(5)))
def second(c):
    return c.value.n, made_up.g(1)

print(first.unwrap(timeout=30), second.unwrap(timeout=30))
"""


def test_modules_of_an_import_hook(program, backend):
    assert program(HOOK).out.split() == ["7", "(5,", "2)"]


SETTINGS = """
class Settings:
    def __init__(self):
        self.debug = False

settings = Settings()
registry = {}
MISSING = object()
key = lambda value: -value
numbers = [1, 2, 3]
"""

BY_NAME = """
import settings as module
from settings import MISSING, key, numbers, registry, settings
from bocpy import when

@when()
def same():
    import settings as there
    return [
        there.settings is settings, there.MISSING is MISSING, there.key is key,
        there.numbers is numbers, there.registry is registry,
    ]

print(same.unwrap(timeout=30))
"""


def test_objects_of_modules_are_the_modules_own(program, backend, tmp_path):
    (tmp_path / "settings.py").write_text(SETTINGS)
    assert program(BY_NAME).out.strip() == str([True] * 5)


ADDED = """
from settings import registry
import settings
from bocpy import when

registry["added"] = 1
settings.later = [1]
later = settings.later

@when()
def sees():
    return list(registry)

@when()
def gone():
    return later

print(sees.unwrap(timeout=30))
print(gone.unwrap(timeout=30))
"""


def test_what_the_program_adds_to_a_module_is_seen(program, backend, tmp_path):
    (tmp_path / "settings.py").write_text(SETTINGS)
    done = program(ADDED)
    assert (done.out, done.err) == ("['added']\n[1]\n", "")


HOOKS = """
import importlib.abc, importlib.util, sys
from bocpy import when

class Loader(importlib.abc.Loader):
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.VALUE = 7

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith("made_up"):
            return importlib.util.spec_from_loader(name, Loader())

class PathHook:
    def __init__(self, path):
        if path != "made up:":
            raise ImportError
    def find_spec(self, name, target=None):
        if name.startswith("of_path"):
            return importlib.util.spec_from_loader(name, Loader())

sys.meta_path.append(Finder)
sys.path_hooks.append(PathHook)
sys.path.append("made up:")

@when()
def first():
    import made_up
@when()
def second():
    import of_path
@when()
def third():
    import nowhere
for result in first, second, third:
    try:
        result.result(30)
        print("found")
    except ModuleNotFoundError as error:
        print(error)

import made_up, of_path
@when()
def fourth():
    import made_up, of_path
    return made_up.VALUE + of_path.VALUE
print(fourth.result(30))
"""


def test_a_module_that_only_a_hook_of_the_program_finds(program, backend):
    lines = program(HOOKS).lines
    advice = (
        "an import hook of the program, {}, finds it, and workers have no such hooks: "
        "import it in the main program, from where workers get it by value"
    )
    texts = [
        f"No module named 'made_up'; {advice.format('Finder')}",
        f"No module named 'of_path'; {advice.format('Loader')}",
    ]
    found = texts if backend == "interpreters" else ["found", "found"]
    assert lines == [*found, "No module named 'nowhere'", "14"]
