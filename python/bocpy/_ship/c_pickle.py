"""The parts of `pickle` that are written in C, without an import of `pickle`.

`pickle` imports regular expressions and other modules, which each worker would load.

Threads: any.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pickle import PickleBuffer, PickleError, Pickler, loads
else:
    try:
        from _pickle import PickleBuffer, PickleError, Pickler, loads
    except ImportError:  # PyPy has no module `_pickle`.
        from pickle import PickleBuffer, PickleError, Pickler, loads

__all__ = ["PickleBuffer", "PickleError", "Pickler", "loads"]
