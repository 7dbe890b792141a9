"""Pinned cowns: values that stay on the main thread, and the pump that serves them."""

import copy
import gc
import pickle
import threading
import time
import weakref

import pytest
from bocpy import (
    Cown,
    PinnedCown,
    pump,
    quiesce,
    read,
    wait,
    when,
    whencall,
)
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

STAYS = "pinned.*stays on the main thread.*@when"


class Widget:
    """An object that cannot leave its interpreter."""

    def __init__(self):
        self.drawn = []

    def __reduce__(self):
        raise TypeError("stays at home")


# Not threading.main_thread(), which every interpreter has one of.
MAIN = threading.get_ident()


def here():
    return threading.get_ident() == MAIN


def draw(widget, what):
    widget.value.drawn.append(what)


def identity(c):
    return id(c.value)


def on_main(*_):
    return here()


# The cown


def test_a_pinned_cown_is_a_cown():
    p = PinnedCown(1)
    assert isinstance(p, Cown)
    assert type(p) is PinnedCown
    assert repr(p).startswith("<PinnedCown at ")
    assert repr(p).endswith(", free>")


def test_identity_is_that_of_the_cown():
    p, q = PinnedCown(1), PinnedCown(1)
    assert p == p
    assert p != q
    assert (p < q) != (q < p)
    assert len({p, q, copy.copy(p), copy.deepcopy(q)}) == 2


def test_a_pickled_handle_is_pinned_too():
    widget = Widget()
    p = PinnedCown(widget)
    again = pickle.loads(pickle.dumps(p))
    assert again == p
    assert type(again) is PinnedCown
    assert again.unwrap() is widget


def test_subclasses_attributes_and_weak_references():
    class Canvas(PinnedCown):
        def __init__(self):
            super().__init__(Widget())
            self.name = "canvas"

    canvas = Canvas()
    seen = weakref.ref(canvas)
    assert canvas.name == "canvas"
    assert seen() is canvas
    assert whencall(on_main, [canvas]).unwrap(timeout=LIMIT) is True
    del canvas
    gc.collect()
    assert seen() is None


def test_the_value_is_the_object_itself():
    widget = Widget()
    p = PinnedCown(widget)
    result = when(p)(identity)
    wait()
    assert result.unwrap() == id(widget)
    assert p.unwrap() is widget
    assert p.unwrap() is None


def test_generic():
    assert PinnedCown[int].__origin__ is PinnedCown


def test_holding_it_on_the_main_thread():
    widget = Widget()
    p = PinnedCown(widget)
    assert not p.acquired
    with p as value:
        assert value is widget
        assert p.acquired
    p.acquire(timeout=0)
    p.value = other = Widget()
    p.release()
    assert p.unwrap(timeout=0) is other


def test_a_new_value_need_not_be_shippable():
    p = PinnedCown(None)
    other = Widget()

    @when(p)
    def _(p):
        p.value = other

    quiesce()
    assert p.unwrap() is other


def test_set_in_a_body_and_changed_in_place():
    p, c = PinnedCown(Widget()), Cown(None)

    @when(p, c)
    def same(p, c):
        c.value = items = [1]
        items.append(2)
        return c.value is items

    wait()
    assert same.unwrap() is True
    assert c.unwrap() == [1, 2]


def test_disown_leaves_none():
    p = PinnedCown(Widget())
    p.acquire()
    p.impl.disown()
    assert p.unwrap() is None


def test_a_value_with_a_pinned_cown_is_shipped():
    widget = Widget()
    p = PinnedCown(widget)
    box = Cown({"p": [p]})

    @when(box)
    def _(box):
        inner = box.value["p"][0]
        assert type(inner).__name__ == "PinnedCown"

        @when(inner)
        def _(inner):
            inner.value.drawn.append("from a worker")

    wait()
    assert widget.drawn == ["from a worker"]


def test_a_pinned_cown_comes_back_from_workers():
    widget = Widget()
    back = whencall(lambda p: p, [], [PinnedCown(widget)])
    wait()
    p = back.unwrap()
    assert type(p) is PinnedCown
    assert p.unwrap() is widget


# Where behaviors run


def test_behaviors_over_pinned_cowns_run_on_the_main_thread():
    p, c = PinnedCown(1), Cown(2)
    results = [when(p)(on_main), when([c, p])(on_main), when(read(p), c)(both_here)]
    wait()
    assert [result.unwrap() for result in results] == [True] * 3


