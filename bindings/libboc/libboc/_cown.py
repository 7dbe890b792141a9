"""Cowns: values that only behaviors touch.

Threads: any. `_holder` of a cown is the thread that may touch its value: the one that
runs the body that has the cown. Only that thread writes it, before and after the body.
Other threads read it, and find a thread other than themselves.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Generic, TypeVar

from ._base import check
from ._libboc import ffi, lib
from ._status_errors import BadState, NoMemory

if TYPE_CHECKING:
    from ._libboc import CData

T = TypeVar("T")

#: The holder of the cowns of a deferred behavior: any thread, until `complete` is
#: called.
ANY_THREAD = -1
_WRITE = lib.BOC_WRITE
_READ = lib.BOC_READ


class Cown(Generic[T]):
    """A value that one behavior after the other may use.

    >>> from libboc import Cown, Runtime
    >>> total = Cown(0)
    >>> with Runtime() as runtime:
    ...     for number in range(10):
    ...         @runtime.when(total)
    ...         def add(total, number=number):
    ...             total.value += number
    >>> total.value
    45

    A body that was given the cown reads and sets `value`. Other code may do so while no
    behavior has the cown or waits for it; otherwise it gets BadState. The value is
    never copied. Cowns belong to no runtime.
    """

    __slots__ = ("__weakref__", "_core", "_holder", "_lane", "_ref", "_value")

    def __init__(self, value: T) -> None:
        core = lib.glue_cown()
        if not core:
            raise NoMemory()
        self._core = ffi.gc(core, lib.boc_cown_drop)
        self._ref: int = int(ffi.cast("uintptr_t", core)) | _WRITE
        self._holder: int | None = None
        self._lane: object = None
        self._value = value

    @property
    def value(self) -> T:
        """What the cown holds."""
        if self._holder != get_ident():
            self._check()
        return self._value

    @value.setter
    def value(self, value: T) -> None:
        if self._holder != get_ident():
            self._check()
        self._value = value

    def _check(self) -> None:
        if self._holder == ANY_THREAD:
            return
        if self._holder is not None or lib.boc_cown_busy(self._core):
            raise BadState(
                "a behavior has this cown or waits for it: use its value in a body "
                "that was given the cown, or after Runtime.quiesce()"
            )

    @property
    def busy(self) -> bool:
        """Whether a behavior has the cown or waits for it: a hint, which may be
        outdated at once."""
        return bool(lib.boc_cown_busy(self._core))

    @property
    def core(self) -> CData:
        """The `boc_cown *`, for calls of `libboc.lib`; valid as long as this object."""
        return self._core

    def pin(self, lane: Lane) -> None:
        """Has the cown's behaviors run where `lane` is pumped, from the first on.

        BadState if the cown is pinned already.
        """
        if not isinstance(lane, Lane):
            raise TypeError(f"pin() takes a Lane, not {type(lane).__name__!r}")
        check(lib.boc_cown_pin(self._core, lane._open()), "pin()")
        self._lane = lane
        Lane.used = True

    def __repr__(self) -> str:
        return f"<libboc.Cown at {self._ref & ~3:#x}>"


class Reading(Generic[T]):
    """A cown that a behavior only reads, together with other readers; made by
    `read`."""

    __slots__ = ("_cown", "_holder", "_ref")

    def __init__(self, cown: Cown[T]) -> None:
        self._cown = cown
        self._ref: int = (cown._ref & ~3) | _READ
        self._holder: int | None = None

    @property
    def value(self) -> T:
        """The value of the cown, for a body that was given this object."""
        if self._holder != get_ident() and self._holder != ANY_THREAD:
            raise BadState("only a body that was given a reading reads its value")
        return self._cown._value

    @property
    def cown(self) -> Cown[T]:
        return self._cown

    def __repr__(self) -> str:
        return f"read({self._cown!r})"


def read(cown: Cown[T] | Reading[T]) -> Reading[T]:
    """The cown for reading: neighboring readers of a cown run side by side.

    >>> from libboc import Cown, Runtime, read
    >>> limit, seen = Cown(3), Cown([])
    >>> with Runtime() as runtime:
    ...     @runtime.when(read(limit), seen)
    ...     def look(limit, seen):
    ...         seen.value.append(limit.value)
    >>> seen.value
    [3]
    """
    if isinstance(cown, Reading):
        return cown
    if not isinstance(cown, Cown):
        raise TypeError(f"read() takes a Cown, not {type(cown).__name__!r}")
    return Reading(cown)


from ._lane import Lane  # noqa: E402  it needs Cown
