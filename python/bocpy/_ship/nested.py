"""The globals of behaviors that a body schedules.

Such a behavior sees the globals that its scheduler sees: those of the scheduler's
snapshot, if it has one, and otherwise those of the log. If it runs in the main
interpreter, whose globals go on changing, the scheduler's worker sends along the
numbers and texts that it reads; other globals are the main interpreter's own objects.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

from types import FunctionType

from .. import _global_namespaces
from .._snapshotted_globals import names_of
from .definition_log import CONTEXT
from .import_origins import SCALARS
from .receive import load_definition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

Snapshot: TypeAlias = "tuple[Any, ...]"
"""As in `shipment`: four items for each global."""


def items(snapshot: Snapshot | None) -> Iterator[Snapshot]:
    snapshot = snapshot or ()
    for i in range(0, len(snapshot), 4):
        yield snapshot[i : i + 4]


def pass_on(
    seen: Snapshot | None, own: Snapshot | None, pinned: FunctionType | None
) -> Snapshot | None:
    """The snapshot of a behavior that a body schedules.

    seen: the snapshot of the body.
    own: what the shipment of the behavior's function needs besides.
    pinned: that function, if it is to run in the main interpreter.
    """
    found = {each[:2]: each for each in items(seen) if each[0] != CONTEXT}
    found.update((each[:2], each) for each in read_by(pinned))
    found.update((each[:2], each) for each in items(own))
    return tuple(item for each in found.values() for item in each) or None


def read_by(function: FunctionType | None) -> Iterator[Snapshot]:
    """The numbers and texts among the globals that a function reads itself."""
    names = function and names_of(function)
    if function is None or names is None:
        return
    space = _global_namespaces.space_of(function.__globals__)
    if space.imported:
        return
    for name in names.kept:
        value = space.names.get(name, names)
        if type(value) in SCALARS:
            yield space.key, name, True, value


def snapshot_here(snapshot: Snapshot, function: FunctionType) -> Snapshot | None:
    """The snapshot of a shipped call, for the interpreter that owns the globals of its
    function: as globals_snapshot.h has it. None if the body sees the globals
    themselves."""
    space = _global_namespaces.space_of(function.__globals__)
    sent: dict[str, Any] = {}
    for module, name, plain, value in items(snapshot):
        if module == CONTEXT:
            from .. import _context

            _context.take(value)
        elif module == space.key and plain:
            sent[name] = value
        elif module == space.key and not space.owned:
            sent[name] = load_definition(value)
    names = names_of(function)
    if names is None or sent.keys().isdisjoint(names.kept):
        return None
    return names, *(sent.get(name, space.names.get(name, names)) for name in names.kept)
