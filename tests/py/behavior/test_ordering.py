"""The order of behaviors: random programs against a sequential oracle.

A program is a list of behaviors over a few cowns that hold lists. Each behavior
appends its label to all of its cowns; it may fail at its end, and it may schedule
behaviors of its own. BOC orders two behaviors that share a cown as they were
scheduled, so the logs say:

1. top-level behaviors that share a cown appear in it in program order;
2. so do the children of one behavior;
3. a child that shares a cown with its parent comes after it;
4. all logs together have one order: nothing is before itself.

For programs without children that fixes every log, which is compared as a whole.
"""

from itertools import combinations, pairwise
from threading import Thread

import bocpy
import pytest
from bocpy import Cown, when, whencall
from harness import LIMIT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("runtime")

COWNS = 5
PROFILE = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# A step is (its cowns as indices and groups of indices, whether it fails, children).
INDEX = st.integers(0, COWNS - 1)
OVER = st.lists(st.one_of(INDEX, st.lists(INDEX, max_size=3)), max_size=4)
LEAF = st.tuples(OVER, st.booleans(), st.just([]))
TREE = st.recursive(
    LEAF,
    lambda inner: st.tuples(OVER, st.booleans(), st.lists(inner, max_size=3)),
    max_leaves=8,
)


def flat(over):
    """Each index once, with the groups dissolved."""
    seen = {}
    for entry in over:
        seen.update(dict.fromkeys(entry if isinstance(entry, list) else [entry]))
    return list(seen)


def labelled(steps, label=()):
    """All steps with their labels, the path of positions from the top."""
    for position, step in enumerate(steps):
        here = (*label, position)
        yield here, step
        yield from labelled(step[2], here)


def schedule(cowns, steps, label=()):
    """Schedules `steps` and returns their results."""
    results = []
    for position, (over, fails, children) in enumerate(steps):
        here = (*label, position)
        arguments = [
            [cowns[i] for i in entry] if isinstance(entry, list) else cowns[entry]
            for entry in over
        ]

        @when(*arguments)
        def result(*arguments, here=here, children=children, fails=fails, all_of=cowns):
            mine = {}
            for argument in arguments:
                for c in argument if isinstance(argument, list) else [argument]:
                    mine[c] = None
            for c in mine:
                c.value.append(here)
            nested = schedule(all_of, children, here)
            if fails:
                raise ValueError(nested)
            return nested

        results.append(result)
    return results


def outcome(result):
    """The nested results and whether the behavior failed."""
    try:
        return result.unwrap(timeout=LIMIT), False
    except ValueError as error:
        return error.args[0], True


def check_outcomes(results, steps):
    for result, (_, fails, children) in zip(results, steps, strict=True):
        nested, failed = outcome(result)
        assert failed == fails
        assert len(nested) == len(children)
        check_outcomes(nested, children)


def check_one_order(logs):
    """No cycle among the orders of all logs: Kahn's algorithm."""
    after, count = {}, {}
    for log in logs:
        for label in log:
            count.setdefault(label, 0)
        for first, second in pairwise(log):
            after.setdefault(first, []).append(second)
            count[second] += 1
    free = [label for label, waits in count.items() if not waits]
    done = 0
    while free:
        label = free.pop()
        done += 1
        for other in after.get(label, ()):
            count[other] -= 1
            if not count[other]:
                free.append(other)
    assert done == len(count), "two logs disagree about an order"


def check_logs(logs, steps):
    everything = dict(labelled(steps))
    for index, log in enumerate(logs):
        expected = {
            label for label, step in everything.items() if index in flat(step[0])
        }
        assert len(log) == len(expected)
        assert set(log) == expected
        place = {label: position for position, label in enumerate(log)}
        for a, b in combinations(sorted(log), 2):
            if a[:-1] == b[:-1] or b[: len(a)] == a:
                assert place[a] < place[b]
    check_one_order(logs)


