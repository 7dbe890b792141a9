"""The Cowns with which bodies are called: those that a body keeps stay valid."""

import gc
import weakref

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")

MANY = 20


def result(cown):
    return cown.result(timeout=LIMIT)


def test_bodies_of_many_cowns_see_their_own():
    cowns = [Cown(i) for i in range(MANY)]

    def body(c, d, e):
        c.value, d.value, e.value = d.value, e.value, c.value
        return c == d or d == e

    done = [when(*cowns[i : i + 3])(body) for i in range(MANY - 2)]
    assert not any(result(each) for each in done)
    expected = list(range(MANY))
    for i in range(MANY - 2):
        expected[i : i + 3] = expected[i + 1], expected[i + 2], expected[i]
    assert [result(when(c)(lambda c: c.value)) for c in cowns] == expected


@pytest.mark.parametrize("size", [0, 1, 8, 12, 13, 40])
def test_groups_of_any_size_see_their_own(size):
    cowns = [Cown(i) for i in range(size)]
    alone = Cown(-1)

    @when(cowns, alone, cowns[: size // 2])
    def body(group, alone, half):
        values = [c.value for c in group]
        for c in group:
            c.value += 100
        return values, alone.value, [c.value for c in half], group[:2]

    @when(list(reversed(cowns)))
    def after(group):
        return [c.value for c in reversed(group)]

    values, last, half, kept = result(body)
    assert (values, last) == (list(range(size)), -1)
    assert half == [100 + i for i in range(size // 2)]
    assert kept == cowns[:2]
    assert result(after) == [100 + i for i in range(size)]
    assert [result(when(c)(lambda c: c.value)) for c in kept] == result(after)[:2]


def test_cowns_of_groups_that_a_body_changes_or_keeps_stay_valid():
    cowns, box = [Cown(i) for i in range(4)], Cown(None)

    @when(cowns, box)
    def _(group, box):
        box.value = [group.pop(), group]
        group.clear()

    @when(box, cowns)
    def seen(box, group):
        last, rest = box.value
        return last == group[3], rest, [c.value for c in group]

    assert result(seen) == (True, [], [0, 1, 2, 3])

    @when(cowns)
    def failed(group):
        raise ValueError(group)

    bocpy.quiesce(timeout=LIMIT)
    with pytest.raises(ValueError, match="Cown") as caught:
        failed.unwrap()
    assert caught.value.args == (cowns,)
    when(box)(lambda box: setattr(box, "value", None))
    bocpy.quiesce(timeout=LIMIT)


def test_a_body_keeps_its_cown_in_its_own_value():
    cown = Cown(None)

    @when(cown)
    def _(c):
        c.value = [c, "in it"]

    @when(cown)
    def same(c):
        inner, text = c.value
        return inner == c, text

    assert result(same) == (True, "in it")

    @when(cown)
    def _(c):
        c.value = None

    bocpy.quiesce(timeout=LIMIT)


def test_cowns_that_a_body_returns_stay_valid():
    cowns = [Cown(i) for i in range(MANY)]
    returned = [result(when(c)(lambda c: c)) for c in cowns]
    assert returned == cowns
    for i, c in enumerate(returned):
        assert result(when(c)(lambda c: c.value)) == i


def test_a_cown_in_an_exception_stays_valid():
    cown = Cown(41)

    @when(cown)
    def failed(c):
        raise ValueError(c)

    bocpy.quiesce(timeout=LIMIT)
    with pytest.raises(ValueError, match="Cown") as caught:
        failed.unwrap()
    (inner,) = caught.value.args
    assert inner == cown
    assert result(when(inner)(lambda c: c.value + 1)) == 42


def test_attributes_of_one_body_are_not_seen_by_the_next():
    a, b = Cown(1), Cown(2)

    @when(a)
    def first(c):
        c.note = "mine"
        return c.note

    bodies = [first, *(when(c)(lambda c: hasattr(c, "note")) for c in (b, a, b))]
    seen = [result(each) for each in bodies]
    assert seen[0] == "mine"
    assert not any(seen[1::2]), seen


def test_weak_references_end_with_the_body():
    cown = Cown(1)

    @when(cown)
    def _(c):
        import builtins
        import weakref

        builtins.bocpy_test_reference = weakref.ref(c, lambda _: None)

    @when(cown)
    def gone(c):
        import builtins

        reference = getattr(builtins, "bocpy_test_reference", None)
        return reference is None or reference() is None or reference() == c

    assert result(gone)
    reference = weakref.ref(cown)
    assert reference() is cown


def test_more_arguments_by_name_than_fit_are_refused():
    names = ", ".join(f"k{i}=0" for i in range(70_000))
    scope = {}
    exec(f"def body(c, *, {names}): return c.value", scope)
    cown = Cown(5)
    with pytest.raises(ValueError, match="at most"):
        when(cown)(scope["body"])
    assert cown.unwrap() == 5


class Backwards(list):
    """A list whose iteration is not its contents in order."""

    def __iter__(self):
        return reversed(self)


@pytest.mark.parametrize("kind", [list, tuple, Backwards])
def test_groups_are_what_their_iteration_gives(kind):
    cowns = [Cown(i) for i in range(4)]

    @when(cowns[0], kind(cowns[1:]), ())
    def body(first, group, none):
        return first.value, [c.value for c in group], none

    expected = [3, 2, 1] if kind is Backwards else [1, 2, 3]
    assert result(body) == (0, expected, [])


def test_a_group_that_is_refused_keeps_no_reference():
    cowns = [Cown(i) for i in range(3)]
    references = [weakref.ref(c) for c in cowns]
    for refused in [*cowns, 1], [cowns[0], None, cowns[1]]:
        with pytest.raises(TypeError, match="of the group must be a Cown"):
            when(cowns[0], tuple(cowns), refused)
    del cowns, refused
    gc.collect()
    assert [reference() for reference in references] == [None] * 3
