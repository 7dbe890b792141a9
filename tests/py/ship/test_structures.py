"""The structure of a value: the same one as long as nothing in the value changes, and
another one after each change. Scheduling compares structures instead of pickles."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import enum
import sys

import pytest
from bocpy import Cown
from bocpy._ship import structures


@dataclasses.dataclass
class Point:
    x: int = 1
    y: object = None


class Slots:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = [1]


class MoreSlots(Slots):
    __slots__ = ("__dict__", "c")


class Color(enum.Enum):
    RED = 1


class Reducing:
    def __reduce__(self):
        return Reducing, ()


class Table(list):
    pass


def adder(step):
    return lambda value: value + step[0]


def counted():
    n = 0

    def count():
        nonlocal n
        n += 1
        return n

    return count


def cycle():
    value = [1, {}]
    value[1]["self"] = value
    return value


def with_slots(cls):
    value = cls()
    value.b = {"k": 1}
    return value


# a value, and what changes it
CHANGES = {
    "an item of a list": (lambda: [1, 2], lambda v: v.append(3)),
    "an item by another": (lambda: [1, 2], lambda v: v.__setitem__(0, 7)),
    "two items that change places": (lambda: ["a", "b"], lambda v: v.reverse()),
    "an equal number of another type": (lambda: [1], lambda v: v.__setitem__(0, True)),
    "deep in lists": (lambda: [[[[1]]]], lambda v: v[0][0][0].append(2)),
    "in a tuple": (lambda: ([1], 2), lambda v: v[0].append(2)),
    "a key": (lambda: {"a": 1}, lambda v: v.update(b=2)),
    "a key by another": (lambda: {"a": 1}, lambda v: v.update(b=v.pop("a"))),
    "the order of keys": (lambda: {"a": 1, "b": 2}, lambda v: v.update(a=v.pop("a"))),
    "in the value of a key": (lambda: {"a": {"b": [1]}}, lambda v: v["a"]["b"].clear()),
    "an element of a set": (lambda: {"v": {1, 2}}, lambda v: v["v"].add(3)),
    "a deque": (lambda: collections.deque([[1]], 3), lambda v: v[0].append(2)),
    "the end of a deque": (lambda: collections.deque([1, 2]), lambda v: v.rotate()),
    "a default": (
        lambda: collections.defaultdict(list),
        lambda v: setattr(v, "default_factory", None),
    ),
    "an item by default": (lambda: collections.defaultdict(list), lambda v: v["a"]),
    "an attribute": (Point, lambda v: setattr(v, "x", 2)),
    "a new attribute": (Point, lambda v: setattr(v, "z", 2)),
    "an attribute that goes": (Point, lambda v: delattr(v, "x")),
    "the attributes": (Point, lambda v: setattr(v, "__dict__", {"x": 1, "y": None})),
    "in an attribute": (lambda: [Point(y=[])], lambda v: v[0].y.append(1)),
    "the class": (lambda: [Point()], lambda v: setattr(v[0], "__class__", Other)),
    "a slot": (Slots, lambda v: setattr(v, "b", 1)),
    "a slot that goes": (Slots, lambda v: delattr(v, "a")),
    "in a slot": (Slots, lambda v: v.a.append(2)),
    "in a slot of the base": (lambda: with_slots(MoreSlots), lambda v: v.b.clear()),
    "an attribute beside slots": (MoreSlots, lambda v: setattr(v, "d", 1)),
    "in the closure of a lambda": (
        lambda: {"f": adder([1])},
        lambda v: v["f"].__closure__[0].cell_contents.append(2),
    ),
    "a nonlocal name": (lambda: [counted()], lambda v: v[0]()),
    "the default of a lambda": (
        lambda: [lambda x=1: x],
        lambda v: setattr(v[0], "__defaults__", (2,)),
    ),
    "in the default of a lambda": (
        lambda: [lambda x=[]: x],
        lambda v: v[0]().append(1),
    ),
    "an attribute of a lambda": (
        lambda: [lambda: 1],
        lambda v: setattr(v[0], "calls", 1),
    ),
    "the object of a method": (lambda: [Point().__init__], lambda v: v[0](5)),
    "a cycle": (cycle, lambda v: v[1].update(a=1)),
    "a cown by another": (lambda: [Cown(1)], lambda v: v.__setitem__(0, Cown(1))),
}


@dataclasses.dataclass
class Other(Point):
    pass


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_makes_another_structure(name):
    make, change = CHANGES[name]
    value = make()
    structure = structures.structure_of(value)
    assert structure is not None
    assert structures.has_structure(value, structure)
    kept = value.copy() if isinstance(value, dict) else value
    change(value)
    assert not structures.has_structure(value, structure)
    assert kept is not None


@pytest.mark.parametrize(
    "value",
    [
        [Reducing()],
        [Table()],
        [array.array("d", [1])],
        {"a": collections.OrderedDict(a=1)},
        [iter([1])],
        [bytearray(b"a")],
        [ValueError(1)],
    ],
    ids=lambda value: repr(type(value[0] if type(value) is list else value["a"])),
)
def test_what_a_walk_cannot_see_has_no_structure(value):
    assert structures.structure_of(value) is None


def test_what_cannot_change_is_a_leaf():
    value = [datetime.date(2020, 1, 1), Color.RED, len, Point, 10**40, "x" * 99, cycle]
    assert structures.has_structure(value, structures.structure_of(value))


def test_a_value_that_is_too_deep_or_too_large_has_no_structure():
    deep = []
    for _ in range(2000):
        deep = [deep]
    assert structures.structure_of(deep) is None
    assert structures.structure_of([[] for _ in range(1 << 17)]) is None


def test_the_attributes_of_a_class():
    tables = type("tables", (), {"items": [1], "others": [1]})
    structure = structures.structure_of(tables, frozenset({"items"}))
    tables.others.append(2)  # is no part of it
    assert structures.has_structure(tables, structure)
    tables.items.append(2)
    assert not structures.has_structure(tables, structure)
    structure = structures.structure_of(tables, frozenset({"items"}))
    tables.more = 1
    assert not structures.has_structure(tables, structure)


def test_the_parts_of_a_shallow_one_are_leaves():
    value = [iter([1]), [1]]
    structure = structures.structure_of(value, shallow=True)
    value[1].append(2)
    assert structures.has_structure(value, structure)
    value[0] = iter([1])
    assert not structures.has_structure(value, structure)


def test_the_attributes_of_a_shallow_one_are_its_parts():
    value = Point(y=iter([1]))
    structure = structures.structure_of(value, shallow=True)
    assert structures.has_structure(value, structure)
    value.x = 2
    assert not structures.has_structure(value, structure)


def test_another_list_at_the_address_of_a_freed_one():
    value = [[1], [2]]
    structure = structures.structure_of(value)
    for i in range(100):
        value[0] = None
        value[0] = [1, i]
        assert not structures.has_structure(value, structure)


def test_a_structure_does_not_keep_containers_alive():
    value = [Point()]
    before = sys.getrefcount(value[0])
    structure = structures.structure_of(value)
    after = sys.getrefcount(value[0])
    assert structure is not None
    assert after == before


def test_a_walk_that_is_changed_by_its_own_judge(monkeypatch):
    value = [Point() for _ in range(50)]

    def judge(part):
        value.clear()
        return structures.INSTANCE

    monkeypatch.setattr(structures, "how_to_walk", judge)
    structure = structures.structure_of(value)
    assert structure is None or not structures.has_structure(value, structure)


PROGRAM = """
import collections, dataclasses, re
from bocpy import Cown, quiesce, start, when
from bocpy._ship import change_detection, send, shipment

