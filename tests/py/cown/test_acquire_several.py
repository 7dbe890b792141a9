"""acquire(a, b): a thread holds several cowns at once, and cannot deadlock with another
that wants them in another order. Timeouts name the behaviors in flight."""

import gc
import threading
import time
import warnings

import bocpy
import pytest
from bocpy import Cown, PinnedCown, acquire, read, receive, send, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


def test_values_are_in_order_and_changes_are_kept():
    a, b, c = Cown([1]), Cown({"n": 2}), Cown(3)
    with acquire(a, b, c) as (x, y, z):
        assert (x, y, z) == ([1], {"n": 2}, 3)
        assert a.acquired
        assert b.acquired
        assert c.acquired
        x.append(y["n"])
        c.value = z + 1
    assert not a.acquired
    assert (a.unwrap(), b.unwrap(), c.unwrap()) == ([1, 2], {"n": 2}, 4)


def test_shapes_are_those_of_when():
    a, b, c = Cown(1), Cown(2), Cown(3)
    with acquire([a, b], c, [], (c,)) as values:
        assert values == ([1, 2], 3, [], [3])
    with acquire(a, a) as (x, y):
        assert x == y == 1
    with acquire(a) as (x,):
        assert x == 1


def test_behaviors_before_and_after():
    a, b = Cown([]), Cown([])
    for c in (a, b):

        @when(c)
        def _(c):
            time.sleep(0.05)
            c.value.append("before")

    with acquire(a, b) as (x, y):

        @when(a, b)
        def after(a, b):
            return a.value + b.value

        assert x == y == ["before"]
        x.append("held")
    assert after.unwrap(timeout=LIMIT) == ["before", "held", "before"]


def test_reading_is_shared_and_changes_nothing():
    a, b = Cown([1]), Cown([2])
    with acquire(read(a), b) as (x, y):
        assert x == [1]
        y.append(3)

        @when(read(a))
        def _(a):
            send("beside", list(a.value))

        assert receive("beside", LIMIT) == ("beside", [1])
        with pytest.raises(RuntimeError, match="only reads"):
            a.value = 2
        assert a.value == [1]
    assert (a.unwrap(timeout=LIMIT), b.unwrap()) == ([1], [2, 3])


