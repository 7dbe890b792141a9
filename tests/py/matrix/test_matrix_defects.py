"""What bocpy 0.14 gets wrong about matrices, and what is right: one test for each.

The numbers are those of the list in docs/guide/matrix.md.
"""

import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from bocpy import Cown, Matrix, quiesce, wait, when

NAN, INF = math.nan, math.inf


def numbers(matrix):
    return list(matrix.values())


def test_01_any_thread_can_calculate():
    m = Matrix(2, 2, [1, 2, 3, 4])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: numbers(m + m) + numbers(-m), range(50)))
    assert results == [[2, 4, 6, 8, -1, -2, -3, -4]] * 50


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (slice(None), Matrix(2, 2, 1.0)),
        (0, [7, 8]),
        (0, [1, 2, 3, 4]),
        ((slice(0, 2), slice(0, 2)), Matrix(3, 3)),
        ((slice(0, 2), slice(0, 2)), [1, 2, 3]),
        ((0, slice(0, 2)), Matrix(2, 1)),
        ((0, 0), [1, 2]),
    ],
)
def test_02_sizes_are_checked_when_assigning(key, value):
    m = Matrix(3, 3, 5.0)
    with pytest.raises(ValueError, match="cannot assign"):
        m[key] = value
    assert m == 5.0


def test_02_a_single_element_fills():
    m = Matrix(3, 3)
    m[0:2, 0:2] = Matrix(1, 1, 5)
    assert numbers(m) == [5, 5, 0, 5, 5, 0, 0, 0, 0]


@pytest.mark.parametrize("operator", ["iadd", "isub", "imul", "itruediv"])
def test_03_an_operation_in_place_never_writes_the_other_side(operator):
    row, m = Matrix(1, 3, 2.0), Matrix(2, 3, 1.0)
    with pytest.raises(ValueError, match="in place"):
        getattr(row, f"__{operator}__")(m)
    assert m == 1.0
    assert row == 2.0


def test_04_too_large_is_a_memory_error():
    with pytest.raises(MemoryError):
        Matrix(2**31, 2**31)
    with pytest.raises(MemoryError):
        Matrix.zeros((2**30, 2**30))
    with pytest.raises(OverflowError):
        Matrix(2**40, 2**40)


@pytest.mark.parametrize("key", [0, (0, 0), slice(None), [0]])
def test_05_elements_cannot_be_deleted(key):
    m = Matrix(2, 2)
    with pytest.raises(TypeError, match="deleted"):
        del m[key]


def test_06_new_makes_a_whole_matrix():
    with pytest.raises(TypeError, match="rows"):
        Matrix.__new__(Matrix)
    assert Matrix.__new__(Matrix, 1, 2).rows == 1
    assert str(object.__new__)  # and object's own refuses:
    with pytest.raises(TypeError, match="not safe"):
        object.__new__(Matrix)


def test_07_transposing_in_place_beside_readers():
    m = Matrix(2, 500, range(1000))
    total, stop, wrong = m.sum(), threading.Event(), []

    def read():
        while not stop.is_set():
            if m.sum() != total or m.size != 1000 or (m + 1).size != 1000:
                wrong.append(1)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2000):
        m.transpose(in_place=True)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


class Clears:
    """A number that clears the list that it is in."""

    def __init__(self, owner):
        self.owner = owner

    def __float__(self):
        self.owner.clear()
        return 1.0


def test_08_elements_that_change_the_list_they_are_in():
    numbers_ = []
    numbers_ += [Clears(numbers_), 2.0, 3.0]
    assert numbers(Matrix.vector(numbers_)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("a", "b"), [(NAN, 1), (1, NAN), (1, INF), (INF, 1), (INF, -INF), (NAN, INF)]
)
def test_09_nothing_is_close_to_what_is_none(a, b):
    assert not Matrix.allclose(Matrix(1, 1, a), Matrix(1, 1, b))


def test_09_what_is_close():
    same = Matrix(1, 3, [INF, -INF, 1])
    assert Matrix.allclose(same, same.copy())
    assert Matrix.allclose(Matrix(1, 1, NAN), Matrix(1, 1, NAN), equal_nan=True)
    assert not Matrix.allclose(Matrix(1, 1, NAN), Matrix(1, 1, NAN))


