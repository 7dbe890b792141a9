"""Matrix beside NumPy, on examples that Hypothesis finds; conftest.py leaves this file
out where there is no NumPy."""

import math

import numpy as np
import pytest
from bocpy import Matrix
from hypothesis import given, settings
from hypothesis import strategies as st

SIDES = st.integers(1, 6)
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
ANY = st.floats(allow_nan=True, allow_infinity=True)
AXES = st.sampled_from([None, 0, 1])
settings.register_profile("matrix", deadline=None, max_examples=150)
settings.load_profile("matrix")


@st.composite
def arrays(draw, numbers=NUMBERS, rows=SIDES, columns=SIDES):
    shape = draw(rows), draw(columns)
    count = shape[0] * shape[1]
    values = draw(st.lists(numbers, min_size=count, max_size=count))
    return np.array(values, dtype=float).reshape(shape)


@st.composite
def pairs(draw, numbers=NUMBERS):
    """Two arrays that broadcast."""
    a = draw(arrays(numbers))
    rows, columns = (
        draw(st.sampled_from([1, a.shape[0]])),
        draw(st.sampled_from([1, a.shape[1]])),
    )
    b = draw(arrays(numbers, st.just(rows), st.just(columns)))
    return (a, b) if draw(st.booleans()) else (b, a)


def same(ours, theirs):
    """Equal bits, but that all NaNs are alike."""
    theirs = np.asarray(theirs, dtype=float)
    ours = np.asarray(ours) if isinstance(ours, Matrix) else np.array(ours)
    assert np.array_equal(ours, theirs.reshape(ours.shape), equal_nan=True)
    both = ~np.isnan(ours)
    assert np.array_equal(
        np.signbit(ours[both]), np.signbit(theirs.reshape(ours.shape)[both])
    )


def close(ours, theirs, scale=1.0):
    theirs = np.asarray(theirs, dtype=float)
    ours = np.asarray(ours) if isinstance(ours, Matrix) else np.array(ours)
    assert np.allclose(ours, theirs.reshape(ours.shape), rtol=1e-11, atol=1e-12 * scale)


def line(array, axis):
    """A result of NumPy in the shape that ours has."""
    if axis is None:
        return array
    return np.expand_dims(array, axis)


@given(pairs(ANY), st.sampled_from(["add", "subtract", "multiply", "divide"]))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arithmetic(pair, name):
    a, b = pair
    same(getattr(Matrix(a), name)(Matrix(b)), getattr(np, name)(a, b))


@given(pairs(ANY), st.sampled_from(["less", "less_equal", "greater", "not_equal"]))
def test_comparisons(pair, name):
    a, b = pair
    same(getattr(Matrix(a), name)(Matrix(b)), getattr(np, name)(a, b))


@given(pairs(st.floats(0.1, 10)))
def test_powers(pair):
    a, b = pair
    close(Matrix(a) ** Matrix(b), a**b)


@given(st.data())
def test_products(data):
    a = data.draw(arrays())
    b = data.draw(arrays(rows=st.just(a.shape[1])))
    close(Matrix(a) @ Matrix(b), a @ b, np.abs(a).max() * np.abs(b).max() + 1)


@given(
    arrays(ANY),
    st.sampled_from(
        ["ceil", "floor", "rint", "negative", "absolute", "sqrt", "reciprocal"]
    ),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise(a, name):
    ours = {"rint": "round", "negative": "negate", "absolute": "abs"}.get(name, name)
    same(getattr(Matrix(a), ours)(), getattr(np, name)(a))


@given(arrays(ANY), st.sampled_from(["isnan", "isinf", "isfinite"]))
def test_what_elements_are(a, name):
    same(getattr(Matrix(a), name)(), getattr(np, name)(a))


@given(arrays(ANY), st.sampled_from([".2f", "+.3e", ">12", "g", "%", "*^9.1f"]))
def test_elements_as_text(a, spec):
    """Each element as Python formats it, and all of the same width."""
    texts = [format(x, spec) for x in a.ravel().tolist()]
    width = max(map(len, texts))
    text = format(Matrix(a), spec)
    rows = [
        " ".join(cell.rjust(width) for cell in texts[i : i + a.shape[1]])
        for i in range(0, len(texts), a.shape[1])
    ]
    assert text == "[[" + "]\n [".join(rows) + "]]"


@pytest.mark.parametrize("key", [np.ones((2, 2), dtype=bool), np.array([0, 1])])
def test_an_array_is_no_key(key):
    m = Matrix(2, 2, [1, 2, 3, 4])
    with pytest.raises(TypeError, match=r"not numpy.ndarray: .*where.*take"):
        m[key]
    with pytest.raises(TypeError, match="Key must be a long"):
        m[key] = 0
    assert m[np.array(1)] == Matrix(1, 2, [3, 4])


@given(arrays(), AXES, st.sampled_from(["sum", "mean", "min", "max", "var", "std"]))
def test_reductions(a, axis, name):
    expected = line(getattr(a, name)(axis), axis)
    scale = np.abs(a).max() ** (2 if name in ("var", "std") else 1) + 1
    close(getattr(Matrix(a), name)(axis), expected, 10 * scale)


@given(arrays(ANY), AXES, st.sampled_from(["min", "max"]))
def test_extremes_of_anything(a, axis, name):
    ours = getattr(Matrix(a), name)(axis)
    expected = line(getattr(a, name)(axis), axis)
    values = np.asarray(ours, dtype=float)
    assert np.array_equal(values, expected, equal_nan=True)


@given(arrays(st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.0])), AXES)
def test_where_the_extremes_are(a, axis):
    assert np.array_equal(Matrix(a).argmin(axis), a.argmin(axis))
    assert np.array_equal(Matrix(a).argmax(axis), a.argmax(axis))


