"""Arguments of methods of Matrix that 0.14 refuses, or takes."""

import pytest
from bocpy import Matrix


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
