"""One of everything that can be a global, and functions that use it elsewhere.

`report()` calls each case in a sub-interpreter and prints its name and its result; the
cases are written so that every one of them returns the same as it would here.
"""

import abc
import collections
import contextlib
import dataclasses
import enum
import functools
import json as renamed
import operator
import os
import os.path as path
import re
import sys
import threading
import typing
import weakref
import xml.dom

from shipping import Failed, There

with open(os.environ["TALLY"], "a", encoding="ascii") as tally:
    tally.write("x")

try:
    import there_is_no_such_module as absent
except ImportError:
    absent = None

CASES = []


def case(function):
    CASES.append(function)
    return function


# ---- constants, modules, functions ---------------------------------------------------

OFFSET = 100
TABLE = {"one": 1, "two": [2, 2], "self": None}
TABLE["self"] = TABLE["two"]
PATTERN = re.compile("a+")
SENTINEL = object()
HANDLERS = {"double": lambda n: n * 2, "add": functools.partial(operator.add, OFFSET)}
BY_LENGTH = collections.defaultdict(list, {1: ["a"]})
WEAK = weakref.WeakValueDictionary()


def helper(n):
    return deeper(n) + OFFSET


def deeper(n, *, factor=2):
    """Has a docstring."""
    return n * factor


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def defaulted(value=SENTINEL):
    return value is SENTINEL


helper.note = "attribute"
ALIASES = {"helper": helper}


@case
def constants():
    return OFFSET, TABLE, TABLE["self"] is TABLE["two"], PATTERN.match("aab").group()


@case
def functions():
    return helper(1), is_even(10), helper.note, deeper.__doc__, deeper.__name__


@case
def function_identity():
    return ALIASES["helper"] is helper, defaulted(), defaulted(None)


@case
def lambdas_and_partials():
    return HANDLERS["double"](4), HANDLERS["add"](1), BY_LENGTH[1], len(WEAK)


@case
def modules():
    return (
        renamed.dumps([1]),
        path.join("a", "b"),
        absent,
        os.sep,
        xml.dom.Node.TEXT_NODE,
    )


@case
def names_of_this_module():
    return __name__, os.path.basename(globals().get("__file__", "none"))[:0]


def repeat(times):
    count = 0

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            nonlocal count
            count += 1
            return [function(*args) for _ in range(times)], count

        return wrapper

    return decorate


@repeat(2)
def decorated(n):
    return helper(n)


def quiet(function):
    @functools.wraps(function)
    def wrapper(*args):
        with contextlib.suppress(ValueError):
            return function(*args)

    return wrapper


@quiet
def quietly(n):
    return helper(n)


@functools.lru_cache(maxsize=7)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@functools.singledispatch
def dispatched(value):
    return "object"


@dispatched.register
def _(value: int):
    return "int"


@contextlib.contextmanager
def managed(n):
    yield n


def generate(n):
    yield from range(n)


@case
def decorators():
    with managed(3) as entered:
        pass
    return decorated(1), decorated.__name__, decorated.__wrapped__(2), entered


@case
def caches():
    return fib(30), fib.cache_parameters()["maxsize"], fib(3)


@case
def dispatch():
    return dispatched(1), dispatched("x"), list(generate(3))


# ---- classes -------------------------------------------------------------------------


class Base:
    made: typing.ClassVar[list] = []

    def __init__(self, n):
        self.n = n

    def __init_subclass__(cls, /, tag="none", **options):
        super().__init_subclass__(**options)
        cls.tag = tag
        Base.made.append(cls.__name__)

    def __eq__(self, other):
        return type(self) is type(other) and self.n == other.n

    __hash__ = None


class Derived(Base, tag="derived"):
    lock = threading.Lock()
    parts = ("a", "b")

    def __init__(self, n):
        super().__init__(n * 2)

    @property
    def half(self):
        """Half of it."""
        return self.n // 2

    @half.setter
    def half(self, value):
        self.n = value * 2

    @functools.cached_property
    def helped(self):
        return helper(self.n)

    @classmethod
    def make(cls, n):
        return cls(n)

    @staticmethod
    def plus(a, b):
        return a + b

    class Inner:
        value = 5

        def outer(self):
            return Derived(1)


