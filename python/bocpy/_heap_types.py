"""Which types are made at run time, and which are compiled into the interpreter."""

from __future__ import annotations

__all__ = ["is_heap_type"]

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def is_heap_type(cls: type) -> bool:
    """Whether each interpreter has a `cls` of its own.

    That is so if a class statement or PyType_FromSpec made it. Interpreters share
    static types.
    """
    return bool(cls.__flags__ & _HEAP_TYPE)