@given(arrays(), AXES)
def test_cumsum(a, axis):
    close(Matrix(a).cumsum(axis), a.cumsum(axis), np.abs(a).max() + 1)


@given(arrays(st.floats(allow_nan=True)), AXES)
def test_sort(a, axis):
    ours = Matrix(a).sort(axis)
    expected = np.sort(
        a.ravel() if axis is None else a, axis=-1 if axis is None else axis
    )
    assert np.array_equal(np.asarray(ours).ravel(), expected.ravel(), equal_nan=True)
    order = np.asarray(Matrix(a).argsort(axis)).astype(int)
    flat = a.ravel() if axis is None else a
    expected = np.argsort(flat, axis=-1 if axis is None else axis, kind="stable")
    assert np.array_equal(order.ravel(), expected.ravel())


def of_many_kinds(count):
    """Rows whose order differs in their high bits, in their low bits, or hardly."""
    chance = np.random.default_rng(count)
    low = 1 + chance.integers(0, 2**20, count) * 2.0**-52
    low[0] = -5.0
    special = np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 5e-324, -1.0])
    yield chance.uniform(-1, 1, count)
    yield chance.integers(-9, 9, count) + 0.5
    yield np.exp(chance.uniform(-700, 700, count)) * chance.choice([-1, 1], count)
    yield low
    yield np.full(count, 2.5)
    yield np.arange(count, dtype=float)[::-1].copy()
    yield chance.choice(special, count)


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 300, 2999, 3000, 50_000])
def test_sort_of_many(count):
    for a in of_many_kinds(count):
        expected = np.argsort(a, kind="stable")
        m = Matrix(a)
        assert np.array_equal(np.asarray(m.argsort()).ravel(), expected)
        bits = a[expected].view(np.uint64)  # zeros and NaNs keep their bits, and places
        for ours in (m.sort(), m.reshape(-1, 1).sort(0), m.sort(in_place=True)):
            assert np.array_equal(np.asarray(ours).ravel().view(np.uint64), bits)


def test_sort_of_more_than_three_digits_hold():
    a = np.random.default_rng(1).uniform(-1, 1, (1 << 22) + 1)
    assert np.array_equal(np.asarray(Matrix(a).sort())[0], np.sort(a))


@given(arrays(), st.data())
def test_topk(a, data):
    k = data.draw(st.integers(1, a.shape[1]))
    values, places = Matrix(a).topk(k, 1)
    expected = np.argsort(-a, axis=1, kind="stable")[:, :k]
    assert np.array_equal(places, expected)
    same(values, np.take_along_axis(a, expected, 1))


