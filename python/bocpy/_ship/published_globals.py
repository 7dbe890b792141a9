"""What was published last under each key, and how to find out that it has changed.

Threads: any; LOCK of `definition_log` guards the table.
"""

from __future__ import annotations

import marshal
import sys
from _weakref import ref
from collections.abc import Container
from types import FunctionType

from .. import _global_namespaces
from . import change_detection
from .definition_log import PATH, Key, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeAlias

    from . import module_functions
    from .function_parts import Record
    from .structures import Structure

#: The address of an object that a definition copies; of a default value, with the name
#: of a global that the function reads.
Copy: TypeAlias = "int | tuple[int, Key]"


class Entry:
    """What was last published under a key.

    value: what the name was bound to; MISSING for a class.
    blob, copy, kind, print, size: what tells whether it has changed inside
        (`change_detection`).
    parts: what tells whether functions in it have (`function_parts`, for modules that
        workers import `module_functions`).
    named: the globals whose objects are in the value, and are not copied with it.
    naming: the same for each attribute of a class.
    copied: the objects that are copied with the value, and that would be referred to if
        they were globals.
    copying: the same for each attribute of a class.
    renewed: those of `named` that were published since, as other objects: the value
        refers to the former ones.
    origin: the attribute of a module as which workers get the value, if they do.
    attributes, pickled, prints: for a class, its attributes at that time; of those that
        may change inside, the pickles and, where they have some, the fingerprints.
    inside, inside_print: for a class of which CPython reports changes, those attributes
        inside of which it reports none, and their fingerprint; None if there is none.
    structure, inside_structure: those of the value and of `inside`, found when these
        were as published; None if they are not known, False if there are none.
    era: how often names had been bound to other objects then: `names_rebound` of
        `shipment`.
    """

    __slots__ = (
        *(
            "attributes",
            "blob",
            "cls",
            "copied",
            "copy",
            "copying",
            "deps",
            "era",
            "inside",
            "inside_print",
            "inside_structure",
            "kind",
            "named",
            "naming",
            "parts",
            "pickled",
            "prints",
        ),
        *("origin", "polls", "print", "refusal", "renewed", "size", "structure"),
        "submodules",
        "value",
    )

    def __init__(self, value: object, submodules: frozenset[str] = frozenset()) -> None:
        self.value = value
        self.submodules = submodules
        self.deps: frozenset[Key] = frozenset()
        self.refusal: str | None = None
        self.blob: bytes | None = None
        self.copy: Any = None
        self.named: frozenset[Key] = frozenset()
        self.naming: dict[str, frozenset[Key]] = {}
        self.copied: frozenset[Copy] = frozenset()
        self.copying: dict[str, frozenset[Copy]] = {}
        self.renewed: set[Key] = set()
        self.origin: Key | None = None
        self.print: bytes | None = None
        self.kind = change_detection.FROZEN
        self.size: int | None = None
        self.parts: Record | module_functions.Record | None = None
        self.cls: ref[type] | None = None
        self.attributes: dict[str, object] = {}
        self.pickled: dict[str, bytes] = {}
        self.prints: dict[str, bytes | None] = {}
        self.inside: list[Any] | None = None
        self.inside_print: bytes | None = None
        self.structure: Structure | Literal[False] | None = None
        self.inside_structure: Structure | Literal[False] | None = None
        self.era = 0
        self.polls = False


entries: dict[Key, Entry] = {}

_sharers: dict[Key, set[Key]] = {}
_holders: dict[Copy, set[Key]] = {}
_held: dict[Key, frozenset[Copy]] = {}


def note_sharer(key: Key, entry: Entry) -> None:
    """Stores for which globals and classes others have to be published again."""
    for each in entry.named:
        _sharers.setdefault(each, set()).add(key)
    for copy in _held.pop(key, ()):
        _holders[copy].discard(key)
        if not _holders[copy]:
            del _holders[copy]
    for copy in entry.copied:
        _holders.setdefault(copy, set()).add(key)
    if entry.copied:
        _held[key] = entry.copied


def renew_holders(key: Key, value: object, but: Container[Key] = ()) -> list[Key]:
    """Marks what was published with a copy of the object that a global is bound to now:
    it is to refer to the global. Returns the keys."""
    found = []
    copies = id(value), (id(value), key)
    for holder in [each for copy in copies for each in _holders.get(copy, ())]:
        entry = entries.get(holder)
        if entry is None or holder == key or holder in but:
            continue
        entry.renewed.add(key)
        for name, copied in entry.copying.items():
            if not copied.isdisjoint(copies):
                entry.naming[name] |= {key}
        found.append(holder)
    return found


def renew_sharers(key: Key, but: Container[Key]) -> bool:
    """Marks what refers to the object that a global had before it was published again,
    but what is being published with it. Whether there is such."""
    found = False
    for sharer in _sharers.get(key, ()):
        entry = entries.get(sharer)
        if entry is not None and key in entry.named and sharer not in but:
            entry.renewed.add(key)
            found = True
    return found


def renew_others(
    key: Key, value: object, before: Entry | None, but: Container[Key]
) -> bool:
    """Marks what refers to the object that a global had before, or has a copy of the
    one that it has now, but what is being published with it. Whether there is such."""
    found = bool(renew_holders(key, value, but))
    return (before is not None and renew_sharers(key, but)) or found


_by_origin: dict[Key, set[Key]] = {}
_ELSEWHERE = object()  # is no value of a name


def note_origin(key: Key, entry: Entry) -> None:
    value = entry.value
    if isinstance(value, FunctionType | type) and value.__module__ != "__main__":
        name = value.__qualname__
        module = sys.modules.get(value.__module__)
        if module is not None and vars(module).get(name) is value:
            entry.origin = value.__module__, name
    if entry.origin is not None:
        _by_origin.setdefault(entry.origin, set()).add(key)


def names_left(origin: Key, value: object) -> list[Key]:
    """The names that workers get as this attribute of a module, but that are bound to
    another object than `value`, which it is now: they count as not published."""
    left = []
    for key in _by_origin.get(origin, ()):
        entry = entries[key]
        if entry.origin == origin and entry.value is not value:
            entry.value, entry.origin = _ELSEWHERE, None
            left.append(key)
    return left


def may_be_noted(key: Key) -> bool:
    """Classes and functions that are made again and again are not: the table would grow
    without end."""
    if key[0]:
        return "#" not in key[0] and not _global_namespaces.in_worker()
    entry = entries.get(key)
    cls = entry.cls() if entry is not None and entry.cls is not None else None
    return (
        cls is not None
        and "<locals>" not in cls.__qualname__
        and not _global_namespaces.in_worker()
    )


_path: list[str] = []


def publish_path() -> None:
    """Publishes sys.path if it has changed, so that workers find the same modules."""
    global _path
    path = [entry for entry in sys.path if isinstance(entry, str)]
    if path != _path and not _global_namespaces.in_worker():
        _path = path
        log()._publish("", PATH, marshal.dumps(path))
