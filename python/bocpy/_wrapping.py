"""What functools.wraps does: a worker that starts would import functools for it alone.

Threads: any.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_COPIED = ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__")


def named_like(call: Callable[..., Any], function: Callable[..., Any]) -> Any:
    """`call`, with the name, docstring, signature and attributes of `function`."""
    for name in _COPIED:
        if hasattr(function, name):
            setattr(call, name, getattr(function, name))
    call.__dict__.update(getattr(function, "__dict__", {}))
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call