class Late(Derived):
    def twin(self):
        return type(self) is Late and __class__ is Late


@case
def inheritance():
    d = Derived.make(4)
    d.half = 10
    return d.n, d.half, Derived.plus(1, 2), d.helped, Derived.half.__doc__, Derived.tag


@case
def class_side_effects():
    return Base.made, Late(1).twin(), Late.__mro__[1] is Derived


@case
def nested_classes():
    return type(Derived.Inner().outer()) is Derived, Derived.Inner.__qualname__


@case
def class_without_what_cannot_travel():
    return Derived.parts, Derived.__hash__ is None, Derived(1) == Derived(1)


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    tags: list = dataclasses.field(default_factory=list)

    def moved(self, dx):
        return dataclasses.replace(self, x=self.x + dx)


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Frozen:
    n: int
    s: str = dataclasses.field(default="s", metadata={"k": 1})


@dataclasses.dataclass(kw_only=True)
class Point3(Point):
    z: int = 3


@case
def dataclasses_():
    p = Point(1).moved(2)
    return repr(p), p == Point(3), dataclasses.asdict(p), p.tags is not Point(3).tags


@case
def dataclass_options():
    names = [f.name for f in dataclasses.fields(Frozen)]
    try:
        Frozen(1).n = 2
    except dataclasses.FrozenInstanceError:
        names.append("frozen")
    return names, Frozen(1) < Frozen(2), hash(Frozen(1)) == hash(Frozen(1))


@case
def dataclass_inheritance():
    return repr(Point3(1, z=9)), dataclasses.is_dataclass(Point3)


class Color(enum.Enum):
    RED = 1
    GREEN = "green"
    ROT = 1  # noqa: PIE796

    def shout(self):
        return self.name + "!"

    @classmethod
    def first(cls):
        return next(iter(cls))


constructed = []


class Planet(enum.Enum):
    EARTH = (1.0, 2.0)

    def __init__(self, mass, radius):
        self.mass = mass
        constructed.append(mass)


class Numbered(enum.Enum):
    def __new__(cls):
        made = object.__new__(cls)
        made._value_ = len(cls.__members__) + 1
        return made

    A = ()
    B = ()  # noqa: PIE796


class Level(enum.IntEnum):
    LOW = enum.auto()
    HIGH = enum.auto()


class Text(str, enum.Enum):
    X = "x"


class Access(enum.Flag):
    READ = 1
    WRITE = 2
    BOTH = 3


class Bits(enum.IntFlag):
    R = 4
    W = 2


class Lenient(enum.Enum):
    ONLY = 1

    @classmethod
    def _missing_(cls, value):
        return cls.ONLY


@case
def enums():
    same = Color(1) is Color.RED is Color.ROT is Color["RED"]
    return (
        same,
        Color.GREEN.shout(),
        Color("green").name,
        Color.first().name,
        len(Color),
    )


@case
def enums_with_constructors():
    found = Planet((1.0, 2.0)) is Planet.EARTH, Planet.EARTH.mass
    return (
        found,
        [m.value for m in Numbered],
        Numbered(2) is Numbered.B,
        Lenient(9).name,
    )


@case
def enum_constructors_run_once():
    return Planet.EARTH.mass, constructed


@case
def enums_of_other_types():
    return Level.LOW < Level.HIGH, Level.HIGH + 1, Text.X + "y", Text("x") is Text.X


@case
def flags():
    both = Access.READ | Access.WRITE
    bits = Bits.R | Bits.W
    return (
        both is Access.BOTH,
        Access.READ in both,
        bits.value,
        ~Bits.R & bits == Bits.W,
    )


