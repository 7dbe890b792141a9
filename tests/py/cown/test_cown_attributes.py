"""Attributes that programs set on cowns: as those of other objects."""

import gc
import weakref

import pytest
from bocpy import Cown, PinnedCown

pytestmark = pytest.mark.usefixtures("runtime")


class Slotted(Cown):
    """A subclass that adds no room for attributes."""

    __slots__ = ()


class Open(Cown):
    """A subclass whose instances have a dict of their own."""


class Probe:
    """An object whose end weak references show."""


each_class = pytest.mark.parametrize("kind", [Cown, Slotted, Open, PinnedCown])


@each_class
def test_set_read_and_delete(kind):
    c = kind(1)
    assert not hasattr(c, "note")
    c.note = [1]
    assert c.note == [1]
    assert vars(c) == {"note": [1]}
    assert vars(c) is c.__dict__
    del c.note
    assert not hasattr(c, "note")
    with pytest.raises(AttributeError, match="note"):
        del c.note


@each_class
def test_an_attribute_hides_a_method_and_no_property(kind):
    c = kind(1)
    c.acquire = "mine"
    assert c.acquire == "mine"
    del c.acquire
    assert callable(c.acquire)
    with pytest.raises(AttributeError):
        c.acquired = True


@each_class
def test_the_whole_dict_is_replaced(kind):
    c = kind(1)
    c.old = 1
    c.__dict__ = {"new": 2}
    assert c.new == 2
    assert not hasattr(c, "old")
    with pytest.raises(TypeError, match="dict"):
        c.__dict__ = 3


@each_class
def test_an_attribute_ends_with_its_cown(kind):
    c = kind(1)
    c.probe = Probe()
    gone = weakref.ref(c.probe)
    del c
    gc.collect()
    assert gone() is None


@each_class
def test_a_cycle_through_an_attribute_is_collected(kind):
    c = kind(1)
    c.me, c.probe = c, Probe()
    gone = weakref.ref(c.probe)
    del c
    gc.collect()
    gc.collect()
    assert gone() is None


def test_each_of_many_cowns_has_its_own():
    many = [Cown(None) for _ in range(5000)]
    for number, c in enumerate(many):
        c.number = number
    del many[::2]
    gc.collect()
    fresh = [Cown(None) for _ in range(5000)]
    assert not any(hasattr(c, "number") for c in fresh)
    assert [c.number for c in many] == list(range(1, 5000, 2))
