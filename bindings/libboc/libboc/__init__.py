"""libboc for Python: behavior-oriented concurrency, as the C library has it.

A `Cown` owns a value. A behavior is a function that runs once it has its cowns, on a
worker of a `Runtime`:

>>> from libboc import Cown, Runtime, when
>>> left, right = Cown(100), Cown(0)
>>> with Runtime():
...     @when(left, right)
...     def transfer(left, right):
...         left.value -= 30
...         right.value += 30
>>> left.value, right.value
(70, 30)

`libboc.lib` and `libboc.ffi` are the whole C API by cffi, one to one: see
docs/c/reference.md. The classes and functions of this module are built on them, and
raise an exception for each status other than BOC_OK.
"""

from ._base import core_count, now, version
from ._behavior import Behavior, Deferred, cancelled, defer, schedule_all
from ._cown import Cown, Reading, read
from ._error_base import Error, Outcome, Refusal
from ._lane import Lane
from ._libboc import ffi, lib
from ._mailbox import Mailbox, Token
from ._noticeboard import REMOVED, Noticeboard, Notices
from ._runtime import Runtime, blocking, current, when
from ._scope import Scope
from ._status_errors import *  # noqa: F403
from ._status_errors import EXCEPTIONS
from ._trace import TraceEvent

#: The version of libboc that this package was built from.
__version__: str = ffi.string(lib.BOC_VERSION_STRING).decode()

__all__ = [
    "REMOVED",
    "Behavior",
    "Cown",
    "Deferred",
    "Error",
    "Lane",
    "Mailbox",
    "Noticeboard",
    "Notices",
    "Outcome",
    "Reading",
    "Refusal",
    "Runtime",
    "Scope",
    "Token",
    "TraceEvent",
    "__version__",
    "blocking",
    "cancelled",
    "core_count",
    "current",
    "defer",
    "ffi",
    "lib",
    "now",
    "read",
    "schedule_all",
    "version",
    "when",
]
__all__ += [kind.__name__ for kind in EXCEPTIONS.values()]
