"""The attributes of a class as they were published, and which of them differ now.

`define` makes the blob of a value: `send.definition_of`.

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import _core
from . import change_baselines, change_detection, classes
from .change_baselines import COPIES, may_differ_inside
from .definition_log import DELETED, MISSING
from .published_globals import Entry, note_sharer

Define = Callable[..., bytes]


def note(token: str, entry: Entry, define: Define) -> None:
    """Stores what is needed to find out later that the class has changed."""
    cls = entry.cls() if entry.cls is not None else None
    if cls is None:
        return
    entry.attributes = classes.attributes_of(cls)
    entry.pickled.clear()
    entry.naming.clear()
    entry.copying.clear()
    entry.renewed.clear()
    for name, value in entry.attributes.items():
        if name in change_detection.CLASS_MACHINERY:
            continue
        if change_detection.is_frozen(value):
            continue
        part = Entry(value)
        blob = define(value, part, named=False)
        entry.naming[name] = part.named
        entry.deps |= part.deps  # classes in a list, say
        if part.copied:
            entry.copying[name] = part.copied
        if blob.startswith(COPIES) and len(blob) <= change_detection.LIMIT:
            entry.pickled[name] = blob
    entry.named = frozenset().union(*entry.naming.values())
    entry.copied = frozenset().union(*entry.copying.values())
    note_sharer(("", token), entry)
    entry.prints = {
        name: change_detection.fingerprint(entry.attributes[name])
        for name in entry.pickled
    }
    frozen = {n: v for n, v in entry.attributes.items() if n not in entry.pickled}
    change_baselines.note_parts(entry, tuple(frozen.values()))
    parts_poll = entry.polls
    change_baselines.note_inside(entry, cls, map(entry.attributes.get, entry.pickled))
    entry.polls = entry.polls or parts_poll


def changes(entry: Entry, define: Define) -> dict[str, bytes]:
    """The attributes of a class that differ from what was published, as blobs."""
    cls = entry.cls() if entry.cls is not None else None
    if cls is None:
        return {}
    _core._watch_changes(cls)
    now = classes.attributes_of(cls)
    changed: dict[str, bytes] = dict.fromkeys(entry.attributes.keys() - now, DELETED)
    for name, value in now.items():
        same = entry.attributes.get(name, MISSING) is value
        renewed = not entry.renewed.isdisjoint(entry.naming.get(name, ()))
        if same and not (renewed or may_differ_inside(entry, name, value)):
            continue
        part = Entry(value)
        blob = define(value, part, named=False)
        entry.deps |= part.deps
        if not same or renewed or blob != entry.pickled.get(name):
            changed[name] = blob
    return changed
