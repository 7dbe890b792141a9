"""Whether a program may compare an object with others by `is`, as it does a sentinel.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import io
import sys

from . import c_pickle
from .definition_log import keep_object
from .pickler import Keep, reduce_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_alone: int | None = None

#: PyPy counts no references: there every object may be shared, see `is_shared`.
references = getattr(sys, "getrefcount", lambda obj: 0)


def is_shared(obj: object) -> bool:
    """Whether code outside of the pickled value may compare others with `obj`.

    An object with one reference is no sentinel, and gets no token, if the token would
    keep it forever.
    """
    global _alone
    if not is_kept_forever(type(obj)) or not hasattr(sys, "getrefcount"):
        return True
    if _alone is None:  # counting takes longer than the import of this module
        _alone = count_alone()
    return references(obj) > _alone


def is_kept_forever(cls: Any) -> bool:
    """Whether instances have no attributes and allow no weak references."""
    return cls.__new__ is object.__new__ and not hasattr(cls, "__weakref__")


class _Counter(c_pickle.Pickler):
    """Counts the references to an object() that only one list refers to.

    It counts them at the place where `is_shared` does.
    """

    count = 0

    def reducer_override(self, obj: Any) -> Any:
        reduce_object(self, obj)  # type: ignore[arg-type]
        return NotImplemented

    def token_of(self, obj: object, keep: Keep = keep_object) -> str | None:
        self.count = self.count_of(obj)
        return None

    @staticmethod
    def count_of(obj: object) -> int:
        return references(obj)


def count_alone() -> int:
    counter = _Counter(io.BytesIO(), 5)
    counter.dump([object()])
    return counter.count
