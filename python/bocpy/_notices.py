"""REMOVED, the one part of the noticeboard that is written in Python.

Threads: any, of any interpreter.
"""

from __future__ import annotations

from typing import Final, final


@final
class Removed:
    """The type of REMOVED."""

    def __repr__(self) -> str:
        return "REMOVED"

    def __reduce__(self) -> str:
        return "REMOVED"


#: What the function given to `notice_update` returns to take the notice off the board.
#: There is one in each interpreter, and it is that one wherever it travels.
REMOVED: Final = Removed()
