"""Which of several objects an attribute of a module is bound to.

The program may bind `settings.backend` to another object, while names and objects go on
referring to the first one. The objects get numbers, in the order in which they were
seen; 0 is the one that was there first, which a worker gets by its import. A worker
that takes in an object of another number binds the attribute to a new object, and
leaves the one before as it is.

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from types import ModuleType

from . import c_pickle, change_detection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Name = tuple[str, str]  # a module and an attribute of it

MISSING = object()

# the first object, the last one, its number, and the highest number
_seen: dict[Name, tuple[object, object, int, int]] = {}


def number_of(name: Name, value: object) -> int:
    """The number of the object that the attribute is bound to."""
    known = _seen.get(name)
    if known is None:
        _seen[name] = (value, value, 0, 0)
        return 0
    first, last, number, highest = known
    if value is last:
        return number
    number = 0 if value is first else highest + 1
    _seen[name] = (first, value, number, max(number, highest))
    return number


def is_rebound(name: Name) -> bool:
    """Whether the attribute is bound to another object than when it was first seen."""
    known = _seen.get(name)
    return known is not None and known[2] != 0


# ---- at the receiver -----------------------------------------------------------------

_bound: dict[Name, int] = {}  # the number of the object that is there; 0 if absent
_zeroth: dict[Name, Any] = {}  # the object of number 0, where another one is there


def number_here(name: Name) -> int:
    return _bound.get(name, 0)


def object_of(name: Name, number: int, there: Any) -> Any:
    """The object of this number; `there` is what the attribute is bound to, and is
    returned, too, if the object is no longer known."""
    return _zeroth.get(name, there) if number == 0 and number_here(name) else there


def bind(
    module: ModuleType,
    attribute: str,
    number: int,
    fits: Callable[[Any], bool],
    make: Callable[[], Any],
) -> tuple[Any, Callable[[], None] | None]:
    """Binds the attribute to the object of this number, which is made if it is not
    there; returns it, and what undoes the binding."""
    name = (module.__name__, attribute)
    own, now = getattr(module, attribute, MISSING), number_here(name)
    found = own if now == number else object_of(name, number, MISSING)
    if found is MISSING or not fits(found):
        found = make()
    if found is own:
        return own, None
    if now == 0:
        _zeroth[name] = own
    _bound[name] = number
    setattr(module, attribute, found)
    return found, partial(unbind, module, attribute, own, now)


def unbind(module: ModuleType, attribute: str, own: Any, number: int) -> None:
    _bound[module.__name__, attribute] = number
    if own is not MISSING:
        setattr(module, attribute, own)
    elif hasattr(module, attribute):
        delattr(module, attribute)


def reset(name: Name) -> None:
    """The module has what its import has set."""
    _bound.pop(name, None)


def is_same(own: Any, value: Any) -> bool:
    try:
        if type(own) is not type(value) or repr(own) != repr(value):
            return False
        # a container with a NaN, or with itself, is not equal to its copy
        with contextlib.suppress(RecursionError):
            if own == value:
                return True
        return is_same_data(own, value)
    except Exception:  # a user's __eq__ or __repr__ may raise anything
        return False


def is_same_data(own: Any, value: Any) -> bool:
    known = change_detection.fingerprint(own)
    if known is not None:
        return known == change_detection.fingerprint(value)
    return pickled(own) == pickled(value)


def pickled(value: object) -> bytes:
    file = io.BytesIO()
    c_pickle.Pickler(file).dump(value)
    return file.getvalue()
