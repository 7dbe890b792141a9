"""The parts of `pickle` that are written in C, without an import of `pickle`.

`pickle` imports regular expressions and other modules, which each worker would load.

Threads: any.
"""

from __future__ import annotations

import io
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pickle import PickleBuffer, PickleError, Pickler, loads
    from typing import IO, Any
else:
    try:
        from _pickle import PickleBuffer, PickleError, Pickler, Unpickler, loads
    except ImportError:  # PyPy has no module `_pickle`.
        from pickle import PickleBuffer, PickleError, Pickler, Unpickler, loads

__all__ = ["PickleBuffer", "PickleError", "Pickler", "loads"]


def copying(pickler: Any) -> Any:
    """A subclass of `pickler` that writes a copy of each dict and each list.

    `_pickle` reads dicts and lists with borrowed references (gh-146452, gh-146533). On
    free-threaded Python it crashes if another thread changes one meanwhile.
    `persistent_id` is called for every object, and before `_pickle` looks at it.
    """

    class CopyingPickler(pickler):  # type: ignore[misc]
        def __init__(self, file: IO[bytes], *args: Any, **options: Any) -> None:
            super().__init__(file, *args, **options)
            # By address; each with the object, whose address is its own meanwhile.
            self._copies: dict[int, tuple[object, object]] = {}

        def persistent_id(self, obj: Any) -> Any:
            if type(obj) is not dict and type(obj) is not list:
                return None
            found = self._copies.get(id(obj))
            if found is None:
                found = self._copies[id(obj)] = obj, obj.copy()
            return found[1]

    return CopyingPickler


def loading_copies(unpickler: Any) -> Any:
    """What `pickle.loads` is, for the pickles of `copying`."""

    class CopiesUnpickler(unpickler):  # type: ignore[misc]
        def persistent_load(self, copy: Any) -> Any:
            return copy

    def loads(data: bytes, *, buffers: Any = None) -> Any:
        return CopiesUnpickler(io.BytesIO(data), buffers=buffers).load()

    return loads


if not TYPE_CHECKING and not getattr(sys, "_is_gil_enabled", lambda: True)():
    Pickler, loads = copying(Pickler), loading_copies(Unpickler)
