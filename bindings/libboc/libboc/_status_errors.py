"""One exception for each status of libboc.

Made by bindings/libboc/generate.py from libboc/include/boc: do not edit.
"""

from ._error_base import Error, Outcome, Refusal


class Timeout(Outcome, TimeoutError):
    """BOC_TIMEOUT: the deadline passed."""

    status = "BOC_TIMEOUT"
    text = "the deadline passed"


class Closed(Outcome):
    """BOC_CLOSED: the runtime or queue is closed."""

    status = "BOC_CLOSED"
    text = "the runtime or queue is closed"


class WouldBlock(Outcome):
    """BOC_WOULD_BLOCK: nothing to take without waiting."""

    status = "BOC_WOULD_BLOCK"
    text = "nothing to take without waiting"


class Cancelled(Outcome):
    """BOC_CANCELLED: cancelled by another thread."""

    status = "BOC_CANCELLED"
    text = "cancelled by another thread"


class NoMemory(Refusal, MemoryError):
    """BOC_NO_MEMORY: out of memory."""

    status = "BOC_NO_MEMORY"
    text = "out of memory"


class BadArgument(Refusal, ValueError):
    """BOC_BAD_ARGUMENT: an argument is out of its range."""

    status = "BOC_BAD_ARGUMENT"
    text = "an argument is out of its range"


class BadState(Refusal, RuntimeError):
    """BOC_BAD_STATE: not possible in the present state."""

    status = "BOC_BAD_STATE"
    text = "not possible in the present state"


class NoThread(Refusal, RuntimeError):
    """BOC_NO_THREAD: a thread could not be started."""

    status = "BOC_NO_THREAD"
    text = "a thread could not be started"


class Full(Refusal):
    """BOC_FULL: the capacity is reached."""

    status = "BOC_FULL"
    text = "the capacity is reached"


class NotFound(Refusal, LookupError):
    """BOC_NOT_FOUND: no such tag or key."""

    status = "BOC_NOT_FOUND"
    text = "no such tag or key"


#: By the name of the status.
EXCEPTIONS: dict[str, type[Error]] = {
    "BOC_TIMEOUT": Timeout,
    "BOC_CLOSED": Closed,
    "BOC_WOULD_BLOCK": WouldBlock,
    "BOC_CANCELLED": Cancelled,
    "BOC_NO_MEMORY": NoMemory,
    "BOC_BAD_ARGUMENT": BadArgument,
    "BOC_BAD_STATE": BadState,
    "BOC_NO_THREAD": NoThread,
    "BOC_FULL": Full,
    "BOC_NOT_FOUND": NotFound,
}
