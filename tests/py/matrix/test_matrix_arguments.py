"""Arguments of methods of Matrix that 0.14 refuses, or takes."""

import math
from array import array

import pytest
from bocpy import Cown, Matrix


@pytest.mark.parametrize("name", ["angle", "perpendicular"])
@pytest.mark.parametrize(("shape", "axis"), [((1, 2), 0), ((4, 2), -2), ((2, 3), 1)])
def test_an_axis_without_vectors_of_two_is_refused(name, shape, axis):
    with pytest.raises(ValueError, match=f"{name}: vectors along axis .*, not 2"):
        getattr(Matrix(*shape, 1.0), name)(axis)


@pytest.mark.parametrize(("shape", "axis"), [((1, 3), 0), ((4, 3), 0), ((2, 4), -1)])
def test_cross_refuses_an_axis_without_vectors(shape, axis):
    m = Matrix(*shape, 1.0)
    with pytest.raises(ValueError, match=f"along axis {axis % 2}"):
        m.cross(m, axis)


def test_any_iterable_of_numbers_is_a_row():
    m = Matrix(2, 2, [1, 2, 3, 4])
    assert m + iter([10, 20]) == Matrix(2, 2, [11, 22, 13, 24])
    assert Matrix.vector(x * x for x in range(3)) == Matrix(1, 3, [0, 1, 4])
    assert m.take(range(1, -1, -1)) == Matrix(2, 2, [3, 4, 1, 2])
    assert Matrix.concat(m) == m
    assert Matrix.concat(row for row in m) == m


def test_methods_take_any_buffer_of_numbers():
    m = Matrix(2, 3, [1, 2, 3, 4, 5, 6])
    assert m.add(array("f", [10, 20, 30])) == m.add([10, 20, 30])
    assert m[0].vecdot(array("h", [1, 1, 1])) == 6
    m[1] = memoryview(array("d", [7, 8, 9]))
    m.view[:, 0][:] = array("i", [-1, -2])
    assert m == Matrix(2, 3, [-1, 2, 3, -2, 8, 9])
    with pytest.raises(ValueError, match="1x2 to a selection of 1x3"):
        m[0] = array("d", [1, 2])
    for text in (b"abc", bytearray(b"abc"), "abc"):
        with pytest.raises(TypeError, match="or a buffer of them, not"):
            m[0] = text


def test_argsort_gives_indices_for_take():
    m = Matrix(2, 3, [3, 1, 2, 30, 10, 20])
    order = m[0].argsort()
    assert m.take(order, axis=1) == Matrix(2, 3, [1, 2, 3, 10, 20, 30])
    assert m.take(array("q", [2, -1]), axis=1) == Matrix(2, 2, [2, 2, 20, 20])
    assert m.put(order, 0, axis=1) == Matrix(2, 3)
    for wrong in (1.5, float("nan"), float("inf"), 1e300):
        with pytest.raises(TypeError, match="index 1 must be an integer, not"):
            m.take(Matrix(1, 2, [0, wrong]))
    with pytest.raises(IndexError, match="-3 out of range"):
        m.take(Matrix(1, 1, -3))


def test_a_list_of_rows_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"Matrix.concat\(rows\)"):
        Matrix([[1, 2], [3, 4]])


def test_a_matrix_of_one_element_is_a_float():
    m = Matrix(2, 2, [1, 2, 3, 4])
    assert float(Matrix(1, 1, 2.5)) == 2.5
    assert float(m[1:, 1:]) == float(m.view[1, 1:]) == 4.0
    assert math.sqrt(m[1:, 1:]) == 2.0
    for many in (m, m.view[0]):
        with pytest.raises(TypeError, match="of one element can be a float, not one"):
            float(many)
    with pytest.raises(TypeError, match="expected a real number"):
        Matrix.full((1, 1), Matrix(1, 1, 2.5))  # a number, as in 0.14


def test_float_of_a_matrix_that_has_moved():
    m = Matrix(1, 1, 2.5)
    c = Cown(m)
    with pytest.raises(RuntimeError, match="does not own this matrix"):
        float(m)
    assert float(c.unwrap()) == 2.5


def test_what_is_finite():
    m = Matrix(2, 3, [1, math.nan, -math.inf, math.inf, -0.0, 1.7e308])
    assert m.isnan() == Matrix(2, 3, [0, 1, 0, 0, 0, 0])
    assert m.isinf() == Matrix(2, 3, [0, 0, 1, 1, 0, 0])
    assert m.isfinite() == Matrix(2, 3, [1, 0, 0, 0, 1, 1])
    assert m.isnan(out=m) is m
    assert m == Matrix(2, 3, [0, 1, 0, 0, 0, 0])


def test_a_mask_is_no_key():
    """Nobody can tell whether a matrix of numbers is a mask or has indices."""
    m = Matrix(2, 2, [1, -2, 3, -4])
    for key in (m.less(0), m.argsort(), (slice(None), m), memoryview(m)):
        with pytest.raises(TypeError, match=r"Matrix.where\(mask, a, m\).*take\(\)"):
            m[key]
        with pytest.raises(TypeError, match=r"Matrix.where\(mask, a, m\).*take\(\)"):
            m[key] = 0
    assert m[[True, False]] == m[[1, 0]]  # 0.14 documents it: a bool is 0 or 1
    assert Matrix.where(m.less(0), 0, m, out=m) == Matrix(2, 2, [1, 0, 3, 0])
