"""The second part of shipped.py: classes of each kind, and instances of them."""
# ruff: noqa: F821 -- `case`, `helper` and what else is not defined here is the first part

import abc
import collections
import collections.abc
import dataclasses
import enum
import functools
import threading
import typing


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
