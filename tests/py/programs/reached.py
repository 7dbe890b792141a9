"""What code reaches by import, and in ways that its text does not show. Each case runs
here and in a body that is the first of its process; both must agree.

`python reached.py CASE` prints "here" and "body" results.
"""

from __future__ import annotations

import collections.abc
import copyreg
import ctypes
import dataclasses
import functools
import pickle
import random
import sys
import typing
import weakref
import xml.dom.minidom
from abc import ABC, abstractmethod
from random import random as draw

from bocpy import Cown, when

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


FIRST, SECOND = 41, 42


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


@dataclasses.dataclass
class Slotted:
    __slots__ = ("a", "b")
    a: int
    b: Point


class Base:
    __slots__ = ("__dict__", "__weakref__", "a")


class Derived(Base):
    __slots__ = {"b": "text"}


class Mangled:
    __slots__ = ("__hidden",)

    def __init__(self):
        self.__hidden = 3

    def get(self):
        return self.__hidden


class Late:
    value = 5


class Pickled:
    def __init__(self):
        self.z = 9


class Unpickled:
    pass


PICKLE = pickle.dumps(Pickled())
KINDS = {"late": "Late"}


@case
def slots():
    derived = Derived()
    derived.a, derived.b, derived.c = 1, 2, 3
    return (
        Point(1, 2).y,
        Slotted(1, Point(2, 3)).b.x,
        Mangled().get(),
        (derived.a, derived.b, derived.c),
        Derived.__slots__,
    )


@case
def evaluated():
    return eval("FIRST + 1")


@case
def in_globals():
    return globals()["SECOND"]


@case
def in_main():
    import __main__

    return getattr(__main__, KINDS["late"]).value


@case
def loaded(data=PICKLE):
    return pickle.loads(data).z


@case
def dumped():
    return type(pickle.loads(pickle.dumps(Unpickled()))).__name__


@dataclasses.dataclass
class Hinted:
    late: Late
    point: Point | None = None


@case
def hints():
    return sorted(typing.get_type_hints(Hinted)), Hinted.__annotations__["late"]


def annotated(a: int, b: Point = None) -> str:
    return ""


@case
def annotations():
    return annotated.__annotations__, sorted(typing.get_type_hints(annotated))


@case
def submodule():
    return getattr(getattr(xml, "dom"), "minidom").__name__  # noqa: B009


MISSING = object()


class Options:
    default = MISSING

    def is_missing(self, value=MISSING):
        return value is MISSING and self.default is MISSING


@case
def sentinel():
    return Options().is_missing(), Options.default is MISSING


class Shape(ABC):
    @abstractmethod
    def area(self): ...


@Shape.register
class Disk:
    pass


class Row:
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return index


collections.abc.Sequence.register(Row)


class Quacking(ABC):  # noqa: B024
    @classmethod
    def __subclasshook__(cls, other):
        return any("quack" in base.__dict__ for base in other.__mro__) or NotImplemented


class Duck:
    def quack(self):
        pass


@case
def virtual_subclasses():
    return (
        isinstance(Disk(), Shape),
        isinstance(Row(), collections.abc.Sequence),
        isinstance(Duck(), Quacking),
        isinstance(Duck(), Shape),
    )


@functools.singledispatch
def show(value):
    return "any"


@show.register(int)
def _(value):
    return "int"


@show.register
def _(value: Point):
    return "point"


class Shown:
    @functools.singledispatchmethod
    def show(self, value):
        return "any"

    @show.register
    def _(self, value: int):
        return "int"


@case
def dispatched():
    return (
        show(1),
        show(""),
        show(Point(1, 2)),
        Shown().show(1),
        Shown().show(""),
    )


class Reduced:
    def __init__(self, number):
        self.number = number


copyreg.pickle(Reduced, lambda it: (Reduced, (it.number + 1,)))


@case
def reduced():
    return pickle.loads(pickle.dumps(Reduced(1))).number


WEAK_KEYS = weakref.WeakKeyDictionary({Late: 5})
WEAK_VALUES = weakref.WeakValueDictionary({"late": Late})
WEAK_SET = weakref.WeakSet([Late])


@case
def weak():
    return WEAK_KEYS.get(Late), WEAK_VALUES["late"] is Late, Late in WEAK_SET


class Pair(ctypes.Structure):
    _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_double))


class Either(ctypes.Union):
    _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_float))


class Node(ctypes.Structure):
    pass


Node._fields_ = (("value", ctypes.c_int), ("next", ctypes.POINTER(Node)))


class Packed(ctypes.BigEndianStructure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("a", ctypes.c_uint8), ("b", ctypes.c_uint32))


FILLED = Pair(1, 2.5)
LIBC = ctypes.CDLL(None)
GETPID = LIBC.getpid


@case
def foreign():
    last = Node(2)
    first = Node(1, ctypes.pointer(last))
    array = (ctypes.c_int * 3)(1, 2, 3)
    return (
        (FILLED.a, FILLED.b),
        ctypes.sizeof(Pair),
        Either(3).a,
        first.next.contents.value,
        bytes(Packed(1, 2)),
        list(array),
        LIBC.getpid() == GETPID(),
    )


@case
def by_import():
    return (
        draw.__self__ is random._inst,
        sys.stdout is sys.__stdout__,
        sys.stdout is OUT,
        typing.Any is ANY,
    )


OUT, ANY = sys.stdout, typing.Any

if sys.version_info >= (3, 12):
    exec("type Number = int\ntype Tree = dict[str, Tree] | Number")

    @dataclasses.dataclass
    class Aliased:
        number: Number  # noqa: F821
        tree: Tree = None  # noqa: F821

    @case
    def aliases():
        return (
            Number.__name__,  # noqa: F821
            Number.__value__,  # noqa: F821
            typing.get_args(Tree.__value__)[1] is Number,  # noqa: F821
            Aliased(1).number,
            sorted(typing.get_type_hints(Aliased)),
        )


class Twice:
    """Cowns of values of all these kinds."""


VALUES = {
    "point": (Point(1, 2), lambda it: (it.x, it.y)),
    "slotted": (Slotted(1, 2), lambda it: (it.a, it.b)),
    "sentinels": ([MISSING, MISSING], lambda it: [m is MISSING for m in it]),
    "pair": (Pair(1, 2.5), lambda it: (it.a, it.b)),
    "array": ((ctypes.c_int * 3)(1, 2, 3), list),
    "method": (draw, lambda it: it.__self__ is random._inst),
    "virtual": (Disk(), lambda it: isinstance(it, Shape)),
}


def main(name):
    if name in CASES:
        run = CASES[name]
        here = run()

        @when()
        def body(run=run):
            return run()
    else:
        value, look = VALUES[name]
        here = look(value)

        @when(Cown(value))
        def body(cown, look=look):
            return look(cown.value)

    there = body.unwrap(timeout=30)
    assert repr(there) == repr(here), (there, here)
    print("agree")


if __name__ == "__main__":
    main(sys.argv[1])
