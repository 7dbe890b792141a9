"""Builtins and classes as bodies: whether they take as many arguments as a behavior
passes.

Functions of Python are looked at by the core. What is uncertain, since it has no
signature or an own way of being called, is not refused: its call in the body shows it.

Threads: any. Invariant: `_signatures` is only a cache.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodDescriptorType
from typing import Any

#: By the kind of a builtin and the text of its signature; at most `_MAX_SIGNATURES`.
_signatures: dict[tuple[type, str], inspect.Signature | None] = {}
_MAX_SIGNATURES = 256


def require_fit(
    target: Callable[..., Any], given: int, keywords: Collection[str]
) -> None:
    """Raises TypeError if `target` can certainly not be called with `given` positional
    arguments and the keywords."""
    for signature, own in signatures(target):
        try:
            signature.bind(*(None,) * (own + given), **dict.fromkeys(keywords))
        except TypeError as error:
            name = getattr(target, "__qualname__", repr(target))
            short = getattr(target, "__name__", name)
            raise TypeError(
                f"behavior {name!r} cannot take the {given} "
                f"argument{'' if given == 1 else 's'} that it would get: {error}; "
                f"schedule a lambda that passes what it takes: `lambda c: {short}(...)`"
            ) from None


def signatures(
    target: Callable[..., Any],
) -> Iterator[tuple[inspect.Signature, int]]:
    """The signatures that a call must fit, each with the number of arguments that
    Python itself puts first."""
    if isinstance(target, type):
        if type(target).__call__ is not type.__call__:
            return
        for made in (target.__new__, target.__init__):  # type: ignore[misc]
            if is_of_python(made) and not hasattr(made, "__signature__"):
                yield inspect.signature(made, follow_wrapped=False), 1
    elif isinstance(target, FunctionType):
        return  # PyPy's __import__, whose signature begins with its module
    elif isinstance(target, BuiltinFunctionType | MethodDescriptorType):
        signature = of_builtin(target)
        if signature is not None:
            yield signature, 0


def is_of_python(function: object) -> bool:
    """Whether a function is written in Python. PyPy has functions whose code is that of
    a builtin."""
    return isinstance(function, FunctionType) and isinstance(
        function.__code__, CodeType
    )


def of_builtin(target: Any) -> inspect.Signature | None:
    """The signature of a builtin, if its text can be read."""
    text = getattr(target, "__text_signature__", None)
    if not isinstance(text, str):
        return None
    key = type(target), text
    if key not in _signatures:
        try:
            signature = inspect.signature(target)
        except (ValueError, TypeError):
            signature = None
        if len(_signatures) >= _MAX_SIGNATURES:
            _signatures.clear()
        _signatures[key] = signature
    return _signatures[key]
