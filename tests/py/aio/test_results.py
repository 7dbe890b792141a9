"""What `result` and `add_done_callback` do where no event loop runs."""

import sys
from traceback import format_exception

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


def test_a_result_may_be_asked_for_again():
    made = when(Cown([1]))(lambda c: [*c.value, 2])
    assert made.result() == [1, 2]
    assert made.result(timeout=LIMIT) is made.result()
    assert made.unwrap(timeout=LIMIT) == [1, 2]


def test_a_result_is_never_old():
    c = Cown([1])
    assert c.result() == [1]
    when(c)(lambda c: c.value.append(2))
    assert c.result() == [1, 2]
    c.acquire()
    c.value = 3
    c.release()
    assert c.result() == 3


def test_a_result_raises_what_the_body_raised():
    @when()
    def broken():
        return {}["missing"]

    for _ in range(3):
        with pytest.raises(KeyError, match="missing") as caught:
            broken.result()
    assert "broken" in "".join(format_exception(caught.value))


def test_a_result_in_time(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door))
    with pytest.raises(TimeoutError, match=r"0\.01"):
        slow.result(timeout=0.01)
    gate.open()
    assert slow.result(timeout=LIMIT) is None


def test_a_result_in_a_body(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door))

    @when(Cown(1))
    def asks(c):
        return c.result() + 1

    @when(Cown(1))
    def waits(c, slow=slow):
        return slow.result()

    assert asks.result() == 2
    with pytest.raises(RuntimeError, match="could deadlock"):
        waits.result()
    gate.open()


def test_a_result_while_holding_is_refused():
    c, other = Cown(1), Cown(2)
    with c:
        assert c.result() == 1
        with pytest.raises(RuntimeError, match="could deadlock"):
            other.result()


def test_callbacks_before_and_after(gate):
    door, told = gate.door, []
    made = when()(lambda: pass_through(door) or 5)
    made.add_done_callback(lambda cown: told.append(("first", cown.result())))
    made.add_done_callback(lambda cown: told.append(("second", cown.value)))
    assert told == []
    gate.open()
    assert made.result() == 5
    bocpy.quiesce(timeout=LIMIT)
    made.add_done_callback(lambda cown: told.append(("late", cown.result())))
    assert sorted(told[:2]) == [("first", 5), ("second", 5)]
    assert told[2:] == [("late", 5)]


def test_callbacks_may_schedule_but_not_wait(gate):
    door, told = gate.door, []
    total = Cown(1)

    def callback(cown):
        more = cown.result()

        @when(total)
        def _(total, more=more):
            total.value += more

        slow = when()(lambda: pass_through(door))
        try:
            slow.result()
        except RuntimeError as error:
            told.append(str(error))

    made = when()(lambda: 4)
    made.add_done_callback(callback)
    bocpy.start()
    gate.open()
    bocpy.quiesce(timeout=LIMIT)
    assert total.result() == 5
    assert "could deadlock" in told[0]


def test_a_callback_that_raises_is_reported(monkeypatch):
    reports = []
    monkeypatch.setattr(sys, "unraisablehook", lambda r: reports.append(r.exc_value))
    made = when()(lambda: 1)
    made.add_done_callback(lambda cown: 1 / 0)
    bocpy.quiesce(timeout=LIMIT)
    assert [type(error) for error in reports] == [ZeroDivisionError]


def test_many_callbacks():
    told = []
    results = [when(Cown(i))(lambda c: c.value) for i in range(500)]
    for made in results:
        made.add_done_callback(lambda cown: told.append(cown.result()))
    bocpy.quiesce(timeout=LIMIT)
    assert sorted(told) == list(range(500))


def test_callbacks_take_callables():
    with pytest.raises(TypeError, match="callable"):
        Cown(1).add_done_callback(3)
