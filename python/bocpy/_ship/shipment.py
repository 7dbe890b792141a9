"""Shipments: what workers need to run a function, kept up to date.

A body sees the globals that it reaches as they were when it was scheduled. What a
global holds is published once, in the log, and applied by all workers. When it has
changed by the time of a later scheduling, there are two ways:

- nothing is pending: the new value is published, and nobody needs the old one;
- behaviors are pending that must see the old value: the new value travels with the
  call, and is in its worker's namespace only while that body runs.

Threads: any; LOCK of `definition_log` guards the tables.
"""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Iterable
from types import FunctionType

from .. import _core, _global_namespaces
from . import (
    change_detection,
    class_contents,
    clocks,
    lost_changes,
    module_changes,
    published_globals,
    rebindings,
    send,
    structures,
)
from .change_baselines import print_of, renew_inside
from .definition_log import CLASS_ATTRIBUTES, DELETED, FOLLOW, LOCK, MISSING, Key
from .import_origins import SCALARS
from .published_globals import Entry, entries
from .reached_globals import closure_reached, names_reached
from .send import exporting, queue_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from .structures import Structure

Snapshot: TypeAlias = "tuple[Any, ...]"
"""For each global that differs: its module (or CLASS_ATTRIBUTES), its name, whether the
value follows as it is, and the value or a blob as in the log."""


class Shipment:
    """A described function.

    blob: what `build` makes a function of, in any interpreter.
    watch: pairs of a globals dict and a name. If `names.get(name, MISSING)` is not
        the object at the same place of `seen`, call `refresh`, which replaces both.
    polls: whether `poll` is to be called at each scheduling, and `refresh` if it says
        so.
    polled: the globals that `poll` looks at.
    guards: of those with a structure, the values and their structures; others: the rest
        of them. Both are empty if it is not known.
    """

    __slots__ = (
        *("blob", "guards", "others", "polled", "polls", "roots", "seen", "watch"),
    )

    def __init__(self, blob: bytes, roots: frozenset[Key]) -> None:
        self.blob = blob
        self.roots = roots
        self.watch: tuple[tuple[dict[str, Any], str], ...] = ()
        self.seen: tuple[object, ...] = ()
        self.polls = False
        self.polled: list[tuple[Key, Entry]] = []
        self.guards: tuple[tuple[object, Structure], ...] = ()
        self.others: list[tuple[Key, Entry]] = []


def describe(function: FunctionType) -> Shipment:
    """Describes the body of a behavior, once per code object, where it is scheduled.

    What the body reaches and no other has reached before is published when this
    returns; `refresh` publishes changes. Defaults, keyword-only defaults and the
    contents of the closure are captures and not part of the description.
    """
    code = function.__code__
    space = _global_namespaces.space_of(function.__globals__)
    reached = [*names_reached(space, code), *closure_reached(function)]
    names = (function.__name__, function.__qualname__)
    blob = (space.key, space.name, space.imported, *names, marshal.dumps(code))
    shipment = Shipment(marshal.dumps(blob), frozenset(key for key, _ in reached))
    lost_changes.warn(space, function)
    clocks.warn()
    with exporting(), send.holding(always=True):
        queue_names(reached)
        # Other bodies may have reached these names before the names were set.
        queue_names(
            (key, entry.submodules)
            for key, entry in entries.items()
            if entry.value is MISSING
        )
    return shipment


def refresh(shipment: Shipment) -> Snapshot | None:
    """Publishes what has changed of what a shipment reaches, or returns it as a
    snapshot."""
    clocks.warn()
    with exporting():
        reached = closure(shipment.roots)
        note_rebindings(reached)
        changed = with_sharers(reached)
        snapshot = None
        if changed and _core._is_idle():
            for key in changed:
                publish(key)
        elif changed:
            snapshot = carry(changed)
    update_watch(shipment, changed if snapshot is not None else [])
    return snapshot


names_rebound = 0
"""How often refreshing has found names bound to other objects. Values refer to some
objects by such names: they differ then from what was published, although they are made
of the same objects."""


def note_rebindings(keys: Iterable[Key]) -> None:
    global names_rebound
    for key in keys:
        space, entry = _global_namespaces.find(key[0]), entries.get(key)
        if space is None or entry is None:
            continue
        value = space.names.get(key[1], MISSING)
        if value is not entry.value and not {type(value), type(entry.value)} <= SCALARS:
            names_rebound += 1
            return


