"""Lists, dicts and the like of classes with methods of their own that add items, and
instances of derived classes of builtin types that have attributes."""

import collections
import datetime
import decimal

import pytest
from bocpy import Cown, receive, send, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


class Counts:
    """Counts in an attribute what its methods add."""

    added = 0

    def append(self, item):
        super().append(item)
        self.added += 1

    def extend(self, items):
        for item in items:
            self.append(item)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.added += 1


class OwnList(Counts, list):
    pass


class OwnDeque(Counts, collections.deque):
    pass


class OwnDict(Counts, dict):
    pass


class OwnOrdered(Counts, collections.OrderedDict):
    pass


class OwnDefault(Counts, collections.defaultdict):
    pass


class NeedsAttribute(dict):
    """pickle adds the items before the instance has its attributes."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def __setitem__(self, key, value):
        super().__setitem__(key, (self.name, value))


def filled():
    lists = OwnList(), OwnDeque(maxlen=5)
    for each in lists:
        each.append(1)
        each.append(each)
    dicts = OwnDict(), OwnOrdered(), OwnDefault(list), NeedsAttribute("n")
    for each in dicts:
        each["b"] = 1
        each["a"] = each
    return [*lists, *dicts]


NAMES = [type(each).__name__ for each in filled()]


def seen(value):
    items = list(value.items()) if isinstance(value, dict) else list(value)
    last = items[-1][1] if isinstance(value, dict) else items[-1]
    itself = last[1] if isinstance(value, NeedsAttribute) else last
    factory = getattr(value, "default_factory", None)
    limit = getattr(value, "maxlen", None)
    return (
        type(value).__name__,
        repr(value),
        vars(value),
        itself is value,
        factory,
        limit,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_move_adds_no_items(name):
    (value,) = (each for each in filled() if type(each).__name__ == name)
    of_main = seen(value)
    assert when(Cown(value))(lambda c: seen(c.value)).result(LIMIT) == of_main
    assert when()(lambda: seen(value)).result(LIMIT) == of_main
    returned = when(Cown([value]))(lambda c: {"in": c.value}).result(LIMIT)
    assert seen(returned["in"][0]) == of_main
    send("own", value)
    assert seen(receive("own", LIMIT)[1]) == of_main


class Default(collections.defaultdict):
    pass


class Day(datetime.date):
    pass


class Moment(datetime.datetime):
    def __new__(cls, day):
        return super().__new__(cls, 2000, 1, day)


class Cents(decimal.Decimal):
    pass


class Tally(collections.Counter):
    pass


class Ordered(collections.OrderedDict):
    pass


class Queue(collections.deque):
    pass


def noted():
    values = [
        Default(list, a=[1]),
        Day(2000, 1, 2),
        Moment(3),
        Cents("1.5"),
        Tally("ab"),
        Ordered(a=1),
        Queue([1]),
    ]
    for value in values:
        value.note = [type(value).__name__]
    return values


@pytest.mark.parametrize("name", [type(each).__name__ for each in noted()])
def test_attributes_of_derived_classes_arrive(name):
    (value,) = (each for each in noted() if type(each).__name__ == name)
    expected = (name, value, [name])

    def described(value):
        return type(value).__name__, value, value.note

    assert when(Cown(value))(lambda c: described(c.value)).result(LIMIT) == expected
    assert when()(lambda: described(value)).result(LIMIT) == expected
    returned = when(Cown([value]))(lambda c: {"in": c.value}).result(LIMIT)
    assert described(returned["in"][0]) == expected
