"""Errors about values of tasks that cannot be shipped, in the words of who submitted
the task: BocExecutor ships tasks in batches, `map` items in chunks, and the errors name
places in these.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ._executor_tasks import Call, run_chunk

#: The texts that name places; other errors are the program's own.
_SHIPPING = re.compile(r": cannot ship | is nested too deeply to be shipped")
#: `work[I]` is a call in a batch, `call` the only one; `function` and `chunk` are the
#: arguments of `run_chunk` in a behavior of its own. `result[1][I][1]` is what call I
#: has returned, `result` what the only one has, `value` what a cown is made of.
_CALL = re.compile(
    r"work\[(?P<number>\d+)\](?=\[[012]\])|call(?=\[)|(?=function\b|chunk\b)"
)
_RESULT = re.compile(r"result\[1\]\[(?P<number>\d+)\]\[1\]|result|value")
#: `[1][K]` of a call is an argument, `[2]['NAME']` one by keyword, `[0]` the function.
_PART = re.compile(
    r"\[1\]\[(?P<index>\d+)\]|\[2\]\['(?P<keyword>\w+)'\]|(?P<function>\[0\])"
)
#: Of a chunk, `[1][0]` is the function, and `[1][1][I][K]` an argument of item I.
_PART_OF_CHUNK = re.compile(
    r"(?P<function>\[1\]\[0\]|function)|(?:\[1\]\[1\]|chunk)\[\d+\]\[(?P<index>\d+)\]"
)
_RESULT_OF_CHUNK = re.compile(r"\[\d+\]")


def in_terms_of(error: BaseException, calls: Sequence[Call]) -> Any:
    """`error`, or one that names the argument or the result of the task instead of a
    place in `calls`."""
    text = error.args[0] if type(error) in _KINDS and error.args else None
    if not isinstance(text, str) or not _SHIPPING.search(text):
        return error
    found = _CALL.match(text) or _RESULT.match(text)
    if found is None:
        return error
    call = calls[int(found["number"] or 0)]
    place = text[found.end() :]
    named = result_of if found.re is _RESULT else part_of
    what, rest = named(call, place)
    if what is None:
        return error
    inside = ", in it " if rest.startswith(("[", ".")) else ""
    made = type(error)(f"{what}{inside}{rest}")
    made.__cause__ = error.__cause__
    return made.with_traceback(error.__traceback__)


_KINDS = (TypeError, RecursionError)


def result_of(call: Call, place: str) -> tuple[str, str]:
    """What a place in the result of a call is called, and the rest of the place."""
    function, arguments, _ = call
    if function is run_chunk:
        function = arguments[0]
        item = _RESULT_OF_CHUNK.match(place)
        place = place[item.end() :] if item else place
    return f"the result of {name_of(function)}", place


def part_of(call: Call, place: str) -> tuple[str | None, str]:
    """What a place in a call is called, and the rest of the place."""
    function, arguments, _ = call
    in_chunk = function is run_chunk
    found = (_PART_OF_CHUNK if in_chunk else _PART).match(place)
    if found is None:
        return None, place
    name = name_of(arguments[0] if in_chunk else function)
    parts = found.groupdict()
    if parts["function"]:
        what = f"the function {name}"
    elif parts.get("keyword"):
        what = f"argument {parts['keyword']!r} of {name}"
    else:
        what = f"argument {int(parts['index']) + 1} of {name}"
    return what, place[found.end() :]


def name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or repr(function)
