"""Stores in the entry of a global what is needed to find out that its value changed.

Threads: any; LOCK of `definition_log` guards the entries.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import FunctionType

from .. import _core
from . import (
    change_detection,
    function_parts,
    import_origins,
    module_changes,
    module_functions,
    rebindings,
)
from .definition_log import SHELL, VALUE, Key
from .lost_changes import warn_of_replaced
from .published_globals import Entry, note_origin

#: What the blobs of values begin with that are sent as copies.
COPIES = (VALUE, SHELL)


def note_state(key: Key, entry: Entry, blob: bytes) -> None:
    value = entry.value
    entry.blob = blob
    rebound = entry.refusal is not None and rebindings.is_rebound(key)
    if rebound or import_origins.is_replaced(value):
        warn_of_replaced(*key, value, entry.refusal or "")
    if isinstance(value, type | FunctionType) and module_changes.is_own(key[0]):
        entry.parts = module_functions.record_of(value)
        entry.polls = entry.parts is not None and entry.parts.polls
    elif type(value) is functools.partial:
        note_parts(entry, value)
    parts = module_changes.parts_of(value)
    if parts is None:
        return
    items = list(parts.values() if isinstance(parts, dict) else parts)
    flat = all(map(change_detection.is_frozen, items))
    watchable = type(value) is dict or isinstance(value, type | FunctionType)
    events = vars(value) if isinstance(value, FunctionType) else value
    if flat and watchable and _core._watch_changes(events):
        entry.kind = change_detection.WATCHED
        return
    entry.polls = True
    entry.kind = change_detection.POLLED
    if flat or entry.refusal or len(blob) > change_detection.LIMIT:
        entry.copy = parts
    else:
        entry.print = print_of(value)
        if isinstance(value, type):
            entry.attributes = dict(vars(value))
            note_inside(entry, value, items)


def note_inside(entry: Entry, cls: type, parts: Iterable[object]) -> None:
    """Stores which of the attributes of a class have to be compared, since CPython does
    not report what changes inside of them."""
    entry.inside, entry.polls = None, True
    entry.structure = entry.inside_structure = None
    if not _core._watch_changes(cls):
        return
    inside = [part for part in parts if not has_events(part)]
    entry.inside_print = change_detection.fingerprint(inside)
    if entry.inside_print is not None:
        entry.inside, entry.polls = inside, bool(inside)


def has_events(value: object) -> bool:
    """Whether CPython reports all that can change in a value."""
    if change_detection.is_frozen(value):
        return True
    flat = type(value) is dict and all(map(change_detection.is_frozen, value.values()))
    return flat and bool(_core._watch_changes(value))


def renew_inside(entry: Entry) -> None:
    """After events: a class that is equal may have got other objects. CPython reports
    its next change only if it is watched again."""
    cls = entry.value
    assert isinstance(cls, type)
    if change_detection.are_same(entry.attributes, dict(vars(cls))):
        _core._watch_changes(cls)
        return
    parts = module_changes.parts_of(cls)
    entry.attributes = dict(vars(cls))
    note_inside(entry, cls, parts.values() if isinstance(parts, dict) else ())


def print_of(value: object) -> bytes | None:
    """The fingerprint of a value of a module that workers import themselves."""
    if isinstance(value, type | FunctionType):
        return change_detection.fingerprint(module_changes.parts_of(value))
    return change_detection.fingerprint(value)


def note_contents(key: Key, entry: Entry, blob: bytes) -> None:
    """Stores what is needed to find out later that the value has changed inside."""
    note_origin(key, entry)
    if isinstance(entry.value, FunctionType):
        note_parts(entry, entry.value)
    if not blob.startswith(COPIES):
        return
    entry.kind = change_detection.judge(entry.value, len(blob))
    if entry.kind in (change_detection.FROZEN, change_detection.WATCHED):
        note_parts(entry, entry.value)
    if entry.kind == change_detection.FROZEN:
        return
    entry.blob = blob if entry.kind != change_detection.LARGE else None
    if entry.kind == change_detection.LARGE:
        entry.copied = frozenset()  # it is sent once
    entry.size = change_detection.size_of(entry.value)
    entry.polls = entry.polls or entry.kind != change_detection.WATCHED
    if entry.kind == change_detection.POLLED:
        entry.print = change_detection.fingerprint(entry.value)
    if entry.kind == change_detection.LARGE:
        change_detection.warn_of_size(key[1], key[0].partition("#")[0], entry.value)


def note_parts(entry: Entry, value: object) -> None:
    """Stores the parts of the functions in a value whose contents count as frozen."""
    entry.parts = function_parts.record_of(value)
    entry.polls = entry.parts is not None and entry.parts.polls


def may_differ_inside(entry: Entry, name: str, value: object) -> bool:
    """Whether an attribute of a class, still the same object, has to be compared."""
    if name not in entry.pickled:
        parts = entry.parts
        return parts is not None and parts.differs() and parts.differs_in(value)
    known = entry.prints[name]
    return known is None or change_detection.fingerprint(value) != known
