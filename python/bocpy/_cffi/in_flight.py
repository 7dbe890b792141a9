"""Which behaviors run or wait, by name, for the errors of waits whose time is over.

Threads: any. `running` has the code of the body that each thread runs, by its identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import enumerate as threads
from threading import main_thread
from typing import TYPE_CHECKING, Any

from . import timer

if TYPE_CHECKING:
    from .arguments import Code
    from .cown import Cown

#: How many behaviors a text names.
NAMED_MAX = 4

running: dict[int, Code] = {}
#: The names of the threads that hold cowns; set by the module acquire.
holders: Callable[[], list[str]] = list


def described(code: Code) -> str:
    return f"'{code.qualname}' ({code.file}:{code.line})"


def place(ident: int) -> str:
    if ident == main_thread().ident:
        return "the main thread"
    names = [thread.name for thread in threads() if thread.ident == ident]
    return names[0] if names else "a worker"


def joined(parts: Sequence[str]) -> str:
    return ": " + "; ".join(parts) if parts else ""


def holder(cown: Cown[Any]) -> tuple[Code | None, str | None]:
    ident = cown._holder
    if ident is None:
        return None, None
    code = running.get(ident) if isinstance(ident, int) else None
    if code is None or not isinstance(ident, int):
        acquired = cown._acquired
        if acquired is not None and acquired.name:
            return None, f"thread {acquired.name!r} has it by acquire()"
        return None, "a thread or task has it by acquire() or hold()"
    return code, f"{described(code)} has it, on {place(ident)}"


def ahead(cowns: Sequence[Cown[Any]], before: Sequence[Code | None]) -> str:
    """The behaviors for which a wait for `cowns` waits; `before` has the `_scheduled`
    of each."""
    parts: list[str] = []
    held = False
    for cown, last in zip(cowns, before, strict=True):
        code, text = holder(cown)
        if text is not None:
            parts.append(text)
            held = True
        if last is not None and last is not code:
            parts.append(f"{described(last)} was scheduled last before this call")
    parts = list(dict.fromkeys(parts))[:NAMED_MAX]
    if not parts:
        return now()
    return joined(parts if held else [*parts, *timers()])


def now() -> str:
    """The behaviors that run, and those that wait for their time."""
    items = list(running.items())
    parts = [
        f"{described(code)} runs on {place(ident)}" for ident, code in items[:NAMED_MAX]
    ]
    if len(items) > NAMED_MAX:
        parts.append(f"{len(items) - NAMED_MAX} more run")
    for name in holders():
        parts.append(f"thread {name!r} holds a cown by acquire()")
    return joined([*parts, *timers()])


def timers() -> list[str]:
    """The pending timers that are due first."""
    soonest = timer.soonest()
    parts = [
        f"{described(code)} is due in {int(left * 10) / 10} s, by after() or at()"
        for code, left in soonest[:NAMED_MAX]
    ]
    if len(soonest) > NAMED_MAX:
        parts.append(f"{len(soonest) - NAMED_MAX} more timers are pending")
    return parts
