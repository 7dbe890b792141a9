"""What plain Python does with names, closures and classes: small programs whose result
must be the same in a behavior, on a plain thread and in a spawned process: see
three_ways.py, and plain_library.py for the standard library.

Most are made from what users reported of joblib, loky, cloudpickle, dask, ray,
multiprocessing and concurrent.futures. A program is a function without arguments."""

import abc
import collections
import collections.abc
import contextlib
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import math
import operator
import os
import pathlib
import pickle
import re
import threading
import typing
import weakref
from collections import namedtuple
from functools import partial, reduce, total_ordering, wraps
from operator import itemgetter

import three_ways

PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def each(**functions):
    PROGRAMS.update(functions)


LIMIT = 10
CONFIG = {"a": 1, "b": [1, 2]}
TABLE = tuple(range(100))
PATTERN = re.compile(r"(\w+)-(\d+)")
POINT = namedtuple("POINT", "x y")
MISSING = object()
EPOCH = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)
MONEY = decimal.Decimal("1.10")
HALF = fractions.Fraction(1, 2)
HERE = pathlib.PurePosixPath("/a/b")


class Color(enum.Enum):
    RED = 1
    GREEN = "g"

    @property
    def shout(self):
        return self.name + "!"


class Flag(enum.IntFlag):
    R = 1
    W = 2


@dataclasses.dataclass(order=True)
class Car:
    name: str
    wheels: int = 4
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int = 1
    b: tuple = (1, 2)


class Base:
    registry = []  # noqa: RUF012
    made = 0

    def __init_subclass__(cls, **options):
        Base.registry.append(cls.__name__)
        cls.options = options

    def hello(self):
        return "base"


class Left(Base, side="left"):
    def hello(self):
        return "left " + super().hello()


class Right(Base):
    def hello(self):
        return "right " + super().hello()


class Both(Left, Right):
    __slots__ = ("extra",)

    def hello(self):
        return "both " + super().hello()


class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.by = cls.__name__
        return made

    def __len__(cls):
        return 7


class Made(metaclass=Meta):
    pass


class Descriptor:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, obj, owner):
        return self.name if obj is None else obj.__dict__.get(self.name, 0)

    def __set__(self, obj, value):
        obj.__dict__[self.name] = value * 2


class Described:
    size = Descriptor()

    @functools.cached_property
    def slow(self):
        return [1]

    @staticmethod
    def static(a):
        return a + 1

    @classmethod
    def build(cls, n):
        made = cls()
        made.size = n
        return made


@total_ordering
class Version:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n

    def __hash__(self):
        return hash(self.n)


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

    @property
    @abc.abstractmethod
    def sides(self): ...


class Square(Shape):
    sides = 4

    def area(self):
        return 9


class Vector(collections.abc.Sequence):
    def __init__(self, *parts):
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, i):
        return self.parts[i]


class Box(typing.Generic[typing.TypeVar("T")]):
    def __init__(self, value):
        self.value = value


class Proto(typing.Protocol):
    def area(self) -> int: ...


class Typed(typing.TypedDict, total=False):
    a: int


class Named(typing.NamedTuple):
    a: int = 1
    b: str = "b"


class Reduced:
    def __init__(self, n):
        self.n = n

    def __reduce__(self):
        return Reduced, (self.n + 1,)


class Stated:
    def __init__(self):
        self.a, self.lock = 1, threading.Lock()

    def __getstate__(self):
        return {"a": self.a}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.lock = threading.Lock()


class WithNew:
    def __new__(cls, n=5):
        made = super().__new__(cls)
        made.n = n
        return made


class Context:
    def __enter__(self):
        return 5

    def __exit__(self, *_):
        return True


