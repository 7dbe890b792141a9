"""Cown, PinnedCown and read.

The value is an attribute of the cown's only handle, so it lives as an ordinary Python
attribute does. `_holder` is the thread that may use the value. Only that thread writes
it; a thread that finds another one there may not use the value. `_readers` counts the
bodies of each thread that read the cown.

Threads: any.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from threading import get_ident
from types import GenericAlias, TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._libboc import ffi, lib
from . import acquire, codec, completions, failure, pump, runtime, timer
from .base import FOREVER, READ, WRITE, me, on_worker, parse_timeout, type_name

if TYPE_CHECKING:
    from .arguments import Code

T = TypeVar("T")


class CownCapsule:
    """The native side of a cown."""

    __slots__ = ("_cown",)
    _cown: Cown[Any]

    def __new__(cls) -> CownCapsule:
        raise TypeError("cannot create 'bocpy.CownCapsule' instances")

    def disown(self) -> None:
        cown = self._cown
        cown._require_held("disown()")
        cown._clear()
        if cown._acquired is not None:
            acquire.release(cown)
        else:
            cown._holder = None


class Cown(Generic[T]):
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_acquired",
        "_core",
        "_failed",
        "_failure",
        "_holder",
        "_pinned",
        "_readers",
        "_ref",
        "_scheduled",
        "_serial",
        "_value",
    )
    _acquired: acquire.Acquisition | None
    _core: Any
    _failed: bool
    _failure: failure.Failure | None
    _holder: int | completions.Asked | None
    _pinned: bool
    _readers: dict[int, set[object]] | None
    _ref: int
    _scheduled: Code | None
    _serial: int
    _value: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> Cown[T]:
        self = object.__new__(cls)
        self._core = None
        self._ref = 0
        self._acquired = self._failure = self._holder = self._readers = None
        self._scheduled = None  # last over it: for errors
        self._failed = self._pinned = False
        self._serial = 0
        self._value = None
        return self

    def __init__(self, value: T) -> None:
        if self._core is not None:
            raise RuntimeError("this cown is initialized already")
        self._make()
        self._value = value

    def _make(self) -> None:
        core = lib.glue_cown()
        if not core:
            raise MemoryError
        self._core = ffi.gc(core, lib.boc_cown_drop)
        self._ref = int(ffi.cast("uintptr_t", core)) | WRITE

    # ---- who may ---------------------------------------------------------------------

    def _require_core(self) -> None:
        if self._core is None:
            raise RuntimeError(
                "this cown has no value yet: call super().__init__(value) first"
            )

    def _reads_here(self) -> bool:
        return self._readers is not None and get_ident() in self._readers

    def _task_mode(self) -> int:
        """How the running task holds the cown: READ, WRITE, or -1 if it does not."""
        asked = completions.here()
        return -1 if asked is None else asked.mode(self)

    def _is_lent(self) -> bool:
        """Whether a callback, or a task that reads, may use the value on this
        thread."""
        return me.lent is self or self._task_mode() == READ

    def _held_here(self) -> bool:
        return self._holder == get_ident() or self._task_mode() == WRITE

    def _require_held(self, what: str) -> None:
        self._require_core()
        if self._held_here():
            return
        pump.require_here(self, what)
        if self._reads_here() or self._is_lent():
            raise RuntimeError(
                f"{what}: this behavior only reads the cown; to change it, give it to "
                "@when(...) without read()"
            )
        raise RuntimeError(
            f"{what}: this cown is not held here; use it in a behavior that was given "
            "it (@when), or between acquire() and release()"
        )

    def _begin_reading(self, reader: object) -> None:
        """May be called twice for one reader, as `_end_reading`."""
        readers = self._readers
        if readers is None:
            readers = self._readers = self._share()
        readers.setdefault(get_ident(), set()).add(reader)

    def _share(self) -> dict[int, set[object]]:
        """What reads the cown on each thread."""
        with acquire.lock:
            if self._readers is None:
                self._readers = {}
            return self._readers

    def _end_reading(self, reader: object) -> None:
        readers = self._readers
        here = readers.get(get_ident()) if readers is not None else None
        if here is not None:
            here.discard(reader)
            if not here and readers is not None:
                readers.pop(get_ident(), None)

    # ---- the value -------------------------------------------------------------------

    def _set(self, value: object) -> None:
        if self._failure is not None:
            failure.forget(self)
        self._value = value
        self._failed = False

    def _clear(self) -> None:
        self._set(None)

    @property
    def value(self) -> T:
        """The value, for the cown's holder. Setting it clears `exception`."""
        if self._holder == get_ident() or self._reads_here() or self._is_lent():
            return self._value  # type: ignore[no-any-return]
        self._require_held("value")
        return self._value  # type: ignore[no-any-return]

    @value.setter
    def value(self, value: T) -> None:
        if self._holder != get_ident():
            self._require_held("value")
        self._set(value)

    @value.deleter
    def value(self) -> None:
        self._require_held("value")
        raise AttributeError("the value cannot be deleted: set it to None")

    @property
    def exception(self) -> bool:
        self._require_core()
        ours = (
            self._held_here()
            or self._reads_here()
            or self._is_lent()
            or not lib.boc_cown_busy(self._core)
        )
        if ours and self._failed:
            failure.forget(self)
        return self._failed

    @exception.setter
    def exception(self, flag: bool) -> None:
        self._require_held("exception")
        failed = bool(flag)
        self._failed = failed

    @exception.deleter
    def exception(self) -> None:
        self.exception = False

    @property
    def acquired(self) -> bool:
        """Whether the caller holds the cown."""
        return self._core is not None and (
            self._held_here() or self._reads_here() or self._is_lent()
        )

    @property
    def impl(self) -> CownCapsule:
        """The cown's capsule: see `disown` there."""
        self._require_core()
        capsule = object.__new__(CownCapsule)
        capsule._cown = self
        return capsule

    def _consume(self) -> Any:
        value, failed = self._value, self._failed
        self._clear()
        if failed and isinstance(value, BaseException):
            raise value
        return value

    def unwrap(self, timeout: float | None = None) -> T:
        self._require_core()
        limit = parse_timeout(timeout, "unwrap()")
        pump.require_here(self, "unwrap()")
        if self._held_here():
            return self._consume()  # type: ignore[no-any-return]
        if self._reads_here() or self._is_lent():
            self._require_held("unwrap()")
        if timeout is None and lib.boc_cown_busy(self._core):
            raise RuntimeError(
                "unwrap() while behaviors on this cown are still in flight: call "
                "wait() or quiesce() first, or give unwrap() a timeout"
            )
        acquisition = acquire.acquire_to_take(self, limit)
        try:
            value = self._consume()
            acquisition.finish()
            return value  # type: ignore[no-any-return]
        except BaseException:
            acquisition.finish()
            raise

    def _outcome(self) -> Any:
        value = self._value
        if self._failed:
            failure.forget(self)
        if self._failed and isinstance(value, BaseException):
            raise value
        return value

    def result(self, timeout: float | None = None) -> T:
        self._require_core()
        limit = parse_timeout(timeout, "result()")
        if (
            self._holder == get_ident()
            or self._reads_here()
            or me.lent is self
            or self._task_mode() >= 0
        ):
            return self._outcome()  # type: ignore[no-any-return]
        pump.require_here(self, "result()")
        completions.refuse(acquire.any_here(), "result()")
        completions.refuse_blocking(self, "result()")
        reading = acquire.Reader(self)
        reading.take(limit, "result()")
        try:
            value = self._outcome()
            reading.end()
            return value  # type: ignore[no-any-return]
        except BaseException:
            reading.end()
            raise

    def cancel(self) -> bool:
        self._require_core()
        return timer.cancel(self)

    def add_done_callback(self, function: Callable[[Cown[T]], object], /) -> None:
        self._require_core()
        if not callable(function):
            raise TypeError(
                "add_done_callback() takes a callable, not "
                f"'{type_name(type(function))}'"
            )
        completions.refuse_in_batch("add_done_callback()")
        acquire.Callback(self, function).schedule("add_done_callback()")
        runtime.settle()

    # ---- awaiting --------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, T]:
        self._require_core()
        from .. import _loops

        return _loops.await_cown(self)  # type: ignore[arg-type]

    def __aenter__(self) -> Coroutine[Any, Any, T]:
        self._require_core()
        from .. import _loops

        return _loops.enter_cown(self)  # type: ignore[arg-type]

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> Coroutine[Any, Any, None]:
        self._require_core()
        from .. import _loops

        return _loops.exit_cown(self)  # type: ignore[arg-type]

    # ---- holding ---------------------------------------------------------------------

    def acquire(self, timeout: float | None = None) -> None:
        self._require_core()
        acquire.acquire(self, parse_timeout(timeout, "acquire()"))

    def release(self) -> None:
        self._require_core()
        acquire.release(self)

    def __enter__(self) -> T:
        self._require_core()
        acquire.enter(self)
        try:
            return self.value
        except BaseException:
            acquire.leave(self)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._require_core()
        acquire.leave(self)

    # ---- identity --------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cown) or not self._ref or not other._ref:
            return NotImplemented
        return self._ref == other._ref

    def __lt__(self, other: Cown[Any], /) -> bool:
        if not isinstance(other, Cown) or not self._ref or not other._ref:
            return NotImplemented
        return self._ref < other._ref

    def __le__(self, other: Cown[Any], /) -> bool:
        if not isinstance(other, Cown) or not self._ref or not other._ref:
            return NotImplemented
        return self._ref <= other._ref

    def __gt__(self, other: Cown[Any], /) -> bool:
        if not isinstance(other, Cown) or not self._ref or not other._ref:
            return NotImplemented
        return self._ref > other._ref

    def __ge__(self, other: Cown[Any], /) -> bool:
        if not isinstance(other, Cown) or not self._ref or not other._ref:
            return NotImplemented
        return self._ref >= other._ref

    def __hash__(self) -> int:
        self._require_core()
        return self._ref >> 4

    def __repr__(self) -> str:
        state = "free"
        if self._core is None:
            state = "uninitialized"
        elif self._held_here():
            state = "held here"
        elif self._reads_here():
            state = "read here"
        elif lib.boc_cown_busy(self._core):
            state = "in use"
        return f"<{type(self).__name__} at {self._ref & ~3:#x}, {state}>"

    def __copy__(self) -> Cown[T]:
        return self

    def __deepcopy__(self, memo: Any, /) -> Cown[T]:
        return self

    def __reduce__(self) -> Any:
        self._require_core()
        return codec.reduce_cown(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)