def both_here(p, c):
    return here() and p.value + c.value == 3


def test_other_behaviors_run_on_workers():
    p = PinnedCown(1)

    @when(Cown(1))
    def elsewhere(c):
        return threading.get_ident()

    when(p)(on_main)
    wait()
    assert elsewhere.unwrap() != threading.get_ident()


def test_order_with_behaviors_of_workers():
    p, c = PinnedCown([]), Cown(0)
    for _ in range(50):

        @when(c)
        def _(c):
            c.value += 1

        @when(c, p)
        def _(c, p):
            p.value.append(c.value)
            c.value += 1

    wait()
    assert p.unwrap() == [2 * i + 1 for i in range(50)]
    assert c.unwrap() == 100


def test_values_of_workers_move_to_the_main_thread_and_back():
    p, c = PinnedCown(Widget()), Cown({"n": [0]})
    for _ in range(20):

        @when(c)
        def _(c):
            c.value["n"].append(len(c.value["n"]))

        @when(p, c)
        def _(p, c):
            c.value["n"].append(-1)
            p.value.drawn.append(c.value["n"][-2])

    wait()
    assert p.unwrap().drawn == list(range(1, 41, 2))
    assert c.unwrap()["n"][-1] == -1


def test_groups():
    pins = [PinnedCown(i) for i in range(3)]
    cowns = [Cown(10 * i) for i in range(3)]

    @when(pins, cowns, pins[0])
    def total(pins, cowns, first):
        assert first == pins[0]
        assert all(type(p) is PinnedCown for p in pins)
        for pin, cown in zip(pins, cowns, strict=True):
            pin.value += cown.value
            cown.value = None
        return sum(pin.value for pin in pins) + first.value

    wait()
    assert total.unwrap() == 33
    assert [pin.unwrap() for pin in pins] == [0, 11, 22]
    assert [cown.unwrap() for cown in cowns] == [None] * 3


def test_a_group_of_many_in_a_behavior_of_a_worker():
    pins = [PinnedCown(i) for i in range(20)]

    @when()
    def inner():
        @when(pins)
        def total(pins, n=5):
            return sum(pin.value for pin in pins) + n

        return total

    wait()
    assert inner.unwrap().unwrap() == 195


def test_captures_and_closures_need_not_be_shippable():
    p, widget = PinnedCown(1), Widget()

    @when(p)
    def _(p, given=widget):
        given.drawn.append("default")
        widget.drawn.append("closure")

    whencall(lambda p, given: given.drawn.append("capture"), [p], [widget])
    wait()
    assert widget.drawn == ["default", "closure", "capture"]


def test_closures_are_snapshots():
    p, n = PinnedCown(1), 1

    @when(p)
    def seen(p):
        return n

    n = 2
    wait()
    assert seen.unwrap() == 1


COUNTER = []


def test_globals_are_those_of_the_main_interpreter():
    p = PinnedCown(1)
    COUNTER.clear()

    @when(p)
    def _(p):
        COUNTER.append("scheduled here")

    @when()
    def _():
        @when(p)
        def _(p):
            COUNTER.append("scheduled by a worker")

    wait()
    assert sorted(COUNTER) == ["scheduled by a worker", "scheduled here"]


def test_reading():
    widget = Widget()
    p, c = PinnedCown(widget), Cown([1])

    @when(read(p), read(c))
    def refused(p, c):
        with pytest.raises(RuntimeError, match="only reads"):
            p.value = None
        with pytest.raises(RuntimeError, match="only reads"):
            c.value = None
        return id(p.value), list(c.value)

    @when(read(c))
    def beside(c):
        return list(c.value)

    @when(c)
    def _(c):
        c.value.append(2)

    @when(read(p), read(c))
    def later(p, c):
        return id(p.value), c.value

    wait()
    assert refused.unwrap() == (id(widget), [1])
    assert beside.unwrap() == [1]
    assert later.unwrap() == (id(widget), [1, 2])


def test_read_and_written_in_turn():
    p, c = PinnedCown([]), Cown([])
    for i in range(30):
        whencall(lambda c, i: c.value.append(i), [c], [i])
        whencall(lambda p, c: p.value.append(len(c.value)), [p, read(c)])
        whencall(lambda c: len(c.value), [read(c)])
    wait()
    assert p.unwrap() == list(range(1, 31))


