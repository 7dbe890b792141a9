"""Cowns outside behaviors: making, holding, unwrapping, comparing, copying."""

import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


class Named(Cown):
    """A subclass with state of its own."""

    def __init__(self, value, name):
        super().__init__(value)
        self.name = name


def test_nobody_holds_a_new_cown():
    c = Cown(1)
    assert not c.acquired
    assert not c.exception


def test_value_is_refused_without_holding_the_cown():
    c = Cown(1)
    with pytest.raises(RuntimeError, match="value"):
        _ = c.value
    with pytest.raises(RuntimeError, match="value"):
        c.value = 2
    assert c.unwrap() == 1


def test_acquire_and_release():
    c = Cown([1])
    c.acquire()
    assert c.acquired
    assert c.value == [1]
    c.value = [2]
    c.release()
    assert not c.acquired
    assert c.unwrap() == [2]


def test_with_gives_the_value_and_releases():
    c = Cown({"a": 1})
    with c as value:
        assert value == {"a": 1}
        assert c.acquired
        c.value = {"a": 2}
    assert not c.acquired
    with c as value:
        assert value == {"a": 2}


def test_with_releases_when_its_body_raises():
    c = Cown(1)

    def leave():
        with c:
            c.value = 2
            raise KeyError("out")

    with pytest.raises(KeyError):
        leave()
    assert not c.acquired
    assert c.unwrap() == 2


def test_changes_in_place_while_held_are_kept():
    c = Cown([1])
    with c as value:
        value.append(2)
    assert c.unwrap() == [1, 2]


def test_acquiring_twice_is_one_acquire():
    c = Cown(1)
    c.acquire()
    c.acquire()
    assert c.value == 1
    c.release()
    assert not c.acquired


def test_releasing_a_free_cown_does_nothing():
    c = Cown(1)
    c.release()
    assert c.unwrap() == 1


def test_releasing_what_another_thread_holds_is_refused():
    c = Cown(1)
    c.acquire()
    caught = []

    def foreigner():
        try:
            c.release()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=foreigner)
    thread.start()
    thread.join()
    c.release()
    assert len(caught) == 1


def test_a_behavior_waits_for_the_thread_that_holds_the_cown(gate):
    c = Cown(1)
    c.acquire()

    @when(c)
    def seen(c):
        return c.value

    c.value = 2
    c.release()
    assert seen.unwrap(timeout=LIMIT) == 2


def test_acquire_waits_its_turn_in_the_queue(gate):
    c = Cown([])
    door = gate.door

    @when(c)
    def _(c):
        pass_through(door)
        c.value.append("first")

    gate.open()
    with c as value:
        assert value == ["first"]
        value.append("second")

    @when(c)
    def all_of_it(c):
        return list(c.value)

    assert all_of_it.unwrap(timeout=LIMIT) == ["first", "second"]


def test_acquire_gives_up_at_its_deadline(gate):
    c = Cown(1)
    door = gate.door

    @when(c)
    def _(c):
        pass_through(door)
        c.value += 1

    with pytest.raises(TimeoutError):
        c.acquire(timeout=0.01)
    assert not c.acquired
    gate.open()
    c.acquire(timeout=LIMIT)
    assert c.value == 2
    c.release()


def test_an_acquire_that_timed_out_does_not_block_the_queue(gate):
    c = Cown([])
    door = gate.door

    @when(c)
    def _(c):
        pass_through(door)

    with pytest.raises(TimeoutError):
        c.acquire(timeout=0)

    @when(c)
    def after(c):
        c.value.append(1)
        return len(c.value)

    gate.open()
    assert after.unwrap(timeout=LIMIT) == 1


def test_threads_take_turns():
    c = Cown(0)

    def add():
        for _ in range(200):
            with c as value:
                c.value = value + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert c.unwrap() == 800


def test_unwrap_takes_the_value_and_leaves_none():
    c = Cown("gone")
    assert c.unwrap() == "gone"
    assert c.unwrap() is None
    with c as value:
        assert value is None


