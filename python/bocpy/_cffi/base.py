"""What every part of the core needs.

Threads: any.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from .._durations import check_duration
from .._failure.report_unread import write_unraisable
from .._libboc import ffi, lib

if TYPE_CHECKING:
    from types import TracebackType

    from .behavior import Batch
    from .cown import Cown
    from .notices import View
    from .pump import Pumping
    from .scope import Scope

T = TypeVar("T")

NULL = ffi.NULL

#: The types that this package names in calls of cffi. Importing it parses each, since
#: two threads of PyPy that parse a type at the same time may get each other's.
C_TYPES = (
    "boc_behavior **",
    "boc_behavior *[]",
    "boc_lane **",
    "boc_mailbox **",
    "boc_mailbox_waiter *",
    "boc_notice_key *",
    "boc_noticeboard **",
    "boc_quiesce_node *",
    "boc_runtime **",
    "boc_scope **",
    "boc_tag[]",
    "boc_timer **",
    "boc_worker_hooks *",
    "boc_worker_stats",
    "boc_worker_stats[]",
    "bool *",
    "char[]",
    "glue_grant *",
    "size_t *",
    "uintptr_t",
    "void *",
    "void **",
)
for _type in C_TYPES:
    ffi.typeof(_type)

WRITE: int = lib.BOC_WRITE
READ: int = lib.BOC_READ
FRESH: int = lib.BOC_FRESH
FOREVER: int = lib.BOC_FOREVER


class Self(threading.local):
    """The state of each thread."""

    #: The number of bodies on the stack.
    bodies = 0
    #: The name of the innermost of them.
    name: str | None = None
    #: The snapshot of the noticeboard that the running body sees.
    view: View | None = None
    #: Whether the thread runs behaviors of the lane.
    pumping: Pumping | None = None
    #: The modules that this thread is importing: their top-level code may be running.
    importing = 0
    #: The cown whose callback runs.
    lent: Cown[Any] | None = None
    #: The cowns in the pickle that the thread makes.
    pickled: list[Cown[Any]] | None = None
    #: The scope of the body.
    scope: Scope | None = None
    #: The behaviors that atomically() has collected.
    batch: Batch | None = None
    #: Whether the thread has the runtime's lock.
    changing = False
    #: Whether the thread is between the hooks of a fork, and so has the runtime's lock.
    forking = False
    #: Whether the thread was a worker before a body forked this child.
    left_behind = False
    #: Waits for a cown on the stack: signals are handled in them.
    waits_for_cowns = 0
    #: Waits for the runtime on the stack, likewise.
    runtime_uses = 0
    #: What a handler of a signal raised in a callback of the library.
    kept: BaseException | None = None


me = Self()


def on_worker() -> bool:
    return not me.left_behind and bool(lib.boc_runtime_current())


def behavior_name() -> str | None:
    return me.name


def in_body() -> bool:
    return me.bodies > 0


#: Reasons for which no other worker took a waiting one's place, and that were told.
_alone: set[str] = set()


def alone_reason(status: int) -> str:
    if status == lib.BOC_FULL:
        return (
            "all workers that bocpy may add are in use; let fewer bodies wait at a time"
        )
    if status == lib.BOC_NO_THREAD:
        return (
            "the system refused a thread; raise the limit of threads (ulimit -u, a "
            "container's pids) or of memory"
        )
    return "the system refused memory for a thread"


def block_begin() -> None:
    """In a body that is about to block. Warns, once for each reason, if no other worker
    takes this one's place."""
    reason = alone_reason(status) if (status := lib.boc_worker_block_begin()) else None
    if reason is None or reason in _alone:
        return
    _alone.add(reason)
    lib.boc_worker_block_end()  # a program's showwarning may schedule
    try:
        warnings.warn(
            "bocpy: a body waits (receive, a future's result), and no worker could "
            f"take its worker's place: {reason}. Bodies that wait so keep their "
            "workers busy; if all workers wait, no behavior runs",
            RuntimeWarning,
            stacklevel=2,
        )
    finally:
        lib.boc_worker_block_begin()


def blocked(function: Callable[[], T]) -> T:
    """Calls a function that blocks. In a body, another worker runs behaviors
    meanwhile."""
    if not me.bodies or not on_worker():
        return function()
    block_begin()
    try:
        return function()
    finally:
        lib.boc_worker_block_end()


