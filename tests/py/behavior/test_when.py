"""Scheduling with `when` and `whencall`: arguments, captures, results, nesting."""

import os
import threading

import bocpy
import pytest
from bocpy import Cown, when, whencall
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


def got(cown):
    return cown.unwrap(timeout=LIMIT)


# Arguments


def test_no_cowns_at_all():
    @when()
    def answer():
        return 42

    assert isinstance(answer, Cown)
    assert got(answer) == 42


def test_one_cown():
    c = Cown(1)

    @when(c)
    def kind(c):
        c.value += 1
        return type(c) is Cown

    assert got(kind) is True
    assert got(c) == 2


def test_many_cowns_in_the_order_given():
    cowns = [Cown(i) for i in range(50)]

    @when(*reversed(cowns))
    def values(*cowns):
        return [c.value for c in cowns]

    assert got(values) == list(range(49, -1, -1))


def test_the_parameters_may_have_any_names():
    a, b = Cown(1), Cown(2)

    @when(a, b)
    def difference(b, a):
        return b.value - a.value

    assert got(difference) == -1


@pytest.mark.parametrize("kind", [list, tuple])
def test_groups_arrive_as_lists(kind):
    group = kind(Cown(i) for i in range(3))

    @when(group)
    def seen(group):
        return type(group).__name__, [c.value for c in group]

    assert got(seen) == ("list", [0, 1, 2])


def test_an_empty_group():
    @when([], Cown(1), ())
    def seen(first, c, last):
        return first, c.value, last

    assert got(seen) == ([], 1, [])


def test_groups_between_single_cowns():
    a, b, c, d = (Cown(n) for n in "abcd")

    @when(a, [b, c], d)
    def text(a, group, d):
        return a.value + "".join(c.value for c in group) + d.value

    assert got(text) == "abcd"


def test_groups_are_writable():
    cowns = [Cown(i) for i in range(4)]

    @when(cowns)
    def _(group):
        for c in group:
            c.value *= 10

    assert [got(c) for c in cowns] == [0, 10, 20, 30]


def test_changing_the_group_after_scheduling_changes_nothing(gate):
    c = Cown(1)
    group = [c]
    c.acquire()

    @when(group)
    def count(group):
        return len(group)

    group.append(Cown(2))
    c.release()
    assert got(count) == 1


# Duplicates


def test_a_cown_twice():
    c = Cown(1)

    @when(c, c)
    def seen(a, b):
        a.value = 5
        return b.value, a == b

    assert got(seen) == (5, True)
    assert got(c) == 5


@pytest.mark.parametrize(
    "shape", ["aa", "aba", "aab", "baa", "a[a]", "[aa]", "[ab]a", "[a][a]", "[aba]b"]
)
def test_duplicates_in_every_position(shape):
    cowns = {"a": Cown(0), "b": Cown(0)}
    arguments, group = [], None
    for letter in shape:
        if letter == "[":
            group = []
        elif letter == "]":
            arguments.append(group)
            group = None
        else:
            (arguments if group is None else group).append(cowns[letter])

    @when(*arguments)
    def seen(*arguments):
        flat = []
        for argument in arguments:
            flat += argument if isinstance(argument, list) else [argument]
        for c in flat:
            c.value += 1
        return [c.value for c in flat]

    letters = [letter for letter in shape if letter in "ab"]
    assert got(seen) == [letters.count(letter) for letter in letters]
    assert got(cowns["a"]) == letters.count("a")


def test_a_thousand_times_the_same_cown():
    c = Cown(0)

    @when([c] * 1000)
    def _(group):
        for c in group:
            c.value += 1

    assert got(c) == 1000


def test_a_failed_body_with_duplicates_releases_once():
    c = Cown(1)

    @when(c, [c, c])
    def failed(a, group):
        a.value = 2
        raise ValueError("no")

    assert got(c) == 2
    with pytest.raises(ValueError, match="no"):
        got(failed)


# Results


def test_no_return_is_none():
    @when()
    def nothing():
        pass

    assert got(nothing) is None


