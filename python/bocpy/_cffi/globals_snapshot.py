"""The globals of a body as they were when it was scheduled.

A loop at module level binds its variable again before the body of its previous round
has run. So scheduling a behavior copies the names that the body itself reads and that
hold data, and the function runs with a dict of its own as globals. When the body is
over, the names that it assigned are copied back to the module.
`bocpy._snapshotted_globals.Names` says which names those are, and which the body reads
from the module instead.

Threads: any.
"""

from __future__ import annotations

import warnings
from types import FunctionType
from typing import Any, NamedTuple

from . import failure

ORIGIN = "__bocpy_origin__"
#: The values that the stored names had when the body started.
BEFORE = "__bocpy_before__"
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
    """The fields of a `bocpy._snapshotted_globals.Names` but its code."""

    kept: tuple[str, ...]
    others: tuple[str, ...] | None
    stored: tuple[str, ...]
    through: tuple[str, ...]
    dict: type[dict[str, Any]]


class Snapshot:
    """The values that the names have now."""

    __slots__ = ("function", "names", "through", "values")

    def __init__(self, names: Kept, function: FunctionType) -> None:
        defined = function.__globals__
        self.names = names
        self.function = function
        self.values = [look_up(defined, name) for name in names.kept]
        self.through = [look_up(defined, name) for name in names.through]

    def enter(self, qualname: str, file: str, line: int) -> FunctionType:
        """The function that runs in place of the one that was scheduled."""
        defined = self.function.__globals__
        self.warn(origin_of(defined), qualname, file, line)
        if not self.names.kept:
            return self.function
        return copied(self.function, self.overlay(defined))

    def leave(
        self, function: FunctionType, qualname: str, file: str, line: int
    ) -> None:
        """Copies to the module what the body has bound anew or deleted."""
        overlay = function.__globals__
        origin = origin_of(overlay)
        for name, before in overlay.get(BEFORE, {}).items():
            value = overlay.get(name, UNBOUND)
            if value is before:
                continue
            if origin.get(name, UNBOUND) is not before:
                text = (
                    f"global {name!r} was bound anew while behavior '{qualname}' ran, "
                    "which assigns it, too: the global has the value of the behavior, "
                    "and the other one is lost. Keep it in a cown"
                )
                warn(text, name, origin, file, line)
            if value is UNBOUND:
                origin.pop(name, None)
            else:
                origin[name] = value

    def overlay(self, defined: dict[str, Any]) -> dict[str, Any]:
        names, origin = self.names, origin_of(defined)
        if names.others is None:
            made = defined.copy()
        else:
            made = names.dict()
            copy(made, MODULE_NAMES, defined)
            copy(made, names.others, defined)
        copy(made, names.stored, origin)
        made[BEFORE] = {name: made.get(name, UNBOUND) for name in names.stored}
        for name, value in zip(names.kept, self.values, strict=True):
            if value is not UNBOUND:
                made[name] = value
            elif name in origin:
                made[name] = origin[name]
        made[ORIGIN] = origin
        return made

    def warn(self, now: dict[str, Any], qualname: str, file: str, line: int) -> None:
        """Warns if a global that the behavior reads from the module was bound anew
        since the behavior was scheduled. Names the first such global."""
        for name, seen in zip(self.names.through, self.through, strict=True):
            if seen is UNBOUND or now.get(name, seen) is seen:
                continue
            text = (
                f"global {name!r} was bound anew while behavior '{qualname}' was "
                "pending, and the behavior, or a function that it calls, reads the new "
                f"value. Pass the value on ({name}={name}), or put it into a cown or a "
                "notice"
            )
            warn(text, name, now, file, line)
            return


def warn(text: str, name: str, origin: dict[str, Any], file: str, line: int) -> None:
    told = origin.setdefault("__warningregistry__", {})
    try:
        warnings.warn_explicit(text, RuntimeWarning, file, line, registry=told)
    except Warning as refusal:
        failure.write_unraisable(refusal, name)


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


def look_up(names: dict[str, Any], name: str) -> Any:
    """A global of a function. An overlay lacks names that its body reads from the
    module."""
    value = names.get(name, UNBOUND)
    return value if value is not UNBOUND else origin_of(names).get(name, UNBOUND)


def copy(to: dict[str, Any], names: tuple[str, ...], given: dict[str, Any]) -> None:
    for name in names:
        value = look_up(given, name)
        if value is not UNBOUND:
            to[name] = value
