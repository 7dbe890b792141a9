"""Matrices and objects that do harm while they are converted: to the list that holds
them, or to the matrix in use."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import harness
import pytest
from bocpy import Cown, Matrix

KINDS = ["transpose", "ship", "clear", "collect", "grow", "raise"]


class Harm:
    """A number, an index and a length that runs a function on the way."""

    def __init__(self, kind, matrix, owner=None):
        self.kind, self.matrix, self.owner = kind, matrix, owner

    def harm(self):
        if self.kind == "transpose" and self.matrix.acquired:
            self.matrix.transpose(in_place=True)
        elif self.kind == "ship" and self.matrix.acquired:
            self.kept = Cown(self.matrix)
        elif self.kind == "clear" and self.owner:
            self.owner.clear()
        elif self.kind == "grow" and self.owner is not None:
            self.owner.extend([0.0] * 1000)
        elif self.kind == "collect":
            gc.collect()
        elif self.kind == "raise":
            raise ZeroDivisionError

    def __float__(self):
        self.harm()
        return 1.0

    def __index__(self):
        self.harm()
        return 1

    def __bool__(self):
        self.harm()
        return True


def calls(m, make):
    """Calls with a hostile argument in each place that takes one."""
    n = m.copy()
    return [
        lambda: m + make(),
        lambda: m * [make(), 2.0, 3.0, 4.0],
        lambda: m @ [make(), 2.0],
        lambda: m[make()],
        lambda: m[make(), make()],
        lambda: m[make() :, : make()],
        lambda: m[[make(), 0]],
        lambda: m.__setitem__((0, 0), make()),
        lambda: m.__setitem__((make(), make()), make()),
        lambda: m.__setitem__(0, [make()] * 4),
        lambda: m.__setitem__([make()], make()),
        lambda: m.sum(make()),
        lambda: m.topk(make(), make(), make()),
        lambda: m.take([make(), 1], make()),
        lambda: m.put([make()], make(), make(), make()),
        lambda: m.put_along_axis([make()] * 4, make(), 0),
        lambda: m.clip(make(), make()),
        lambda: m.bin(make(), bounds=(make(), 2)),
        lambda: m.digitize([make(), 2]),
        lambda: m.fma(make(), make(), make()),
        lambda: m.scaled_add(make(), n),
        lambda: m.reshape(make(), -1),
        lambda: m.repeat_interleave(make(), make()),
        lambda: m.transpose(make()),
        lambda: m.ceil(in_place=make()),
        lambda: m.normalize(make(), make()),
        lambda: m.row_view(make(), slice(make(), None), read_only=make()),
        lambda: m.view[0].__setitem__(make(), make()),
        lambda: m.view[0].__setitem__(slice(None), [make()] * 4),
        lambda: m.view[make(), make() :],
        lambda: setattr(m, "x", make()),
        lambda: m.solve([make(), 1]),
        lambda: Matrix(make(), make(), make()),
        lambda: Matrix.zeros((make(), make())),
        lambda: Matrix.uniform(make(), make(), (make(), make())),
        lambda: Matrix.where(m, make(), [make()] * 4),
        lambda: Matrix.concat([m, [make()] * 4], make()),
        lambda: Matrix.allclose(m, n, make(), make(), make()),
    ]


COUNT = len(calls(Matrix(2, 4, 1.0), lambda: 1.0))


@pytest.fixture(scope="module")
def small_heap():
    """Takes what there is out of the collector's sight: with it, each `gc.collect()`
    would walk over all tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("small_heap")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", range(COUNT))
def test_harm_is_survived(kind, which):
    m = Matrix(2, 4, 1.0)
    owner = []

    def make():
        harm = Harm(kind, m, owner)
        owner.append(harm)
        return harm

    call = calls(m, make)[which]
    for _ in range(3):
        try:
            result = call()
        except (
            *(TypeError, ValueError, IndexError, KeyError, RuntimeError),
            *(ZeroDivisionError, AssertionError, OverflowError),
        ):
            continue
        if isinstance(result, Matrix) and result.acquired:
            assert len(list(result.values())) == result.size
    if m.acquired:
        assert m.size == 8


class Lies:
    """A sequence whose length is not what it says."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if index > 5:
            raise IndexError
        return float(index)


@pytest.mark.parametrize("length", [0, 1, 3, 6, 1000])
def test_a_length_that_lies(length):
    assert list(Matrix.vector(Lies(length)).values()) == [0, 1, 2, 3, 4, 5]
    assert list(Matrix(1, 6, Lies(length)).values()) == [0, 1, 2, 3, 4, 5]


class Same:
    """An object that returns the matrix itself where a number is expected."""

    def __init__(self, matrix):
        self.matrix = matrix

    def __float__(self):
        return self.matrix

    def __index__(self):
        return self.matrix


def test_what_is_no_number_after_all():
    m = Matrix(1, 2)
    for call in (lambda: m + Same(m), lambda: m[Same(m)], lambda: m.sum(Same(m))):
        with pytest.raises(TypeError):
            call()


# ---- threads -------------------------------------------------------------------------

STORM = Path(__file__).parents[1] / "programs" / "matrix_storm.py"


@pytest.mark.parametrize("options", [["--apart"], []], ids=["apart", "shared"])
def test_threads_that_share_matrices(options, backend):
    """Also what ThreadSanitizer is run over; the program says how."""
    command = [sys.executable, str(STORM), "--seconds", "2", *options]
    environment = {**os.environ, "BOCPY_BACKEND": backend}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=harness.LIMIT,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 100
