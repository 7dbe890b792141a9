"""How the exceptions of behaviors travel to other interpreters.

Threads: any.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable
from functools import cache, partial
from types import CodeType, MethodType, TracebackType

from .. import _global_namespaces
from .._late_imports import late_import, traceback_module
from . import tracebacks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BehaviorTraceback(Exception):
    """A traceback as text: the cause of an exception from another interpreter.

    >>> from bocpy import BehaviorTraceback
    >>> print(BehaviorTraceback("Traceback (most recent call last): ...").text)
    Traceback (most recent call last): ...
    """

    __module__ = "bocpy"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._trace: str | bytes = text

    @classmethod
    def of(cls, trace: str | bytes) -> BehaviorTraceback:
        """A traceback whose text is written when somebody reads it."""
        made = cls.__new__(cls)
        made._trace = trace
        return made

    @property
    def text(self) -> str:
        """The traceback, as Python would have printed it."""
        if not isinstance(self._trace, str):
            self._trace = tracebacks.written(self._trace)
        return self._trace

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'

    def __reduce__(self) -> tuple[type[BehaviorTraceback], tuple[str]]:
        return type(self), (self.text,)


class BehaviorError(RuntimeError):
    """Stands for an exception that cannot leave the interpreter that raised it: neither
    its class nor any base of that can be shipped. Its text names the exception.

    >>> from bocpy import BehaviorError
    >>> issubclass(BehaviorError, RuntimeError)
    True
    """

    __module__ = "bocpy"


#: Sets the cause of any exception; classes may refuse it (a frozen dataclass does).
_SET_CAUSE = vars(BaseException)["__cause__"].__set__


def restore(exception: BaseException, trace: str | bytes) -> BaseException:
    """What `pack` packed, in the interpreter that reads it."""
    _SET_CAUSE(exception, BehaviorTraceback.of(trace))
    return exception


class Packed:
    """Pickles as its exception, with the traceback as the cause."""

    def __init__(self, exception: Any, trace: str | bytes) -> None:
        self.exception = exception
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (self.exception, self.trace)


@cache
def ship() -> Any:
    """The package that names classes.

    It is loaded when an exception is first shipped. An import statement in each
    function would cost 0.4 µs a failure.
    """
    from .. import _ship

    return _ship


def raised_by_handler(exception: BaseException) -> bool:
    """Whether a handler of a signal has raised it, in code that raises Exceptions."""
    if not isinstance(exception, Exception):
        return True
    signal = sys.modules.get("signal")
    if signal is None:
        return False
    handlers = {code_of(signal.getsignal(n)) for n in signal.valid_signals()}
    trace = exception.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def code_of(handler: Any) -> CodeType | None:
    while isinstance(handler, partial):
        handler = handler.func
    if not hasattr(handler, "__code__") and not isinstance(handler, MethodType):
        handler = getattr(handler, "__call__", None)  # noqa: B004 (its code is wanted)
    function = getattr(handler, "__func__", handler)
    return getattr(function, "__code__", None)


def text_of(exception: BaseException) -> str:
    """The traceback as text, even if the exception's own methods raise."""
    cause = exception.__cause__
    if isinstance(cause, BehaviorTraceback) and exception.__traceback__ is None:
        return cause.text
    try:
        # few workers need the module, and it imports much
        return "".join(traceback_module().format_exception(exception))
    except Exception:
        return f"{type(exception).__qualname__}: its traceback cannot be shown\n"


def described(exception: BaseException) -> str:
    try:
        return repr(exception)
    except Exception:
        return f"<{type(exception).__qualname__}>"


def survives(part: object) -> bool:
    """Whether the exception is the same after pickling and unpickling."""
    from .. import _ship

    try:
        data, buffers = _ship.dumps(part)
        return type(_ship.loads(data, buffers)) is type(part)
    except Exception:  # a user's __reduce__ may raise anything
        return False


def hint(exception: BaseException) -> str | None:
    """Why a body may have failed in this interpreter, and would not have failed
    elsewhere."""
    if isinstance(exception, NameError | AttributeError):
        return missing(exception, exception.__traceback__)
    return None


def missing(
    exception: NameError | AttributeError, trace: TracebackType | None
) -> str | None:
    """Why a global, or an attribute of a class, was not shipped with the code."""
    from .. import _ship

    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(exception.name, str):
        return None
    if isinstance(exception, NameError):
        return _ship.explain(exception.name, trace.tb_frame.f_globals)
    obj = exception.obj
    cls = obj if isinstance(obj, type) else type(obj)
    for base in cls.__mro__:
        reason = _ship.explain_attribute(base, exception.name)
        if reason is not None:
            return reason
    return None


