"""Which task of an event loop holds which cowns.

Holding belongs to the task, not to its thread: another task of the loop does not
see the values. A task has one grant at a time, so that no two tasks can wait for each
other.

Threads: each asks for its own tasks.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from . import _core

#: By the identity of the task, which lives as long as it holds something.
_held: dict[int, _core._Grant] = {}


def current() -> Any:
    """The task that runs on this thread, or None."""
    library = library_here()
    if library == "trio":
        return sys.modules["trio"].lowlevel.current_task()
    if library == "asyncio":
        return sys.modules["asyncio"].current_task()
    return None


def library_here() -> str | None:
    """The name of the library whose event loop runs on this thread.

    As sniffio tells, which trio and anyio fill; asyncio is known without it."""
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:
        try:
            name: str = sniffio.current_async_library()
        except sniffio.AsyncLibraryNotFoundError:
            return None
        return name
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return "asyncio"
    return None


def held_here() -> _core._Grant | None:
    """What the task that runs here holds."""
    if not _held:
        return None
    task = current()
    return None if task is None else _held.get(id(task))


def enter(grant: _core._Grant) -> None:
    """The task that runs here holds the cowns from now on."""
    _held[id(current())] = grant
    grant.enter()


def leave(grant: _core._Grant | None) -> None:
    """Gives the cowns back, whichever task does it: a coroutine that is closed runs in
    none."""
    for key, held in list(_held.items()):
        if held is grant:
            del _held[key]
    if grant is not None:
        grant.end()


def holder_of(cown: _core.Cown[Any]) -> _core._Grant | None:
    """The grant by which a task holds the cown."""
    mine = held_here()
    for grant in [mine, *_held.values()]:
        if grant is not None and grant.writes(cown):
            return grant
    return None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_held.clear)
