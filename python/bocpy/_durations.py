"""Which numbers of seconds cannot be meant as durations.

csrc/base/waiting.c has the same rule for the extension.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import time

#: Seconds: 31 years. Moments of time.time() are above it.
_CHECKED = 1e9
_YEAR = 31556952.0
#: No clock shows more, and a float holds it.
_MOST = 1e12


def check_duration(seconds: float, what: str) -> None:
    """Refuses a moment of time.time(), which would be half a century as a duration."""
    if _CHECKED <= seconds <= _MOST and abs(seconds - time.time()) <= _YEAR:
        raise ValueError(
            f"{what} is a number of seconds from now, and looks like a moment of "
            "time.time(): pass moment - time.time()"
        )