def hinted(exception: BaseException) -> BaseException:
    """The exception, with advice in its message if there is some."""
    try:
        if isinstance(exception, ImportError):
            _global_namespaces.hint_at_refusal(exception)
            _global_namespaces.hint_at_hook(exception)
            return exception
        more = hint(exception)
        if more is not None:
            exception.args = (f"{exception}; {more}",)
    except Exception:  # a user's exception may raise anything
        return exception
    return exception


def trace_taken(exception: BaseException) -> str | bytes:
    """The plain values that make the traceback; its text if those do not suffice."""
    try:
        trace = tracebacks.take(exception, BehaviorTraceback)
    except Exception:  # a user's __str__ may raise anything
        trace = None
    return text_of(exception) if trace is None else trace


def pack(exception: object) -> object:
    """The value that is encoded in place of an exception.

    For exceptions of Python itself that is a tuple of plain values, which `unpack`
    accepts. An object that is no exception but was declared to count as one is encoded
    as any value.
    """
    if not isinstance(exception, BaseException):
        return exception
    if not isinstance(exception, ImportError | NameError | AttributeError):
        return pack_unnamed(exception)
    names = names_of(exception)
    packed = pack_unnamed(hinted(exception))
    return (_MARK, packed, tuple(names), tuple(names.values())) if names else packed


def names_of(exception: BaseException) -> dict[str, str]:
    """The attributes with which Python says what it did not find.

    They are not among the arguments, and `pickle` loses those of a NameError.
    """
    found = ((name, getattr(exception, name, None)) for name in _NAMES)
    return {name: value for name, value in found if type(value) is str}


_NAMES = ("name", "name_from", "path")


def pack_unnamed(exception: BaseException) -> object:
    trace = trace_taken(exception)
    arguments = plain_arguments(exception)
    if arguments is not None:
        notes = getattr(exception, "__notes__", None)
        return _MARK, type(exception).__name__, arguments, notes, trace
    way = survives_as_before(exception)
    if way == _WHOLE and exception.__cause__ is None:
        return _MARK, exception, trace
    if way is not None:
        apart = taken_apart(exception, trace) if way != _PICKLED else None
        return apart or Packed(exception, trace)
    whole = survives(exception)
    return Packed(exception if whole else portable(exception), trace)


def unpacked(packed: object) -> Any:
    """The exception that `pack` packed, as a value that has travelled."""
    return unpack(packed) if type(packed) is tuple else packed


#: The first item of what `pack` makes. It tells that from a tuple of the program, which
#: may stand in an exception's place, since `exception` can be set for any value.
_MARK = "\0bocpy.failure"


def unpack(packed: tuple[Any, ...]) -> object:
    """The exception whose tuple `pack` made; other values as they are."""
    size = len(packed)
    if size not in (3, 4, 5, 6) or packed[0] != _MARK:
        return packed
    if size == 3:
        return restore(packed[1], packed[2])
    if size == 4:
        return named(*packed[1:])
    if size == 6:
        return put_together(*packed[1:])
    _, name, arguments, notes, trace = packed
    exception: BaseException = getattr(builtins, name)(*arguments)
    if notes:
        vars(exception)["__notes__"] = notes
    return restore(exception, trace)


def named(packed: Any, names: tuple[str, ...], values: tuple[str, ...]) -> object:
    exception = unpacked(packed)
    for name, value in zip(names, values, strict=True):
        if hasattr(exception, name):  # what came may be of another class
            setattr(exception, name, value)
    return exception


def taken_apart(exception: BaseException, trace: str | bytes) -> tuple[Any, ...] | None:
    """The tuple, of plain values alone, for an exception of another class.

    None if plain values do not suffice to make it.
    """
    reduced: Any = exception.__reduce__()
    arguments, args = reduced[1], exception.args
    state = ship().attributes_of(exception)
    if arguments is not args and not _SCALARS.issuperset(map(type, arguments)):
        return None
    reference = ship().export_class(type(exception))
    return _MARK, reference, arguments, args, state, trace


def put_together(
    reference: str,
    arguments: tuple[Any, ...],
    args: tuple[Any, ...],
    state: dict[str, Any],
    trace: str | bytes,
) -> BaseException:
    """Makes the exception from the tuple of `taken_apart`."""
    ship().catch_up()
    cls = ship().find_class(reference)
    made: BaseException = ship().make_exception(cls, arguments)
    ship().fill_exception(made, (arguments, args, state, None))
    return restore(made, trace)


_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})


def plain_arguments(exception: BaseException) -> tuple[Any, ...] | None:
    """The arguments that make an exception of Python itself, if they are plain
    values."""
    cls = type(exception)
    if getattr(builtins, cls.__name__, None) is not cls:
        return None
    state = vars(exception)
    if state and (state.keys() != {"__notes__"} or not are_texts(state["__notes__"])):
        return None
    reduced = exception.__reduce__()
    arguments = reduced[1] if isinstance(reduced, tuple) else None
    if isinstance(arguments, tuple) and _SCALARS.issuperset(map(type, arguments)):
        return arguments
    return None