@pytest.mark.parametrize("count", [1, 3, 31, 32, 33, 100])
def test_10_extremes_of_infinities(count):
    assert Matrix(1, count, INF).min() == INF
    assert Matrix(1, count, -INF).max() == -INF
    assert Matrix(count, 2, INF).min(0) == INF


@pytest.mark.parametrize("count", [2, 3, 8, 40, 1000])
def test_11_a_nan_makes_the_extremes_nan_wherever_it_is(count):
    for place in {0, 1, count // 2, count - 1}:
        values = [1.0] * count
        values[place] = NAN
        for m in (Matrix(1, count, values), Matrix(count, 1, values)):
            assert math.isnan(m.min())
            assert math.isnan(m.max())
            assert all(map(math.isnan, m.T.min(1).values())) or m.rows == 1
        wide = Matrix(2, count, values + [0.0] * count)
        assert [math.isnan(x) for x in wide.min(0).values()] == [
            math.isnan(x) for x in values
        ]


@pytest.mark.parametrize("count", [31, 32, 70])
def test_11_every_place_of_a_nan_is_looked_at(count):
    for place in range(count):
        m = Matrix(1, count, 1.0)
        m[0, place] = NAN
        assert math.isnan(m.min())
        assert math.isnan(m.max())
        m[0, place] = 0.5
        assert (m.min(), m.max(), m.sum()) == (0.5, 1.0, count - 0.5)


def test_12_values_by_name_and_none():
    assert numbers(Matrix(2, 2, values=[1, 2, 3, 4])) == [1, 2, 3, 4]
    assert Matrix(2, 2, None) == 0.0
    assert Matrix(rows=1, columns=2).shape == (1, 2)


def test_13_errors_are_not_system_errors():
    with pytest.raises(OverflowError):
        Matrix(1, 1) + 10**400
    with pytest.raises(OverflowError):
        Matrix(1, 1, [10**400])
    assert Matrix.zeros([2, 2]).shape == (2, 2)
    with pytest.raises(TypeError, match="size"):
        Matrix.zeros(3)


def test_14_sums_are_close():
    assert abs(Matrix(1000, 1000, 0.1).sum() - 1e5) < 1e-10 * 1e5
    assert abs(Matrix(1000, 1000, 0.1).sum(0).sum() - 1e5) < 1e-10 * 1e5
    assert Matrix(1, 10**6, 0.1).sum() == pytest.approx(1e5, abs=1e-10)


def test_15_nothing_is_left_behind():
    before = sys.getrefcount(Matrix)
    kept = [Matrix(1, 1) + 1 for _ in range(1000)]
    del kept
    assert sys.getrefcount(Matrix) - before < 10
    m = Matrix(1, 2, [1, 2])
    m.__init__(1000, 1000)
    assert numbers(m) == [1, 2]


def test_16_repr_evaluates_to_the_matrix():
    m = Matrix(2, 3, [0.1, 1 / 3, -0.0, 1e300, 5e-324, 12345678.9])
    again = eval(repr(m))
    assert list(map(float.hex, again.values())) == list(map(float.hex, m.values()))
    odd = eval(repr(Matrix(1, 3, [NAN, INF, -INF])))
    assert str(odd) == "[[ nan  inf -inf]]"


def test_16_repr_of_a_large_one_is_short():
    m = Matrix(1000, 1000, 0.5)
    assert len(repr(m)) < 200
    assert "..." in repr(m)
    assert len(str(m)) < 500


def test_17_buffers():
    m = Matrix(2, 2, [1, 2, 3, 4])
    view = memoryview(m)
    assert (view.format, view.shape, view.strides) == ("d", (2, 2), (16, 8))
    view[0, 1] = 7.0
    assert m[0, 1] == 7.0
    assert Matrix(view) == m


class Adds:
    def __radd__(self, other):
        return "reflected"

    def __rmatmul__(self, other):
        return "product"


def test_18_operands_that_know_better_are_asked():
    assert Matrix(1, 1) + Adds() == "reflected"
    assert Matrix(1, 1) @ Adds() == "product"
    for other in ({1: 2}, {1}, b"ab", "ab", None, object()):
        with pytest.raises(TypeError):
            Matrix(1, 2) + other


def test_19_a_column_costs_what_a_row_costs():
    tall, wide = Matrix(10**6, 1), Matrix(1, 10**6)
    assert memoryview(tall).nbytes == memoryview(wide).nbytes == 8 * 10**6


@pytest.mark.stress
def test_20_other_threads_run_beside_a_long_product():
    m = Matrix(700, 700, 0.5)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    during = 0  # at most, in one product
    deadline = time.monotonic() + 60
    while during < 3 and time.monotonic() < deadline:
        before = len(ticks)
        m @ m
        during = max(during, len(ticks) - before)
    done.set()
    thread.join()
    assert during >= 3


def test_22_errors_say_what_was_wrong():
    m = Matrix(2, 3)
    for attempt, words in [
        (lambda: m[2], "row index 2 is out of range for 2 rows"),
        (lambda: m[0, 3], r"index \(0, 3\) is out of range for a 2x3 matrix"),
        (lambda: m[0:0], "selects no row of 2"),
        (
            lambda: m @ m,
            "2x3 @ 2x3: the left operand has 3 columns, the right one 2 rows",
        ),
        (lambda: m + Matrix(4, 4), "2x3 \\+ 4x4"),
        (lambda: Matrix(1, 1).w, "has no w"),
    ]:
        with pytest.raises((IndexError, ValueError), match=words):
            attempt()


def test_23_what_was_missing_is_there():
    m = Matrix(2, 2, [1, 2, 3, 4])
    assert numbers(m**2) == [1, 4, 9, 16]
    assert numbers(+m) == numbers(m)
    for name in ("exp", "log", "std", "argsort", "cumsum", "reshape", "inv", "solve"):
        assert callable(getattr(m, name))
    assert numbers(Matrix.eye(2)) == [1, 0, 0, 1]


def test_24_views_go_with_a_transposition():
    m = Matrix(2, 3, [1, 2, 3, 4, 5, 6])
    row, part = m.view[1], m.view[0, ::-1]
    m.transpose(in_place=True)
    assert list(row) == [4, 5, 6]
    assert list(part) == [3, 2, 1]
    row[0] = 40
    assert numbers(m) == [1, 40, 2, 5, 3, 6]
    m.transpose(in_place=True)
    assert list(row) == [40, 5, 6]


def test_25_magnitudes_without_overflow_or_underflow():
    assert Matrix(1, 2, [3e200, 4e200]).magnitude() == pytest.approx(5e200)
    assert numbers(Matrix(1, 2, [3e200, 4e200]).normalize()) == pytest.approx(
        [0.6, 0.8]
    )
    assert Matrix(1, 2, [3e-200, 4e-200]).magnitude() == pytest.approx(5e-200)
    assert Matrix(1, 2, [3e-320, 4e-320]).magnitude() == pytest.approx(5e-320, rel=1e-3)
    assert numbers(Matrix(1, 2, [1.5e308] * 2).normalize()) == pytest.approx(
        [0.5**0.5] * 2
    )
    assert math.isnan(Matrix(1, 2, [NAN, 1e300]).magnitude())
    assert Matrix(1, 2, [INF, 1]).magnitude() == INF


def test_26_a_nan_is_skipped_by_comparisons_as_documented():
    assert Matrix(1, 2, [NAN, 1]) == [5, 1]
    assert Matrix(1, 1, NAN) == Matrix(1, 1, NAN)


def test_28_a_behavior_returns_the_matrix_of_a_cown(runtime):
    c, d = Cown(Matrix(1, 2, [1, 2])), Cown(None)

    @when(c)
    def moved(c):
        return c.value

    quiesce()
    assert numbers(moved.unwrap()) == [1, 2]

    @when(d)
    def kept(d):
        d.value = Matrix(1, 1, 3.0)

    wait()
    assert numbers(d.unwrap()) == [3]


def test_21_a_matrix_in_a_cown_is_gone_elsewhere(runtime):
    m = Matrix(1, 2, [1, 2])
    c = Cown(m)
    assert not m.acquired
    with c as inside:
        assert not m.acquired
        inside.x = 5
        with pytest.raises(RuntimeError, match="does not own"):
            m.sum()
    assert not m.acquired
    assert numbers(c.unwrap()) == [5, 2]