def test_an_unwrapped_cown_can_be_used_again():
    c = Cown(1)
    c.unwrap()

    @when(c)
    def _(c):
        c.value = 5

    assert c.unwrap(timeout=LIMIT) == 5


def test_unwrap_refuses_while_behaviors_are_in_flight(gate):
    c = Cown(1)
    door = gate.door

    @when(c)
    def _(c):
        pass_through(door)

    with pytest.raises(RuntimeError, match=r"timeout|quiesce|wait"):
        c.unwrap()
    gate.open()
    assert c.unwrap(timeout=LIMIT) == 1


def test_unwrap_with_a_timeout_gives_up(gate):
    c = Cown(1)
    door = gate.door

    @when(c)
    def _(c):
        pass_through(door)

    with pytest.raises(TimeoutError):
        c.unwrap(timeout=0.01)
    gate.open()
    assert c.unwrap(timeout=LIMIT) == 1


def test_unwrap_with_a_timeout_waits_for_this_cown_only(gate):
    slow, quick = Cown(1), Cown(2)
    door = gate.door

    @when(slow)
    def _(slow):
        pass_through(door)

    @when(quick)
    def _(quick):
        quick.value += 1

    assert quick.unwrap(timeout=LIMIT) == 3
    gate.open()


def test_unwrap_in_a_body_of_a_held_cown():
    c = Cown(7)

    @when(c)
    def taken(c):
        return c.unwrap()

    assert taken.unwrap(timeout=LIMIT) == 7
    assert c.unwrap(timeout=LIMIT) is None


def test_the_exception_flag_is_set_by_a_raising_body_alone():
    @when()
    def raised():
        raise ValueError("no")

    @when()
    def returned():
        return ValueError("no")

    bocpy.quiesce(timeout=LIMIT)
    assert raised.exception
    assert not returned.exception
    assert isinstance(returned.unwrap(), ValueError)
    with pytest.raises(ValueError, match=r"^no$"):
        raised.unwrap()
    assert not raised.exception
    assert raised.unwrap() is None


def test_the_holder_may_set_the_exception_flag():
    c = Cown(KeyError("kept"))
    with c:
        c.exception = True
    assert c.exception
    with pytest.raises(KeyError, match="kept"):
        c.unwrap()


def test_setting_the_value_clears_the_exception_flag():
    @when()
    def failed():
        raise ValueError("no")

    @when(failed)
    def _(failed):
        failed.value = 3

    assert failed.unwrap(timeout=LIMIT) == 3
    assert not failed.exception


def test_a_body_sees_the_exception_of_a_failed_result():
    @when()
    def failed():
        raise ValueError("no")

    @when(failed)
    def seen(failed):
        return failed.exception, type(failed.value).__name__, str(failed.value)

    assert seen.unwrap(timeout=LIMIT) == (True, "ValueError", "no")
    with pytest.raises(ValueError, match="no"):
        failed.unwrap(timeout=LIMIT)


def test_acquired_inside_and_after_a_body():
    c = Cown(1)

    @when(c)
    def inside(c):
        return c.acquired

    assert inside.unwrap(timeout=LIMIT) is True
    assert c.acquired is False


def test_disown_abandons_the_value():
    c = Cown(0)
    c.acquire()
    c.value = [1]
    c.impl.disown()
    assert not c.acquired
    assert c.unwrap() is None


def test_disown_is_refused_without_holding_the_cown():
    c = Cown(1)
    with pytest.raises(RuntimeError):
        c.impl.disown()
    assert c.unwrap() == 1


def test_disown_inside_a_body():
    c = Cown([1])

    @when(c)
    def _(c):
        c.impl.disown()

    @when(c)
    def after(c):
        return c.value

    assert after.unwrap(timeout=LIMIT) is None