def run(steps):
    cowns = [Cown([]) for _ in range(COWNS)]
    results = schedule(cowns, steps)
    bocpy.quiesce(timeout=LIMIT)
    check_outcomes(results, steps)
    return [c.unwrap(timeout=LIMIT) for c in cowns]


@PROFILE
@given(st.lists(LEAF, max_size=30))
def test_programs_without_children(steps):
    oracle = [[] for _ in range(COWNS)]
    for position, (over, _, _) in enumerate(steps):
        for index in flat(over):
            oracle[index].append((position,))
    assert run(steps) == oracle


@PROFILE
@given(st.lists(TREE, max_size=8))
def test_programs_with_children(steps):
    check_logs(run(steps), steps)


@PROFILE
@given(
    st.lists(st.tuples(INDEX, INDEX, st.integers(-5, 5), st.booleans()), max_size=60)
)
def test_sums_follow_a_sequential_run(moves):
    """Transfers, some of which fail halfway: writes up to the failure are kept."""
    model = [100] * COWNS
    cowns = [Cown(100) for _ in range(COWNS)]
    results = []
    for source, target, amount, fails in moves:

        @when(cowns[source], cowns[target])
        def result(source, target, amount=amount, fails=fails):
            source.value -= amount
            if fails:
                raise ValueError([])
            target.value = target.value * 2 + amount
            return []

        results.append(result)
        model[source] -= amount
        if not fails:
            model[target] = model[target] * 2 + amount
    bocpy.quiesce(timeout=LIMIT)
    assert [outcome(result)[1] for result in results] == [move[3] for move in moves]
    assert [c.unwrap() for c in cowns] == model


@PROFILE
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=40))
def test_results_as_cowns(pairs):
    """Behaviors over the results of earlier ones: a dataflow graph."""
    nodes = [Cown(n) for n in range(8)]
    model = list(range(8))
    for a, b in pairs:
        a, b = -1 - a, -1 - b
        nodes.append(
            whencall(
                lambda x, y: (x.value + 3 * y.value) % 101, [nodes[a], nodes[b]], []
            )
        )
        model.append((model[a] + 3 * model[b]) % 101)
    bocpy.quiesce(timeout=LIMIT)
    assert [node.unwrap() for node in nodes] == model


@PROFILE
@given(st.lists(st.tuples(st.booleans(), OVER), max_size=30))
def test_acquire_among_behaviors(steps):
    """A main program that holds a cown takes its turn like a behavior."""
    cowns = [Cown([]) for _ in range(COWNS)]
    oracle = [[] for _ in range(COWNS)]
    for number, (holds, over) in enumerate(steps):
        if not holds:
            schedule(cowns, [(over, False, [])], (number,))
        for index in flat(over):
            oracle[index].append((number, 0))
            if holds:
                with cowns[index] as log:
                    log.append((number, 0))
                    assert log == oracle[index]
    bocpy.quiesce(timeout=LIMIT)
    assert [c.unwrap() for c in cowns] == oracle


@PROFILE
@given(st.lists(st.tuples(st.integers(0, 3), OVER), max_size=40))
def test_several_threads_each_keep_their_own_order(steps):
    """Behaviors of one thread keep its order, whatever other threads do."""
    cowns = [Cown([]) for _ in range(COWNS)]
    mine = [
        [(n, over) for n, (who, over) in enumerate(steps) if who == me]
        for me in range(4)
    ]
    threads = [
        Thread(
            target=lambda work=work: [
                schedule(cowns, [(over, False, [])], (number,)) for number, over in work
            ]
        )
        for work in mine
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bocpy.quiesce(timeout=LIMIT)
    logs = [[label[0] for label in c.unwrap()] for c in cowns]
    for index, log in enumerate(logs):
        for work in mine:
            ours = [number for number, over in work if index in flat(over)]
            assert [number for number in log if number in ours] == ours
    check_one_order(logs)
