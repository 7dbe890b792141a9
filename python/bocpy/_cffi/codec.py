"""Copies of values, for the noticeboard; cowns in pickles.

Threads: any.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from .base import me

if TYPE_CHECKING:
    from .cown import Cown

T = TypeVar("T")

_SHARED = (type(None), bool, int, float, complex, str, bytes)


class Encoded:
    """An encoded copy of a value; `decode` makes a new object of it."""

    __slots__ = ("buffers", "cowns", "data", "value")

    def __init__(self, value: object, root: str) -> None:
        self.value: object = None
        self.data: bytes | None = None
        self.buffers: list[bytes | bytearray] = []
        if type(value) in _SHARED:
            self.value = value
            return
        #: A pickle does not keep the cowns in it.
        self.cowns: list[Cown[Any]] = []
        outer, me.pickled = me.pickled, self.cowns
        try:
            data, buffers = ship(value, root)
        finally:
            me.pickled = outer
        self.data = data
        self.buffers = [copy_of(buffer.raw()) for buffer in buffers or ()]

    def decode(self) -> Any:
        if self.data is None:
            return self.value
        from .. import _ship

        return _ship.loads(self.data, [copy_of(memoryview(b)) for b in self.buffers])


#: The pickler of `_ship` is a subclass of CPython's.
CPYTHON = sys.implementation.name == "cpython"


def plain(value: object) -> tuple[bytes, None]:
    return pickle.dumps(value, 5), None


def ship(value: object, root: str) -> tuple[bytes, list[pickle.PickleBuffer] | None]:
    """Pickles a value. Raises TypeError that names the part which cannot be pickled."""
    from .. import _explain_unshippable, _ship

    dumps = _ship.dumps if CPYTHON else plain
    try:
        return dumps(value)
    except MemoryError:
        raise
    except Exception as refusal:
        explained = _explain_unshippable.explain(value, root, refusal, dumps)
        if explained is refusal:
            raise
        raise explained from explained.__cause__


def copy_of(view: memoryview) -> bytes | bytearray:
    return bytes(view) if view.readonly else bytearray(view)


# ---- pickled cowns -------------------------------------------------------------------

_lock = RLock()  # finalizers that a collection runs inside may pickle cowns
_serials = count(1)
#: The cowns that have been pickled, while they live.
_pickled: WeakValueDictionary[int, Cown[Any]] = WeakValueDictionary()
#: Identifies this process, together with its process id.
_nonce = int.from_bytes(os.urandom(8), "little")


def reduce_cown(cown: Cown[Any]) -> tuple[Callable[..., Any], tuple[int, int, int]]:
    if me.pickled is not None:
        me.pickled.append(cown)
    with _lock:
        serial = cown._serial
        if not serial:
            serial = cown._serial = next(_serials)
            _pickled[serial] = cown
    return find_cown, (os.getpid(), _nonce, serial)


def find_cown(process: int, nonce: int, serial: int) -> Cown[Any]:
    """Returns the cown that was pickled."""
    if (process, nonce) != (os.getpid(), _nonce):
        raise RuntimeError("a cown cannot be unpickled in another process than its own")
    cown = _pickled.get(serial)
    if cown is None:
        raise RuntimeError(
            "the cown that was pickled is gone: a pickle does not keep it"
        )
    return cown


# ---- what shipping asks of the core --------------------------------------------------

_published: list[tuple[str, str, bytes]] = []


def publish(module: str, name: str, blob: bytes) -> None:
    _published.append((module, name, blob))


def published_since(version: int) -> tuple[int, list[tuple[str, str, bytes]]]:
    news = _published[version:]
    return version + len(news), news


def apart(function: Callable[[Any], T], argument: Any) -> T:
    """Calls a function directly. Only the extension has to keep it separate from a
    pickle in progress."""
    return function(argument)


def hooked_reduce(value: Any) -> Any:
    """NotImplemented: no extension module can register its types with this core."""
    return NotImplemented


def hooked_from(number: int, state: Any) -> Any:
    raise RuntimeError(
        "values of extension types cannot be shipped without bocpy._core"
    )


def native_at(index: int) -> Any:
    raise RuntimeError(
        "values of extension types cannot be shipped without bocpy._core"
    )


def changes() -> int:
    """There are no events."""
    return 0


def set_propagating() -> None:
    """Bodies run in a copy of the context: `Call` of `behavior`."""


def watch_changes(obj: object) -> bool:
    """False: this core hears of no changes and looks at a class or dict each time."""
    return False


def structure_of(*_: Any) -> None:
    """None: no value has a structure that this core knows, and all are compared."""


def structure_first_other(_: Any) -> int:
    """0: see `structure_of`."""
    return 0


def set_distributed_hook(function: Callable[..., Any] | None) -> None:
    raise RuntimeError(
        "bocpy.distributed needs bocpy's extension, not its core by cffi"
    )


def refuses(module: object) -> bool:
    """False: there are no other interpreters that a module could refuse."""
    return False


def ask_main(request: str) -> str | None:
    return "workers are threads of this interpreter"