def test_equality_and_hash_are_by_identity():
    a, b = Cown(1), Cown(1)
    assert a == a
    assert a != b
    assert len({a, b, a}) == 2
    assert a.__eq__(1) is NotImplemented
    assert a.__lt__(1) is NotImplemented
    assert a != 1


def test_cowns_have_one_order():
    cowns = [Cown(i) for i in range(20)]
    backwards = cowns[::-1]
    assert sorted(cowns) == sorted(backwards)
    assert (cowns[0] < cowns[1]) != (cowns[1] < cowns[0])


def test_handles_in_a_body_equal_those_outside():
    a, b = Cown(1), Cown(2)

    @when(a, b)
    def same(a, b, outer=a):
        return a == outer, hash(a) == hash(outer), b == outer

    assert same.unwrap(timeout=LIMIT) == (True, True, False)


def test_copies_are_handles_of_the_same_cown():
    c = Cown(1)
    for other in (copy.copy(c), copy.deepcopy(c), pickle.loads(pickle.dumps(c))):
        assert other == c
        assert hash(other) == hash(c)
        with other as value:
            other.value = value + 1
    assert c.unwrap() == 4


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(protocol):
    c = Cown("x")
    assert pickle.loads(pickle.dumps([c, c], protocol)) == [c, c]


def test_orphan_pickles_leak_nothing():
    cowns = [Cown(None) for _ in range(100)]
    seen = [weakref.ref(c) for c in cowns]
    pickles = [pickle.dumps(c) for c in cowns]
    del cowns
    gc.collect()
    assert not any(each() for each in seen)
    assert len(set(pickles)) == 100


def test_weak_references_and_attributes():
    c = Cown(1)
    c.label = "mine"
    seen = weakref.ref(c)
    assert seen() is c
    assert c.label == "mine"
    del c
    gc.collect()
    assert seen() is None


def test_subclasses():
    c = Named([1], name="account")
    assert c.name == "account"

    @when(c)
    def length(c):
        return len(c.value)

    assert length.unwrap(timeout=LIMIT) == 1


def test_a_copy_of_a_subclass_is_the_same_cown():
    c = Named(1, name="n")
    assert copy.copy(c) == c


def test_typing_syntax():
    assert Cown[int] is not None
    c: Cown[Any] = Cown[int](3)
    assert c.unwrap() == 3


def test_repr_tells_what_it_is_without_the_value():
    c = Cown("secret")
    assert "Cown" in repr(c)
    assert "secret" not in repr(c)
    with c:
        assert "Cown" in repr(c)


def test_a_cown_in_itself():
    c = Cown(None)
    with c:
        c.value = [c]

    @when(c)
    def inner(c):
        return c.value[0] == c

    assert inner.unwrap(timeout=LIMIT) is True

    @when(c)
    def _(c):
        c.value = None


def test_the_interpreters_backend_copies_the_value_in(backend):
    value = [1]
    c = Cown(value)
    value.append(2)
    assert c.unwrap() == ([1] if backend == "interpreters" else [1, 2])


def test_a_cown_of_the_threads_backend_keeps_the_object(backend):
    value = [1]
    c = Cown(value)
    same = c.unwrap() is value
    assert same == (backend == "threads")


def test_counters_that_pass_one_another_keep_their_values():
    """A worker keeps the int that was stored last: another cown may hold the same."""
    a, b = Cown(1000), Cown(1000)

    def count(a, b, step=1):
        a.value += step
        b.value = a.value
        b.value -= 1
        assert (a.value, b.value) == (b.value + 1, a.value - 1)

    results = [when(a, b)(count) for _ in range(300)]

    @when(a)
    def others(a):
        seen = [a.value]
        for value in (True, 1300.0, 70_000, 2**40, 1300):
            a.value = value
            seen.append(a.value)
        return seen

    assert b.unwrap(timeout=LIMIT) == 1299
    for result in results:
        result.unwrap(timeout=LIMIT)
    assert repr(others.unwrap(timeout=LIMIT)) == repr(
        [1300, True, 1300.0, 70_000, 2**40, 1300]
    )