def pass_callbacks_on() -> None:
    """Here each worker calls callbacks of its own, and leaves none to another."""


def importing(change: int) -> int:
    me.importing += change
    return me.importing


def callback(function: Callable[..., None]) -> Callable[..., None]:
    """Registers what the library calls. If a handler of a signal raises in it, the
    function is called again: it must then do what is left. `raise_kept` raises the
    exception after the call into the library, from which nothing can be raised."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]

    def again(kind: type, error: BaseException, trace: TracebackType) -> None:
        given = trace.tb_frame.f_locals
        if threading.get_ident() == threading.main_thread().ident:
            me.kept = error
        else:
            write_unraisable(error, function)
        function(*[given[name] for name in names])

    register = ffi.def_extern(name=function.__name__, onerror=again)
    return register(function)


def keep(kind: type, error: BaseException, trace: TracebackType) -> None:
    """For a callback that returns a default after an exception."""
    me.kept = error


def raise_kept() -> None:
    kept, me.kept = me.kept, None
    if kept is not None:
        raise kept


#: Objects that the library knows as opaque pointers, by the address of the list that
#: holds each object: the address is unique while the object is here.
objects: dict[int, list[Any]] = {}


def put(value: object, *kept: object) -> Any:
    """A pointer that stands for `value` until it is taken out; it keeps the rest."""
    box = [value, *kept]
    key = id(box)
    pointer = ffi.cast("void *", key)
    objects[key] = box  # last: no call, after which an interrupt may be raised, follows
    return pointer


def get(pointer: Any) -> Any:
    return objects[int(ffi.cast("uintptr_t", pointer))][0]


def take(pointer: Any) -> Any:
    return objects.pop(int(ffi.cast("uintptr_t", pointer)))[0]


def discard(pointer: Any) -> None:
    objects.pop(int(ffi.cast("uintptr_t", pointer)), None)


_forks = 0


def forks() -> int:
    """How many forks lie between this process and the first one. Objects from before a
    fork are of no use."""
    return _forks


def count_fork() -> None:
    global _forks
    _forks += 1


def options(struct: str) -> Any:
    """A struct of options with its defaults."""
    made = ffi.new(f"boc_{struct} *")
    getattr(lib, f"init_{struct}")(made)
    return made


def fail(status: int, what: str) -> NoReturn:
    """Raises the exception for a status that is not BOC_OK."""
    if status == lib.BOC_NO_MEMORY:
        raise MemoryError
    text = f"{what}: {ffi.string(lib.boc_status_text(status)).decode()}"
    if status == lib.BOC_BAD_ARGUMENT:
        raise ValueError(text)
    if status == lib.BOC_TIMEOUT:
        raise TimeoutError(text)
    raise RuntimeError(text)


def type_name(kind: type) -> str:
    """A type's name as the interpreter writes it in errors."""
    return f"bocpy.{kind.__name__}" if kind.__module__ == "bocpy" else kind.__name__


def parse_timeout(seconds: float | None, what: str) -> int:
    """The timeout of the call `what` in nanoseconds; None never expires."""
    if seconds is None:
        return FOREVER
    kind = type(seconds)
    if not hasattr(kind, "__float__") and not hasattr(kind, "__index__"):
        raise TypeError(
            f"{what}: timeout must be a number of seconds or None, not "
            f"'{type_name(kind)}'"
        )
    try:
        number = float(seconds)
    except OverflowError:
        return 0 if seconds < 0 else FOREVER
    if math.isnan(number):
        raise ValueError(f"{what}: timeout must be a number of seconds, not NaN")
    check_duration(number, f"{what}: timeout")
    nanoseconds = number * 1e9
    if nanoseconds <= 0:
        return 0
    return FOREVER if nanoseconds >= 9e18 else int(nanoseconds)


def deadline_of(timeout: int) -> int | None:
    return None if timeout < 0 else int(lib.boc_now()) + timeout


def passed(deadline: int | None) -> bool:
    return deadline is not None and lib.boc_now() >= deadline


def left(deadline: int | None) -> int:
    return FOREVER if deadline is None else max(0, deadline - int(lib.boc_now()))


def seconds_of(timeout: int) -> float:
    """A timeout as a lock of `threading` takes it."""
    return -1 if timeout < 0 else min(timeout / 1e9, threading.TIMEOUT_MAX)
