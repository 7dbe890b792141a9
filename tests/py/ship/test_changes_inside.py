"""Changes inside of globals that are compared at each scheduling are seen, and what
cannot change is not compared."""

from __future__ import annotations

import pytest

HEAD = """
import collections, dataclasses, enum, functools, time, typing
from bocpy import Cown, start, wait, when

start(1)

def run(function, *cowns):
    return when(*cowns)(function).result(timeout=30)
"""

CHANGES = {
    "an attribute": (
        "class C: pass\nx = C()\nx.n = 1\n",
        "x.n",
        {"x.n = 2": "2", "x.n = True": "True", "del x.n; x.n = 1.0": "1.0"},
    ),
    "a list of an instance": (
        "class C:\n    def __init__(self): self.items = [1]\nx = C()\n",
        "x.items",
        {"x.items.append(2)": "[1, 2]", "x.items[0] = 5": "[5, 2]"},
    ),
    "an instance of an instance": (
        "class C: pass\nx = C()\nx.y = C()\nx.y.n = 1\n",
        "x.y.n",
        {"x.y.n = 2": "2"},
    ),
    "collections": (
        "x = {'d': collections.deque([1], 3), 'o': collections.OrderedDict(a=1), "
        "'c': collections.Counter('a'), 'f': collections.defaultdict(list)}\n",
        "list(map(list, x.values()))",
        {
            "x['d'].append(2)": "[[1, 2], ['a'], ['a'], []]",
            "x['o']['b'] = 1": "[[1, 2], ['a', 'b'], ['a'], []]",
            "x['o'].move_to_end('a')": "[[1, 2], ['b', 'a'], ['a'], []]",
            "x['c']['z'] += 1": "[[1, 2], ['b', 'a'], ['a', 'z'], []]",
            "x['f']['q'].append(1)": "[[1, 2], ['b', 'a'], ['a', 'z'], ['q']]",
        },
    ),
    "a counter by itself": (
        "x = collections.Counter('ab')\n",
        "sorted(x.items())",
        {"x['a'] += 1": "[('a', 2), ('b', 1)]", "x.clear()": "[]"},
    ),
    "instances in lists and dicts": (
        "class C:\n    def __init__(self, n): self.n = n\n"
        "x = [C(1), {'a': C(2)}, (C(3),)]\n",
        "(x[0].n, x[1]['a'].n, x[2][0].n)",
        {
            "x[0].n = 5": "(5, 2, 3)",
            "x[1]['a'].n = 6": "(5, 6, 3)",
            "x[2][0].n = 7": "(5, 6, 7)",
            "x[0] = C(8)": "(8, 6, 7)",
        },
    ),
    "another class": (
        "class A:\n    n = 1\nclass B:\n    n = 2\nx = [A()]\n",
        "x[0].n",
        {"x[0] = B()": "2", "x[0].__class__ = A": "1"},
    ),
    "slots": (
        "class C:\n    __slots__ = ('a', '__dict__')\nx = C()\nx.a, x.b = 1, 2\n",
        "(x.a, x.b)",
        {"x.a = 3": "(3, 2)", "x.b = 4": "(3, 4)"},
    ),
    "slots of a base": (
        "class B:\n    __slots__ = ('a',)\nclass C(B): pass\nx = C()\nx.a = 1\n",
        "x.a",
        {"x.a = 3": "3"},
    ),
    "no attributes": (
        "class C:\n    __slots__ = ()\n    n = 1\nx = C()\n",
        "x.n",
        {"C.n = 2": "2"},
    ),
    "a state of its own": (
        "class C:\n    n = 1\n    def __getstate__(self): return {'n': hidden[0]}\n"
        "hidden = [1]\nx = C()\n",
        "x.n",
        {"hidden[0] = 2": "2"},
    ),
    "a dataclass": (
        "@dataclasses.dataclass\nclass C:\n    n: int = 1\nx = C()\n",
        "(x, C().n)",
        {"x.n = 2": "(C(n=2), 1)", "x = C(3)": "(C(n=3), 1)"},
    ),
    "lists of a class": (
        "class C:\n    items, table = [1], {'a': 1}\n",
        "(C.items, C.table)",
        {
            "C.items.append(2)": "([1, 2], {'a': 1})",
            "C.table['b'] = 2": "([1, 2], {'a': 1, 'b': 2})",
            "C.items = [3]": "([3], {'a': 1, 'b': 2})",
        },
    ),
    "a list that a partial was given": (
        "items = [1]\nx = functools.partial(sorted, items)\n",
        "x()",
        {"items.append(0)": "[0, 1]"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_seen(program, backend, name):
    made, seen, changes = CHANGES[name]
    if backend == "threads" and name == "a state of its own":
        changes = {"hidden[0] = 2": "1"}  # nobody asks for the state
    text = HEAD + made + f"first = run(lambda: repr({seen}))\n"
    for change in changes:
        text += f"{change}\nprint(run(lambda: repr({seen})))\n"
    assert program(text).lines == list(changes.values())


CHEAP = """
@dataclasses.dataclass
class Data: n: int = 1
@dataclasses.dataclass(frozen=True, slots=True)
class Frozen: n: int = 1
class Named(typing.NamedTuple): n: int
Old = collections.namedtuple("Old", "n")
class Typed(typing.TypedDict): n: int
class Generic(typing.Generic[typing.TypeVar("T")]): pass
class Color(enum.Enum): RED = 1
@functools.cache
def cached(): pass
partial = functools.partial(len, "abc")
class Sent: pass
run(lambda c: c.value, Cown(Sent()))

import bocpy._ship as ship
from bocpy._ship import shipment
for name in ("Data", "Frozen", "Named", "Old", "Typed", "Generic", "Color", "cached",
             "partial", "Sent"):
    function = eval(f"lambda: {name}")
    run(function)
    if shipment.describe(function).polls:
        print(name)
print("ended")
"""


def test_what_cannot_change_is_not_compared(program, backend):
    if backend == "interpreters":
        assert program(HEAD + CHEAP).lines == ["ended"]
