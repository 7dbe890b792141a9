"""Gives back what a thread still holds by `acquire` when it ends.

Nobody else can: a wait for such a cown would never end. An object in a thread-local
variable dies with its thread, on that thread; on PyPy later, on any thread.

Threads: any of the main interpreter.
"""

from __future__ import annotations

import itertools
import sys
from _thread import _local, get_ident
from warnings import warn

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_here = _local()
_serials = itertools.count(1)
_PROMPT = sys.implementation.name == "cpython"

#: How many cowns a warning names.
_NAMED = 4


class ThreadEnd:
    """Dies at the end of the thread that made it."""

    __slots__ = ("ident", "name", "serial")

    def __init__(self, ident: int, name: str) -> None:
        self.ident = ident
        self.name = name
        self.serial = next(_serials)

    # The defaults are there when the program ends and this module's globals are not.
    def __del__(
        self,
        ident: Any = get_ident,
        release: Any = _core._release_here,
        prompt: bool = _PROMPT,
    ) -> None:
        # Another thread clears the variables of threads that a fork has left behind.
        if prompt and ident() != self.ident:
            return
        cowns = release(self.serial)
        if cowns:
            report(self.name, cowns)


def report(name: str, cowns: list[_core.Cown[Any]]) -> None:
    named = ", ".join(map(repr, cowns[:_NAMED]))
    more = f" and {len(cowns) - _NAMED} more" if len(cowns) > _NAMED else ""
    warn(
        f"acquire(): thread {name!r} has ended while it held {named}{more}: given back "
        "with the values of now; use `with`, or release() before the thread ends",
        RuntimeWarning,
        stacklevel=3,
    )


def name_of(ident: int) -> str:
    """The thread's name. Unlike threading.current_thread(), makes no thread object."""
    threading = sys.modules.get("threading")
    known = getattr(threading, "_active", {}).get(ident)
    return str(ident) if known is None else str(known.name)


def end_here() -> ThreadEnd:
    """From now on, the end of this thread gives back its cowns."""
    ident = get_ident()
    end: ThreadEnd | None = getattr(_here, "end", None)
    if end is None or end.ident != ident:  # in the child of a fork, another
        _here.end = end = ThreadEnd(ident, name_of(ident))
    return end


def watch() -> str:
    """The same; returns the thread's name."""
    return end_here().name
