"""Globals whose objects refer to each other arrive as they were: parents and children,
registries of a class, singletons."""

from __future__ import annotations

import pytest

HEAD = """
from bocpy import Cown, start, when

start(2)

def run(function, *cowns):
    return when(*cowns)(function).result(timeout=30)
"""

PROGRAMS = {
    "a singleton": (
        """
class Only:
    instance = None
    def __new__(cls):
        if cls.instance is None:
            cls.instance = super().__new__(cls)
        return cls.instance

only = Only()
only.x = 4
print(run(lambda: (Only() is only, only.x)))
print(run(lambda c: c.value is only, Cown(only)))
""",
        ["(True, 4)", "True"],
    ),
    "a registry": (
        """
class Plugin:
    all, named, pair = [], {}, ()
    def __init__(self, n):
        self.n = n
        self.all.append(self)
        self.named[n] = self
    def twice(self):
        return 2 * self.n

p, q = Plugin(1), Plugin(2)
Plugin.pair = (p, q)
print(run(lambda: (Plugin.named[2] is q, Plugin.all[0] is p, Plugin.pair[1] is q)))
print(run(lambda: [each.twice() for each in Plugin.all]))
r = Plugin(3)
print(run(lambda: (Plugin.all[2] is r, Plugin.named[3].twice(), len(Plugin.all))))
""",
        ["(True, True, True)", "[2, 4]", "(True, 6, 3)"],
    ),
    "parents and children": (
        """
class Tree:
    def __init__(self, up=None):
        self.kids, self.up, self.me = [], up, self
        if up is not None:
            up.kids.append(self)

top = Tree()
leaf = Tree(top)
print(run(lambda: (top.me is top, top.kids[0] is leaf, leaf.up is top)))
top.x = 1
print(run(lambda: (leaf.up.x, leaf.up is top)))
leaf.up.x = 2
print(run(lambda: (top.x, leaf.up is top, top.kids[0] is leaf)))
other = Tree(leaf)
print(run(lambda: (leaf.kids[0] is other, top.kids[0].kids[0].up.up is top)))
""",
        ["(True, True, True)", "(1, True)", "(2, True, True)", "(True, True)"],
    ),
    "slots and a root of the class": (
        """
class Node:
    __slots__ = ("kids", "up")
    root = None
    def __init__(self, up=None):
        self.kids, self.up = [], up
        if up is not None:
            up.kids.append(self)

root = Node()
kid = Node(root)
Node.root = root
print(run(lambda: (Node.root is root, root.kids[0] is kid, kid.up is root)))
""",
        ["(True, True, True)"],
    ),
    "a state of its own": (
        """
class State:
    first = None
    def __init__(self, v):
        self.v = v
    def __getstate__(self):
        return ("state", self.v)
    def __setstate__(self, state):
        self.v = state[1] + 100

a = State(5)
State.first = a
print(run(lambda: (a.v, State.first is a)))
""",
        ["(105, True)"],
    ),
    "an attribute set later": (
        """
class Shape:
    unit = None
    def area(self):
        return 3

shape = Shape()
print(run(lambda: Shape.unit))
Shape.unit = shape
print(run(lambda: (Shape.unit is shape, Shape.unit.area())))
""",
        ["None", "(True, 3)"],
    ),
    "two classes": (
        """
class A:
    links = {}

class B(A):
    pass

a, b = A(), B()
A.links["b"] = b
B.back = a
print(run(lambda: (A.links["b"] is b, B.back is a, a.links["b"].back is a)))
""",
        ["(True, True, True)"],
    ),
    "a configuration that others hold": (
        """
class Config:
    pass

class App:
    def __init__(self, config):
        self.config = config

config = Config()
config.level = 1
app = App(config)
print(run(lambda: (app.config.level, app.config is config)))
config.level = 2
print(run(lambda: app.config.level))
print(run(lambda: (app.config.level, config is app.config)))
""",
        ["(1, True)", "2", "(2, True)"],
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_cycles_of_globals(program, backend, name):
    text, lines = PROGRAMS[name]
    if backend == "threads":  # one object, whose state nobody takes and gives back
        lines = [line.replace("105", "5") for line in lines]
    assert program(HEAD + text).lines == lines


def test_what_cannot_move_is_refused_by_name(program, backend):
    text = """
import threading

class Held:
    all = []
    def __init__(self):
        self.lock = threading.Lock()
        self.all.append(self)

held = Held()
try:
    run(lambda: len(Held.all))
    print("moved")
except (AttributeError, NameError) as error:
    print("lock" in str(error), "Held.all" in str(error))
"""
    expected = ["moved"] if backend == "threads" else ["True True"]
    assert program(HEAD + text).lines == expected