@dataclasses.dataclass
class Point:
    x: int = 1

class Slots:
    __slots__ = ("a", "__dict__")
    def __init__(self): self.a = [1]

class Lexer:
    tokens = {"root": [(re.compile("a"), len), (re.compile("b"), Point)]}
    default = Point()
    def look(self): return len(self.tokens)

cowns = [Cown(i) for i in range(100)]
points = [Point(i) for i in range(100)]
slots = [Slots() for i in range(100)]
nested = {"a": {"b": [1, {"c": 3}]}}
functions = {"a": [len, Point], "b": [lambda x: x]}

def look(c):
    return (len(cowns), points[0].x, slots[0].a[0], nested["a"]["b"][1]["c"],
            functions["b"][0](7), Lexer().look())

compared = []
for module, name in ((change_detection, "fingerprint"), (send, "current_definition"),
                     (shipment, "has_other_contents")):
    def count(*args, function=getattr(module, name), name=name):
        compared.append(name)
        return function(*args)
    setattr(module, name, count)

if __name__ == "__main__":
    start(1)
    c = Cown(0)
    for _ in range(3):
        print(*when(c)(look).unwrap(timeout=30))
    del compared[:]
    for _ in range(20):
        when(c)(look)
    print("compared", *compared)
    quiesce()
    points[0].x += 10
    slots[0].a[0] = 11
    nested["a"]["b"][1]["c"] = 12
    functions["b"][0] = lambda x: -x
    Lexer.tokens["more"] = []
    print(*when(c)(look).unwrap(timeout=30))
    for _ in range(2):
        when(c)(look).unwrap(timeout=30)
    del compared[:]
    print(*when(c)(look).unwrap(timeout=30))
    print("compared", *compared)
"""


@pytest.mark.backends("interpreters")
def test_scheduling_compares_no_contents_while_nothing_changes(program, backend):
    assert program(PROGRAM).lines == [
        *["100 0 1 3 7 1"] * 3,
        "compared",
        "100 10 11 12 -7 2",
        "100 10 11 12 -7 2",
        "compared",
    ]
