"""What every part of the package needs: the module in C, statuses, time.

Threads: any.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

from ._error_base import Error
from ._libboc import ffi, lib
from ._status_errors import EXCEPTIONS

if TYPE_CHECKING:
    from ._libboc import CData

NULL = ffi.NULL

#: The types that this package names in calls of cffi. Importing it parses each, since
#: two threads of PyPy that parse a type at the same time may get each other's.
C_TYPES = (
    "boc_behavior **",
    "boc_lane **",
    "boc_mailbox **",
    "boc_mailbox_waiter *",
    "boc_notice_key *",
    "boc_noticeboard **",
    "boc_quiesce_node *",
    "boc_receive_token *",
    "boc_runtime **",
    "boc_scope **",
    "boc_tag *",
    "boc_tag[]",
    "boc_trace_kind",
    "boc_worker_stats",
    "boc_worker_stats[]",
    "bool *",
    "char[]",
    "int *",
    "size_t *",
    "uintptr_t",
    "void *",
    "void **",
)
for _type in C_TYPES:
    ffi.typeof(_type)
for _struct in ("mailbox_options", "noticeboard_options", "runtime_options"):
    ffi.typeof(f"boc_{_struct}")
    ffi.typeof(f"boc_{_struct} *")

_BY_STATUS = {
    getattr(lib, name): kind for name, kind in EXCEPTIONS.items() if hasattr(lib, name)
}

#: The objects that the library knows by an opaque pointer: the pointer's value, and the
#: object.
objects: dict[int, Any] = {}

# A key is the address of a list that holds the object: unique for as long as it is in
# the table, which keeps it. The same object may be in the table several times.


def put(value: object, *kept: object) -> CData:
    """Returns a pointer that stands for `value` until `take` removes it from the table,
    which keeps the other objects alive as long."""
    box = [value, *kept]
    key = id(box)
    pointer = ffi.cast("void *", key)
    objects[key] = box  # last: an interrupt may be raised after each call
    return pointer


def get(pointer: CData) -> Any:
    return objects[int(ffi.cast("uintptr_t", pointer))][0]


def take(pointer: CData) -> Any:
    return objects.pop(int(ffi.cast("uintptr_t", pointer)))[0]


def error(status: int, what: str = "") -> Error:
    """The exception of a status that is not BOC_OK."""
    text = ffi.string(lib.boc_status_text(status)).decode()
    kind = _BY_STATUS.get(status, Error)
    return kind(f"{what}: {text}" if what else text)


def check(status: int, what: str = "") -> None:
    if status:
        raise error(status, what)


def options(struct: str) -> CData:
    """A new struct of options, such as "runtime_options", with its defaults."""
    made = ffi.new(f"boc_{struct} *")
    if any(name == "size" for name, _ in ffi.typeof(f"boc_{struct}").fields):
        made.size = ffi.sizeof(f"boc_{struct}")
    initialize = getattr(lib, f"init_{struct}", None)
    if initialize is not None:
        initialize(made)
    return made


def nanoseconds(seconds: float | None, name: str = "timeout") -> int:
    """A timeout as the library takes it; None never expires."""
    if seconds is None:
        return lib.BOC_FOREVER
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(
            f"{name} must be a number of seconds or None, not "
            f"{type(seconds).__name__!r}"
        )
    if math.isnan(seconds):
        raise ValueError(f"{name} must be a number of seconds, not NaN")
    # Longer than 200 years is for ever.
    return max(0, int(seconds * 1e9)) if seconds < 6e9 else lib.BOC_FOREVER


def on_main_thread() -> bool:
    """Whether signal handlers run on this thread: then it must not wait in C."""
    return threading.current_thread() is threading.main_thread()


#: The most seconds by which a wait delays the handler of a signal.
SLICE = 0.05


def acquire(lock: threading.Lock, seconds: float | None) -> bool:
    """Waits for a lock that a callback releases, so that a signal ends the wait.

    The system may deliver a signal to any thread. That does not wake the main thread,
    which runs the handler, so the main thread checks every now and then.
    """
    left = threading.TIMEOUT_MAX if seconds is None else max(seconds, 0)
    if not on_main_thread():
        return lock.acquire(timeout=min(left, threading.TIMEOUT_MAX))
    while left > SLICE:
        if lock.acquire(timeout=SLICE):
            return True
        left -= SLICE
    return lock.acquire(timeout=left)


def version() -> str:
    """The version of the C library that runs.

    >>> import libboc
    >>> libboc.version() == libboc.__version__
    True
    """
    return ffi.string(lib.boc_version()).decode()


def now() -> int:
    """The library's monotonic clock, in nanoseconds from an arbitrary origin.

    >>> import libboc
    >>> libboc.now() <= libboc.now()
    True
    """
    return lib.boc_now()


def core_count() -> int:
    """The number of physical cores that this process may use, at least 1.

    >>> import libboc
    >>> libboc.core_count() >= 1
    True
    """
    return lib.boc_core_count()
