"""The process-wide log of definitions, as one interpreter sees it.

A record is a module's key, a name in it, and a blob whose first byte is its kind. The
latest record of a name wins. Classes are recorded under the empty key and their token.

Threads: any; the log itself is thread-safe. `LOCK` guards the tables of shipping. User
code may run under it (`__reduce__` of globals), and must not wait there for another
thread that schedules.
"""

from __future__ import annotations

from _weakref import ref
from threading import RLock

from .._global_namespaces import new_token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

Key = tuple[str, str]  # (key of a namespace, name in it), or ("", token of a class)

LOCK = RLock()

VALUE = b"P"  # a pickle
SHELL = b"S"  # a size, the pickle of a class of that size, the pickle of a state
ORIGIN = b"O"  # the marshalled arguments of import_origins.fetch
MODULE = b"M"  # marshalled: a module's name and the submodules in use
CLASS = b"C"  # the definition that classes.build takes
DELETED = b"D"  # the name is unset
FOLLOW = b"F"  # the state of a module that receivers import (`module_changes`)
REFUSED = b"X"  # why the value cannot be shipped, in UTF-8

# The record of this name, under the empty key, is where modules are searched for.
PATH = "sys.path"

# A record of this name says why a class was shipped without one of its attributes.
ATTRIBUTE = "class "

# The key of changed attributes of classes, under "TOKEN ATTRIBUTE".
CLASS_ATTRIBUTES = "#class"

# The key of the context variables that a call takes along.
CONTEXT = "#context"

# The key of the records of `registrations`, each under a token.
REGISTRATIONS = "#registrations"

if TYPE_CHECKING:

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
    """Uses another log than the extension module's, for tests; None restores that."""
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
"""Objects other than classes that have tokens: sentinels, type parameters, aliases."""


def keep_object(token: str, obj: Any) -> Any:
    """Keeps an object under a token.

    Returns the object that has the token already, if there is one.
    """
    kept = token_objects.setdefault(token, obj)
    object_tokens.setdefault(id(kept), (kept, token))
    return kept


_sentinels: dict[str, ref[Any]] = {}
_sentinel_tokens: dict[int, tuple[ref[Any], str]] = {}


def token_of_object(obj: object) -> str | None:
    """The token under which `keep_object` or `keep_sentinel` keeps the object."""
    known = _sentinel_tokens.get(id(obj)) or object_tokens.get(id(obj))
    if known is None:
        return None
    kept = known[0]() if isinstance(known[0], ref) else known[0]
    return known[1] if kept is obj else None


def sentinel_of(token: str) -> Any:
    """The object of a token; None if there is none here."""
    found = _sentinels.get(token)
    return token_objects.get(token) if found is None else found()


def keep_sentinel(token: str, obj: Any) -> Any:
    """Keeps an object under a token as long as it lives, or forever if its class allows
    no weak references. It replaces the one that had the token."""
    address = id(obj)

    def forget(dead: ref[Any]) -> None:
        # Another thread may replace the entries meanwhile: what is not that of the dead
        # object is put back.
        weak = _sentinels.pop(token, dead)
        if weak is not dead:
            _sentinels.setdefault(token, weak)
        known = _sentinel_tokens.pop(address, None)
        if known is not None and known[0] is not dead:
            _sentinel_tokens.setdefault(address, known)

    try:
        kept = ref(obj, forget)
    except TypeError:
        return keep_object(token, obj)
    _sentinels[token] = kept
    _sentinel_tokens[address] = kept, token
    return obj


def keep_new(obj: object, keep: Callable[[str, object], object]) -> str:
    """Has `keep` keep an object under a new token, if it has none; returns the
    token."""
    with LOCK:
        token = token_of_object(obj)
        if token is None:
            token = new_token()
            keep(token, obj)
        return token


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
    """Keeps a class that this interpreter built, to which nothing else may refer."""
    keep_token(cls, token)
    _built[token] = cls


def forget_built(token: str) -> None:
    cls = _built.pop(token, None)
    if cls is not None:
        forget_token(id(cls), token)


def is_built(token: str) -> bool:
    """Whether this interpreter has built the class from a definition of another one."""
    return token in _built


def present_class(token: str) -> type | None:
    found = _classes.get(token)
    return found() if found is not None else None