def test_opposite_orders_do_not_deadlock():
    a, b = Cown(0), Cown(0)

    def work(first, second):
        for _ in range(200):
            with acquire(first, second) as (x, y):
                first.value, second.value = x + 1, y + 1

    threads = [
        threading.Thread(target=work, args=order) for order in [(a, b), (b, a)] * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert a.unwrap() == b.unwrap() == 800


@pytest.mark.parametrize("hold", ["acquire", "with", "several"])
def test_more_while_holding_is_refused_with_the_way_out(hold):
    a, b, c = Cown(1), Cown(2), Cown(3)
    held = None
    if hold == "several":
        held = acquire(a, b)
    else:
        a.acquire()
    for more in (c.acquire, c.__enter__, lambda: acquire(c), lambda: acquire(a, c)):
        with pytest.raises(RuntimeError, match=r"acquire\(a, b\) as \(x, y\)"):
            more()
    a.acquire()  # again, by its holder
    with a as value:
        assert value == 1
    if held:
        held.release()
    else:
        a.release()
    with c as value:
        assert value == 3


def test_unwrap_while_holding_takes_what_is_free_and_waits_for_nothing():
    a, free = Cown(0), Cown(5)

    @when()
    def slow():
        receive("end", LIMIT)
        return 7

    with a:
        a.value += free.unwrap()
        a.value += Cown(1).unwrap(timeout=0)
        with pytest.raises(RuntimeError, match="holds another cown"):
            slow.unwrap(timeout=LIMIT)
        send("end", None)
    assert a.unwrap() == 6
    assert slow.unwrap(timeout=LIMIT) == 7


def test_acquiring_more_is_refused_on_both_threads():
    a, b = Cown(1), Cown(2)
    both = threading.Barrier(2)
    told = []

    def work(mine, other):
        with mine:
            both.wait(LIMIT)
            try:
                other.acquire()
            except RuntimeError as error:
                told.append(str(error))

    threads = [threading.Thread(target=work, args=o) for o in [(a, b), (b, a)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert len(told) == 2
    assert all("could deadlock" in text for text in told)


def test_one_of_several_cowns_cannot_be_released_alone():
    a, b = Cown(1), Cown(2)
    with acquire(a, b):
        with pytest.raises(RuntimeError, match="together with others"):
            a.release()
        with a as value, b:
            assert value == 1
        assert a.acquired
        assert b.acquired


def test_without_a_block():
    a, b = Cown([1]), Cown([2])
    held = acquire(a, b)
    a.value = b.value
    held.release()
    held.release()
    with pytest.raises(RuntimeError, match="given back"):
        held.__enter__()
    assert not a.acquired
    assert a.unwrap() == [2]


def test_an_unreferenced_acquisition_is_released_with_a_warning():
    a, b = Cown(1), Cown(2)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        acquire(a, b)
        gc.collect()
    assert [w.category for w in seen] == [ResourceWarning]
    assert "with" in str(seen[0].message)
    assert a.unwrap(timeout=0) == 1


def test_another_thread_cannot_release():
    a, b = Cown(1), Cown(2)
    held = acquire(a, b)
    told = []

    def other():
        for what in (held.release, held.__enter__):
            try:
                what()
            except RuntimeError as error:
                told.append(str(error))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(LIMIT)
    assert len(told) == 2
    assert all("another thread" in text for text in told)
    assert a.acquired
    held.release()


def test_a_body_acquires_only_cowns_that_it_holds():
    a, b, c = Cown(1), Cown(2), Cown(3)

    @when(a, b, c)
    def inside(a, b, c):
        with acquire(a, b) as (x, y):
            return x + y

    @when(a)
    def outside(a, c=c):
        with acquire(a, c) as (x, y):
            return x + y

    assert inside.unwrap(timeout=LIMIT) == 3
    with pytest.raises(RuntimeError, match="a behavior cannot wait"):
        outside.unwrap(timeout=LIMIT)


def test_an_exception_in_the_block_releases():
    a, b = Cown([1]), Cown([2])

    def fail():
        with acquire(a, b) as (x, _):
            x.append(5)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert a.unwrap(timeout=0) == [1, 5]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((), TypeError, "takes the cowns"),
        ((1,), TypeError, r"acquire\(\) argument 1 must be a Cown"),
        (([Cown, 2],), TypeError, r"acquire\(\) argument 1: item 0"),
    ],
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        acquire(*arguments)


def test_bad_timeouts():
    a = Cown(1)
    with pytest.raises(TypeError, match="unexpected keyword"):
        acquire(a, timout=1)
    with pytest.raises(TypeError, match="number of seconds"):
        acquire(a, timeout="1")
    with pytest.raises(ValueError, match="NaN"):
        acquire(a, timeout=float("nan"))
    assert a.unwrap(timeout=-1) == 1  # as 0


def test_a_free_pinned_cown_is_acquired_without_pumping():
    busy, free, plain = PinnedCown(0), PinnedCown(1), Cown(2)

    @when(busy)
    def _(busy):
        busy.value += 1

    free.acquire(timeout=0)
    free.release()
    with acquire(free, plain, timeout=0) as (x, y):
        assert (x, y) == (1, 2)
    assert free.unwrap(timeout=0) == 1
    bocpy.wait()
    assert busy.unwrap() == 1


# ---- timeouts name what is in flight -----------------------------------------------


@pytest.fixture
def occupied():
    """A cown that a body holds, with another behavior behind it."""
    bocpy.start(2)
    c = Cown([])

    @when(c)
    def long_body(c):
        send("begun", None)
        receive("end", LIMIT)

    receive("begun", LIMIT)

    @when(c)
    def next_in_line(c):
        return 1

    yield c, next_in_line
    send("end", None)
    bocpy.wait()


def named(error, *parts):
    text = str(error.value)
    for part in parts:
        assert part in text, text
    return text


def test_a_timeout_of_acquire_names_the_holder_and_the_queue(occupied):
    c, _ = occupied
    with pytest.raises(TimeoutError) as error:
        c.acquire(timeout=0.01)
    text = named(error, "acquire(): the cown is still in use after 0.01 s")
    named(error, "long_body' (", "test_acquire_several.py:", "has it, on bocpy-worker-")
    named(error, "next_in_line' (", "was scheduled last before this call")
    assert "\n" not in text


def test_a_timeout_over_several_cowns_names_each_holder(occupied):
    c, _ = occupied
    with pytest.raises(TimeoutError) as error:
        acquire(Cown(1), c, timeout=0)
    named(error, "the cowns are still in use after 0.0 s", "long_body", "next_in_line")


def test_a_timeout_on_a_result_names_its_behavior(occupied):
    _, late = occupied
    for wait in (late.unwrap, late.result):
        with pytest.raises(TimeoutError) as error:
            wait(timeout=0.01)
        named(error, "next_in_line' (", "after 0.01 s")


def test_a_timeout_of_quiesce_names_running_behaviors(occupied):
    with pytest.raises(TimeoutError) as error:
        bocpy.quiesce(0.01)
    text = named(error, "long_body' (", "runs on bocpy-worker-")
    assert "next_in_line" not in text


def test_a_timeout_names_a_thread_that_holds_the_cown():
    a = Cown(1)
    begun, end = threading.Event(), threading.Event()

    def other():
        with a:
            begun.set()
            end.wait(LIMIT)

    thread = threading.Thread(target=other, name="librarian")
    thread.start()
    begun.wait(LIMIT)
    with pytest.raises(TimeoutError, match=r"thread 'librarian' has it by acquire\("):
        a.acquire(timeout=0)
    with pytest.raises(TimeoutError, match="thread 'librarian' holds a cown by acq"):
        bocpy.quiesce(0)
    end.set()
    thread.join(LIMIT)
    a.acquire(timeout=LIMIT)
    a.release()


def test_a_timeout_names_functions_that_were_freed(occupied):
    """Their records are freed with the code objects; the message shows no name of
    another function."""
    c, _ = occupied
    for i in range(50):
        space = {"when": when, "Cown": Cown}
        exec(f"def f{i}(x): return x.value", space)
        assert when(Cown(i))(space[f"f{i}"]).unwrap(timeout=LIMIT) == i
    del space
    gc.collect()
    with pytest.raises(TimeoutError) as error:
        c.acquire(timeout=0)
    named(error, "long_body")
