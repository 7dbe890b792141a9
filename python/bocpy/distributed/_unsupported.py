"""The names of bocpy that a cluster refuses, each with the reason.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

from typing import NoReturn

_BOARD = (
    "the noticeboard belongs to one process; over a cluster, keep what all should see "
    "in a cown and read() it"
)
_MESSAGES = (
    "messages stay in one process; over a cluster, schedule a behavior over the cown of"
    " whoever is to know"
)
_MAIN = "pinned cowns never leave the main interpreter, so no worker can have them"

REASONS = {
    "PinnedCown": _MAIN,
    "pump": _MAIN,
    "noticeboard": _BOARD,
    "notice_read": _BOARD,
    "notice_write": _BOARD,
    "notice_update": _BOARD,
    "notice_delete": _BOARD,
    "notice_seed": _BOARD,
    "send": _MESSAGES,
    "receive": _MESSAGES,
    "drain": _MESSAGES,
    "set_tags": _MESSAGES,
    "start": "the engine starts the workers: make its client or cluster first",
}


def refuse(name: str, where: str = "of a connection") -> NoReturn:
    """Raises RuntimeError with the reason for a name of bocpy that clusters refuse, and
    AttributeError for any other name."""
    if name in REASONS:
        raise RuntimeError(f"there is no {name} {where}: {REASONS[name]}")
    raise AttributeError(f"there is no {name!r} {where}")
