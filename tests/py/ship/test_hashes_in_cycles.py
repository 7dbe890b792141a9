"""Objects with a `__hash__` of their own that a set or dict in their attributes
contains: the hash needs attributes, and these refer to the set."""

import dataclasses

import pytest
from bocpy import Cown, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


class Named:
    def __init__(self, name):
        self.peers = set()
        self.name = name

    def __hash__(self):
        return hash((type(self).__name__, self.name))

    def __eq__(self, other):
        return isinstance(other, Named) and self.name == other.name


class Slotted(Named):
    __slots__ = ("_extra", "name", "peers")


@dataclasses.dataclass(unsafe_hash=True)
class Data:
    name: tuple
    peers: set = dataclasses.field(default_factory=set, hash=False, compare=False)


def in_own_set(made):
    made.peers.add(made)
    return made


def in_each_others(first, second):
    first.peers.add(second)
    second.peers.add(first)
    return first


class Keyed(Named):
    def __init__(self, name):
        super().__init__(name)
        self.peers = {self: [self]} if name else None


ALONE = in_own_set(Named("alone"))
SLOTTED = in_own_set(Slotted("slotted"))
DATA = in_own_set(Data(("data", 1)))
FIRST = in_each_others(Named("first"), Named("second"))


def members(obj):
    return sorted(str(each.name) for each in obj.peers)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: in_own_set(Named("a")), ["a"]),
        (lambda: in_own_set(Slotted("b")), ["b"]),
        (lambda: in_own_set(Data(("c", 2))), ["('c', 2)"]),
        (lambda: in_each_others(Named("d"), Named("e")), ["e"]),
        (lambda: in_each_others(Data("f"), Named("g")), ["g"]),
    ],
)
def test_values_and_captured(make, expected):
    def told(obj):
        return members(obj), all(each in each.peers for each in obj.peers)

    made = make()
    answers = [told(made)] * 3
    answers[0] = when(Cown(make()))(lambda c: told(c.value)).result(LIMIT)
    answers[1] = when()(lambda: told(made)).result(LIMIT)
    answers[2] = told(when(Cown(make()))(lambda c: [c.value]).result(LIMIT)[0])
    assert answers == [(expected, expected != ["e"] and expected != ["g"])] * 3


def test_globals():
    @when()
    def told():
        return (
            [members(each) for each in (ALONE, SLOTTED, DATA, FIRST)],
            [each in each.peers for each in (ALONE, SLOTTED, DATA)],
            FIRST in next(iter(FIRST.peers)).peers,
        )

    names = [["alone"], ["slotted"], ["('data', 1)"], ["second"]]
    assert told.result(LIMIT) == (names, [True] * 3, True)


def test_keys_of_a_dict():
    made = Keyed("key")

    @when()
    def told():
        return made.peers[made][0] is made

    assert told.result(LIMIT)
