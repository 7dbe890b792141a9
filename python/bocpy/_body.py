"""What may be the body of a behavior, and with which arguments it is called.

A behavior calls `function(*extra, *cowns, *captures, **keywords)`. `normalize` turns
any callable into such a function and its extra arguments; `check_body` refuses what
cannot be a body and describes the rest, once per code object. Which globals it sees as
they are when it is scheduled: `_snapshotted_globals.py`.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import functools
import sys
from types import CodeType, FunctionType, MethodType

from . import _core
from ._code.names import assigned_free_names
from ._late_imports import is_begun_here, late_import
from ._snapshotted_globals import Names, names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NamedTuple
else:
    from ._named_tuple import NamedTuple

_LOGGING = "bocpy._main_interpreter.logging"

# The values of the code flags, as the inspect module names them: inspect is slow to
# import.
CO_VARARGS = 0x04
CO_VARKEYWORDS = 0x08
CO_GENERATOR = 0x20
CO_COROUTINE = 0x80
CO_ITERABLE_COROUTINE = 0x100
CO_ASYNC_GENERATOR = 0x200

_REFUSED = (
    (
        CO_COROUTINE | CO_ITERABLE_COROUTINE,
        "is a coroutine function: write `def`, and await the result cown instead",
    ),
    (
        CO_ASYNC_GENERATOR,
        "is an asynchronous generator: write `def`, and return a list or fill a cown",
    ),
    (
        CO_GENERATOR,
        "is a generator function: return a list, or schedule a behavior per step",
    ),
)


class Body(NamedTuple):
    """The parameters of a body, as its code object has them."""

    positional: int
    """How many positional parameters there are, positional-only ones included."""
    defaults: int
    """How many of the last of them have a default."""
    keyword_only: tuple[str, ...]
    """The names of the keyword-only parameters."""
    varargs: bool
    """Whether there is `*args`."""
    varkeywords: bool
    """Whether there is `**kwargs`."""
    free: tuple[str, ...]
    """The variables of enclosing functions, in the order of `__closure__`."""
    names: Names | None
    """Its globals; None: nothing is to be kept of them."""


def check_body(function: FunctionType) -> Body:
    """Describes `function`, or raises `SyntaxError` if it cannot be a body."""
    if "logging" in sys.modules and not is_begun_here(_LOGGING):
        late_import(_LOGGING).name_behaviors()
    code = function.__code__
    for flags, advice in _REFUSED:
        if code.co_flags & flags:
            raise refusal(code, code.co_firstlineno, advice)
    for name, line in assigned_free_names(code).items():
        raise refusal(
            code,
            line,
            f"assigns {name!r} of an enclosing function: a behavior sees a snapshot of "
            "the variables that it closes over, so keep what it changes in a cown, or "
            "return it",
        )
    return Body(
        positional=code.co_argcount,
        defaults=len(function.__defaults__ or ()),
        keyword_only=code.co_varnames[
            code.co_argcount : code.co_argcount + code.co_kwonlyargcount
        ],
        varargs=bool(code.co_flags & CO_VARARGS),
        varkeywords=bool(code.co_flags & CO_VARKEYWORDS),
        free=code.co_freevars,
        names=names_of(function),
    )


def refusal(code: CodeType, line: int, advice: str) -> SyntaxError:
    """The SyntaxError for a callable that cannot be a body; it points at the source
    line."""
    message = f"behavior {code.co_name!r} {advice}"
    return SyntaxError(message, (code.co_filename, line, None, None))


def normalize(
    target: Callable[..., Any], given: int | None = None, keywords: Any = ()
) -> tuple[FunctionType, tuple[Any, ...], dict[str, Any]]:
    """A Python function and what to pass before the cowns and by keyword.

    Bound methods pass their receiver, partials their arguments, objects with a Python
    `__call__` themselves. Other callables (classes, builtins) become the argument of a
    function that calls them. Raises TypeError for objects that are not callable, and
    for those others that do not take `given` further arguments.
    """
    if isinstance(target, FunctionType) and isinstance(target.__code__, CodeType):
        return target, (), {}
    if isinstance(target, MethodType):
        own = None if given is None else given + 1
        function, extra, passed = normalize(target.__func__, own, keywords)
        return function, (*extra, target.__self__), passed
    if isinstance(target, functools.partial) and is_plain(target):
        own = None if given is None else given + len(target.args)
        named = {*keywords, *target.keywords}
        function, extra, passed = normalize(target.func, own, named)
        return function, (*extra, *target.args), {**passed, **target.keywords}
    if not callable(target):
        raise TypeError(f"a behavior is a callable, not {type(target).__name__!r}")
    call = getattr(type(target), "__call__", None)  # noqa: B004
    if isinstance(call, FunctionType) and isinstance(call.__code__, CodeType):
        return call, (target,), {}
    if given is not None:
        late_import("bocpy._builtin_bodies").require_fit(target, given, keywords)
    return call_target, (target,), {}


def is_plain(partial: functools.partial[Any]) -> bool:
    """Whether `value` is a plain functools.partial: of no subclass, with no
    placeholders."""
    if type(partial) is not functools.partial:
        return False
    placeholder = getattr(functools, "Placeholder", None)
    return placeholder is None or all(a is not placeholder for a in partial.args)


def _call_target(target: Callable[..., Any], /, *args: Any, **keywords: Any) -> Any:
    try:
        return target(*args, **keywords)
    except TypeError as error:
        advise(error, target, args)
        raise


def advise(error: TypeError, target: Any, args: tuple[Any, ...]) -> None:
    """Notes that a builtin that has raised was given Cowns, not their values."""
    trace = error.__traceback__
    add_note = getattr(error, "add_note", None)  # Python 3.11 and newer have it
    if add_note is None or (trace is not None and trace.tb_next is not None):
        return
    if any(isinstance(arg, _core.Cown) for arg in args):
        name = getattr(target, "__name__", None) or repr(target)
        add_note(
            f"a behavior passes Cowns, not their values: write `lambda c: {name}"
            "(c.value)`"
        )


call_target: FunctionType = _call_target  # type: ignore[assignment]
