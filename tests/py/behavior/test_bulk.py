"""Many at once: as_completed, map, when_each, gather, reduce, atomically."""

# ruff: noqa: PT012  what a block raises at its end is what is tested

import asyncio
import contextvars
import functools
import gc
import operator
import threading

import bocpy
import pytest
from bocpy import (
    BocExecutor,
    CancelledError,
    Cown,
    PinnedCown,
    as_completed,
    atomically,
    behaviors,
    gather,
    read,
    reduce,
    when,
    when_each,
)
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

variable = contextvars.ContextVar("variable")


def test_as_completed(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door) or "slow")
    quick = [when(Cown(n))(lambda c: c.value) for n in range(5)]
    found = as_completed([slow, *quick], timeout=LIMIT)
    first = [next(found) for _ in range(5)]
    assert sorted(made.result() for made in first) == [0, 1, 2, 3, 4]
    gate.open()
    assert [made.result() for made in found] == ["slow"]


def test_as_completed_in_time(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door))
    with pytest.raises(TimeoutError, match="1 of 1"):
        list(as_completed([slow], timeout=0.02))
    gate.open()
    assert list(as_completed([])) == []


def test_asyncio_functions_accept_cowns():
    async def main():
        made = [when(Cown(n))(lambda c: c.value) for n in range(5)]
        assert await asyncio.gather(*made) == [0, 1, 2, 3, 4]
        found = [await result for result in asyncio.as_completed(made)]
        assert sorted(found) == [0, 1, 2, 3, 4]
        assert await asyncio.wait_for(made[3], LIMIT) == 3

    asyncio.run(main())


def test_map_is_lazy_and_in_order():
    taken = []

    def items():
        for n in range(1000):
            taken.append(n)
            yield -n

    results = bocpy.map(abs, items(), buffersize=3, chunksize=2)
    assert taken == []
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(taken) <= 12
    assert list(results) == list(range(5, 1000))
    assert list(bocpy.map(pow, [2, 3], [3, 2])) == [8, 9]


def test_map_raises_where_the_result_would_come(gate):
    results = bocpy.map(int, ["1", "x", "3"])
    assert next(results) == 1
    with pytest.raises(ValueError, match="invalid literal"):
        next(results)
    door = gate.door
    with pytest.raises(TimeoutError, match=r"map.*0\.02"):
        list(bocpy.map(pass_through, [door], timeout=0.02))
    gate.open()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"chunksize": 0}, ValueError), ({"buffersize": "3"}, TypeError)],
)
def test_bad_arguments(arguments, error):
    with pytest.raises(error):
        bocpy.map(abs, [1], **arguments)
    with pytest.raises(TypeError, match="callable"):
        bocpy.map(3, [1])


def test_when_each_gather_reduce():
    cowns = [Cown(n) for n in range(20)]
    squares = when_each(cowns, lambda c, power: c.value**power, 2)
    assert gather(*squares).result() == [n * n for n in range(20)]
    text = reduce([Cown(str(n)) for n in range(11)], lambda a, b: a + b)
    assert text.result() == "012345678910"
    assert reduce([Cown(1)], max).result() == 1
    assert gather().result() == []
    with pytest.raises(ValueError, match="no cowns"):
        reduce([], max)
    with pytest.raises(TypeError, match="must be a callable, not 'int'"):
        reduce([Cown(1), Cown(2)], 5)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda c: gather([c]),
            "gather() takes Cowns as arguments, not a 'list' of them: write "
            "gather(*cowns)",
        ),
        (
            lambda c: gather(each for each in [c]),
            "gather() takes Cowns as arguments, not a 'generator' of them: write "
            "gather(*cowns)",
        ),
        (
            lambda c: reduce(max, [c]),
            "reduce() argument 2 must be a callable, not 'list': write "
            "reduce(cowns, function)",
        ),
        (
            lambda c: bocpy.map([1], abs),
            "map() argument 1 must be a callable, not 'list': write "
            "bocpy.map(function, items)",
        ),
        (
            lambda c: next(as_completed(c)),
            "as_completed() takes a list of results, not one: write [result]",
        ),
    ],
)
def test_a_wrong_call_says_what_to_write(call, says):
    with pytest.raises(TypeError) as caught:
        call(Cown(1))
    assert str(caught.value) == says


def test_map_in_a_body_is_refused_with_the_way_out():
    with pytest.raises(RuntimeError) as caught:
        when()(lambda: bocpy.map(abs, [1])).result(LIMIT)
    assert str(caught.value) == (
        "map() in a behavior would wait for other behaviors, that could deadlock: call "
        "the builtin map(), or schedule the calls with when_each() and take their "
        "results in another behavior, as @when(gather(*results)) does"
    )


def make_lock(n):
    return threading.Lock() if n == 3 else n


