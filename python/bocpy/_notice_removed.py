"""REMOVED, the only part of the noticeboard that is written in Python."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


class Removed:
    """The type of REMOVED."""

    def __repr__(self) -> str:
        return "REMOVED"

    def __reduce__(self) -> str:
        return "REMOVED"


#: The function given to `notice_update` returns this to remove the notice. Each
#: interpreter has one; a pickled one arrives as that of its interpreter.
REMOVED: Final = Removed()
