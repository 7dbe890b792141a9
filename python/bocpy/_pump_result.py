"""PumpResult, in a module of its own: typing is slow to import.

Threads: any.
"""

from __future__ import annotations

from typing import NamedTuple


class PumpResult(NamedTuple):
    """What `pump` did.

    >>> from bocpy import PumpResult
    >>> PumpResult(executed=2, deadline_reached=False, raised=0)
    PumpResult(executed=2, deadline_reached=False, raised=0)
    """

    executed: int
    """How many behaviors ran."""
    deadline_reached: bool
    """Whether the deadline left some that were ready."""
    raised: int
    """How many of those that ran raised an Exception, which their results hold."""
