"""Matrices in cowns, messages and results: they move, on every backend."""

import copy
import pickle
import sys

import pytest
from bocpy import (
    Cown,
    Matrix,
    notice_read,
    notice_write,
    quiesce,
    read,
    receive,
    send,
    wait,
    when,
)

GONE = "does not own"


def numbers(matrix):
    return list(matrix.values())


def address(matrix):
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(matrix))


def test_it_moves_without_a_copy(runtime):
    m = Matrix(1000, 1000, 1.0)
    before = address(m)
    c = Cown(m)
    del m

    @when(c)
    def there(c):
        c.value += 1
        try:
            import ctypes
        except ImportError:
            return None
        return ctypes.addressof(ctypes.c_char.from_buffer(c.value))

    quiesce()
    found = there.unwrap()
    if sys.version_info[:2] != (3, 12):  # whose ctypes refuses sub-interpreters
        assert found == before
    back = c.unwrap()
    assert address(back) == before
    assert back == 2.0


def test_it_is_gone_where_it_was(runtime):
    m = Matrix(1, 2, [1, 2])
    view = m.view[0]
    values = m.values()
    c = Cown(m)
    for use in (
        lambda: m.x,
        lambda: m + 1,
        lambda: 1 + m,
        lambda: m.sum(),
        lambda: m[0],
        lambda: m.__setitem__(0, 1),
        lambda: len(m),
        lambda: iter(m),
        lambda: m.view,
        lambda: m.T,
        lambda: m.copy(),
        lambda: view[0],
        lambda: len(view),
        lambda: view + 1,
        lambda: next(values),
        lambda: pickle.dumps(m),
        lambda: copy.copy(m),
        lambda: Matrix(1, 1) + m,
        lambda: Matrix(1, 2).add(1, out=m),
        lambda: Matrix(1, 2).sum(where=m),
        lambda: Cown(m),
    ):
        with pytest.raises(RuntimeError, match=GONE):
            use()
    assert repr(m) == "Matrix(<not acquired>)"
    assert str(m) == "<not acquired>"
    assert (view.is_row, view.read_only, view.T.is_row) == (True, False, False)
    with pytest.raises(BufferError, match=GONE):
        memoryview(m)
    assert numbers(c.unwrap()) == [1, 2]


def test_the_same_matrix_twice_stays_one(runtime):
    m = Matrix(1, 1, 3.0)
    for make in (lambda m: [m, m], lambda m: (m, 5, m), lambda m: {"a": m, "b": m}):
        inside = Cown(make(m)).unwrap()
        elements = list(inside.values()) if isinstance(inside, dict) else inside
        assert elements[0] is elements[-1]
        assert elements[0] == 3.0
        assert not m.acquired
        m = elements[0]


def test_what_is_refused_has_moved_nothing(runtime):
    m, gone = Matrix(1, 1, 3.0), Matrix(1, 1)
    kept = Cown(gone)
    for value in ([m, gone], (m, gone), {"a": m, "b": gone}):
        with pytest.raises((RuntimeError, TypeError)):
            Cown(value)
        assert m.acquired
    assert kept.unwrap() == 0.0


def test_an_exported_buffer_is_never_moved_under_its_reader(runtime):
    m = Matrix(1, 2, [1, 2])
    view = memoryview(m)
    c = Cown(m)
    assert m.acquired
    view[0, 0] = 9.0
    assert numbers(c.unwrap()) == [1, 2]
    assert numbers(m) == [9, 2]
    twice = Cown([m, m]).unwrap()
    assert twice[0] is twice[1]
    view.release()
    Cown(m)
    assert not m.acquired


def test_a_value_that_is_put_back_stays(runtime):
    c = Cown(Matrix(1, 2, [1, 2]))

    @when(c)
    def grown(c):
        c.value += 1
        m = c.value
        m *= 2
        c.value = m
        return m.acquired

    quiesce()
    assert grown.unwrap()
    assert numbers(c.unwrap()) == [4, 6]


def test_a_result_takes_the_matrix_out_of_its_cown(runtime):
    c, d = Cown(Matrix(1, 2, [1, 2])), Cown([Matrix(1, 1, 5.0), 7])

    @when(c)
    def first(c):
        return c.value

    @when(c)
    def left(c):
        return c.value.acquired

    @when(c)
    def second(c):
        return c.value

    @when(d)
    def element(d):
        return d.value[0]

    @when(d)
    def rest(d):
        return d.value[1]

    quiesce()
    assert numbers(first.unwrap()) == [1, 2]
    assert left.unwrap() is False
    with pytest.raises(RuntimeError, match=GONE):
        second.unwrap()
    assert element.unwrap() == 5.0
    assert rest.unwrap() == 7
    wait()


def test_from_one_cown_to_another(runtime):
    c, d = Cown(Matrix(1, 2, [1, 2])), Cown(None)

    @when(c, d)
    def swap(c, d):
        c.value, d.value = d.value, c.value

    wait()
    assert c.unwrap() is None
    assert numbers(d.unwrap()) == [1, 2]


def test_readers_see_it_and_do_not_take_it(runtime):
    c = Cown(Matrix(1, 2, [1, 2]))
    results = []
    for _ in range(6):

        @when(read(c))
        def total(c):
            return c.value.sum()

        results.append(total)
    quiesce()
    assert [result.unwrap() for result in results] == [3.0] * 6
    assert numbers(c.unwrap()) == [1, 2]


def test_messages(runtime):
    m = Matrix(1, 2, [1, 2])
    send("matrix", m)
    assert not m.acquired
    _, got = receive("matrix")
    assert numbers(got) == [1, 2]
    send("pair", (got, got))
    _, pair = receive("pair")
    assert pair[0] is pair[1]


def test_the_noticeboard(runtime):
    notice_write("matrix", Matrix(1, 2, [1, 2]))
    quiesce()
    assert numbers(notice_read("matrix")) == [1, 2]


def test_a_view_cannot_be_pickled_and_its_copy_can():
    m = Matrix(2, 2, [1, 2, 3, 4])
    with pytest.raises(TypeError, match="copy"):
        pickle.dumps(m.view[0])
    assert numbers(pickle.loads(pickle.dumps(m.view[0].copy()))) == [1, 2]


def test_pickles():
    m = Matrix(2, 2, [1, float("nan"), -0.0, 5e-324])
    for again in (
        *(pickle.loads(pickle.dumps(m, protocol)) for protocol in range(6)),
        copy.copy(m),
        copy.deepcopy([m])[0],
    ):
        assert again is not m
        assert list(map(float.hex, again.values())) == list(map(float.hex, m.values()))
    make, arguments = m.__reduce__()
    for bad in ((2, 2, b""), (0, 1, b""), (2**62, 2**62, b""), (-1, -1, b"x" * 8)):
        with pytest.raises(ValueError, match="pickled"):
            make(*bad)
    assert len(arguments[2]) == 32