class PinnedCown(Cown[T]):
    __slots__ = ()

    def __init__(self, value: T) -> None:
        if on_worker():
            raise RuntimeError(
                "PinnedCown() on a worker: the value would have no home there; make "
                "it in the main interpreter, and give the cown to the behavior"
            )
        if self._core is not None:
            raise RuntimeError("this cown is initialized already")
        lane = pump.lane()
        self._make()
        self._pinned = True
        lib.boc_cown_pin(self._core, lane)
        self._value = value

    def __del__(self) -> None:
        if self._pinned and not pump.is_here():
            pump.end_here(self._value)


class Reading(Generic[T]):
    """What read() returns: a cown that when() is to share."""

    __slots__ = ("cown",)

    def __new__(cls) -> Reading[T]:
        raise TypeError("cannot create 'bocpy.Reading' instances")

    cown: Cown[T]

    def __repr__(self) -> str:
        return f"read({self.cown!r})"

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)


def read(cown: Cown[T] | Reading[T], /) -> Reading[T]:
    if type(cown) is Reading:
        return cown
    if not isinstance(cown, Cown):
        raise TypeError(
            f"read() takes one Cown, not '{type_name(type(cown))}': of a group, mark "
            "each, as in when([read(c) for c in group])"
        )
    reading: Reading[T] = object.__new__(Reading)
    reading.cown = cown
    return reading


def result() -> Cown[Any]:
    """The cown that will hold what a behavior returns."""
    made: Cown[Any] = Cown.__new__(Cown)
    made._make()
    return made


__all__ = ["FOREVER", "Cown", "CownCapsule", "PinnedCown", "Reading", "read", "runtime"]