@pytest.mark.parametrize("chunksize", [1, 2])
@pytest.mark.backends("interpreters")
def test_map_names_the_function_if_something_cannot_be_shipped(backend, chunksize):
    with pytest.raises(TypeError, match=r"^the result of make_lock: cannot ship"):
        list(bocpy.map(make_lock, range(4), chunksize=chunksize))
    with pytest.raises(TypeError, match=r"^argument 1 of make_lock: cannot ship"):
        list(bocpy.map(make_lock, [1, threading.Lock()], chunksize=chunksize))
    with pytest.raises(TypeError, match=r"^the function acquire: cannot ship"):
        list(bocpy.map(threading.Lock().acquire, [1], chunksize=chunksize))


def f(*values):
    return values


MISTAKES = (
    (lambda c: reduce(c, f), r"iterable of cowns first, not 'Cown'"),
    (lambda c: reduce([c, 2], f), r"reduce\(\): cown 2 must be a Cown, not 'int'"),
    (lambda c: reduce([3], f), r"make one of a value with Cown\(value\)"),
    (
        lambda c: when_each(f, [c]),
        r"when_each\(cowns, body\) takes an iterable of cowns",
    ),
    (lambda c: when_each([c], [c]), r"takes a callable, not 'list', as its function"),
)


@pytest.mark.parametrize(("call", "text"), MISTAKES)
def test_values_in_place_of_cowns_and_swapped_arguments_are_named(call, text):
    with pytest.raises(TypeError, match=text):
        call(Cown(1))


@pytest.mark.parametrize("collects", [True, False])
def test_when_each_leaves_the_collector_as_it_is(collects):
    def body(cown):
        return cown.value

    if not collects:
        gc.disable()
    try:
        results = when_each([Cown(i) for i in range(5_000)], body)
        assert gc.isenabled() == collects
        with pytest.raises(TypeError):
            when_each([Cown(1), 2], body)
        assert gc.isenabled() == collects
    finally:
        gc.enable()
    assert results[-1].result() == 4_999


def test_when_each_accepts_the_arguments_of_when():
    a, b = Cown(1), Cown(2)
    pinned = PinnedCown(4)

    def total(cown):
        members = cown if isinstance(cown, list) else [cown]
        return sum(member.value for member in members)

    made = when_each([a, read(b), [a, b], (read(a),), [], pinned], total)
    bocpy.quiesce(timeout=LIMIT)
    assert [result.result() for result in made] == [1, 2, 3, 1, 0, 4]
    assert when_each([], total) == []
    assert when_each(iter([a]), total)[0].result() == 1
    assert when_each(cowns=[b], body=total)[0].result() == 2


class Special(Cown):
    """A cown with attributes: body and caller share the handle by reference."""


def test_when_each_passes_attributes_of_handles(backend):
    special = Special(1)
    special.mark = "mine"
    found = when_each([Cown(0), special], lambda c: getattr(c, "mark", None))
    expected = "mine" if backend == "threads" else None
    assert [result.result() for result in found] == [None, expected]


@pytest.mark.parametrize("size", [1, 1000])
def test_each_behavior_has_captures_of_its_own(size):
    made = when_each([Cown(n) for n in range(3)], append_own, list(range(size)))
    assert [result.result() for result in made] == [[*range(size), n] for n in range(3)]


def append_own(cown, several):
    copy = list(several)
    copy.append(cown.value)
    return copy


def test_defaults_cells_and_keywords_of_each():
    factor = 3

    def body(cown, more, plus=10, *, minus=1):
        return cown.value * factor + more + plus - minus

    made = when_each([Cown(n) for n in range(3)], body, 100)
    factor = 5
    assert [result.result() for result in made] == [109, 112, 115]
    partial = functools.partial(operator.mul, 2)
    assert when_each([Cown(1)], lambda c: partial(c.value))[0].result() == 2


def test_the_order_of_each(gate):
    door, log = gate.door, Cown([])
    when(log)(lambda log: pass_through(door))
    cowns = [log] * 5
    when_each(cowns[:3], lambda log, what: log.value.append(what), "first")
    when_each(cowns, lambda log, what: log.value.append(what), "second")
    gate.open()
    assert log.result() == ["first"] * 3 + ["second"] * 5


@pytest.mark.parametrize(
    ("items", "error", "says"),
    [
        ([3], TypeError, r"when_each\(\) cown 2 must be a Cown, .* not 'int'"),
        ([[Cown(0), "x"]], TypeError, r"cown 2: item 1 of the group .* not 'str'"),
        ([Cown.__new__(Cown)], TypeError, r"when_each\(\) cown 2 is a Cown without"),
    ],
)
def test_nothing_is_scheduled_if_a_cown_is_refused(items, error, says):
    c = Cown(0)
    with pytest.raises(error, match=says):
        when_each([c, *items, c], increment)
    assert c.result() == 0


def increment(cown, *_rest):
    cown.value += 1


