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

from ._core import Cown, __version__, _worker_count, read, start, when, whencall
from ._runtime import Behaviors, WaitResult, quiesce, wait

#: How many workers `start` makes by default: BOCPY_WORKERS, or the number of physical
#: cores that this process may use.
WORKER_COUNT: int = _worker_count()

__all__ = [
    "WORKER_COUNT",
    "Behaviors",
    "Cown",
    "WaitResult",
    "__version__",
    "quiesce",
    "read",
    "start",
    "wait",
    "when",
    "whencall",
]