def are_texts(notes: object) -> bool:
    return type(notes) is list and all(type(note) is str for note in notes)


#: How exceptions of a kind can be sent: the codec encodes them (_WHOLE), their parts do
#: (_APART), or only pickle does, since the class reduces them itself.
_WHOLE, _APART, _PICKLED = range(3)

#: Kinds of exceptions (class, types of arguments, names and types of attributes) of
#: which one has survived pickling, and how they are sent. The next one will survive,
#: too, since all parts are plain values.
_survivors: dict[tuple[Any, ...], int] = {}
_SURVIVORS_MAX = 256


def survives_as_before(exception: BaseException) -> int | None:
    """How exceptions of this kind can be sent; the first one is tried.

    None if the kind does not survive pickling, or if each exception has to be tried.
    """
    key: tuple[Any, ...] = type(exception), *map(type, exception.args)
    if state := ship().attributes_of(exception):
        key += tuple((name, type(value)) for name, value in state.items())
    known = _survivors.get(key)
    return survives_first(exception, key) if known is None else known


def survives_first(exception: BaseException, key: tuple[Any, ...]) -> int | None:
    from .. import _ship

    parts = (*exception.args, *_ship.attributes_of(exception).values())
    if not _SCALARS.issuperset(map(type, parts)) or not survives(exception):
        return None
    way = _PICKLED
    encodings = late_import("bocpy._codec.class_encodings")
    if encodings.encoding_of(type(exception))[0] == encodings.EXCEPTION:
        way = _WHOLE
    elif _ship.reduce_exception(exception) is not NotImplemented:
        way = _APART
    if len(_survivors) < _SURVIVORS_MAX:
        _survivors[key] = way
    return way


# ---- exceptions that do not travel as they are ---------------------------------------


class Portable:
    """Pickles as an exception of the class, with those parts that can be shipped."""

    def __init__(self, make: Any, arguments: tuple[Any, ...]) -> None:
        self.reduced = (make, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def portable(exception: BaseException) -> Any:
    """The exception without the parts that cannot be shipped; each leaves a note."""
    for cls in type(exception).__mro__[:-2]:
        if survives(cls):
            return stripped(exception, cls)
    return BehaviorError(described(exception))


def stripped(exception: BaseException, cls: type) -> Portable:
    lost: list[str] = []
    if cls is not type(exception):
        lost.append(f"its class, {type(exception).__qualname__!r}")
    members = getattr(exception, "exceptions", None)
    if isinstance(members, tuple) and hasattr(cls, "derive"):
        inner = [one if survives(one) else portable(one) for one in members]
        message = getattr(exception, "message", "")
        return Portable(rebuild_group, (cls, message, inner))
    arguments = [kept(f"args[{i}]", part, lost) for i, part in each(exception.args)]
    state = ship().attributes_of(exception)
    notes = [note for note in state.pop("__notes__", ()) if isinstance(note, str)]
    for name, part in list(state.items()):
        state[name] = kept(name, part, lost)
    if lost:
        notes.append(f"{', '.join(lost)}: this did not leave the worker that raised it")
    shown = described_text(exception)
    return Portable(rebuild, (cls, tuple(arguments), state, notes, shown))


def each(parts: object) -> Iterable[tuple[int, Any]]:
    return enumerate(parts) if isinstance(parts, tuple) else ()


def kept(name: str, part: object, lost: list[str]) -> object:
    """The part, or a text in its place if it cannot be shipped."""
    if survives(part):
        return part
    lost.append(f"{name} (a {type(part).__qualname__!r})")
    return None


def described_text(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # a user's __str__ may raise anything
        return ""


def rebuild(
    cls: Any, arguments: tuple[Any, ...], state: dict[str, Any], notes: Any, shown: str
) -> BaseException:
    """An exception of the class, without running its constructor."""
    exception: BaseException
    try:
        exception = cls.__new__(cls, *arguments)
    except TypeError:
        exception = cls.__new__(cls)
    ship().set_own(exception, "args", arguments)
    ship().set_attributes(exception, state)
    if described_text(exception) != shown:
        notes = [*notes, f"it said: {shown}"]
    if notes and sys.version_info >= (3, 11):
        vars(exception)["__notes__"] = list(notes)
    return exception


def rebuild_group(cls: Any, message: str, members: list[BaseException]) -> Any:
    try:
        return cls(message, members)
    except Exception:  # a constructor of the program may raise anything
        return BehaviorError(message)
