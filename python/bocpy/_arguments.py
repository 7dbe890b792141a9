"""Completes the keyword arguments with which a behavior's function is called.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

from types import FunctionType

from ._body import CO_VARARGS, CO_VARKEYWORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def complete(
    function: FunctionType, given: int, keywords: dict[str, Any]
) -> dict[str, Any]:
    """All keyword arguments of a call that passes `given` arguments by position.

    Defaults are included, since the function that a worker calls has none. Raises
    TypeError if the arguments do not fit the parameters.
    """
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    only = code.co_varnames[
        code.co_argcount : code.co_argcount + code.co_kwonlyargcount
    ]
    who = f"behavior {function.__qualname__!r}"
    if given > len(names) and not code.co_flags & CO_VARARGS:
        raise TypeError(
            f"{who} takes {len(names)} positional arguments, but there are {given}"
        )
    twice = set(names[:given]) & keywords.keys()
    if twice:
        raise TypeError(f"{who} got several values for argument {min(twice)!r}")
    unknown = keywords.keys() - {*names[code.co_posonlyargcount :], *only}
    if unknown and not code.co_flags & CO_VARKEYWORDS:
        raise TypeError(f"{who} has no parameter {min(unknown)!r}")
    defaults = function.__defaults__ or ()
    available = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    available.update(function.__kwdefaults__ or {})
    passed = dict(keywords)
    for name in (*names[given:], *only):
        if name in passed:
            continue
        if name not in available:
            raise TypeError(f"{who} misses an argument for {name!r}")
        if name in names[: code.co_posonlyargcount]:
            raise TypeError(
                f"{who} has a positional-only parameter {name!r} after the cowns: "
                "with keywords it cannot be passed"
            )
        passed[name] = available[name]
    return passed