def with_sharers(keys: list[Key]) -> list[Key]:
    """The changed keys, then those whose values share an object with one of them."""
    changed = dict.fromkeys(key for key in keys if has_changed(key))
    for holder in holders(changed):
        if holder in keys:
            changed.setdefault(holder)
    while changed:
        before = len(changed)
        for key in keys:
            entry = entries.get(key)
            if entry is not None and not entry.named.isdisjoint(changed):
                entry.renewed |= entry.named & changed.keys()
                changed.setdefault(key)
        if len(changed) == before:
            break
    return list(changed)


def holders(changed: Iterable[Key]) -> list[Key]:
    """What was published with copies of objects that are globals now."""
    found = []
    for key in changed:
        space = _global_namespaces.find(key[0])
        if space is not None and not space.imported:
            value = space.names.get(key[1], MISSING)
            found += published_globals.renew_holders(key, value)
    return found


def closure(roots: Iterable[Key]) -> list[Key]:
    """All keys that can be reached from `roots`, and from the classes of values."""
    found = dict.fromkeys((*roots, *send.travelled))
    todo = list(found)
    while todo:
        entry = entries.get(todo.pop())
        for key in entry.deps if entry else ():
            if key not in found:
                found[key] = None
                todo.append(key)
    return list(found)


def update_watch(shipment: Shipment, carried: list[Key]) -> None:
    """Stores what is to be looked at when the function is scheduled next. `carried` has
    changed, but was not published: what is known of it stays."""
    watch: list[tuple[dict[str, Any], str]] = []
    seen: list[object] = []
    polled: list[tuple[Key, Entry]] = []
    with LOCK:
        for key in closure(shipment.roots):
            space, entry = _global_namespaces.find(key[0]), entries.get(key)
            inside = entry.inside if entry is not None and key[0] else None
            if entry is not None and inside is not None and key not in carried:
                renew_inside(entry)
            if entry is not None and entry.polls:
                polled.append((key, entry))
            if space is not None and entry is not None and not space.imported:
                watch.append((space.names, key[1]))
                seen.append(entry.value)
    shipment.watch, shipment.seen = tuple(watch), tuple(seen)
    shipment.polls, shipment.polled = bool(polled), polled
    shipment.guards, shipment.others = (), []


def poll(shipment: Shipment) -> bool:
    """Whether the contents of a global have changed of which no event reports
    changes."""
    if shipment.guards and _core._structure_first_other(shipment.guards) < 0:
        return any(may_have_changed(key, entry) for key, entry in shipment.others)
    if any(may_have_changed(key, entry) for key, entry in shipment.polled):
        return True
    note_guards(shipment)
    return False


def note_guards(shipment: Shipment) -> None:
    """Collects the structures of what has just been found unchanged."""
    guards: list[tuple[object, Structure]] = []
    shipment.others = []
    for key, entry in shipment.polled:
        calls_polled = entry.parts is not None and entry.parts.polls
        if calls_polled or entry.era != names_rebound:
            shipment.others.append((key, entry))
        elif entry.inside is not None and entry.inside_structure:
            guards.append((entry.inside, entry.inside_structure))
        elif entry.inside is None and entry.structure and key[0]:
            guards.append((entry.value, entry.structure))
        else:
            shipment.others.append((key, entry))
    shipment.guards = tuple(guards)


def may_have_changed(key: Key, entry: Entry) -> bool:
    if key[0] and has_other_parts(entry):
        return True
    if entry.inside is None:
        reported = key[0] and entry.kind == change_detection.WATCHED
        return not reported and has_changed_inside(key, entry)
    if has_other_parts(entry):
        return True
    known = entry.inside_structure
    if (
        known
        and entry.era == names_rebound
        and structures.has_structure(entry.inside, known)
    ):
        return False
    found = None if known is False else structures.structure_of(entry.inside)
    if change_detection.fingerprint(entry.inside) != entry.inside_print:
        return True
    entry.inside_structure, entry.era = found or False, names_rebound
    return False


# ---- changes -------------------------------------------------------------------------


def has_changed(key: Key) -> bool:
    """Whether a global or a class differs from what was published."""
    entry = entries.get(key)
    if not key[0]:
        return entry is not None and has_changed_inside(key, entry)
    if entry is None or send.is_stale(key, frozenset()):
        return True
    if entry.renewed or has_other_parts(entry):
        return True
    return has_changed_inside(key, entry)


