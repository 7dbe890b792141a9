"""The globals of a body as they were when it was scheduled.

A loop at module level binds its variable again before the body of its previous round
has run. So scheduling a behavior copies the names that the body itself reads and that
hold data, and the function runs with a dict of its own as globals. When the body is
over, the names that it assigned are copied back to the module.
`bocpy._snapshotted_globals.Names` says which names those are.

Threads: any.
"""

from __future__ import annotations

import warnings
from types import FunctionType
from typing import Any, NamedTuple

from . import failure

ORIGIN = "__bocpy_origin__"
#: The names of a module that its functions expect besides their own.
MODULE_NAMES = (
    "__builtins__",
    "__name__",
    "__file__",
    "__package__",
    "__spec__",
    "__loader__",
)
UNBOUND = object()


class Kept(NamedTuple):
    """The fields of a `bocpy._snapshotted_globals.Names` but the last."""

    kept: tuple[str, ...]
    others: tuple[str, ...] | None
    stored: tuple[str, ...]
    through: tuple[str, ...]


class Snapshot:
    """The values that the names have now."""

    __slots__ = ("function", "names", "through", "values")

    def __init__(self, names: Kept, function: FunctionType) -> None:
        read = function.__globals__.get
        self.names = names
        self.function = function
        self.values = [read(name, UNBOUND) for name in names.kept]
        self.through = [read(name, UNBOUND) for name in names.through]

    def enter(self, qualname: str, file: str, line: int) -> FunctionType:
        """The function that runs in place of the one that was scheduled."""
        defined = self.function.__globals__
        self.warn(origin_of(defined), qualname, file, line)
        if not self.names.kept:
            return self.function
        return copied(self.function, self.overlay(defined))

    def leave(self, function: FunctionType) -> None:
        """Copies the names that the body assigned to the module."""
        overlay = function.__globals__
        if function is not self.function:
            copy(origin_of(overlay), self.names.stored, overlay)

    def overlay(self, defined: dict[str, Any]) -> dict[str, Any]:
        names, origin = self.names, origin_of(defined)
        if names.others is None:
            made = defined.copy()
        else:
            made = {}
            copy(made, MODULE_NAMES, defined)
            copy(made, names.others, defined)
        copy(made, names.stored, origin)
        for name, value in zip(names.kept, self.values, strict=True):
            if value is not UNBOUND:
                made[name] = value
            elif name in origin:
                made[name] = origin[name]
        made[ORIGIN] = origin
        return made

    def warn(self, now: dict[str, Any], qualname: str, file: str, line: int) -> None:
        """Warns if a function that the body calls reads a global which was bound anew
        since the behavior was scheduled. Names the first such global."""
        for name, seen in zip(self.names.through, self.through, strict=True):
            if seen is UNBOUND or now.get(name, seen) is seen:
                continue
            text = (
                f"global {name!r} was bound anew while behavior '{qualname}' was "
                "pending, and a function that it calls reads it: the function sees "
                f"the new value. Pass the value on ({name}={name}), or put it into a "
                "cown or a notice"
            )
            told = now.setdefault("__warningregistry__", {})
            try:
                warnings.warn_explicit(text, RuntimeWarning, file, line, registry=told)
            except Warning as refusal:
                failure.write_unraisable(refusal, name)
            return


def copied(function: FunctionType, overlay: dict[str, Any]) -> FunctionType:
    copy = FunctionType(
        function.__code__, overlay, function.__name__, None, function.__closure__
    )
    copy.__qualname__ = function.__qualname__
    return copy


def origin_of(names: dict[str, Any]) -> dict[str, Any]:
    """The module's globals that `names` is an overlay of; or `names`."""
    origin: dict[str, Any] = names.get(ORIGIN, names)
    return origin


def copy(to: dict[str, Any], names: tuple[str, ...], given: dict[str, Any]) -> None:
    for name in names:
        value = given.get(name, UNBOUND)
        if value is not UNBOUND:
            to[name] = value
