"""Classes, methods and names that the program makes after bodies have looked for them,
and what it changes in these: in scripts, and in modules that workers import."""

import pytest

DATA = """
import enum
import typing


class Plug:
    made = []

    def __init_subclass__(cls):
        Plug.made.append(cls)


class Point(typing.NamedTuple):
    x: int
    y: int = 2


class Color(enum.Enum):
    RED = 1
    BLUE = 2

    def shown(self, more=1):
        return self.value + more


class Box(typing.Generic[typing.TypeVar("T")]):
    level = 1


CLASSES = []
TABLE = {}
OBJECTS = []
NUMBERS = Box[int]


def make(number):
    class Made:
        level = number

    return Made


def look():
    plugs = [(cls.name, getattr(cls, "table", None)) for cls in Plug.made]
    levels = [cls.level for cls in CLASSES], [it.level for it in OBJECTS]
    more = [hasattr(cls, "more") and cls.more() for cls in TABLE.values()]
    point = Point(1)
    total = hasattr(point, "total") and point.total()
    late = globals().get("late_name")
    colors = [(each.name, each.shown()) for each in Color], Color(2).name
    rest = point._fields, late, NUMBERS.level, colors
    return repr((plugs, levels, more, point, total, rest))
"""

STEPS = """
type("Late", (Plug,), {"name": "late", "__module__": Plug.__module__})
Plug.made[0].name = "changed"
Plug.made[0].table = {"x": [1]}
Plug.made[0].table["x"].append(2)
CLASSES.append(make(1))
CLASSES[0].level = 2
TABLE["a"] = make(1)
TABLE["a"].more = lambda: "more"
OBJECTS.append(make(1)())
type(OBJECTS[0]).level = 7
Point.__new__.__defaults__ = (5,)
Point.total = total
names["late_name"] = 6
names["late_name"] = 7
del names["late_name"]
Box.level = 3
"""
OF_MODULES = "Color.shown.__defaults__ = (5,)"

HEAD = """
import os, sys
from bocpy import quiesce, start, when

def total(self): return self.x + self.y

def scheduled(): return [when()(look) for _ in range(3)], look()

def check(results, expected):
    for result in results:
        assert result.result(30) == expected, (result.result(30), expected)

names = vars(sys.modules[Plug.__module__])
start(2)
check(*scheduled())
"""


@pytest.mark.parametrize("pending", [False, True])
@pytest.mark.parametrize("place", ["script", "module"])
def test_what_is_made_late(program, backend, tmp_path, place, pending):
    text = DATA
    if place == "module":
        (tmp_path / "data.py").write_text(DATA, encoding="utf-8")
        text = "from data import *\n"
    text += HEAD
    pending = pending and backend == "interpreters"  # `threads`: what is there then
    if pending:
        text += "door, handle = os.pipe()\nheld = []\n"
        text += "gates = [when()(lambda: os.read(door, 1)) for _ in range(2)]\n"
    add = "held.append(scheduled())" if pending else "check(*scheduled()); quiesce()"
    steps = STEPS.strip().splitlines()
    for step in [*steps, OF_MODULES] if place == "module" else steps:
        text += f"{step}\n{add}\n"
    if pending:
        text += 'os.write(handle, b"..")\nfor each in held: check(*each)\n'
        text += "quiesce()\ncheck(*scheduled())\n"
    assert program(text + "print('right')\n").lines == ["right"]
