"""Counts changes of the main interpreter's state that no watched dict reports.

Threads: any of the main interpreter.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

from . import _core

_numbers = itertools.count(1)
_counter = {"changes": 0}


def count_calls(owner: Any, name: str) -> None:
    """Makes each call of a function count as a change, like a change of a watched
    dict."""
    function = getattr(owner, name, None)
    if function is None or getattr(function, "counts_changes", False):
        return

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        changed()
        return result

    call.counts_changes = True  # type: ignore[attr-defined]
    setattr(owner, name, call)


def changed() -> None:
    _core._watch_changes(_counter)
    _counter["changes"] = next(_numbers)