def test_results_chain():
    @when()
    def one():
        return 1

    @when(one)
    def two(one):
        return one.value + 1

    @when(one, two)
    def three(one, two):
        return one.value + two.value

    assert got(three) == 3


def test_a_result_can_be_written():
    @when()
    def result():
        return [1]

    @when(result)
    def _(result):
        result.value.append(2)

    assert got(result) == [1, 2]


def test_a_returned_cown_is_a_cown_in_a_cown():
    @when()
    def outer():
        return Cown(5)

    inner = got(outer)
    assert isinstance(inner, Cown)
    assert got(inner) == 5


def test_a_returned_argument_is_the_same_cown():
    c = Cown(1)

    @when(c)
    def same(c):
        return c

    assert got(same) == c


def test_results_of_nested_behaviors():
    @when()
    def outer():
        @when()
        def inner():
            return "deep"

        return inner

    assert got(got(outer)) == "deep"


def test_nobody_holds_the_result_before_the_body_has_run(gate):
    door = gate.door

    @when()
    def result():
        pass_through(door)
        return 1

    assert not result.acquired
    gate.open()
    assert got(result) == 1


# Nesting


def test_nested_on_the_cown_that_is_held_runs_after():
    c = Cown([])

    @when(c)
    def _(c):
        @when(c)
        def _(c):
            c.value.append("inner")

        c.value.append("outer")

    bocpy.quiesce(timeout=LIMIT)
    assert got(c) == ["outer", "inner"]


def test_nested_on_new_cowns():
    @when()
    def outer():
        fresh = Cown(1)

        @when(fresh)
        def _(fresh):
            fresh.value += 1

        return fresh

    bocpy.quiesce(timeout=LIMIT)
    assert got(got(outer)) == 2


def recurse(c, n):
    @when(c)
    def _(c):
        c.value += 1
        if n > 1:
            recurse(c, n - 1)


def test_a_thousand_levels_of_nesting():
    c = Cown(0)
    recurse(c, 1000)
    bocpy.quiesce(timeout=LIMIT)
    assert got(c) == 1000


def test_nested_keeps_program_order():
    log = Cown([])

    @when(log)
    def _(outer):
        for i in range(5):

            @when(log)
            def _(log, i=i):
                log.value.append(i)

    bocpy.quiesce(timeout=LIMIT)
    assert got(log) == [0, 1, 2, 3, 4]


# whencall


def test_whencall():
    c = Cown(2)
    assert got(whencall(lambda c, n: c.value * n, [c], [21])) == 42


def test_whencall_with_groups_and_without_anything():
    assert got(whencall(lambda: 1, [], [])) == 1
    group = [Cown(1), Cown(2)]
    total = whencall(
        lambda g, c: sum(x.value for x in g) + c.value, [group, Cown(3)], []
    )
    assert got(total) == 6


def test_whencall_takes_tuples():
    assert got(whencall(lambda c, n: c.value + n, (Cown(1),), (2,))) == 3


# Parallelism


def test_behaviors_on_different_cowns_run_at_the_same_time():
    ours, theirs = os.pipe(), os.pipe()

    @when(Cown(None))
    def first(_, say=ours[1], hear=theirs[0]):
        os.write(say, b"a")
        return os.read(hear, 1)

    @when(Cown(None))
    def second(_, say=theirs[1], hear=ours[0]):
        os.write(say, b"b")
        return os.read(hear, 1)

    assert (got(first), got(second)) == (b"b", b"a")
    for end in ours + theirs:
        os.close(end)


def test_behaviors_run_on_other_threads():
    @when()
    def thread():
        return threading.get_native_id()

    assert got(thread) != threading.get_native_id()


def test_the_first_when_starts_the_runtime():
    bocpy.wait()

    @when()
    def result():
        return "started"

    assert got(result) == "started"


def test_the_first_whencall_starts_the_runtime():
    bocpy.wait()
    assert got(whencall(lambda: "started", [], [])) == "started"
