"""Functions that `when` accepts, their captures and closures."""

import functools
import os
import sys

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT, PYPY

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


def test_a_function_that_changes_between_two_calls():
    """What was found out about a function is used again while it holds."""
    c = Cown(1)

    def body(c, by=2):
        return c.value + by

    def other(c, by):
        return c.value, by

    def run():
        return got(when(c)(body))

    assert [run(), run()] == [3, 3]
    body.__defaults__ = (40,)
    assert run() == 41
    body.__defaults__ = ("x" * 100,)
    body.__code__ = other.__code__
    assert run() == (1, "x" * 100)
    body.__defaults__ = None
    with pytest.raises(TypeError, match="takes 2 positional arguments"):
        run()
    body.__defaults__ = ((1, None),)
    assert [run(), run()] == [(1, (1, None))] * 2
    body.__kwdefaults__ = {"unused": 1}
    assert run() == (1, (1, None))


def test_functions_in_turn_whose_code_is_freed():
    c = Cown(1)
    for n in range(50):
        made = {}
        exec(f"def body(c, a=0, b={n}):\n    return c.value + a + b", made)
        assert got(when(c)(made["body"])) == n + 1
        assert got(when([c, c], c)(lambda cs, c, n=n: [n, len(cs)])) == [n, 2]


def test_the_scheduled_function_is_not_changed():
    c = Cown(1)
    result = when(c)(body_of_module)
    assert callable(body_of_module)
    assert got(result) == 2


class TakesNothing:
    def __init__(self):
        pass


class TakesTwo:
    def __new__(cls, a, b):
        return super().__new__(cls)


class TakesAny:
    def __init__(self, *args, **kwargs):
        self.count = len(args) + len(kwargs)


class Counting(type):
    """A metaclass that has its own way of making instances."""

    def __call__(cls, *args):
        made = super().__call__()
        made.count = len(args)
        return made


class TakesAsCounted(metaclass=Counting):
    def __init__(self):
        self.count = None


def decorated(init):
    """A decorator that passes less than it gets, and looks like what it decorates."""
    return functools.wraps(init)(lambda self, *args: init(self))


class TakesWhatItsDecoratorTakes:
    @decorated
    def __init__(self):
        self.count = 1


@pytest.mark.parametrize(
    ("target", "name", "why"),
    [
        (TakesNothing, "TakesNothing", "too many positional arguments"),
        (TakesTwo, "TakesTwo", "missing a required argument: 'b'"),
        (
            functools.partial(TakesTwo, 1, 2),
            "TakesTwo",
            "too many positional arguments",
        ),
        *(
            []
            if PYPY
            else [
                (pow, "pow", "missing a required argument: 'exp'"),
                (functools.partial(abs, 1), "abs", "too many positional arguments"),
                ([].pop, "list.pop", None),
            ]
        ),
    ],
)
def test_a_callable_that_cannot_take_its_arguments_is_refused(target, name, why):
    if why is None:  # it takes one argument at most
        with pytest.raises(TypeError, match=f"^behavior '{name}' cannot take the 2 "):
            when(Cown(1), Cown(2))(target)
        return
    with pytest.raises(TypeError) as caught:
        when(Cown(1))(target)
    text = str(caught.value)
    count = len(getattr(target, "args", ())) + 1
    several = "argument that it would get" if count == 1 else "arguments that it would"
    assert text.startswith(f"behavior {name!r} cannot take the {count} {several}")
    assert why in text
    assert f"`lambda c: {name}(...)`" in text


def test_what_may_fit_is_run():
    for target, count in [
        (TakesAny, 2),
        (functools.partial(TakesAny, 0, k=1), 4),
        (TakesAsCounted, 2),
        (TakesWhatItsDecoratorTakes, 1),
    ]:
        assert got(when(Cown(1), Cown(2))(target)).count == count
    assert got(when(Cown(1))(id)) is not None


if sys.version_info >= (3, 11):  # exceptions have notes

    def test_a_builtin_that_wants_values_says_so():
        with pytest.raises(TypeError) as caught:
            when(Cown([1]))(max).result(LIMIT)
        assert (
            "a behavior passes Cowns, not their values: write `lambda c: max(c.value)`"
            in caught.value.__notes__
        )
        with pytest.raises(ValueError) as caught:  # noqa: PT011  its notes are tested
            when()(functools.partial(int, "x")).result(LIMIT)
        assert not getattr(caught.value, "__notes__", None)
