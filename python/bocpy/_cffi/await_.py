"""Names that await needs, and that refuse: only the extension in C tells event loops.

Threads: any.
"""

from __future__ import annotations

from typing import Any, NoReturn

REFUSED = (
    "awaiting cowns (bocpy.aio, `await cown`) needs bocpy's extension: on this core, "
    "by cffi, use result() in a thread (asyncio.to_thread(cown.result)), or "
    "add_done_callback()"
)


class Bridge:
    """What an event loop would listen to; refuses."""

    def __new__(cls, *arguments: Any, **keywords: Any) -> NoReturn:
        raise RuntimeError(REFUSED)


class Grant(Bridge):
    """Cowns that a task would hold; refuses."""


class Watch(Bridge):
    """What a task would wait for; refuses."""