class Mine(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def decorated(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return ("inner", function(*args, **kwargs))

    return inner


@decorated
def named(a, /, b=2, *rest, c=3, **more):
    """Text."""
    return a, b, rest, c, sorted(more)


@functools.cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def counting():
    n = 0

    def step():
        nonlocal n
        n += 1
        return n

    return step


def numbers():
    got = yield 1
    yield got


@contextlib.contextmanager
def managed(log):
    log.append("in")
    try:
        yield 3
    finally:
        log.append("out")


ADD = partial(operator.add, 5)
KEY = itemgetter(1)
LAMBDA = lambda a, b=LIMIT: a * b  # noqa: E731
COMPOSED = reduce(lambda f, g: lambda x: g(f(x)), [abs, math.sqrt])

each(
    constant=lambda: LIMIT,
    config=lambda: (CONFIG["a"], CONFIG["b"]),
    table=lambda: sum(TABLE),
    pattern=lambda: PATTERN.match("ab-12").groups(),
    point=lambda: (POINT(1, 2).x, POINT(1, 2)._asdict(), repr(POINT(1, 2))),
    missing=lambda: CONFIG.get("zz", MISSING) is MISSING,
    epoch=lambda: (EPOCH.isoformat(), EPOCH + datetime.timedelta(days=1)),
    money=lambda: MONEY * 3,
    half=lambda: HALF + 1,
    here=lambda: (HERE / "c").name,
    color=lambda: (Color(1) is Color.RED, Color["GREEN"].value, Color.RED.shout),
    colors=lambda: [c.name for c in Color],
    flags=lambda: (Flag.R | Flag.W, Flag(3), Flag.R in Flag(3)),
    car=lambda: (Car("a"), Car("b") > Car("a"), dataclasses.asdict(Car("c"))),
    replaced=lambda: dataclasses.replace(Car("a", 3), name="z"),
    frozen=lambda: (hash(Frozen()) == hash(Frozen()), Frozen() == Frozen()),
    fields=lambda: [f.name for f in dataclasses.fields(Car)],
    mro=lambda: Both().hello(),
    subclasses=lambda: (Left.options, {"Left", "Right"} <= set(Base.registry)),
    resolution=lambda: [c.__name__ for c in Both.__mro__],
    meta=lambda: (Made().by, len(Made), type(Made).__name__),
    descriptor=lambda: (Described.size, Described.build(4).size),
    cached=lambda: (lambda d: d.slow is d.slow)(Described()),
    static=lambda: Described.static(1),
    ordering=lambda: Version(1) <= Version(2) and len({Version(1), Version(1)}),
    abstract=lambda: (Square().area(), Square.sides, isinstance(Square(), Shape)),
    sequence=lambda: (list(Vector(1, 2)), 2 in Vector(1, 2), Vector(3).index(3)),
    generic=lambda: (Box[int](3).value, Box[int].__origin__ is Box),
    protocol=lambda: Proto.__name__,
    typed=lambda: (Typed(a=1), Typed.__total__),
    namedtuple=lambda: (Named(), Named(2)._replace(b="c"), Named._fields),
    reduced=lambda: copy.copy(Reduced(1)).n,
    stated=lambda: (copy.deepcopy(Stated()).a, pickle.loads(pickle.dumps(Stated())).a),
    with_new=lambda: (WithNew().n, WithNew(3).n),
    suppressed=lambda: [1 for _ in [0] if Context().__enter__() == 5],
    decorated=lambda: (named(1, d=4), named.__name__, named.__doc__),
    wrapped=lambda: named.__wrapped__(1, 5, 6)[1:3],
    memo=lambda: (fib(30), fib.cache_info().maxsize),
    mutual=lambda: (even(10), odd(7)),
    closure=lambda: [counting()() for _ in range(2)],
    partial=lambda: ADD(3),
    getter=lambda: KEY([1, 2]),
    default=lambda: LAMBDA(2),
    composed=lambda: COMPOSED(-16),
    own_names=lambda: (__name__ in ("__main__", "__mp_main__"), __doc__[:4]),
    file_name=lambda: os.path.basename(__file__),
    annotations=lambda: list(typing.get_type_hints(Car)),
    introspection=lambda: named.__wrapped__.__code__.co_varnames[:2],
    subscript=lambda: (list[int], dict[str, int] == dict[str, int]),
    union=lambda: isinstance(3, (int, str)),
)


@program
def nonlocal_state():
    step = counting()
    return step(), step(), step()


@program
def generators():
    running = numbers()
    return next(running), running.send(9), list(map(abs, [-1]))


@program
def contexts():
    log = []
    with managed(log) as n, contextlib.suppress(KeyError):
        raise KeyError
    return log, n


@program
def own_exception():
    try:
        raise Mine(3, "text") from ValueError("cause")
    except Mine as error:
        return error.code, str(error), repr(error.__cause__)


@program
def caught():
    try:
        {}["k"]
    except LookupError as error:
        return type(error).__name__, error.args


@program
def finally_runs():
    log = []
    for i in range(3):
        try:
            if i == 1:
                continue
            log.append(i)
        finally:
            log.append("f")
    else:
        log.append("else")
    return log


@program
def classes_inside():
    class Inner(Base):
        value = LIMIT

        def get(self):
            return self.value, __class__.__name__

    return Inner().get()


@program
def dynamic_class():
    made = type("Dynamic", (Left,), {"x": 1})
    return made().hello(), made.x


@program
def dynamic_names():
    return eval("LIMIT + 1"), globals()["LIMIT"], getattr(Color, "RED").value  # noqa: B009


@program
def executed():
    names = {}
    exec("def f(a): return a + 1", names)
    return names["f"](2)


@program
def matched():
    return [PATTERN.sub(r"\2", text) for text in ("a-1", "b-2")]


@program
def weak():
    class Node:
        pass

    node = Node()
    seen = weakref.ref(node)
    held = weakref.WeakValueDictionary(n=node)
    size = len(held)
    del node
    gc.collect()
    return size, seen() is None


@program
def pickled():
    values = [Car("a"), Color.RED, Frozen(), Named(), MONEY, EPOCH, {1: (2,)}]
    return pickle.loads(pickle.dumps(values)) == values


@program
def copied():
    car = Car("a", tags=[[1]])
    deep, flat = copy.deepcopy(car), copy.copy(car)
    car.tags[0].append(2)
    return deep.tags, flat.tags


@program
def recursion():
    def deep(n):
        return n and 1 + deep(n - 1)

    return deep(300)


@program
def recursion_limit():
    def endless():
        return endless()

    try:
        endless()
    except RecursionError:
        return "stopped"


def outcome(name):
    return three_ways.outcome(PROGRAMS[name])


def main():
    three_ways.compare(PROGRAMS, outcome)


if __name__ == "__main__":
    main()
