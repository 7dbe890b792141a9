"""Values of classes whose own constructors take other arguments than pickle passes."""

import collections
import datetime
import decimal

import pytest
from bocpy import Cown, receive, send, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


class Pair(tuple):
    __slots__ = ()

    def __new__(cls, a, b):
        return super().__new__(cls, (a, b))


class Point(tuple):
    """pickle makes Point((1, 2)), whose `y` is 0."""

    __slots__ = ()

    def __new__(cls, x, y=0):
        return super().__new__(cls, (x, y))


class Several(tuple):
    def __new__(cls, *items):
        made = super().__new__(cls, items)
        made.note = "attribute"
        return made


class Sum(int):
    def __new__(cls, a, b):
        return super().__new__(cls, a + b)


class Loud(str):
    """pickle would append twice."""

    __slots__ = ()

    def __new__(cls, text, *, end="!"):
        return super().__new__(cls, text + end)


class Two(frozenset):
    def __new__(cls, a, b):
        return super().__new__(cls, (a, b))


class Listed(list):
    """pickle would put 0 in first."""

    def __new__(cls, first=0):
        made = super().__new__(cls)
        made.append(first)
        return made

    def __init__(self, *_):
        pass


class Both(set):
    def __init__(self, a, b):
        super().__init__((a, b))
        self.note = a


class Last(collections.deque):
    """pickle would pass it an empty tuple and 5."""

    def __init__(self, a, b):
        super().__init__((a, b), 5)


class Counts(collections.defaultdict):
    def __init__(self, key):
        super().__init__(int, {key: 1})
        self.note = key


class Year(datetime.date):
    def __new__(cls, year):
        return super().__new__(cls, year, 1, 1)


class Moment(datetime.datetime):
    def __new__(cls, hour):
        return super().__new__(cls, 2000, 1, 1, hour, tzinfo=datetime.timezone.utc)


class Noon(datetime.time):
    def __new__(cls):
        return super().__new__(cls, 12)


class Weeks(datetime.timedelta):
    """pickle would pass it days, seconds and microseconds."""

    def __new__(cls, weeks, *_):
        made = super().__new__(cls, weeks=weeks)
        made.note = weeks
        return made


class Cents(decimal.Decimal):
    """pickle would divide by 100 twice."""

    def __new__(cls, cents):
        return super().__new__(cls, decimal.Decimal(cents) / 100)


class Fields(collections.namedtuple("Base", "a b")):
    __slots__ = ()

    def __new__(cls, both):
        return super().__new__(cls, *both)


class Given(tuple):
    __slots__ = ()

    def __new__(cls, a, b):
        return super().__new__(cls, (a, b))

    def __getnewargs__(self):
        return tuple(self)


class Holder:
    def __new__(cls, a):
        return super().__new__(cls)

    def __init__(self, a):
        self.a = a

    def __eq__(self, other):
        return type(self) is type(other) and self.a == other.a

    def __hash__(self):
        return hash(self.a)


class Kept(int):
    """One instance for each number, in each interpreter."""

    known = {}  # noqa: RUF012  the instances of this interpreter

    def __new__(cls, number):
        if number not in cls.known:
            cls.known[number] = super().__new__(cls, number)
        return cls.known[number]


class One:
    only = None

    def __new__(cls):
        if cls.only is None:
            cls.only = super().__new__(cls)
        return cls.only


def values():
    return [
        Pair(1, 2),
        Point(1, 2),
        Several(1, 2, 3),
        Sum(1, 2),
        Loud("a"),
        Two(1, 2),
        Listed(1),
        Both(1, 2),
        Last(1, 2),
        Counts("k"),
        Year(2000),
        Moment(5),
        Noon(),
        Weeks(3),
        Cents(1234),
        Fields((1, 2)),
        Given(1, 2),
        Holder(3),
    ]


NAMES = [type(value).__name__ for value in values()]


def described(value):
    return type(value).__name__, value, getattr(value, "note", None)


@pytest.mark.parametrize("name", NAMES)
def test_such_a_value_is_the_same_everywhere(name):
    (value,) = (each for each in values() if type(each).__name__ == name)
    of_main = described(value)
    assert when(Cown(value))(lambda c: described(c.value)).result(LIMIT) == of_main
    assert when()(lambda: described(value)).result(LIMIT) == of_main
    returned = when(Cown([value]))(lambda c: {"in": c.value}).result(LIMIT)
    assert described(returned["in"][0]) == of_main
    assert type(returned["in"][0]) is type(value)
    send("own", value)
    assert described(receive("own", LIMIT)[1]) == of_main


class Precise(decimal.Context):
    def __init__(self, digits, *_, **__):
        super().__init__(prec=digits)


def test_a_context_of_decimals():
    c = Cown([Precise(7)])
    assert when(c)(lambda c: c.value[0].prec).result(LIMIT) == 7
    returned = when(c)(lambda c: (c.value[0],)).result(LIMIT)
    assert (type(returned[0]), returned[0].prec) == (Precise, 7)


def test_a_list_of_limited_length_stays_so():
    assert when(Cown(Last(1, 2)))(lambda c: c.value.maxlen).result(LIMIT) == 5


def test_what_a_class_keeps_stays_one():
    c = Cown([Kept(5), Kept(5), One()])

    @when(c)
    def kept(c):
        first, second, one = c.value
        return first is second is Kept(5), one is One()

    assert kept.result(LIMIT) == (True, True)


class Short:
    def __init__(self, a, b):
        self.a = a

    def __reduce__(self):
        return Short, (self.a,)


class ShortPair(tuple):
    __slots__ = ()

    def __new__(cls, a, b):
        return super().__new__(cls, (a, b))

    def __reduce__(self):
        return make_short, (self[0],)


def make_short(a, b):
    return ShortPair(a, b)


@pytest.mark.backends("interpreters")
@pytest.mark.parametrize(
    ("value", "name", "taker"),
    [(Short(1, 2), "Short", "Short"), (ShortPair(1, 2), "ShortPair", "make_short")],
)
def test_a_reduction_that_cannot_be_undone_is_refused_at_the_call(
    backend, value, name, taker
):
    with pytest.raises(TypeError) as caught:
        Cown([value])
    assert str(caught.value) == (
        f"value[0]: cannot ship a '{__name__}.{name}': what its __reduce__() returns "
        f"does not fit the parameters of {taker}: return it with a tuple of all its "
        "arguments"
    )


class Zone(datetime.tzinfo):
    def __init__(self, hours=1):
        self.hours = hours

    def utcoffset(self, _):
        return datetime.timedelta(hours=self.hours)

    def __getinitargs__(self):
        return (self.hours,)


class Tagged(frozenset):
    def __init__(self, items):
        self.count = len(items)


def test_builtin_types_without_an_init_of_their_own():
    """In a sub-interpreter their dicts may list the one of object."""
    value = Cown([datetime.datetime(2020, 1, 1, tzinfo=Zone(5)), Tagged([1, 2])])

    @when(value)
    def body(value):
        return value.value

    moment, tagged = body.result(LIMIT)
    assert moment.tzinfo.hours == 5
    assert moment.utcoffset() == datetime.timedelta(hours=5)
    assert (tagged, tagged.count) == ({1, 2}, 2)