@pytest.mark.parametrize("count", [10, 63, 64, 65, 200, 3000])
@pytest.mark.parametrize("nans", [0, 5])
def test_topk_of_many(count, nans):
    """Of numbers that rise each is inserted, of those that fall none; NaNs are last."""
    chance = np.random.default_rng(count)
    for a in (chance.uniform(-1, 1, count), np.arange(count) // 3, -np.arange(count)):
        a = a.astype(float)
        a[chance.integers(0, count, nans)] = np.nan
        for largest in (True, False):
            found = np.argsort(-a if largest else a, kind="stable")[:7]
            values, places = Matrix(a).topk(7, largest=largest)
            assert places == list(found)
            assert np.array_equal(list(values.values()), a[found], equal_nan=True)


SLICES = st.builds(
    slice,
    st.none() | st.integers(-7, 7),
    st.none() | st.integers(-7, 7),
    st.none() | st.sampled_from([1, 2, 3, -1, -2]),
)


@given(arrays(), SLICES, SLICES)
def test_slices(a, rows, columns):
    expected = a[rows, columns]
    m = Matrix(a)
    if not expected.size:
        with pytest.raises(IndexError):
            m[rows, columns]
        return
    same(m[rows, columns], expected)
    changed = a.copy()
    changed[rows, columns] = expected[::-1] * 2
    m[rows, columns] = Matrix(np.ascontiguousarray(expected[::-1])) * 2
    same(m, changed)


@given(arrays(), st.data())
def test_shapes(a, data):
    m = Matrix(a)
    same(m.T, a.T)
    same(m.transpose(in_place=True), a.T)
    m = Matrix(a)
    same(m.reshape(-1, 1), a.reshape(-1, 1))
    same(m.flatten(), a.ravel())
    same(m.repeat_interleave(2, 1), a.repeat(2, 1))
    axis = data.draw(st.sampled_from([0, 1]))
    same(Matrix.concat([m, m], axis), np.concatenate([a, a], axis))
    assert m.trace() == pytest.approx(np.trace(a), abs=1e-6)


@pytest.mark.parametrize("rows", [2, 3, 5, 31, 32, 33, 70])
@pytest.mark.parametrize("columns", [2, 4, 32, 37, 100])
def test_transpositions_around_the_size_of_a_tile(rows, columns):
    a = np.arange(rows * columns, dtype=float).reshape(rows, columns)
    same(Matrix(a).T, a.T)
    same(Matrix(a).transpose(in_place=True), a.T)


@given(st.integers(1, 8), st.integers(1, 4), st.integers(0, 10**6))
def test_linear_systems(n, columns, seed):
    random = np.random.default_rng(seed)
    a = random.uniform(-1, 1, (n, n)) + 2 * np.eye(n)
    b = random.uniform(-1, 1, (n, columns))
    bound = np.linalg.cond(a) * 1e-14
    ours = np.asarray(Matrix(a).solve(Matrix(b)))
    assert np.allclose(ours, np.linalg.solve(a, b), atol=bound * 100)
    assert np.allclose(np.asarray(Matrix(a).inv()), np.linalg.inv(a), atol=bound * 100)
    assert Matrix(a).det() == pytest.approx(np.linalg.det(a), rel=1e-9, abs=1e-12)


def test_singular_matrices():
    singular = Matrix(2, 2, [1, 2, 2, 4])
    assert singular.det() == 0.0
    for solve in (singular.inv, lambda: singular.solve([1, 2])):
        with pytest.raises(ValueError, match="singular"):
            solve()
    with pytest.raises(ValueError, match="square"):
        Matrix(2, 3).inv()


# ---- buffers -------------------------------------------------------------------------


def test_an_array_of_a_matrix_shares_its_memory():
    m = Matrix(2, 3, [1, 2, 3, 4, 5, 6])
    array = np.asarray(m)
    assert array.flags.writeable
    assert not array.flags.owndata
    array[1, 2] = 60
    assert m[1, 2] == 60
    m *= 2
    assert array[0, 0] == 2
    with pytest.raises(BufferError):
        m.transpose(in_place=True)
    del array
    m.transpose(in_place=True)


@pytest.mark.parametrize(
    "dtype", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]
)
def test_a_matrix_of_an_array(dtype):
    array = np.array([[0, 1, 2], [3, 4, 100]]).astype(dtype)
    for given_ in (array, array[:, ::-1], array.T, array[::2]):
        same(Matrix(given_), given_)
        same(Matrix(*given_.shape, given_), given_)
        same(Matrix.frombuffer(given_), given_)
    same(Matrix(array[0]), array[0])
    array.setflags(write=False)
    same(Matrix(array), array)


@pytest.mark.parametrize(
    ("array", "error"),
    [
        (np.zeros((2, 2), dtype=complex), TypeError),
        (np.zeros((2, 2), dtype=">f8"), TypeError),
        (np.zeros((2, 2, 2)), ValueError),
        (np.zeros((0, 2)), ValueError),
        (np.zeros((2, 2), dtype="S3"), TypeError),
        (np.float64(3.0), TypeError),
        (np.array(3.0), TypeError),
    ],
)
def test_arrays_that_are_no_matrices(array, error):
    with pytest.raises(error):
        Matrix(array)


def test_numbers_of_numpy():
    m = Matrix(np.int64(2), np.int32(2), np.float32(1.5))
    assert m[np.int64(1), np.uint8(0)] == 1.5
    m[np.int64(0)] = np.float32(2.5)
    assert list(m[0].values()) == [2.5, 2.5]
    assert (m + np.float64(1))[0, 0] == 3.5
    assert m.sum(np.int64(0)).shape == (1, 2)
    assert m.take([np.int64(1)])[0, 0] == 1.5
    assert m.row_view(np.int64(1)).x == 1.5


def test_operators_with_arrays_are_numpys():
    m, a = Matrix(2, 2, [1, 2, 3, 4]), np.array([[10.0, 20], [30, 40]])
    for result in (m + a, a + m, m @ a, a @ m):
        assert isinstance(result, np.ndarray)
    assert np.array_equal(m + a, [[11, 22], [33, 44]])
    assert np.array_equal(np.exp(m), np.exp(np.asarray(m)))


def test_dlpack():
    m = Matrix(2, 3, [1, 2, 3, 4, 5, 6])
    array = np.from_dlpack(m)
    assert np.array_equal(array, np.asarray(m))
    assert m.__dlpack_device__() == (1, 0)
    m[0, 0] = 9
    assert array[0, 0] == 9
    del array
    assert math.isfinite(m.transpose(in_place=True).sum())
