"""Lanes: ready behaviors that a thread of the program's own runs.

Threads: any makes one; one thread at a time pumps.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

from ._base import NULL, check, error, nanoseconds, on_main_thread
from ._libboc import ffi, lib
from ._status_errors import Closed

if TYPE_CHECKING:
    from ._libboc import CData
    from ._runtime import Runtime

#: The most nanoseconds by which a wait delays the handler of a signal: see `acquire`.
_SLICE = 50_000_000

#: The exception that interrupted a body, by the thread that pumped it.
interrupts: dict[int, BaseException] = {}


def raise_interrupt() -> None:
    """Raises the exception that interrupted a body which this thread has just run."""
    interrupt = interrupts.pop(get_ident(), None)
    if interrupt is not None:
        raise interrupt


def callback(function: Callable[..., None]) -> Callable[..., None]:
    """Registers what the library calls. If a handler of a signal raises in it, the
    function is called again, and then must do what is left; `raise_interrupt` raises
    the exception after the call into the library."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]

    def again(kind: type, failure: BaseException, trace: TracebackType) -> None:
        given = trace.tb_frame.f_locals
        if not on_main_thread():
            raise failure
        interrupts[get_ident()] = failure
        function(*[given[name] for name in names])

    register = ffi.def_extern(name=function.__name__, onerror=again)
    return register(function)


class Lane:
    """A queue of ready behaviors that run where it is pumped: on a main thread, in an
    event loop.

    >>> from libboc import Cown, Lane, Runtime
    >>> with Lane() as lane, Runtime() as runtime:
    ...     window = Cown("title")
    ...     window.pin(lane)
    ...     @runtime.when(window)
    ...     def paint(window):
    ...         print(window.value)
    ...     lane.wait()
    ...     lane.pump()
    True
    title
    1

    Cowns keep the lanes that they are pinned to. A lane is freed once nobody has it,
    and the runtimes that filled it have been quiescent since.
    """

    __slots__ = ("__weakref__", "_core", "_runtimes")

    #: Whether any cown has been pinned: only then are lanes looked for.
    used: ClassVar[bool] = False

    def __init__(self) -> None:
        out = ffi.new("boc_lane **")
        check(lib.boc_lane_new(NULL, out), "Lane()")
        self._core: CData | None = out[0]
        #: Those in which its cowns have been scheduled.
        self._runtimes: dict[int, Runtime] = {}

    def _open(self) -> CData:
        if self._core is None:
            raise Closed("this lane is closed")
        return self._core

    def pump(self, timeout: float | None = None, most: int | None = None) -> int:
        """Runs the behaviors in the lane, and those that come meanwhile; returns how
        many.

        Ends when the lane is empty, `most` behaviors have run, or `timeout` seconds
        have passed. BadState on a worker, and if the lane is being pumped already.
        What a body raises that is no Exception (KeyboardInterrupt, say) is raised here,
        after the others have run.
        """
        if most is not None and (type(most) is not int or most < 0):
            raise ValueError(f"most must be a count or None, not {most!r}")
        ran = ffi.new("size_t *")
        count = sys.maxsize if most is None else most
        status = lib.boc_lane_pump(self._open(), nanoseconds(timeout), count, ran)
        raise_interrupt()
        if status and status != lib.BOC_TIMEOUT:
            raise error(status, "pump()")
        return int(ran[0])

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until there is something to pump; False if that took too long."""
        core, left = self._open(), nanoseconds(timeout)
        if not on_main_thread():
            return self._waited(lib.boc_lane_wait(core, left))
        descriptor = ffi.new("int *")
        watched = []
        if lib.boc_lane_descriptor(core, descriptor) == lib.BOC_OK:
            watched.append(descriptor[0])
        deadline = None if left < 0 else lib.boc_now() + left
        while True:
            # The descriptor may still be readable when the lane is empty again.
            if self._waited(lib.boc_lane_wait(core, 0)):
                return True
            rest = None if deadline is None else max(0, deadline - lib.boc_now())
            if rest == 0:
                return False
            slice_ = _SLICE if rest is None else min(rest, _SLICE)
            if watched:
                select.select(watched, [], [], slice_ / 1e9)
            else:
                lib.boc_lane_wait(core, slice_)

    @staticmethod
    def _waited(status: int) -> bool:
        if status and status != lib.BOC_TIMEOUT:
            raise error(status, "Lane.wait()")
        return status == lib.BOC_OK

    def fileno(self) -> int:
        """A descriptor for `select` and the like, readable while the lane is not empty;
        the lane's own. NotFound where the system has none."""
        descriptor = ffi.new("int *")
        check(lib.boc_lane_descriptor(self._open(), descriptor), "fileno()")
        return int(descriptor[0])

    def __len__(self) -> int:
        return int(lib.boc_lane_length(self._open()))

    def __bool__(self) -> bool:
        return True

    @property
    def core(self) -> CData:
        """The `boc_lane *`, for calls of `libboc.lib`."""
        return self._open()

    def close(self, timeout: float | None = None) -> None:
        """Runs the behaviors that are left until the runtimes that filled the lane are
        quiescent, then frees it. Timeout after that many seconds; the lane then stays
        open."""
        if self._core is None:
            return
        for runtime in list(self._runtimes.values()):
            runtime._drain(timeout)
        core, self._core = self._core, None
        if core is not None:
            lib.boc_lane_free(core)

    def __enter__(self) -> Lane:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is None:
            return
        self._core = None
        runtimes = [each for each in self._runtimes.values() if not each.closed]
        if not runtimes:
            lib.boc_lane_free(core)
            return
        # A worker that has just filled it may still use it.
        forgotten = Forgotten(core, runtimes)
        for runtime in runtimes:
            runtime._forgotten.append(forgotten)


class Forgotten:
    """A lane that is freed once each of its runtimes has been quiescent."""

    def __init__(self, core: CData, runtimes: list[Runtime]) -> None:
        self.core: CData | None = core
        self.runtimes = {id(runtime) for runtime in runtimes}

    def quiescent(self, runtime: Runtime) -> None:
        self.runtimes.discard(id(runtime))
        if not self.runtimes and self.core is not None:
            core, self.core = self.core, None
            lib.boc_lane_free(core)
