"""Context variables in bodies.

With backend `threads` a body runs in a copy of the context that it was scheduled in.
With `interpreters` each behavior carries the values of the variables that `propagate`
has registered, and its worker sets them; so does each behavior that a body schedules.

Threads: any.
"""

from __future__ import annotations

import sys
from contextvars import Context, ContextVar

from . import _core
from ._late_imports import LateModule
from ._ship.definition_log import CONTEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from collections.abc import Callable
    from typing import Any, TypeAlias
else:
    typing = LateModule("typing")

Variable: TypeAlias = "ContextVar[Any] | Callable[[], Any]"

_variables: dict[int, Variable] = {}
_MISSING = object()

SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})


def propagate(
    *variables: ContextVar[typing.Any] | typing.Callable[[], typing.Any],
) -> None:
    """Makes the values of context variables visible to the behaviors scheduled under
    them.

    variables: ContextVars, or `decimal.getcontext`, which stands for the context of
        arithmetic with decimals.

    With backend `threads` behaviors see all variables anyway, since each runs in a copy
    of the context that it was scheduled in. With `interpreters` each behavior carries
    the values of registered variables until the program ends; `when` refuses a value
    that cannot be moved. Only the behaviors that a body schedules see what the body
    sets.

    Raises TypeError for anything else than a ContextVar or `decimal.getcontext`.

    >>> from contextvars import ContextVar
    >>> from bocpy import propagate, when
    >>> request = ContextVar("request", default=None)
    >>> propagate(request)
    >>> token = request.set("GET /")
    >>> @when()
    ... def seen():
    ...     return request.get()
    >>> seen.result()
    'GET /'
    """
    for variable in variables:
        if not isinstance(variable, ContextVar) and not is_decimal(variable):
            kind = type(variable).__name__
            raise TypeError(
                f"propagate() takes ContextVars and decimal.getcontext, not {kind!r}"
            )
    register(*variables)


def register(*variables: Variable) -> None:
    for variable in variables:
        _variables[id(variable)] = variable
    if _variables:
        _core._set_propagating()


def is_decimal(variable: object) -> bool:
    decimal = sys.modules.get("decimal")
    return decimal is not None and variable is getattr(decimal, "getcontext", None)


def add(snapshot: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """Adds the registered variables that are set to a snapshot of globals."""
    found = []
    for variable in list(_variables.values()):
        value = value_of(variable)
        if value is not _MISSING:
            found.append((variable, *packed(variable, value)))
    if not found:
        return snapshot
    return (*(snapshot or ()), CONTEXT, "", True, tuple(found))


def packed(variable: Variable, value: Any) -> tuple[bool, Any]:
    """Whether the value travels without pickle, and the value or its pickle."""
    from . import _explain_unshippable, _ship

    if type(value) in SCALARS:
        return True, value
    try:
        return False, _ship.dumps(value)
    except Exception as error:  # a user's __reduce__ may raise anything
        name = getattr(variable, "name", None) or "decimal.getcontext"
        root = f"context variable {name!r}"
        raise _explain_unshippable.explain(value, root, error, _ship.dumps) from None


def value_of(variable: Variable) -> Any:
    if isinstance(variable, ContextVar):
        return variable.get(_MISSING)
    return variable().copy()


def take(found: tuple[tuple[Variable, bool, Any], ...]) -> None:
    """Sets variables in the context of a body, and registers them for what it
    schedules."""
    from . import _ship

    for variable, plain, sent in found:
        value = sent if plain else _ship.loads(*sent)
        if isinstance(variable, ContextVar):
            variable.set(value)
        else:
            sys.modules["decimal"].setcontext(value)
        if id(variable) not in _variables:
            register(variable)


def default_of(variable: ContextVar[Any]) -> tuple[Any, ...]:
    """The default of a variable in a tuple; an empty tuple if it has none."""
    try:
        return (Context().run(variable.get),)
    except LookupError:
        return ()


def warn_unless_propagated(variable: ContextVar[Any]) -> None:
    """Warns of a variable that a body reads and nobody has registered: it has its
    default there."""
    if id(variable) in _variables or variable.get(_MISSING) is _MISSING:
        return
    from ._ship import change_detection

    change_detection.warn(
        f"ContextVar {variable.name!r} is set, and bodies that read it see its default "
        "in a worker: register it with bocpy.propagate"
    )
