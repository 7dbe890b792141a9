"""Behavior-oriented concurrency: parallelism without locks.

A `Cown` owns a value. A behavior is a function that runs once it has its cowns:

>>> from bocpy import Cown, wait, when
>>> left, right = Cown(100), Cown(0)
>>> @when(left, right)
... def transfer(left, right):
...     left.value -= 30
...     right.value += 30
>>> wait()
>>> left.unwrap(), right.unwrap()
(70, 30)

Behaviors that share no cown run in parallel, on all cores; those that do run in the
order in which they were scheduled; deadlock is impossible by construction.

Source: Cheeseman et al., "When Concurrency Matters: Behaviour-Oriented Concurrency",
OOPSLA 2023.
"""

# First: in a worker of a frozen program nothing else is found before.
from . import _frozen  # noqa: F401

# isort: split
from typing import TYPE_CHECKING, Any, Final

# What `_core` is depends on it.
from . import _choose_core  # noqa: F401

# isort: split
from ._bulk import as_completed, atomically, gather, reduce, when_each
from ._bulk import map as map  # noqa: A004  not in __all__: a name of Python's own
from ._context import propagate
from ._core import (
    Cown,
    PinnedCown,
    __version__,
    _worker_count,
    acquire,
    after,
    drain,
    notice_delete,
    notice_read,
    notice_seed,
    notice_update,
    notice_write,
    noticeboard,
    read,
    receive,
    send,
    set_tags,
    start,
    when,
    whencall,
)
from ._extensions import get_include, get_sources
from ._math import Matrix, MatrixView
from ._notices import REMOVED
from ._pump import PumpResult, pump, set_pump_watchdog, set_wait_pump_poll
from ._raise_failures import FailureGroup
from ._runtime import Behaviors, WaitResult, quiesce, wait
from ._scope import Scope, behaviors, cancelled, checkpoint
from ._timers import at

if TYPE_CHECKING:
    from . import aio as aio
    from ._cancelled import CancelledError as CancelledError
    from ._executor import BocExecutor as BocExecutor
    from ._failures import BehaviorError as BehaviorError
    from ._failures import BehaviorTraceback as BehaviorTraceback

#: What is imported when it is first used: much of it needs modules that are slow to
#: import.
_LATER: Final = {
    "BehaviorError": "_failures",
    "BehaviorTraceback": "_failures",
    "BocExecutor": "_executor",
    "CancelledError": "_cancelled",
    "aio": "aio",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_LATER[name]}")
    value = module if _LATER[name] == name else getattr(module, name)
    globals()[name] = value
    return value


#: The tag that `receive` returns when the time is over.
TIMEOUT: Final = "__timeout__"

#: How many workers `start` makes by default: BOCPY_WORKERS, or the number of physical
#: cores that this process may use.
WORKER_COUNT: int = _worker_count()

__all__ = [
    "REMOVED",
    "TIMEOUT",
    "WORKER_COUNT",
    "BehaviorError",
    "BehaviorTraceback",
    "Behaviors",
    "BocExecutor",
    "CancelledError",
    "Cown",
    "FailureGroup",
    "Matrix",
    "MatrixView",
    "PinnedCown",
    "PumpResult",
    "Scope",
    "WaitResult",
    "__version__",
    "acquire",
    "after",
    "as_completed",
    "at",
    "atomically",
    "behaviors",
    "cancelled",
    "checkpoint",
    "drain",
    "gather",
    "get_include",
    "get_sources",
    "notice_delete",
    "notice_read",
    "notice_seed",
    "notice_update",
    "notice_write",
    "noticeboard",
    "propagate",
    "pump",
    "quiesce",
    "read",
    "receive",
    "reduce",
    "send",
    "set_pump_watchdog",
    "set_tags",
    "set_wait_pump_poll",
    "start",
    "wait",
    "when",
    "when_each",
    "whencall",
]
