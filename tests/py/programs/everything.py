"""A program that defines one of everything and uses it in behaviors.

`features()` yields the name of each feature and what its behaviors returned; the
places test runs it as a script, a module, from -c and from standard input, under
pytest and by import, and expects the same of all of them.
"""

import abc
import collections
import enum
import functools
import os
import re as regex
import sys
import typing
from dataclasses import dataclass, field

from bocpy import Cown, quiesce, wait, when

with open(os.environ["TALLY"], "a", encoding="ascii") as tally:
    tally.write(f"{__name__}\n")

try:
    import there_is_no_such_module as absent
except ImportError:
    absent = None

if sys.byteorder in ("little", "big"):
    import json as conditional
else:
    import pickle as conditional

OFFSET = 100
TABLE = {"one": 1, "two": [2, 2]}
PATTERN = regex.compile("a+")


class Color(enum.Enum):
    RED = 1
    GREEN = "green"

    def shout(self):
        return self.name + "!"


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: int
    y: int = 0
    tags: list = field(default_factory=list)

    def moved(self, dx):
        return Point(self.x + dx, self.y, self.tags)


@dataclass(frozen=True)
class Frozen:
    n: int


class Base:
    registry: typing.ClassVar[list] = []

    def __init__(self, n):
        self.n = n

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.label = cls.__name__.lower()


class Derived(Base):
    def __init__(self, n):
        super().__init__(n * 2)

    @property
    def half(self):
        return self.n // 2

    @classmethod
    def make(cls, n):
        return cls(n)

    @staticmethod
    def plus(a, b):
        return a + b


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.by_meta = True
        return made


class Made(metaclass=Meta):
    pass


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Square(Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


class Pair(typing.NamedTuple):
    left: int
    right: int


Classic = collections.namedtuple("Classic", "a b")


class Failure(Exception):
    def __init__(self, code, *, detail):
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class Outer:
    class Inner:
        def __init__(self, n):
            self.n = n


def helper(n):
    return deeper(n) + OFFSET


def deeper(n):
    return n * 2


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


@functools.cache
def cached(n):
    return n + 1


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        return ["wrapped", function(*args)]

    return wrapper


def calls_later():
    return defined_later()


FEATURES = {}


def feature(function):
    FEATURES[function.__name__] = function
    return function


def ask(*cowns):
    """Schedules and returns the result at once."""

    def run(function):
        return when(*cowns)(function).unwrap(timeout=60)

    return run


@feature
def constants():
    @ask()
    def result():
        return OFFSET, TABLE, PATTERN.match("aab").group()

    return result


@feature
def helpers():
    @ask(Cown(1))
    def result(c):
        return helper(c.value), factorial(5), is_even(10), is_odd(7)

    return result


@feature
def late_helpers():
    @ask()
    def result():
        return calls_later()

    return result


@feature
def cached_helper():
    @ask()
    def result():
        return cached(1), cached(1)

    return result


@feature
def conditional_imports():
    @ask()
    def result():
        return absent, conditional.dumps([1])[:3]

    return result


@feature
def enums():
    @ask(Cown(Color.RED))
    def result(c):
        return c.value is Color.RED, Color("green").shout(), type(c.value) is Color

    return result


@feature
def enums_returned():
    @ask()
    def result():
        return [Color.GREEN, Access.READ | Access.WRITE]

    return result[0] is Color.GREEN, result[1] == 3, type(result[1]) is Access


@feature
def dataclasses():
    @ask(Cown(Point(1, 2, ["t"])))
    def result(c):
        c.value.tags.append("u")
        return type(c.value) is Point, c.value == Point(1, 2, ["t", "u"]), Frozen(3)

    return result[0], result[1], result[2] == Frozen(3), type(result[2]) is Frozen


@feature
def dataclass_methods():
    @ask(Cown(Point(1)))
    def result(c):
        return c.value.moved(4)

    return type(result) is Point, result == Point(5)


@feature
def inheritance():
    @ask(Cown(Derived(4)))
    def result(c):
        made = Derived.make(1)
        return c.value.n, c.value.half, made.n, Derived.plus(1, 2), made.label

    return result


@feature
def identity():
    @ask(Cown(Derived(1)))
    def result(c):
        return type(c.value) is Derived, isinstance(c.value, Base), Derived(3)

    return result[0], result[1], type(result[2]) is Derived


@feature
def slots():
    @ask(Cown(Slotted(1, [2])))
    def result(c):
        c.value.b.append(c.value.a)
        return c.value

    return type(result) is Slotted, result.a, result.b


@feature
def metaclasses():
    @ask()
    def result():
        return Made().by_meta, type(Made).__name__

    return result


@feature
def abstract_classes():
    @ask(Cown(Square(3)))
    def result(c):
        return c.value.area(), isinstance(c.value, Shape)

    return result


@feature
def named_tuples():
    @ask(Cown(Pair(1, 2)))
    def result(c):
        return c.value.left, type(c.value) is Pair, Classic(3, 4)

    return result[0], result[1], result[2] == Classic(3, 4), type(result[2]) is Classic


@feature
def nested_classes():
    @ask(Cown(Outer.Inner(1)))
    def result(c):
        return type(c.value) is Outer.Inner, c.value.n

    return result


@feature
def exceptions():
    @when()
    def failing():
        raise Failure(7, detail="odd")

    try:
        failing.unwrap(timeout=60)
    except Failure as error:
        return type(error) is Failure, error.code, error.detail, str(error)
    return "nothing raised"


@feature
def decorators():
    @ask(Cown(1))
    @decorated
    def result(c):
        return c.value

    return result


@feature
def classes_of_functions():
    class Local:
        def __init__(self, n):
            self.n = n

        def twice(self):
            return self.n * 2

    @ask()
    def result():
        return Local(4).twice()

    return result


@feature
def nested_behaviors():
    log = Cown([])

    @when(log)
    def _(log):
        log.value.append(helper(1))

        @when(log)
        def _(log):
            log.value.append(Color.RED.shout())

    quiesce(timeout=60)
    return log.unwrap(timeout=60)


@feature
def own_name():
    @ask()
    def result():
        return __name__

    return result == __name__


def defined_later():
    return "late"


def report():
    """Prints a line for each feature."""
    for name, function in FEATURES.items():
        try:
            print(f"{name}={function()!r}", flush=True)
        except BaseException as error:
            print(f"{name}=! {type(error).__name__}: {error}", flush=True)
    wait()
