"""Objects of the standard library, weak references and exceptions that plain pickle
refuses or changes. More of them: programs/plain_defects.py."""

HEAD = """
import contextlib, dataclasses, multiprocessing, os, random, struct, threading, weakref
from bocpy import Cown, quiesce, start, when

start(2)
isolated = os.environ["BOCPY_BACKEND"] == "interpreters"

def refused(value, text):
    try:
        Cown(value)
    except TypeError as error:
        assert isolated and text in str(error), error
    else:
        assert not isolated, value
"""

VALUES = (
    HEAD
    + """
layout = struct.Struct("<I")
for value, use in [
    (layout, lambda it: it.pack(1)),
    (layout.unpack, lambda it: it(b"\\1\\0\\0\\0")),
    (random.SystemRandom(), lambda it: 0 <= it.random() < 1),
    (compile("40 + 2", "text", "eval"), eval),
]:
    @when(Cown(value))
    def used(c, use=use):
        return use(c.value)
    assert used.result(30) == use(value), value

for value in (
    multiprocessing.get_context("spawn").Event(),
    multiprocessing.get_context("spawn").Queue(),
):
    refused(value, "PinnedCown, or use backend='threads'")

@contextlib.contextmanager
def managed():
    yield 5

def enter(c):
    with c.value as found:
        return found

assert when(Cown(managed()))(enter).result(30) == 5
entered = managed()
with entered:
    refused(entered, "generator")
print("right")
"""
)


def test_values_of_the_library(program, backend):
    """They move, or are refused with a way out."""
    assert program(VALUES).lines == ["right"]


WEAK = (
    HEAD
    + """
class Node:
    def __init__(self, parent=None):
        self.parent = parent and weakref.ref(parent)
        self.children = []
        if parent is not None:
            parent.children.append(self)

root = Node()
Node(Node(root))

def look(c):
    child = c.value.children[0]
    return child.parent() is c.value, child.children[0].parent() is child

moved = Cown(root)
assert when(moved)(look).result(30) == (True, True)
with moved as back:
    assert back.children[0].parent() is back

# What only a weak reference would bring along would die at once.
refused([weakref.ref(root)], "weakref")
refused(weakref.ref(root, print), "weakref")

class Holder: pass
holder = Holder()
holder.other = weakref.ref(root)
@when()
def held(): return holder.other() is root
assert held.result(30)

kept = [Node()]
holder.other = weakref.ref(kept[0])
@when()
def alone(): return holder.other() is not None
try:
    assert alone.result(30) and not isolated
except NameError as error:
    assert isolated and "that no global has" in str(error), error
print("right")
"""
)


PARSERS = """
import argparse
from bocpy import Cown, when

class Upper(argparse.Action):
    def __call__(self, parser, names, value, option=None):
        setattr(names, self.dest, value.upper())

parser = argparse.ArgumentParser(prog="x")
parser.add_argument("--u", action=Upper)
parser.add_argument("place", nargs="?", default=argparse.SUPPRESS)
parser.add_argument("--hidden", help=argparse.SUPPRESS)
group = parser.add_mutually_exclusive_group()
group.add_argument("--a", action="store_true")
group.add_argument("--b", action=argparse.BooleanOptionalAction)
tree = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
parts = tree.add_subparsers(required=True)
run = parts.add_parser("run")
run.add_argument("n", type=int, nargs="*")
run.add_argument("--often", type=int)
run.set_defaults(call="run")

@when(Cown(parser))
def moved(c):
    return vars(c.value.parse_args(["--b"])), "--hidden" in c.value.format_help()

@when()
def read():
    found = vars(parser.parse_args(["--u", "y"]))
    return found, vars(tree.parse_args(["run", "3"])), group.title

print(moved.result(30) == (vars(parser.parse_args(["--b"])), False))
expected = (
    vars(parser.parse_args(["--u", "y"])),
    vars(tree.parse_args(["run", "3"])),
    group.title,
)
print(read.result(30) == expected or read.result(30))
"""


def test_parsers_of_arguments(program, backend):
    """argparse compares the text SUPPRESS by identity."""
    assert program(PARSERS).lines == ["True", "True"]


def test_weak_references(program, backend):
    """They move with the object that they refer to."""
    assert program(WEAK).lines == ["right"]


