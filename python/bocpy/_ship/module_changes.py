"""Follows what a program changes in modules that workers import themselves.

A worker that imports a module has what the module's own code sets. What the program has
set there since (`settings.DEBUG = True`, `module.table.append(x)`, a function that a
test replaces) is published in the log as *state*, name by name, for the names that
bodies reach. The worker applies the state to its own module. It changes objects in
place, since other modules may refer to them.

| module | what is followed |
|---|---|
| of the program | data, attributes of its classes and instances, functions replaced |
| installed | data that code of the program mentions, functions replaced |
| of the standard library | functions replaced |

Threads: any; LOCK of `log` is held.
"""

from __future__ import annotations

import importlib
import marshal
import sys
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from .. import _core, _namespaces
from . import c_pickle, change_detection
from .import_origins import is_mock, is_replaced
from .log import MISSING
from .pickler import state_of

#: What a record is about.
VALUE, ITEMS, OBJECT, CLASS, AS_IMPORTED, RELOAD, SIZE, GONE = range(8)

#: Under this name a module's reloads are found out.
SPEC = "__spec__"

_CONTAINERS = frozenset(
    {list, dict, set, bytearray, deque, OrderedDict, defaultdict, Counter}
)
_DATA = frozenset({type(None), bool, int, float, complex, str, bytes, tuple, frozenset})
#: What has more to it than attributes.
_WITH_OTHER_STATE = (
    *(int, float, complex, str, bytes, bytearray, tuple, frozenset, list, dict, set),
    *(BaseException, ModuleType, type, FunctionType),
)
#: Containers of more elements are not compared each time, but for their size.
LARGE = 5000
_SKIPPED = frozenset({"__main__", "bocpy", "builtins"})

Dump = Callable[[object], bytes]


def follows(name: str) -> bool:
    """Whether changes of a module are published here."""
    root = name.partition(".")[0]
    return (
        not _namespaces.in_worker()
        and root not in _SKIPPED
        and _namespaces.importable(name)
    )


def is_own(name: str) -> bool:
    """Whether a module belongs to the program: neither installed nor of the standard
    library."""
    return follows(name) and _namespaces.is_of_program(name)


# ---- what code reaches ---------------------------------------------------------------


def codes_of(value: Any) -> Iterator[tuple[FunctionType, CodeType]]:
    """The functions of the program that may run when a body uses a global, and their
    code."""
    if isinstance(value, type):
        yield from codes_of_class(value)
        return
    if not isinstance(value, FunctionType):
        value = getattr(value, "__func__", None) or getattr(value, "__wrapped__", value)
    if not isinstance(value, FunctionType):
        if is_own(type(value).__module__):
            yield from codes_of_class(type(value))
        return
    while isinstance(value, FunctionType):
        if is_own(str(value.__globals__.get("__name__"))):
            yield value, value.__code__
        value = value.__dict__.get("__wrapped__")


def codes_of_class(cls: type) -> Iterator[tuple[FunctionType, CodeType]]:
    for base in cls.__mro__:
        if not is_own(base.__module__):
            continue
        for value in list(vars(base).values()):
            if isinstance(value, property):
                parts: tuple[Any, ...] = (value.fget, value.fset, value.fdel)
            else:
                parts = (getattr(value, "__func__", value),)
            for part in parts:
                if isinstance(part, FunctionType):
                    yield from codes_of(part)


# ---- what is published ---------------------------------------------------------------


def define(name: str, attribute: str, value: Any, dump: Dump) -> bytes:
    """The record of a module's attribute; b"" if the attribute is not followed.

    `dump` raises for values that cannot be shipped.
    """
    if value is MISSING:
        return packed(GONE, 0)
    if is_mock(value):
        raise TypeError(f"a {type(value).__name__!r} is of the main interpreter alone")
    if is_replaced(value):
        return packed(VALUE, dump(value))
    if not (_namespaces.is_of_program(name) or may_be_data(name, value)):
        return b""
    if type(value) in _CONTAINERS:
        if len(value) > LARGE:
            return packed(SIZE, len(value))
        return packed(ITEMS, dump(items_of(value)))
    if isinstance(value, type):
        data = class_data(value, name, attribute)
        return packed(CLASS, dump(data)) if data else b""
    if has_plain_state(value):
        return packed(OBJECT, dump(state_of(value)))
    if is_data(value) or is_immutable(value):
        return packed(VALUE, dump(value))
    return b""


