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

# Imported first: in a worker of a frozen program, no other module is found before it.
from . import _pyinstaller_importer  # noqa: F401

# isort: split
# This import chooses what `bocpy._core` is, so it precedes the imports that use it.
from . import _choose_core  # noqa: F401

# isort: split
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
from ._math import Matrix, MatrixView
from ._notice_removed import REMOVED
from ._pump import pump, set_pump_watchdog, set_wait_pump_poll
from ._runtime import Behaviors, quiesce, wait

# The module typing is not imported: that takes as long as the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from . import aio as aio
    from ._bulk import as_completed as as_completed
    from ._bulk import atomically as atomically
    from ._bulk import gather as gather
    from ._bulk import map as map  # noqa: A004
    from ._bulk import reduce as reduce
    from ._bulk import when_each as when_each
    from ._context import propagate as propagate
    from ._executor import BocExecutor as BocExecutor
    from ._extensions import get_include as get_include
    from ._extensions import get_sources as get_sources
    from ._failure.cancelled_error import CancelledError as CancelledError
    from ._failure.exception_codec import BehaviorError as BehaviorError
    from ._failure.exception_codec import BehaviorTraceback as BehaviorTraceback
    from ._failure.raise_unread import FailureGroup as FailureGroup
    from ._pump_result import PumpResult as PumpResult
    from ._scope import Scope as Scope
    from ._scope import behaviors as behaviors
    from ._scope import cancelled as cancelled
    from ._scope import checkpoint as checkpoint
    from ._timers import at as at
    from ._wait_result import WaitResult as WaitResult

#: Modules that are imported when a name of theirs is first used, since each worker's
#: interpreter imports this package when it starts. `map` is also a builtin, so it is
#: not in __all__.
_LATER: "Final" = {
    "BehaviorError": "_failure.exception_codec",
    "BehaviorTraceback": "_failure.exception_codec",
    "BocExecutor": "_executor",
    "CancelledError": "_failure.cancelled_error",
    "FailureGroup": "_failure.raise_unread",
    "PumpResult": "_pump_result",
    "Scope": "_scope",
    "WaitResult": "_wait_result",
    "aio": "aio",
    "as_completed": "_bulk",
    "at": "_timers",
    "atomically": "_bulk",
    "behaviors": "_scope",
    "cancelled": "_scope",
    "checkpoint": "_scope",
    "gather": "_bulk",
    "get_include": "_extensions",
    "get_sources": "_extensions",
    "map": "_bulk",
    "propagate": "_context",
    "reduce": "_bulk",
    "when_each": "_bulk",
}


def __getattr__(name: str) -> "Any":
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_LATER[name]}")
    value = module if _LATER[name] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


#: The tag that `receive` returns after its timeout.
TIMEOUT: "Final" = "__timeout__"

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
