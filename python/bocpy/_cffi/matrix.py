"""Stands for Matrix, which is an extension in C of its own and needs the core in C.

Threads: any.
"""

from __future__ import annotations

from typing import Any, NoReturn


class Matrix:
    """Not here: Matrix needs bocpy's extensions in C, so CPython without
    BOCPY_CORE=cffi. NumPy arrays can be values of cowns everywhere.

    >>> from bocpy import Matrix
    >>> try:
    ...     Matrix(2, 2)
    ... except RuntimeError as error:
    ...     print(str(error).split(":")[0])
    Matrix needs bocpy's extensions in C
    """

    def __new__(cls, *arguments: Any, **keywords: Any) -> NoReturn:
        raise RuntimeError(
            f"{cls.__name__} needs bocpy's extensions in C: use NumPy arrays, or "
            "CPython without BOCPY_CORE=cffi"
        )


class MatrixView(Matrix):
    """Not here: see Matrix."""


for _kind in (Matrix, MatrixView):
    _kind.__module__ = "bocpy"
