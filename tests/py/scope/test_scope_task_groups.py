"""What scopes wait for and how they fail, behavior by behavior as trio's nurseries and
asyncio's task groups are known.

Each test names one thing that programs rely on there. Where a scope differs, because a
behavior that has begun ends, the test says what holds instead. All run as a plain
block, in asyncio, and in trio if it is installed.
"""

# ruff: noqa: SIM117  what a block raises at its end is what is tested

import traceback

import pytest
from bocpy import CancelledError, Cown, FailureGroup, when
from harness import LIMIT, pass_through
from task_groups import WAYS, Way, await_running, fail, flat

pytestmark = pytest.mark.usefixtures("runtime")


@pytest.fixture(params=WAYS)
def way(request):
    return Way(request.param)


# ---- what a block waits for ----


def test_children_have_ended_when_the_block_has(way):
    async def main():
        async with way.scope():
            made = [when()(lambda i=i: i * i) for i in range(5)]
        return [result.unwrap() for result in made]

    assert way.run(main) == [0, 1, 4, 9, 16]


def test_an_empty_block_ends(way):
    async def main():
        async with way.scope() as scope:
            pass
        return scope.pending, scope.cancelled

    assert way.run(main) == (0, False)


def test_children_that_have_ended_before_the_block_does(way):
    async def main():
        async with way.scope():
            c = when()(lambda: 7)
            if way.name == "plain":
                return c.result(LIMIT)
            return await c

    assert way.run(main) == 7


def test_children_may_start_children_of_the_same_group(way):
    def spread(scope, log, depth):
        when(log)(lambda log, depth=depth: log.value.append(depth))
        for _ in range(2 if depth else 0):
            scope.when()(lambda: spread(scope, log, depth - 1))

    async def main():
        log = Cown([])
        async with way.scope() as scope:
            scope.when()(lambda: spread(scope, log, 3))
        return sorted(log.unwrap())

    assert way.run(main) == [0] * 8 + [1] * 4 + [2] * 2 + [3]


def test_a_child_that_was_started_while_the_block_ends_is_waited_for(way, gate):
    """A nursery stays open until its last child has ended."""
    door = gate.door

    async def main():
        log = Cown([])
        async with way.scope() as scope:

            @when()
            def first():
                pass_through(door)
                scope.when(log)(lambda log: log.value.append("late"))

            gate.open()
        return log.unwrap()

    assert way.run(main) == ["late"]


def test_the_value_of_the_block_is_its_own(way):
    """Leaving by return or break waits, too."""

    async def main():
        c = Cown(0)

        async def work():
            for _ in range(3):
                async with way.scope():
                    when(c)(lambda c: setattr(c, "value", c.value + 1))
                    break
            async with way.scope():
                when(c)(lambda c: setattr(c, "value", c.value + 10))
                return "returned"

        return await work(), c.unwrap()

    assert way.run(main) == ("returned", 11)


def test_blocks_one_after_another_and_beside_each_other(way):
    async def main():
        totals = []
        for n in range(3):
            c = Cown(0)
            async with way.scope() as one, way.scope() as two:
                one.when(c)(lambda c: setattr(c, "value", c.value + 1))
                two.when(c)(lambda c, n=n: setattr(c, "value", c.value + n))
            totals.append((c.unwrap(), one.pending, two.pending))
        return totals

    assert way.run(main) == [(1, 0, 0), (2, 0, 0), (3, 0, 0)]


# ---- failures ----


def test_one_child_fails(way):
    async def main():
        async with way.scope():
            when()(lambda: fail(ZeroDivisionError))

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [ZeroDivisionError]


def test_one_failure_is_a_group_too(way):
    """As in both libraries today: code that catches need not know how many failed."""

    async def main():
        async with way.scope():
            when()(lambda: fail(KeyError, "x"))

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [KeyError]


def test_several_children_fail(way, gate):
    door = gate.door

    async def main():
        def broken(kind):
            pass_through(door)
            raise kind

        async with way.scope() as scope:
            for kind in (KeyError, ValueError):
                when()(lambda kind=kind: broken(kind))
            await_running(scope, 2)
            gate.open(2)

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert sorted(kind.__name__ for kind in flat(caught.value)) == [
        "KeyError",
        "ValueError",
    ]