def test_results_are_cowns_like_others():
    p = PinnedCown(2)

    @when(p)
    def made(p):
        return [p.value]

    @when(made)
    def more(made):
        made.value.append(3)
        return threading.get_ident()

    @when(made, p)
    def both(made, p):
        return [*made.value, p.value]

    wait()
    assert more.unwrap() != threading.get_ident()
    assert both.unwrap() == [2, 3, 2]


def test_a_result_that_cannot_be_shipped(backend):
    result = when(PinnedCown(1))(lambda p: Widget())
    wait()
    if backend == "threads":
        assert isinstance(result.unwrap(), Widget)
    else:
        with pytest.raises(TypeError, match=r"result.*Widget.*stays at home"):
            result.unwrap()


def test_a_pinned_cown_as_a_result():
    widget = Widget()
    result = when(PinnedCown(1))(lambda p: PinnedCown(widget))
    wait()
    assert result.unwrap().unwrap() is widget


def test_a_value_that_cannot_be_shipped_is_refused_at_once(backend):
    c = Cown(1)

    @when(PinnedCown(1), c)
    def tried(p, c):
        try:
            c.value = threading.Lock()
        except TypeError as error:
            return str(error)
        return "kept"

    wait()
    if backend == "threads":
        assert tried.unwrap() == "kept"
    else:
        assert "lock" in tried.unwrap()
        assert c.unwrap() == 1


# Workers cannot look inside


@pytest.mark.parametrize(
    "look",
    [
        lambda p: p.value,
        lambda p: setattr(p, "value", 1),
        lambda p: p.acquire(),
        lambda p: p.unwrap(),
        lambda p: p.unwrap(timeout=1),
        lambda p: p.__enter__(),
        lambda p: p.impl.disown(),
        lambda p: setattr(p, "exception", True),
    ],
)
def test_workers_cannot_read_the_value(look):
    p = PinnedCown(Widget())
    seen = whencall(lambda c, p: (p.acquired, look(p)), [Cown(1)], [p])
    with pytest.raises(RuntimeError, match=STAYS):
        seen.unwrap(timeout=LIMIT)


@pytest.mark.parametrize("look", ["value", "acquire", "unwrap", "__enter__"])
def test_other_threads_cannot_read_the_value(look):
    p, raised = PinnedCown(1), []

    def run():
        try:
            found = getattr(p, look)
            found()
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    (text,) = raised
    assert "stays on the main thread" in text


def test_workers_cannot_make_a_pinned_cown():
    with pytest.raises(RuntimeError, match=r"worker.*main interpreter"):
        when()(lambda: PinnedCown(1)).unwrap(timeout=LIMIT)


def test_other_threads_can_make_a_pinned_cown():
    made, widget = [], Widget()
    thread = threading.Thread(target=lambda: made.append(PinnedCown(widget)))
    thread.start()
    thread.join()
    assert made[0].unwrap() is widget


# Ends of values


class Dying:
    def __init__(self, log):
        self.log = log

    def __del__(self):
        self.log.append(here())

    def __reduce__(self):
        raise TypeError("stays at home")


def test_the_value_dies_with_its_last_handle():
    log = []
    p = PinnedCown(Dying(log))
    when(p)(on_main)
    wait()
    del p
    gc.collect()
    assert log == [True]


def test_the_value_dies_on_the_main_thread_wherever_the_last_handle_was(gate):
    log = []
    p = PinnedCown(Dying(log))
    whencall(lambda c, p: pass_through(c.value), [Cown(gate.door)], [p])
    del p
    assert log == []
    gate.open()
    wait()
    end = time.monotonic() + LIMIT
    while not log and time.monotonic() < end:
        time.sleep(0.001)
    assert log == [True]


def test_a_replaced_value_dies_in_the_pump():
    log = []
    p = PinnedCown(Dying(log))
    when(p)(lambda p: setattr(p, "value", None))
    pump()
    assert log == [True]


def test_a_finalizer_in_the_pump_may_schedule():
    done = []

    class Last:
        def __init__(self, p):
            self.p = p

        def __del__(self):
            when(self.p)(lambda p: done.append(here()))

        def __reduce__(self):
            raise TypeError("stays at home")

    other = PinnedCown(1)
    result = when(PinnedCown(Last(other)))(on_main)
    assert pump().executed in (1, 2)
    wait()
    assert done == [True]
    assert result.unwrap() is True


def test_pinned_cowns_leak_no_objects():
    p, log = PinnedCown(0), []
    for _ in range(50):
        whencall(lambda p, d: None, [p], [Dying(log)])
    pump()
    gc.collect()
    assert len(log) == 50
