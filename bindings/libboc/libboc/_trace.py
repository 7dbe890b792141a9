"""What each worker did, and when.

Threads: any; the runtime is quiescent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ._base import check, put, take
from ._base import get as get_object
from ._libboc import ffi, lib

if TYPE_CHECKING:
    from ._libboc import CData


class TraceEvent(NamedTuple):
    """Something that happened.

    time: of `now()`, in nanoseconds.
    kind: "scheduled", "ready", "started", "finished", "parked" and so on.
    worker: its index, or None for a thread that is no worker.
    behavior, cown: addresses, or 0.
    name: of the behavior's type; None if it has none.

    >>> from libboc import Runtime
    >>> with Runtime(1, trace_events=100) as runtime:
    ...     _ = runtime.when()(lambda: None)
    ...     kinds = [event.kind for event in runtime.trace()]
    >>> "started" in kinds and "finished" in kinds
    True
    """

    time: int
    kind: str
    worker: int | None
    behavior: int
    cown: int
    name: str | None


_KINDS = {
    number: name.removeprefix("BOC_TRACE_").lower()
    for name, number in ffi.typeof("boc_trace_kind").relements.items()
}


@ffi.def_extern()
def py_trace_read_see(ctx: CData, event: CData) -> None:
    name = ffi.string(event.name).decode("utf-8", "replace") if event.name else None
    get_object(ctx).append(
        TraceEvent(
            event.time,
            _KINDS.get(int(event.kind), str(event.kind)),
            None if event.worker < 0 else event.worker,
            event.behavior,
            event.cown,
            name,
        )
    )


@ffi.def_extern()
def py_trace_write_write(ctx: CData, text: CData, size: int) -> None:
    get_object(ctx).append(bytes(ffi.buffer(text, size)))


def read_events(core: CData) -> list[TraceEvent]:
    found: list[TraceEvent] = []
    collect(lib.boc_trace_read, core, lib.py_trace_read_see, found)
    return found


def read_json(core: CData) -> str:
    found: list[bytes] = []
    collect(lib.boc_trace_write, core, lib.py_trace_write_write, found)
    return b"".join(found).decode()


def collect(function: Any, core: CData, callback: CData, found: list[Any]) -> None:
    """Makes the library pass all events to `callback`, which appends them to
    `found`."""
    pointer = put(found)
    try:
        check(function(core, callback, pointer), "trace(): Runtime(trace_events=...)")
    finally:
        take(pointer)
