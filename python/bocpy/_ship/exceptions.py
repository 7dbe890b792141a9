"""Exceptions: taken apart for another interpreter, and made again there.

Python reduces an exception to its class, `args` and `__dict__`, and calls the class.
That fails where the constructor takes other arguments, and loses what the class keeps
in slots. So the receiver makes an exception without running its constructor.

Threads: any; nothing here keeps state.
"""

from __future__ import annotations

from .._codec.class_encodings import room_for_weakrefs
from .._heap_types import native_exception
from .plain_instances import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Slotted:
    """Has a slot, whose type another Python may name differently."""

    __slots__ = ("slot",)


_SLOT: Any = type(vars(Slotted)["slot"])


def reduce_exception(error: BaseException) -> Any:
    """Reduces exceptions whose constructors take other arguments than `args`."""
    cls = type(error)
    native = native_exception(cls)
    if (
        cls is native
        or hasattr(native, "exceptions")  # exception groups are made with their parts
        or cls.__reduce__ is not native.__reduce__
        or cls.__reduce_ex__ is not object.__reduce_ex__
        or hasattr(cls, "__getstate__") is not hasattr(native, "__getstate__")
    ):
        return NotImplemented
    reduced: Any = error.__reduce__()
    arguments = reduced[1]
    state = (arguments, error.args, attributes_of(error), error.__cause__)
    # The receiver fills it in a second step, since the error may refer to itself.
    made_of = (cls, arguments) if issubclass(native, OSError) else (cls,)
    return make_exception, made_of, state, None, None, fill_exception


def make_exception(cls: Any, arguments: tuple[Any, ...] = ()) -> BaseException:
    """An exception to be filled. OSError sets `errno` and the like already here."""
    native = native_exception(cls)
    early = arguments if issubclass(native, OSError) else ()
    made: BaseException = native.__new__(cls, *early)
    return made


def fill_exception(error: BaseException, state: tuple[Any, ...]) -> None:
    arguments, args, attributes, cause = state
    # UnicodeError and the like refuse some arguments that `args` may hold.
    try:  # noqa: SIM105 (faster than a context manager)
        native_exception(type(error)).__init__(error, *arguments)
    except TypeError:
        pass
    set_own(error, "args", args)
    set_attributes(error, attributes)
    if cause is not None:
        set_own(error, "__cause__", cause)


def attributes_of(error: BaseException) -> dict[str, Any]:
    """What an exception has beside its arguments."""
    attributes = state_of(error) if has_slots(type(error)) else dict(vars(error))
    if isinstance(error, OSError | ImportError):
        reduced: Any = native_exception(type(error)).__reduce__(error)
        if len(reduced) > 2 and isinstance(reduced[2], dict):
            attributes.update(reduced[2])  # the name and path of an ImportError
        filename = getattr(error, "filename", None)
        if filename is not None and len(reduced[1]) < 3:
            attributes["filename"] = filename  # set by the constructor of the class
    return attributes


def has_slots(cls: type[BaseException]) -> bool:
    """Whether exceptions of the class may have attributes outside of `__dict__`."""
    size = getattr(cls, "__basicsize__", None)
    if size is None:  # PyPy does not say how large they are
        return True
    return bool(size - room_for_weakrefs(cls) != native_exception(cls).__basicsize__)


def set_attributes(error: BaseException, attributes: dict[str, Any]) -> None:
    """Sets attributes, also those of slots, without calling methods of the class."""
    for name, value in attributes.items():
        slot: Any = getattr(type(error), name, None)
        if type(slot) is _SLOT:
            slot.__set__(error, value)
        else:
            vars(error)[name] = value


def set_own(error: BaseException, name: str, value: object) -> None:
    """Sets an attribute that all exceptions have, even if the class refuses attributes:
    a frozen dataclass does."""
    vars(BaseException)[name].__set__(error, value)
