"""Changes of a context that no finalizer interrupts.

CPython 3.10 and 3.11 run the collector where anything is allocated. `ContextVar.set`,
`ContextVar.reset` and `copy_context` allocate while they read the values of the context
and have no reference to them: a finalizer that sets a variable of this context frees
the values, and the interpreter crashes. Newer versions run the collector between two
instructions only.

Threads: any.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from contextvars import Context, ContextVar, Token, copy_context
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

_INTERRUPTED = sys.version_info < (3, 12) and sys.implementation.name == "cpython"


def set_variable(variable: ContextVar[T], value: T) -> Token[T]:
    """Sets it; returns the token that resets it."""
    if _INTERRUPTED:
        return without_collector(partial(variable.set, value))
    return variable.set(value)


def reset_variable(variable: ContextVar[T], token: Token[T]) -> None:
    """Resets it. Raises ValueError if the token was made in another context."""
    if _INTERRUPTED:
        without_collector(partial(variable.reset, token))
    else:
        variable.reset(token)


def copied_context() -> Context:
    """A copy of the context that runs."""
    return without_collector(copy_context) if _INTERRUPTED else copy_context()


def without_collector(call: Callable[[], T]) -> T:
    """What `call`, which is written in C, returns; the collector is off meanwhile.

    One `map` makes the three calls, so no other thread runs between them: one that
    turns the collector off and on itself finds it as the program wants it.
    """
    if not gc.isenabled():
        return call()
    calls: list[Any] = [partial(gc.disable), call, partial(gc.enable)]
    try:
        result: T = list(map(partial.__call__, calls))[1]
    except BaseException:
        gc.enable()
        raise
    return result