def test_the_block_fails_and_children_are_cancelled(way, gate):
    door = gate.door
    made = []

    async def main():
        c = Cown("untouched")
        made.append(c)
        async with way.scope() as scope:
            made.append(when(c)(lambda c: pass_through(door)))
            made.append(when(c)(lambda c: setattr(c, "value", "touched")))
            await_running(scope, 1)
            gate.open()
            raise NotImplementedError

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [NotImplementedError]
    assert made[1].unwrap() is None  # it had begun, and has ended
    # The second may have begun as the door opened: then it has ended, too.
    try:
        assert made[2].unwrap() is None
        assert made[0].unwrap() == "touched"
    except CancelledError:
        assert made[0].unwrap() == "untouched"


def test_the_exception_of_the_block_and_of_a_child_come_together(way):
    async def main():
        async with way.scope() as scope:
            when()(lambda: fail(KeyError))
            while not scope.cancelled:
                pass
            raise ValueError

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [ValueError, KeyError]


def test_a_failure_cancels_the_siblings_that_wait(way):
    async def main():
        c = Cown(0)
        made = []
        try:
            async with way.scope():
                when(c)(lambda c: fail(KeyError))
                made += [when(c)(lambda c: 1) for _ in range(20)]
        except FailureGroup:
            pass
        cancelled = 0
        for result in made:
            try:
                result.unwrap()
            except CancelledError:
                cancelled += 1
        return cancelled

    assert way.run(main) == 20


def test_nothing_starts_after_a_failure(way):
    """asyncio refuses create_task then; here the new behavior is cancelled at once."""

    async def main():
        ran = Cown([])
        made = []
        try:
            async with way.scope() as scope:
                when()(lambda: fail(KeyError))
                while not scope.cancelled:
                    pass
                made.append(when(ran)(lambda ran: ran.value.append("late")))
        except FailureGroup:
            pass
        with pytest.raises(CancelledError):
            made[0].unwrap()
        return ran.unwrap()

    assert way.run(main) == []


def test_a_failure_of_an_inner_block_can_be_caught_between(way):
    async def main():
        c = Cown(0)
        async with way.scope() as outer:
            when(c)(lambda c: setattr(c, "value", c.value + 1))
            try:
                async with way.scope():
                    when()(lambda: fail(KeyError))
            except FailureGroup:
                when(c)(lambda c: setattr(c, "value", c.value + 10))
            assert not outer.cancelled
        return c.unwrap()

    assert way.run(main) == 11


def test_a_failure_of_an_inner_block_goes_through_the_outer(way):
    async def main():
        async with way.scope():
            async with way.scope():
                when()(lambda: fail(KeyError))

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [KeyError]


def test_failures_of_both_blocks(way):
    async def main():
        async with way.scope() as outer:
            when()(lambda: fail(OSError))
            while not outer.cancelled:
                pass
            async with way.scope():
                raise KeyError

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert sorted(kind.__name__ for kind in flat(caught.value)) == [
        "KeyError",
        "OSError",
    ]


def test_a_failure_that_was_looked_at_inside_is_raised_all_the_same(way):
    async def main():
        async with way.scope():
            broken = when()(lambda: fail(KeyError))
            try:
                if way.name == "plain":
                    broken.result(LIMIT)
                else:
                    await broken
            except KeyError:
                pass

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    assert [*flat(caught.value)] == [KeyError]


if hasattr(FailureGroup, "split"):  # a group of Python's own, from 3.11 on

    def test_groups_can_be_split_by_kind(way):
        async def main():
            async with way.scope(on_error="continue"):
                for kind in (KeyError, OSError, KeyError):
                    when()(lambda kind=kind: fail(kind))

        with pytest.raises(FailureGroup) as caught:
            way.run(main)
        keys, others = caught.value.split(KeyError)
        assert len(keys.exceptions) == 2
        assert [*flat(others)] == [OSError]


def test_a_failure_has_its_traceback_and_its_cause(way):
    def broken():
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("wrapped") from error

    async def main():
        async with way.scope():
            when()(broken)

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    (failure,) = caught.value.exceptions
    text = "".join(traceback.format_exception(failure))
    assert '{}["missing"]' in text
    assert "direct cause" in text
    assert 'raise ValueError("wrapped")' in text


def test_an_exception_of_the_block_has_no_context_of_the_scopes_own(way):
    async def main():
        async with way.scope():
            raise KeyError("only this")

    with pytest.raises(FailureGroup) as caught:
        way.run(main)
    (error,) = caught.value.exceptions
    assert error.__context__ is None
    assert caught.value.__cause__ is None


def test_failures_do_not_reach_other_blocks(way):
    async def main():
        with pytest.raises(FailureGroup):
            async with way.scope():
                when()(lambda: fail(KeyError))
        async with way.scope():
            fine = when()(lambda: 1)
        return fine.unwrap()

    assert way.run(main) == 1