_specs: dict[str, object] = {}
_reloads: dict[str, int] = {}


def reloads(module: str, name: str, spec: object) -> bytes:
    """The record of how many times a module was reloaded; b"" if it never was."""
    known = _specs.setdefault(module, spec)
    if known is not spec:
        _specs[module] = spec
        _reloads[module] = _reloads.get(module, 0) + 1
    count = _reloads.get(module, 0)
    return b"F" + packed(RELOAD, count) if count else b""


def may_be_data(name: str, value: object) -> bool:
    """Whether an attribute of an installed module may be one of its settings."""
    return is_data(value) and not _namespaces.is_standard(name)


names_published: dict[str, set[str]] = {}
"""By module: the names that are followed, those that were deleted since included."""


def packed(kind: int, data: bytes | int) -> bytes:
    return marshal.dumps((kind, data))


def parts_of(value: Any) -> dict[Any, Any] | list[Any] | None:
    """The parts of a followed value that may change; None if none can."""
    if type(value) in _CONTAINERS:
        return items_of(value)  # type: ignore[no-any-return]
    if isinstance(value, type):
        return class_data(value, value.__module__, value.__qualname__)
    return state_of(value) if has_plain_state(value) else None


def is_data(value: object) -> bool:
    return type(value) in _CONTAINERS or type(value) in _DATA


def is_immutable(value: object) -> bool:
    if isinstance(value, FunctionType | ModuleType | type | _core.Cown):
        return False
    return type(value) is not object and change_detection.is_frozen(value)