class Meta(type):
    calls: typing.ClassVar[list] = []

    def __new__(mcs, name, bases, names, **options):
        mcs.calls.append(name)
        return super().__new__(mcs, name, bases, names)

    def __init__(cls, name, bases, names, extra=None):
        super().__init__(name, bases, names)
        cls.extra = extra

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.by_meta = True
        return made

    def __len__(cls):
        return 42


class Made(metaclass=Meta, extra="e"):
    pass


class Named:
    """A descriptor that knows its name."""

    def __set_name__(self, owner, name):
        self.name = name
        Named.count = getattr(Named, "count", 0) + 1

    def __get__(self, instance, owner):
        return self.name


class HasNamed:
    first = Named()
    second = Named()


@case
def metaclasses():
    return Made().by_meta, Made.extra, len(Made), type(Made) is Meta, Meta.calls


@case
def descriptors():
    return HasNamed().first, HasNamed.second, Named.count


class Slotted:
    __slots__ = ("__hidden", "a", "b")

    def __init__(self, a, b):
        self.a, self.b, self.__hidden = a, b, 3

    def hidden(self):
        return self.__hidden


class SlottedMore(Slotted):
    __slots__ = iter(["c"])


class OneSlot(Slotted):
    __slots__ = "d"


@case
def slots():
    more = SlottedMore(1, 2)
    more.c = 4
    return more.hidden(), more.c, hasattr(more, "__dict__"), hasattr(OneSlot(1, 2), "d")


T = typing.TypeVar("T")
N = typing.TypeVar("N", bound=int)
UserId = typing.NewType("UserId", int)


class Box(typing.Generic[T]):
    def __init__(self, value: T):
        self.value = value


class Sized(typing.Protocol):
    def size(self) -> int: ...


@typing.runtime_checkable
class Closable(typing.Protocol):
    def close(self) -> None: ...


class File(Sized):
    def size(self):
        return 3

    def close(self): ...


class Options(typing.TypedDict, total=False):
    verbose: bool


@case
def generics():
    return Box[int](3).value, Box.__parameters__ == (T,), N.__bound__ is int, UserId(3)


@case
def protocols():
    found = isinstance(File(), Closable), isinstance(3, Closable), File().size()
    try:
        Sized()
    except TypeError:
        return (*found, "refused", Options(verbose=True))


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

    @property
    @abc.abstractmethod
    def name(self): ...


class Square(Shape):
    name = "square"

    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


class Mapped(collections.abc.Mapping):
    def __getitem__(self, key):
        return key

    def __iter__(self):
        return iter("ab")

    def __len__(self):
        return 2


@case
def abstract_classes():
    try:
        Shape()
    except TypeError:
        refused = True
    Shape.register(int)
    return refused, Square(3).area(), isinstance(3, Shape), issubclass(Square, Shape)


@case
def abstract_classes_of_the_library():
    return dict(Mapped()), isinstance(Mapped(), collections.abc.Mapping)


class Pair(typing.NamedTuple):
    left: int
    right: int = 2

    def swapped(self):
        return Pair(self.right, self.left)


Classic = collections.namedtuple("Classic", "a b", defaults=[9])


@case
def named_tuples():
    return (
        Pair(1).swapped(),
        Classic(1)._replace(a=5),
        Pair(1)._asdict(),
        Classic._fields,
    )


class Failure(Exception):
    def __init__(self, code, *, detail):
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class NoMatch(LookupError):
    def __init__(self):
        super().__init__("no match")


class Chained(OSError):
    def __init__(self, name):
        super().__init__(2, "gone", name)
        self.again = self


@case
def exceptions():
    try:
        raise Failure(7, detail="odd") from NoMatch()
    except Failure as error:
        return error.code, str(error), type(error.__cause__) is NoMatch


@functools.total_ordering
class Ordered:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n


class Calling:
    def __init__(self, n):
        self.n = n

    def __call__(self, m):
        return self.n + m + OFFSET

    def method(self, m):
        return self.n * m


class Chameleon(dict):
    def __reduce__(self):
        return rebuild, (sorted(self),)


def rebuild(keys):
    return Chameleon.fromkeys(keys, "rebuilt")


