"""Counts changes of the main interpreter's state that no watched dict reports.

Threads: any of the main interpreter.
"""

from __future__ import annotations

from itertools import count

from .. import _core
from .._wrapping import named_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_numbers = count(1)
_counter = {"changes": 0}


def count_calls(owner: Any, name: str) -> None:
    """Makes each call of a function count as a change, like a change of a watched
    dict."""
    function = getattr(owner, name, None)
    if function is None or getattr(function, "counts_changes", False):
        return

    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        changed()
        return result

    wrapper = named_like(call, function)
    wrapper.counts_changes = True
    setattr(owner, name, wrapper)


def changed() -> None:
    _core._watch_changes(_counter)
    _counter["changes"] = next(_numbers)
