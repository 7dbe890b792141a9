"""WaitResult, in a module of its own: typing is slow to import.

Threads: any.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Stats = list[dict[str, int]]

Notices = dict[str, Any]


class WaitResult(NamedTuple):
    """What `wait` and `quiesce` return if they are asked for more than one thing.

    stats: a dict of counters for each worker. noticeboard: the notices as they were.

    >>> from bocpy import notice_seed, wait
    >>> notice_seed("limit", 10)
    >>> wait(stats=True, noticeboard=True).noticeboard
    {'limit': 10}
    """

    stats: Stats
    noticeboard: Notices