ORDERED = Ordered(3)
INSTANCES = [
    Point(1),
    Derived(2),
    Color.RED,
    Level.LOW,
    Slotted(1, 2),
    Chameleon(k="rebuilt"),
]


@case
def instances():
    types = [type(i).__name__ for i in INSTANCES]
    same = type(INSTANCES[0]) is Point and INSTANCES[2] is Color.RED
    return types, same, INSTANCES[-1], Ordered(2) <= ORDERED, INSTANCES[4].hidden()


def local_class():
    hidden = 5

    class Local:
        def get(self):
            return hidden, __class__ is Local, type(self) is Local

    return Local


LocalClass = local_class()


@case
def classes_of_functions():
    return LocalClass().get(), LocalClass.__qualname__


# ---- what crosses, both ways ---------------------------------------------------------


def sent_and_returned(there):
    """Values whose classes are checked at both ends."""
    point = there.call(lambda p: (p.moved(1), type(p) is Point), Point(1))
    yield point, type(point[0]) is Point
    yield there.call(lambda c: (c is Color.RED, c), Color.RED)[1] is Color.RED
    yield there.call(lambda a: a is Access.READ | Access.WRITE, Access.BOTH)
    failure = there.call(lambda f: (f, f.code), Failure(3, detail="d"))
    yield type(failure[0]) is Failure, failure[0].code, failure[0].args, failure[1]
    lost = there.call(lambda e: (e.filename, e.errno, e.again is e, e), Chained("f"))
    yield lost[:3], type(lost[3]) is Chained, lost[3].again is lost[3], str(lost[3])
    yield there.call(lambda f, g: (f(1), g is helper), deeper, helper)
    yield there.call(lambda: helper) is helper
    local = there.call(lambda: local_class()())
    again = there.call(lambda one: one, local)
    yield type(again) is type(local), again.get()
    yield there.call(lambda cls, one: (type(one) is cls, one.get()), type(local), local)


def callables(there):
    captured = 4
    yield there.call(Calling(1).method, 5)
    yield there.call(Calling(1), 5)
    yield there.call(functools.partial(deeper, factor=5), 2)
    yield there.call(functools.partial(Calling.method, Calling(3)), 2)
    yield there.call(lambda n=captured, *, k=3: n + k + captured)
    yield there.call(quietly, 1)
    yield there.call(Derived.make, 3).n, type(there.call(Derived, 3)) is Derived
    yield there.call(max, [1, 5, 2]), there.call(fib, 10)


def rebinding(there):
    global late, OFFSET, HIDDEN

    def uses_late():
        return late()

    def uses_offset():
        return helper(0)

    def uses_hidden():
        return HIDDEN  # noqa: F821

    try:
        there.call(uses_late)
    except Failed as error:
        yield str(error).splitlines()[-1]
    late = lambda: "late"  # noqa: E731
    yield there.call(uses_late)
    late = lambda: "later"  # noqa: E731
    yield there.call(uses_late)
    yield there.call(uses_offset)
    OFFSET = 7
    yield there.call(uses_offset)
    OFFSET = 100
    HIDDEN = threading.Lock()
    try:
        there.call(uses_hidden)
    except Failed as error:
        yield str(error).splitlines()[-1].replace("instances", "object")[:80]
    HIDDEN = 3
    yield there.call(uses_hidden)
    del HIDDEN
    try:
        there.call(uses_hidden)
    except Failed as error:
        yield str(error).splitlines()[-1]


def report(rebinds=True):
    with There() as there, There() as other:
        for function in CASES:
            there_result, here_result = there.call(function), function()
            print((function.__name__, "same", there_result == here_result))
            if there_result != here_result:
                print(function.__name__, there_result, here_result, file=sys.stderr)
        by_value = ("sent_and_returned", "callables", "rebinding")
        for name in by_value if rebinds else by_value[:2]:
            for number, result in enumerate(globals()[name](there)):
                print((name, number, result))
        local = there.call(lambda: local_class()())
        print(("through", 0, other.call(lambda one: one.get(), local)))
