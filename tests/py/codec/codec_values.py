"""Values for the tests of the codec: instances of classes of all kinds, and a check of
equality.

The check walks over a value and the original at once: types, equality, sharing and
cycles. Where the right result is subtle, it is the result of pickle.
"""

import abc
import array
import collections
import copyreg
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import types
import typing
import uuid

from bocpy import _core

Cown = _core.Cown


def there_and_back(value):
    return _core._codec_decode(_core._codec_encode(value))


# ---- sameness ------------------------------------------------------------------------

LEAVES = (type(None), bool, int, float, complex, str, bytes, range)


class Sameness:
    """Whether two values are the same graph: their parts correspond one to one."""

    def __init__(self):
        self.there, self.back, self.kept = {}, {}, []

    def check(self, one, two, path="value"):
        assert type(one) is type(two), path
        if type(one) in LEAVES:
            assert one == two, path
            assert type(one) is int or repr(one) == repr(two), path
            return
        if id(one) in self.there or id(two) in self.back:
            assert self.there.get(id(one)) == id(two), f"{path}: shared differently"
            assert self.back.get(id(two)) == id(one), f"{path}: shared differently"
            return
        self.kept.append((one, two))
        if one != ():
            self.there[id(one)], self.back[id(two)] = id(two), id(one)
        self.parts(one, two, path)

    def parts(self, one, two, path):
        if type(one) in (list, tuple):
            assert len(one) == len(two), path
            for index, pair in enumerate(zip(one, two, strict=False)):
                self.check(*pair, f"{path}[{index}]")
        elif type(one) is dict:
            assert len(one) == len(two), path
            for left, right in zip(one.items(), two.items(), strict=False):
                self.check(left[0], right[0], f"{path} key")
                self.check(left[1], right[1], f"{path}[{left[0]!r}]")
        elif type(one) is slice:
            for name in ("start", "stop", "step"):
                self.check(getattr(one, name), getattr(two, name), f"{path}.{name}")
        elif isinstance(one, Plain):
            self.check(vars(one), vars(two), f"vars({path})")
            self.forget_dict(one, two)
        else:
            assert one == two, path

    def forget_dict(self, one, two):
        """The dict of an instance does not count as a part that can be shared."""
        self.there.pop(id(vars(one)), None)
        self.back.pop(id(vars(two)), None)


def assert_same(value):
    copied = there_and_back(value)
    Sameness().check(value, copied)
    return copied


# ---- classes of all kinds ------------------------------------------------------------


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Child(Plain):
    pass


class Outer:
    class Inner(Plain):
        pass


class Abstract(abc.ABC):
    @abc.abstractmethod
    def work(self): ...


class Concrete(Plain, Abstract):
    def work(self):
        return self.x


T = typing.TypeVar("T")


class Generic(Plain, typing.Generic[T]):
    pass


@dataclasses.dataclass
class Record:
    number: int
    text: str
    items: list = dataclasses.field(default_factory=list)
    ratio: float = 0.5


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int
    y: object


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int
    y: object


class WithProperty(Plain):
    @property
    def x(self):
        return -self.__dict__["x"]

    @x.setter
    def x(self, value):
        raise AssertionError("stored through the property")


class WithSetattr(Plain):
    def __setattr__(self, name, value):
        raise AssertionError("stored through __setattr__")


class WithCached(Plain):
    @functools.cached_property
    def twice(self):
        return 2 * self.x


class WithState(Plain):
    def __getstate__(self):
        return {"kept": self.__dict__.get("x")}


class WithSetstate(Plain):
    def __setstate__(self, state):
        self.__dict__.update(state, restored=True)


class WithNew(Plain):
    def __new__(cls, **attributes):
        self = super().__new__(cls)
        self.__dict__["made_by"] = "new"
        return self


class WithArguments:
    def __new__(cls, x):
        self = super().__new__(cls)
        self.x = x
        return self

    def __getnewargs__(self):
        return (self.x,)


class WithReduce(Plain):
    def __reduce__(self):
        return (make_reduced, (self.x,))


def make_reduced(x):
    return WithReduce(x=x, reduced=True)


class WithGetattr(Plain):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class Registered(Plain):
    pass


copyreg.pickle(Registered, lambda value: (make_registered, (value.x,)))


def make_registered(x):
    return Registered(x=x, registered=True)


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyStr(str):
    pass


class MyInt(int):
    pass


class MyTuple(tuple):
    pass


class MyError(Exception):
    pass


class Color(enum.Enum):
    RED = 1
    BLUE = 2


Point = collections.namedtuple("Point", "x y")


OTHERS = [
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc),
    decimal.Decimal("1.50"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=5),
    collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.Counter("abca"),
    collections.deque([1, 2], maxlen=3),
    collections.defaultdict(list, {"a": [1]}),
    array.array("d", [1.0, 2.0]),
    types.SimpleNamespace(a=1),
    Color.BLUE,
    Point(1, [2]),
    MyList([1, 2]),
    MyDict(a=1),
    MyStr("text"),
    MyInt(5),
    MyTuple((1, 2)),
    int,
    Plain,
    len,
    make_reduced,
    functools.partial(make_reduced, 3),
]
