"""The process-wide log of definitions, as one interpreter sees it.

A record is a module's key, a name in it, and a blob, whose first byte says what it is.
The latest record of a name wins. Classes are recorded under the empty key and their
token.

Threads: any; the log itself is thread-safe. `LOCK` guards the tables of shipping; user
code may run under it (`__reduce__` of globals), which must not wait for another thread
that schedules.
"""

from __future__ import annotations

from threading import RLock
from typing import Any, Protocol
from weakref import ref

Key = tuple[str, str]  # of a space and a name in it; of "" and a class's token

LOCK = RLock()

VALUE = b"P"  # a pickle
ORIGIN = b"O"  # what import_origins.fetch wants, marshalled
MODULE = b"M"  # a module's name and the submodules in use, marshalled
CLASS = b"C"  # what classes.build wants
DELETED = b"D"  # the name is unset
FOLLOW = b"F"  # the state of a module that receivers import (`module_changes`)
REFUSED = b"X"  # why the value cannot be shipped, in UTF-8

# The record of this name, under the empty key, is where modules are searched for.
PATH = "sys.path"

# A record of this name tells why a class came without one of its attributes.
ATTRIBUTE = "class "

# The key of what has changed in classes, under "TOKEN ATTRIBUTE".
CLASS_ATTRIBUTES = "#class"

# The key of what `registrations` publishes, under a token each.
REGISTRATIONS = "#registrations"


class Backend(Protocol):
    """The process-wide log; `bocpy._core` is one."""

    def _publish(self, module: str, name: str, blob: bytes) -> None: ...

    def _published_since(
        self, version: int, /
    ) -> tuple[int, list[tuple[str, str, bytes]]]: ...


class Missing:
    """The type of MISSING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
"""Stands in `Shipment.seen` for a name that is not set."""

_backend: Backend | None = None


def set_backend(backend: Backend | None) -> None:
    """Uses another log in place of the extension module's; None: that one again."""
    global _backend
    _backend = backend


def log() -> Backend:
    global _backend
    if _backend is None:
        from .. import _core  # type: ignore[attr-defined, unused-ignore]

        _backend = _core
    return _backend  # type: ignore[return-value, unused-ignore]


# ---- classes and their tokens --------------------------------------------------------

token_objects: dict[str, Any] = {}
object_tokens: dict[int, tuple[Any, str]] = {}  # by address, the other way round
"""What other objects tokens stand for: sentinels, type parameters, aliases."""


def keep_object(token: str, obj: Any) -> Any:
    """Keeps an object under a token, unless there is one: the one that there is."""
    kept = token_objects.setdefault(token, obj)
    object_tokens.setdefault(id(kept), (kept, token))
    return kept


_tokens: dict[int, tuple[ref[type], str]] = {}
_classes: dict[str, ref[type]] = {}
_built: dict[str, type] = {}


def token_of_class(cls: type) -> str | None:
    known = _tokens.get(id(cls))
    return known[1] if known is not None and known[0]() is cls else None


def keep_token(cls: type, token: str) -> None:
    address = id(cls)
    _tokens[address] = (ref(cls, lambda _: forget_token(address, token)), token)
    _classes[token] = ref(cls)


def forget_token(address: int, token: str) -> None:
    known = _tokens.get(address)
    if known is not None and known[1] == token:
        del _tokens[address]
    _classes.pop(token, None)


def keep_class(cls: type, token: str) -> None:
    """Keeps a class that this interpreter built, since nothing else may refer to it."""
    keep_token(cls, token)
    _built[token] = cls


def forget_built(token: str) -> None:
    cls = _built.pop(token, None)
    if cls is not None:
        forget_token(id(cls), token)


def is_built(token: str) -> bool:
    """Whether this interpreter has built the class, and did not define it."""
    return token in _built


def present_class(token: str) -> type | None:
    found = _classes.get(token)
    return found() if found is not None else None