def items_of(value: Any) -> Any:
    """The contents of a container, as one that pickle copies and does not refer to."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, deque):
        return list(value)
    return value.copy()


def has_plain_state(value: object) -> bool:
    """Whether an object of the program consists of its attributes alone."""
    cls = type(value)
    if cls is SimpleNamespace or cls.__qualname__ == "Namespace":
        return hasattr(value, "__dict__")
    if isinstance(value, _WITH_OTHER_STATE) or change_detection.is_enum_member(value):
        return False
    return is_own(cls.__module__) and not any(
        hook in vars(base)
        for base in cls.__mro__[:-1]
        for hook in ("__reduce__", "__reduce_ex__", "__getstate__", "__del__")
    )


def class_data(cls: type, name: str, attribute: str) -> dict[str, Any]:
    """The data of a class of the module, and its methods that were replaced."""
    own = cls.__module__ == name and cls.__qualname__ == attribute
    if not own or type(cls).__name__ in ("EnumMeta", "EnumType"):
        return {}
    return {key: value for key, value in vars(cls).items() if is_class_data(key, value)}


def is_class_data(key: str, value: object) -> bool:
    if key.startswith("__") or key == "_abc_impl":
        return False
    return is_data(value) or is_replaced(getattr(value, "__func__", value))


# ---- at the receiver -----------------------------------------------------------------

Undo = Callable[[], None]

_latest: dict[str, dict[str, bytes]] = {}
# the values of attributes before records replaced them
_imported: dict[tuple[str, str], Any] = {}


def take_in(module: str, name: str, blob: bytes) -> None:
    """Applies a record, or keeps it until the module is imported here."""
    _latest.setdefault(module, {})[name] = blob
    if is_imported(module):
        apply(module, name, blob)


def is_imported(name: str) -> bool:
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def enter(module: str, name: str, blob: bytes) -> Undo | None:
    """Applies a record for the time of one body."""
    try:
        importlib.import_module(module)
    except ImportError:
        return None
    return apply(module, name, blob)


def module_imported(name: str) -> None:
    """Applies the records of a module that has just been imported."""
    for attribute, blob in list(_latest.get(name, {}).items()):
        if attribute != SPEC:
            apply(name, attribute, blob)


def apply(module: str, name: str, blob: bytes) -> Undo | None:
    """Sets an attribute of a module of this interpreter; returns the function that
    undoes it."""
    kind, data = marshal.loads(blob)
    there = sys.modules[module]
    if kind == RELOAD:
        importlib.reload(there)
        module_imported(module)
        return None
    if kind == AS_IMPORTED:
        if (module, name) in _imported:
            setattr(there, name, _imported[module, name])
        return None
    own = getattr(there, name, MISSING)
    if kind == GONE:
        return unset(there, name, own)
    if kind == SIZE:
        warn_of_size(module, name, own, data)
        return None
    value = c_pickle.loads(data)
    if own is MISSING or not fits(kind, own, value):
        return bind(there, name, own, value) if kind in (VALUE, ITEMS) else None
    if kind == ITEMS:
        return fill(own, value)
    if kind in (OBJECT, CLASS):
        return set_attributes(own, value)
    return bind(there, name, own, value)


def fits(kind: int, own: Any, value: Any) -> bool:
    if kind == CLASS:
        return isinstance(own, type)
    if kind == ITEMS:
        return type(own) in _CONTAINERS and isinstance(value, type(items_of(own)))
    return True


def bind(there: ModuleType, name: str, own: Any, value: Any) -> Undo | None:
    if is_same(own, value):
        return None
    _imported.setdefault((there.__name__, name), own)
    setattr(there, name, value)
    return partial(unbind, there, name, own)


def unset(there: ModuleType, name: str, own: Any) -> Undo | None:
    if own is MISSING or name not in vars(there):
        return None
    _imported.setdefault((there.__name__, name), own)
    delattr(there, name)
    return partial(unbind, there, name, own)


def unbind(there: Any, name: str, own: Any) -> None:
    if own is not MISSING:
        setattr(there, name, own)
    elif hasattr(there, name):
        delattr(there, name)


def is_same(own: Any, value: Any) -> bool:
    try:
        return type(own) is type(value) and repr(own) == repr(value) and own == value
    except Exception:  # a user's __eq__ or __repr__ may raise anything
        return False


def fill(own: Any, value: Any) -> Undo | None:
    """Replaces the contents of a container."""
    if is_same(items_of(own), value):
        return None
    before = items_of(own)
    own.clear()
    (own.extend if hasattr(own, "extend") else own.update)(value)
    return partial(fill, own, before)  # type: ignore[return-value]


def set_attributes(own: Any, state: dict[str, Any]) -> Undo | None:
    """Replaces the attributes of an object or of a class."""
    before = class_data_here(own) if isinstance(own, type) else state_of(own)
    undo: list[Undo] = []
    for name in before.keys() - state:
        undo.append(partial(setattr, own, name, before[name]))
        delattr(own, name)
    for name, value in state.items():
        had = before.get(
            name, vars(own).get(name, MISSING) if isinstance(own, type) else MISSING
        )
        if had is not MISSING and is_same(had, value):
            continue
        undo.append(partial(unbind, own, name, had))
        assign(own, name, value)
    return partial(undo_all, undo) if undo else None


def class_data_here(cls: type) -> dict[str, Any]:
    return {
        key: value
        for key, value in vars(cls).items()
        if not key.startswith("__") and is_data(value)
    }


def assign(own: Any, name: str, value: Any) -> None:
    try:
        setattr(own, name, value)
    except Exception:  # frozen dataclasses, and properties without a setter
        object.__setattr__(own, name, value)


def undo_all(undo: list[Undo]) -> None:
    for each in reversed(undo):
        each()


def warn_of_size(module: str, name: str, own: Any, size: int) -> None:
    there = len(own) if hasattr(own, "__len__") else "none"
    if there != size:
        warnings.warn(
            f"{module}.{name} has {size} elements in the main program, but {there} "
            f"where a worker imports {module}, and is too large to follow: put it into "
            "a cown or a notice",
            RuntimeWarning,
            stacklevel=2,
        )