ERRORS = (
    HEAD
    + """
class Slots(Exception):
    __slots__ = ("_code", "__more")

    def __init__(self, code, more):
        self._code, self.__more = code, more

    def parts(self):
        return self._code, self.__more

@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int
    more: object = None

class Located(OSError):
    def __init__(self, path):
        if path:
            self.filename = path

def fail(make):
    @when()
    def failed():
        raise make()
    try:
        failed.result(30)
    except Exception as error:
        return error

found = fail(lambda: Slots(1, [2]))
assert type(found) is Slots and found.parts() == (1, [2])
found = fail(lambda: Slots(1, "text"))
assert found.parts() == (1, "text")
found = fail(lambda: Frozen(3))
assert type(found) is Frozen and found == Frozen(3)
fail(lambda: Located(""))
found = fail(lambda: Located("/some/file"))
assert type(found) is Located and found.filename == "/some/file"
found = fail(lambda: ModuleNotFoundError("none", name="n", path="p"))
assert (found.name, found.path) == ("n", "p")

# The parts that cannot move are left out, whatever the exception keeps them in.
for make in (Slots, Frozen):
    found = fail(lambda: make(4, threading.Lock()))
    assert type(found) is make, found
found = fail(lambda: Slots("code", threading.Lock()))
assert found._code == "code", found._code

# They move as values, too.
with Cown([Slots(1, 2), Frozen(3)]) as (one, two):
    assert one.parts() == (1, 2) and two == Frozen(3)
kept = Cown([Slots(1, 2), Frozen(3)])
when(kept)(lambda c: c.value.append(c.value[0].parts())).result(30)
with kept as value:
    assert value[2] == value[0].parts() == (1, 2) and value[1] == Frozen(3)
print("right")
"""
)


def test_exceptions_keep_their_type_and_parts(program, backend):
    """Those with slots, and those that refuse to be changed."""
    assert program(ERRORS).lines == ["right"]


DEFAULTS = (
    HEAD
    + """
UNSET, OTHER = "unset value", ("other", [])

def get(x=UNSET, *, y=OTHER):
    return x is UNSET, y is OTHER, x

def run():
    @when()
    def got():
        return get()
    return got

assert run().result(30) == (True, True, "unset value")
before = [run() for _ in range(20)]
UNSET = "rebound"  # behaviors that are pending have the old one
after = [run() for _ in range(20)]
if isolated:  # `threads` sees a global of a function that the body calls as it is
    assert {each.result(30) for each in before} == {(True, True, "unset value")}
assert {each.result(30) for each in after} == {(False, True, "unset value")}
quiesce()
UNSET = get.__defaults__[0]
assert run().result(30) == (True, True, "unset value")
print("right")
"""
)


def test_defaults_that_are_globals(program, backend):
    """`x is UNSET` is true of the default value, as long as the global has it."""
    assert program(DEFAULTS).lines == ["right"]


PUT_BACK = (
    HEAD
    + """
class Config:
    def __init__(self, n):
        self.n = n

TEXT, NUMBER, PAIR, CONFIG = "some text", 2.5, ("other", [1]), Config(1)
ONE, FIRST = Config(2), None
ITEMS, TABLE = [ONE], {"one": ONE}

def get(text=TEXT, number=NUMBER, *, pair=PAIR, config=CONFIG):
    return text is TEXT, number is NUMBER, pair is PAIR, config is CONFIG

class Reader:
    held = [CONFIG]
    def get(self, text=TEXT, *, config=CONFIG):
        return text is TEXT, config is CONFIG, self.held[0] is CONFIG

def make():
    hidden = CONFIG
    def inner(text=TEXT):
        return text is TEXT, hidden is CONFIG
    return inner

calls = {"a": make()}
keep = get.__defaults__, get.__kwdefaults__

def run():
    @when()
    def got():
        lists = ITEMS[0] is FIRST, TABLE["one"] is FIRST, ITEMS[0] is ONE
        return get(), Reader().get(), calls["a"](), *lists
    return got

def expect(same, first):
    wanted = (same,) * 4, (same,) * 3, (same,) * 2, first, first, True
    for each in [run() for _ in range(6)]:
        assert each.result(30) == wanted, (each.result(30), wanted)
    quiesce()

expect(True, False)
for i in range(3):
    TEXT, NUMBER, PAIR, CONFIG = f"text {i}", 3.5 + i, (i,), Config(i)
    expect(False, bool(i))
    TEXT, NUMBER = keep[0]
    PAIR, CONFIG = keep[1].values()
    expect(True, bool(i))
    FIRST = ITEMS[0]
    expect(True, True)
print("right")
"""
)


def test_globals_that_are_put_back(program, backend):
    """An object that is a default value, in a closure, a class or a container is the
    global again when the program binds the global to it again, or for the first time.
    """
    assert program(PUT_BACK).lines == ["right"]
