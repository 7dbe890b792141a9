"""Scheduling with `when` and `whencall`: arguments, captures, results, nesting."""

import functools
import os
import threading

import bocpy
import pytest
from bocpy import Cown, when, whencall
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

STEP = 10


def double(n):
    return helper(n) * 2


def helper(n):
    return n


def body_of_module(c):
    return double(c.value)


class Adder:
    """A class whose objects can be called in several ways."""

    def __init__(self, n):
        self.n = n

    def __call__(self, c):
        return c.value + self.n

    def method(self, c):
        return c.value + self.n + 100

    @staticmethod
    def static(c):
        return c.value - 1

    @classmethod
    def of_class(cls, c):
        return cls.__name__, c.value


def shout(function):
    """A decorator between `when` and the body."""

    @functools.wraps(function)
    def wrapper(*args):
        return function(*args).upper()

    return wrapper


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


# Captures and closures


def test_captures_by_default_value():
    results = []
    for i in range(5):

        @when()
        def result(i=i):
            return i

        results.append(result)
    assert [got(r) for r in results] == list(range(5))


def test_captures_by_keyword_only_default():
    c = Cown(1)

    @when(c)
    def sum_of(c, a=2, *, b=3):
        return c.value + a + b

    assert got(sum_of) == 6


def test_star_args_receive_all_cowns():
    @when(Cown(1), Cown(2))
    def seen(*cowns, factor=10):
        return sum(c.value for c in cowns) * factor

    assert got(seen) == 30


def test_star_args_after_named_ones():
    @when(Cown(1), Cown(2), Cown(3))
    def seen(first, *rest):
        return first.value, [c.value for c in rest]

    assert got(seen) == (1, [2, 3])


def test_captured_mutables_are_snapshots(gate):
    c = Cown(None)
    c.acquire()
    items = [1]

    @when(c)
    def seen(c, items=tuple(items)):
        return items

    items.append(2)
    c.release()
    assert got(seen) == (1,)


def test_closures_are_snapshots_in_a_loop():
    c = Cown(None)
    c.acquire()
    results = []
    for i in range(5):

        @when(c)
        def result(c):
            return i  # noqa: B023 (the snapshot is what is tested)

        results.append(result)
    c.release()
    assert [got(r) for r in results] == list(range(5))


def test_closures_are_snapshots_of_a_rebound_variable():
    c = Cown(None)
    c.acquire()
    word = "before"

    @when(c)
    def seen(c):
        return word

    word = "after"
    c.release()
    assert got(seen) == "before"


def test_closures_of_closures():
    def outer(a):
        def middle(b):
            @when()
            def inner():
                return a, b

            return inner

        return middle

    assert got(outer(1)(2)) == (1, 2)


def test_a_closure_over_a_cown():
    log = Cown([])

    @when()
    def _():
        @when(log)
        def _(log):
            log.value.append("nested")

    bocpy.quiesce(timeout=LIMIT)
    assert got(log) == ["nested"]


def test_a_closure_over_a_local_function():
    def twice(n):
        return n * 2

    @when(Cown(4))
    def eight(c):
        return twice(c.value)

    assert got(eight) == 8


def test_a_closure_over_a_recursive_local_function():
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    @when()
    def result():
        return factorial(10)

    assert got(result) == 3628800


def test_a_comprehension_in_a_body_reads_a_closure():
    base = 100

    @when(Cown([1, 2]))
    def result(c):
        return [base + n for n in c.value]

    assert got(result) == [101, 102]


def test_globals_and_helpers_of_the_module():
    @when(Cown(1))
    def result(c):
        return double(c.value) + STEP

    assert got(result) == 12


def test_imported_names():
    @when()
    def result():
        return os.path.basename("a/b"), functools.reduce(max, [1, 3, 2])

    assert got(result) == ("b", 3)


def test_imports_in_the_body():
    @when()
    def result():
        import json

        return json.dumps({"a": 1})

    assert got(result) == '{"a": 1}'


# What can be a body


def test_a_function_of_the_module():
    assert got(when(Cown(3))(body_of_module)) == 6


def test_a_lambda():
    assert got(when(Cown(3))(lambda c: c.value + 1)) == 4


def test_a_callable_object():
    assert got(when(Cown(3))(Adder(4))) == 7


def test_a_bound_method():
    assert got(when(Cown(3))(Adder(4).method)) == 107


def test_static_and_class_methods():
    assert got(when(Cown(3))(Adder.static)) == 2
    assert got(when(Cown(3))(Adder.of_class)) == ("Adder", 3)


def test_a_partial():
    def scaled(factor, c, plus):
        return c.value * factor + plus

    assert got(when(Cown(3))(functools.partial(scaled, 10, plus=1))) == 31


def test_a_decorated_function():
    @when(Cown("a"))
    @shout
    def result(c):
        return c.value

    assert got(result) == "A"


def test_a_wrapper_may_take_any_arguments():
    @when(Cown("a"), Cown("b"))
    @shout
    def result(a, b):
        return a.value + b.value

    assert got(result) == "AB"


def test_one_decorator_for_several_functions():
    c = Cown(1)
    on_c = when(c)
    first = on_c(lambda c: c.value + 1)
    second = on_c(lambda c: c.value + 2)
    assert (got(first), got(second)) == (2, 3)


def test_a_function_scheduled_thousands_of_times():
    """Calls may come to share the function that they run, but none of its values."""
    total = Cown(0)

    def add(n):
        @when(total)
        def result(total, by=n, *, plus=-n):
            total.value += 1
            return n, by, plus

        return result

    results = [add(n) for n in range(3_000)]
    assert [got(each) for each in results] == [(n, n, -n) for n in range(3_000)]
    assert got(total) == 3_000


def test_the_scheduled_function_is_not_changed():
    c = Cown(1)
    result = when(c)(body_of_module)
    assert callable(body_of_module)
    assert got(result) == 2


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