@pytest.mark.parametrize("limit", [None, 2])
def test_nothing_is_scheduled_if_the_body_is_refused(limit, backend):
    c = Cown(0)
    with behaviors(limit=limit) as scope:
        with pytest.raises(TypeError, match="iterable"):
            when_each(3, increment)
        with pytest.raises(TypeError, match="2 captures"):
            when_each([c, c], lambda c: None, 1, 2)
        with pytest.raises(TypeError, match=r"callable|body|behavior"):
            when_each([c, c], 3)
        if backend == "interpreters":
            with pytest.raises(TypeError, match="cannot"):
                when_each([c, c], increment, threading.Lock())
        assert scope.pending == 0
    assert c.result() == 0


def test_each_is_counted_and_cancelled_in_its_scope(gate):
    door, c = gate.door, Cown(0)
    with behaviors() as scope:
        when(c)(lambda c: pass_through(door))
        made = when_each([c] * 20, increment)
        assert scope.pending == 21
        scope.cancel()
        gate.open()
    for result in made:
        with pytest.raises(CancelledError):
            result.result()
    assert c.result() == 0


def test_each_behavior_waits_for_room_in_the_scope():
    c, most = Cown(0), 0
    with behaviors(limit=3) as scope:
        when_each([c] * 50, increment)
        most = scope.pending
    assert most <= 3
    assert c.result() == 50


def test_when_each_in_a_block_that_is_one_step_and_in_a_body():
    left, right = Cown([]), Cown([])
    with atomically():
        made = when_each([left, right], lambda c: c.value.append("a"))
    with pytest.raises(KeyError), atomically():
        never = when_each([left, right], lambda c: c.value.append("never"))
        raise KeyError("block")
    for result in never:
        with pytest.raises(CancelledError, match="before it began"):
            result.result(LIMIT)
    assert [result.result() for result in made] == [None, None]

    @when()
    def body(left=left, right=right):
        when_each([left, right], lambda c: c.value.append("b"))

    bocpy.quiesce(timeout=LIMIT)
    assert left.result() == right.result() == ["a", "b"]


def test_each_behavior_sees_the_callers_context_variables(backend):
    variable.set("mine")
    made = when_each([Cown(n) for n in range(3)], lambda c: variable.get("none"))
    for result in made:
        if backend == "threads":
            assert result.result() == "mine"
        else:
            with pytest.raises(NameError, match="propagate"):
                result.result()


def test_gather_fails_like_the_first_failed_cown():
    @when()
    def broken():
        raise KeyError("missing")

    with pytest.raises(KeyError, match="missing"):
        gather(Cown(1), broken).result()


def test_atomically_is_one_step():
    left, right = Cown([]), Cown([])
    for i in range(50):
        with atomically():
            when(left)(lambda c, i=i: c.value.append(("a", i)))
            when(right)(lambda c, i=i: c.value.append(("a", i)))
        when(right)(lambda c, i=i: c.value.append(("b", i)))
        when(left)(lambda c, i=i: c.value.append(("b", i)))
    assert left.result() == right.result()


def test_nothing_is_scheduled_if_the_block_raises():
    c = Cown(0)
    with pytest.raises(KeyError), atomically():
        when(c)(lambda c: setattr(c, "value", 1))
        raise KeyError("block")
    assert c.result() == 0


def test_nothing_is_waited_for_in_the_block():
    c = Cown(0)
    with atomically():
        made = when(c)(lambda c: c.value)
        for wait in (
            made.result,
            c.acquire,
            lambda: made.unwrap(timeout=1),
            lambda: made.add_done_callback(print),
        ):
            with pytest.raises(RuntimeError, match="atomically"):
                wait()
        with pytest.raises(RuntimeError, match="nest"), atomically():
            pass
    assert made.result() == 0


def test_an_executor_takes_no_task_in_the_block():
    """Its `result()` hung on `threads`, and was that of nothing on `interpreters`."""
    with BocExecutor() as executor:
        with atomically():
            with pytest.raises(RuntimeError, match=r"submit\(\) in an atomically\(\)"):
                executor.submit(int)
            with pytest.raises(RuntimeError, match=r"submit_over\(\) in an atomically"):
                executor.submit_over([Cown(1)], int)
        assert executor.submit(int, "7").result(LIMIT) == 7


def test_the_workers_do_not_end_in_the_block():
    """A start with another number of workers hung."""
    c = Cown(0)
    with atomically():
        made = when(c)(lambda c: 1)
        bocpy.wait()
        with pytest.raises(RuntimeError, match=r"atomically\(\) block"):
            bocpy.start(3)
    assert made.result(LIMIT) == 1


def test_atomically_in_a_body():
    log = Cown([])

    @when()
    def body(log=log):
        with atomically():
            for i in range(3):
                when(log)(lambda log, i=i: log.value.append(i))

    bocpy.quiesce(timeout=LIMIT)
    assert log.result() == [0, 1, 2]


def test_the_program_ends_while_a_generator_stands_in_the_block(program, backend):
    """Nobody goes on with it: what it has scheduled does not run."""
    text = """
    from bocpy import Cown, atomically, when

    def steps(cown):
        with atomically():
            when(cown)(lambda cown: print("ran"))
            yield

    cown = Cown(1)
    generator = steps(cown)
    next(generator)
    print("done")
    """
    assert program(text).lines == ["done"]
