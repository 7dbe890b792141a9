"""Errors about values of tasks that cannot be shipped, in the words of who submitted
the task: BocExecutor ships tasks in batches, and the errors name places in these.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

#: `work[I][1][K]` is an argument, `work[I][2]['NAME']` one by keyword, `work[I][0]` the
#: function; `result[1][I][1]` is what task I returned or raised.
_PLACE = re.compile(
    r"work\[(?P<task>\d+)\]"
    r"(?:\[1\]\[(?P<index>\d+)\]|\[2\]\['(?P<keyword>\w+)'\]|(?P<function>\[0\]))"
    r"|result\[1\]\[(?P<done>\d+)\]\[1\]"
)


def in_terms_of(error: BaseException, calls: Sequence[tuple[Any, ...]]) -> Any:
    """`error`, or one that names the argument or the result of the task instead of a
    place in `calls`, whose elements begin with the functions."""
    text = error.args[0] if type(error) is TypeError and error.args else None
    found = _PLACE.match(text) if isinstance(text, str) else None
    if found is None:
        return error
    function = calls[int(found["task"] or found["done"] or 0)][0]
    name = getattr(function, "__name__", None) or repr(function)
    if found["done"]:
        what = f"the result of {name}"
    elif found["function"]:
        what = f"the function {name}"
    elif found["keyword"]:
        what = f"argument {found['keyword']!r} of {name}"
    else:
        what = f"argument {int(found['index']) + 1} of {name}"
    rest = str(text)[found.end() :]
    inside = "" if rest.startswith(":") else ", in it "
    named = TypeError(f"{what}{inside}{rest}")
    named.__cause__ = error.__cause__
    return named.with_traceback(error.__traceback__)
