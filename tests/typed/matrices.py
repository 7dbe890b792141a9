"""What type checkers infer of a program that uses matrices.

Read by `./dev check`, never run: a type that is not what it should be is an error
there, and so is a misuse that is not noticed: its `type: ignore` is one too many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bocpy import Cown, Matrix, MatrixView

if TYPE_CHECKING:
    from typing_extensions import assert_type

m = Matrix(2, 2, [1, 2, 3, 4])
assert_type(m, Matrix)
assert_type(Matrix(2, 2, values=0.5), Matrix)
assert_type(Matrix(memoryview(m)), Matrix)
assert_type(m + 1, Matrix)
assert_type((1, 2) @ m, Matrix)
assert_type(2 * m, Matrix)
assert_type(m @ [1.0, 2.0], Matrix)
assert_type(m**2, Matrix)
assert_type(m < 3, bool)
assert_type(m.less(3), Matrix)
assert_type(m[0, 1], float)
assert_type(m[0:1], Matrix)
assert_type(m[[0, 1]], Matrix)
assert_type(m[0:1, 0], Matrix)
assert_type(m[:, [0]], Matrix)
assert_type(m.sum(), float)
assert_type(m.sum(0), Matrix)
assert_type(m.argmin(), int)
assert_type(m.argmin(1), list[int])
assert_type(m.argmin(1, as_matrix=True), Matrix)
assert_type(m.topk(1), tuple[Matrix, list[int]])
assert_type(m.topk(1, 0), tuple[Matrix, list[list[int]]])
assert_type(m.topk(1, as_matrix=True), tuple[Matrix, Matrix])
assert_type(Matrix.uniform(), float)
assert_type(Matrix.uniform(size=(2, 2)), Matrix)
assert_type(m.view[0], MatrixView)
assert_type(m.view[0][1], float)
assert_type(m.view[0][1:], MatrixView)
assert_type(m.view[0] + 1, Matrix)
assert_type(list(m.view[0]), list[float])
assert_type(list(m.values()), list[float])
assert_type(m.add(memoryview(m)), Matrix)
assert_type(m.take(m[0].argsort(), axis=1), Matrix)
assert_type(m.vecdot(m), float)
assert_type(m.vecdot(m, 1), Matrix)
assert_type(m.det(), float)
assert_type(m.reshape(1, 4), Matrix)
assert_type(m.reshape((1, -1)), Matrix)
assert_type(Cown(m).unwrap(), Matrix)

m.x = 3
m[0] = [5, 6]
m.view[0][:] = 2.5

m + "text"  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
m.sum(where=1)  # type: ignore[call-overload]  # pyright: ignore
m.rows = 3  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
MatrixView()[0] = "x"  # type: ignore[call-overload]  # pyright: ignore
