"""Which types are made at run time, and which are compiled into the interpreter."""

from __future__ import annotations

__all__ = ["is_heap_type", "native_exception"]

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def is_heap_type(cls: type) -> bool:
    """Whether each interpreter has a `cls` of its own.

    That is so if a class statement or PyType_FromSpec made it. Interpreters share
    static types.
    """
    return bool(cls.__flags__ & _HEAP_TYPE)


def native_exception(cls: type[BaseException]) -> type[BaseException]:
    """The nearest exception class of the interpreter itself."""
    for base in cls.__mro__:
        if not is_heap_type(base):
            return base
    return BaseException
