"""Combinations of flags of the program: `Perm.R | Perm.W` of an `enum.Flag`.

A combination is no member of its class, which keeps it once it is made. The class
itself may refer to it: `~Perm.R` is kept in `Perm.R`, and `Perm.BOTH = Perm.R | Perm.W`
in the class. Then it arrives before its class is complete, and cannot be made by a call
of it.

Threads: any.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COMBINED = "combinations that came first"
_VALUES = "_value2member_map_"  # a class that has it is complete
_INVERTED = "_inverted_"  # a cache of `~`


def is_flag(cls: type) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and issubclass(cls, enum.Flag)


def reduce(combination: Any) -> tuple[Any, ...]:
    state = vars(combination).copy()
    state.pop(_INVERTED, None)
    arguments = type(combination), combination._value_
    return make, arguments, state, None, None, fill


def make(cls: Any, value: int) -> Any:
    if _VALUES in vars(cls):
        return cls(value)
    combined = vars(cls).get(_COMBINED)
    if combined is None:
        combined = {}
        type.__setattr__(cls, _COMBINED, combined)
    if value not in combined:
        whole = issubclass(cls, int)
        made = int.__new__(cls, value) if whole else object.__new__(cls)
        combined[value] = made
    return combined[value]


def fill(combination: Any, state: dict[str, Any]) -> None:
    for name, value in state.items():
        vars(combination).setdefault(name, value)


def complete(cls: Any) -> None:
    """Gives a class, which has got its members, the combinations that came first."""
    combined = vars(cls).get(_COMBINED)
    if combined is None:
        return
    type.__delattr__(cls, _COMBINED)
    for value, combination in combined.items():
        vars(cls)[_VALUES].setdefault(value, combination)