def has_changed_inside(key: Key, entry: Entry) -> bool:
    """As `has_changed`, for a name that has the same object as before."""
    if key[0] and entry.kind not in (change_detection.WATCHED, change_detection.POLLED):
        return has_other_contents(key, entry)
    if not key[0] and (entry.renewed or has_other_parts(entry)):
        return has_other_contents(key, entry)
    value = entry.value if key[0] else entry.cls and entry.cls()
    if isinstance(value, type):
        _core._watch_changes(value)  # CPython reports only the first change after this
    known = entry.structure
    if known and entry.era == names_rebound and structures.has_structure(value, known):
        return False
    # before the comparison, so that it is not that of a later change
    found = None if known is False else structure_of(key, entry, value)
    if has_other_contents(key, entry):
        return True
    entry.structure, entry.era = found or False, names_rebound
    return False


def structure_of(key: Key, entry: Entry, value: object) -> Structure | None:
    """The structure of what `has_other_contents` compares."""
    if not key[0]:
        return structures.structure_of(value, frozenset(entry.pickled))
    deep = module_changes.parts_of(value) if isinstance(value, type) else ()
    shallow = entry.copy is not None
    return structures.structure_of(value, frozenset(deep or ()), shallow=shallow)


def has_other_contents(key: Key, entry: Entry) -> bool:
    """Compares the contents with those that were published."""
    if not key[0]:
        return bool(changed_attributes(entry))
    if entry.kind == change_detection.WATCHED:
        return send.current_definition(key, entry) != entry.blob
    if entry.copy is not None:
        parts = module_changes.parts_of(entry.value)
        return parts is None or not change_detection.are_same(entry.copy, parts)
    if entry.kind == change_detection.LARGE:
        return change_detection.size_of(entry.value) != entry.size
    if entry.kind != change_detection.POLLED:
        return has_other_parts(entry)
    if entry.print is not None:
        return print_of(entry.value) != entry.print
    return send.current_definition(key, entry) != entry.blob


def changed_attributes(entry: Entry) -> dict[str, bytes]:
    return class_contents.changes(entry, send.definition_of)


def has_other_parts(entry: Entry) -> bool:
    """Whether a function in the value has got other parts."""
    return entry.parts is not None and entry.parts.differs()


def publish(key: Key) -> None:
    if key[0]:
        send.publish_name(key, frozenset())
        return
    entry = entries[key]
    for name, blob in changed_attributes(entry).items():
        send.record((CLASS_ATTRIBUTES, f"{key[1]} {name}"), blob)
    class_contents.note(key[1], entry, send.definition_of)


def carry(changed: Iterable[Key]) -> Snapshot | None:
    """The snapshot of a call: changed values, and the changed values that they reach.

    Publishes what no body has reached before.
    """
    snapshot: list[Any] = []
    done: set[Key] = set()
    todo = deque(changed)
    with send.holding():
        while todo:
            key = todo.popleft()
            if key in done:
                continue
            done.add(key)
            if key[0] and key not in entries:
                queue_names([(key, frozenset())])
            elif key[0]:
                snapshot += carried_name(key)
            else:
                snapshot += carried_attributes(key)
            send.drain()
            todo.extend(send.take_held())
    return tuple(snapshot) or None


def carried_name(key: Key) -> list[Any]:
    space = _global_namespaces.find(key[0])
    assert space is not None
    value = space.names.get(key[1], MISSING)
    if space.imported:
        entry = Entry(value)
        blob = send.state_of(key, entry)
        entries[key].deps |= entry.deps
        if entry.refusal and rebindings.is_rebound(key):
            lost_changes.warn_of_replaced(*key, value, entry.refusal)
        return [
            *key,
            False,
            blob or FOLLOW + module_changes.packed(module_changes.AS_IMPORTED, 0),
        ]
    if key[0] == _global_namespaces.MODULES:
        blob = send.definition_of_module(key, Entry(value))
        return [*key, False, blob] if blob else []
    if value is MISSING:
        return [*key, False, DELETED]
    if type(value) in SCALARS:
        return [*key, True, value]
    part = Entry(value)
    blob = send.definition_of(value, part, key)
    entries[key].deps |= part.deps  # classes in a list, say
    return [*key, False, blob]


def carried_attributes(key: Key) -> list[Any]:
    carried: list[Any] = []
    for name, blob in changed_attributes(entries[key]).items():
        carried += [CLASS_ATTRIBUTES, f"{key[1]} {name}", False, blob]
    return carried
