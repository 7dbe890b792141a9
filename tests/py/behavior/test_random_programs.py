"""Random programs of behaviors against the order that BOC promises.

A program has several threads that schedule, cowns alone and in groups, readers and
writers, duplicates, behaviors that schedule others, failures, and a message from every
body. Afterwards the cowns and the results must show an order in which the behaviors can
have run one after the other, and which keeps each promise.
"""

import random_programs
from bocpy import drain, quiesce, receive
from harness import LIMIT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import Spec, Use, complaints, everyone

COWNS = 4

uses = st.builds(Use, st.integers(0, COWNS - 1), st.booleans())
items = uses | st.lists(uses, max_size=3).map(tuple)
shapes = st.recursive(
    st.tuples(st.lists(items, max_size=3), st.just(()), st.none() | st.just(0)),
    lambda inner: st.tuples(
        st.lists(items, max_size=3),
        st.lists(inner, max_size=3),
        st.none() | st.integers(0, 2),
    ),
    max_leaves=6,
)
threads = st.lists(st.lists(shapes, min_size=1, max_size=6), min_size=1, max_size=2)


def named(shape, names):
    items, children, steps = shape
    name = next(names)
    return Spec(name, tuple(items), tuple(named(c, names) for c in children), steps)


def programs_of(drawn):
    names = iter(range(1000000))
    return [[named(shape, names) for shape in thread] for thread in drawn]


programs = threads.map(programs_of)
relaxed = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    print_blob=True,
)


def run(program, pinned=()):
    """The outcome of a run: the contents of the cowns, what bodies read, which messages
    came."""
    cowns, results = random_programs.start(program, COWNS, pinned)
    quiesce(LIMIT)
    seen = {}
    for row in results:
        random_programs.collect(row, seen)
    told = sorted(receive("ran", LIMIT)[1] for _ in seen)
    return [cown.unwrap() for cown in cowns], seen, told


def test_any_program(runtime):
    drain("ran")

    @relaxed
    @given(programs)
    def check(program):
        logs, seen, told = run(program)
        assert not list(complaints(program, logs, seen))
        assert told == sorted(seen)

    check()
    assert receive("ran", 0)[1] is None


def test_any_program_with_pinned_cowns(runtime):
    drain("ran")

    @relaxed
    @given(programs, st.sets(st.integers(0, COWNS - 1), min_size=1))
    def check(program, pinned):
        logs, seen, told = run(program, pinned)
        assert not list(complaints(program, logs, seen))
        assert told == sorted(seen)

    check()
    assert receive("ran", 0)[1] is None


# The oracle itself: it must be able to fail.


def two(first, second):
    return [[Spec(0, tuple(first), (), None), Spec(1, tuple(second), (), None)]]


W, R = Use(0, False), Use(0, True)


def test_the_oracle_knows_the_order_of_writers():
    program = two([W], [W])
    assert not list(complaints(program, [[0, 1]], {0: {}, 1: {}}))
    assert list(complaints(program, [[1, 0]], {0: {}, 1: {}}))


def test_the_oracle_knows_the_order_of_a_reader():
    program = two([W], [R])
    assert not list(complaints(program, [[0]], {0: {}, 1: {0: 1}}))
    assert list(complaints(program, [[0]], {0: {}, 1: {0: 0}}))
    program = two([R], [W])
    assert not list(complaints(program, [[1]], {0: {0: 0}, 1: {}}))
    assert list(complaints(program, [[1]], {0: {0: 1}, 1: {}}))


def test_the_oracle_notices_a_missing_behavior():
    program = two([W], [W])
    assert list(complaints(program, [[0]], {0: {}, 1: {}}))
    assert list(complaints(program, [[0, 1, 1]], {0: {}, 1: {}}))
    assert list(complaints(program, [[0, 1]], {0: {}}))


def test_the_oracle_knows_what_follows_from_a_common_cown():
    """A child of the first was scheduled before one of the second, as they conflict."""
    child, grandchild = (
        Spec(2, (Use(1, False),), (), None),
        Spec(3, (Use(1, False),), (), None),
    )
    program = [[Spec(0, (W,), (child,), None), Spec(1, (W,), (grandchild,), None)]]
    seen = {name: {} for name in range(4)}
    assert not list(complaints(program, [[0, 1], [2, 3]], seen))
    assert list(complaints(program, [[0, 1], [3, 2]], seen))


def test_the_oracle_finds_a_circle_over_two_cowns():
    """Two threads: neither order is promised, but it is the same on both cowns."""
    both = (Use(0, False), Use(1, False))
    program = [[Spec(0, both, (), None)], [Spec(1, both, (), None)]]
    seen = {0: {}, 1: {}}
    assert not list(complaints(program, [[0, 1], [0, 1]], seen))
    assert not list(complaints(program, [[1, 0], [1, 0]], seen))
    assert list(complaints(program, [[0, 1], [1, 0]], seen))


def test_failures_cut_off_what_comes_after():
    child = Spec(1, (W,), (), None)
    spec = Spec(0, (W,), (child,), 0)
    assert [s.name for s in random_programs.everyone_that_runs([[spec]])] == [0]
    assert [s.name for s in everyone([spec])] == [0, 1]
