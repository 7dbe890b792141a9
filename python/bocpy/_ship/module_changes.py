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

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

import importlib
import marshal
import sys
from collections.abc import Callable
from functools import partial
from types import FunctionType, ModuleType, SimpleNamespace

from .. import _core, _global_namespaces
from . import (
    c_pickle,
    change_detection,
    late_records,
    module_functions,
    rebindings,
)
from .definition_log import FOLLOW, MISSING, REGISTRATIONS
from .import_origins import is_mock, is_replaced
from .module_containers import (
    CHANGEABLE,
    CONTAINERS,
    LARGE,
    fill,
    is_array,
    items_of,
    warn_of_size,
)
from .own_constructors import is_base
from .plain_instances import state_of
from .replacements import (
    keep_original,
    may_be_patched,
    put_back,
    replaced_methods,
    replaces,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What a record is about.
VALUE, ITEMS, OBJECT, CLASS, AS_IMPORTED, RELOAD, SIZE, GONE, BOTH = range(9)

#: Under this name a module's reloads are found out.
SPEC = "__spec__"

_DATA = frozenset({type(None), bool, int, float, complex, str, bytes, tuple, frozenset})
#: What has more to it than attributes.
_WITH_OTHER_STATE = (
    *(int, float, complex, str, bytes, bytearray, tuple, frozenset, list, dict, set),
    *(BaseException, ModuleType, type, FunctionType),
)
_SKIPPED = frozenset({"__main__", "bocpy", "builtins"})

Dump = Callable[[object], bytes]


def follows(name: str) -> bool:
    """Whether changes of a module are published here."""
    root = name.partition(".")[0]
    return (
        not _global_namespaces.in_worker()
        and root not in _SKIPPED
        and _global_namespaces.importable(name)
    )


def is_own(name: str) -> bool:
    """Whether a module belongs to the program: neither installed nor of the standard
    library."""
    return follows(name) and _global_namespaces.is_of_program(name)


def is_programs(name: str) -> bool:
    """As `is_own`, in a worker, too."""
    return (
        _global_namespaces.is_of_program(name)
        if _global_namespaces.in_worker()
        else is_own(name)
    )


# ---- what is published ---------------------------------------------------------------


def define_items(value: Any, number: int, dump: Dump) -> bytes:
    """The record of a dict, list, set or the like: its items, or its size if they are
    many."""
    if len(value) > LARGE:
        return packed(SIZE, len(value))
    shell = value.copy()
    shell.clear()
    try:
        head = dump(shell)
    except Exception:  # its `default_factory` may be anything
        head = dump(None)
    return packed(ITEMS, dump(items_of(value)), number, head)


def define(name: str, attribute: str, value: Any, dump: Dump) -> bytes:
    """The record of a module's attribute; b"" if the attribute is not followed.

    `dump` raises for values that cannot be shipped.
    """
    number = rebindings.number_of((name, attribute), value)
    if value is MISSING:
        return packed(GONE, 0)
    if is_mock(value):
        raise TypeError(f"a {type(value).__name__!r} is of the main interpreter alone")
    if is_replaced(value) or replaces(name, attribute, value):
        return packed(VALUE, dump(value))
    if isinstance(value, type) and not _global_namespaces.is_of_program(name):
        return define_class(value, name, attribute, dump)
    if not (_global_namespaces.is_of_program(name) or may_be_data(name, value)):
        return b""
    if type(value) in CONTAINERS:
        return define_items(value, number, dump)
    if isinstance(value, type | FunctionType):
        return define_class(value, name, attribute, dump)
    if is_array(value):
        return packed(ITEMS, dump(value.tobytes()), number, dump(value[:0]))
    if is_own_container(value):
        contents = dump((items_of(value), attributes_of(value)))
        return packed(BOTH, contents, number, dump(type(value)))
    if has_plain_state(value):
        return packed(OBJECT, dump(state_of(value)), number, dump(type(value)))
    if isinstance(value, ModuleType) and not value.__name__.endswith(attribute):
        return packed(VALUE, dump(value))
    if isinstance(value, tuple) or is_data(value) or is_immutable(value):
        return packed(VALUE, dump(value))
    return packed(VALUE, dump(value)) if number else b""


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
    return is_data(value) and not _global_namespaces.is_standard(name)


names_published: dict[str, set[str]] = {}
"""By module: the names that are followed, those that were deleted since included."""


def packed(kind: int, data: bytes | int, number: int = 0, head: bytes = b"") -> bytes:
    """A record.

    head: the pickle of the class of the object, or of an empty container like it, for a
        worker whose module has another object.
    """
    return marshal.dumps((kind, data, number, head))


def rank(record: bytes) -> int:
    """Records of a lower rank are applied first: what is loaded for the others may look
    up functions that the program has put back, or that a reload defines."""
    return 0 if marshal.loads(record)[0] in (AS_IMPORTED, RELOAD) else 1


def rank_in_log(key: tuple[str, str], blob: bytes) -> int:
    """As `rank`, for a record of any kind; classes come first."""
    if not key[0] or key[0] == REGISTRATIONS:
        return 4 if key[0] else 0
    return 1 + rank(blob[1:]) if blob[:1] == FOLLOW else 3


_left_out: dict[tuple[str, str], frozenset[str]] = {}
"""By class: the attributes that cannot be shipped, and so are not compared."""


names_filled: set[tuple[str, str]] = set()
"""Classes and functions of which something was sent: when they have nothing any more,
workers are told so."""


def define_class(value: Any, name: str, attribute: str, dump: Dump) -> bytes:
    if isinstance(value, FunctionType):
        data = function_data(value)
    else:
        data = class_data(value, name, attribute)
    kept = {key: part for key, part in data.items() if can_travel(part, dump)}
    left_out = _left_out[name, attribute] = frozenset(data.keys() - kept)
    functions: dict[str, Any] = {}
    if is_own(value.__module__):
        functions = module_functions.replaced(name, attribute, value, dump)
    filled = data or functions or (name, attribute) in names_filled
    if filled:
        names_filled.add((name, attribute))
    return packed(CLASS, dump((kept, left_out, functions))) if filled else b""


def can_travel(part: Any, dump: Dump) -> bool:
    """Whether an attribute of a class can be shipped; others are left out."""
    if type(part) in _DATA - {tuple, frozenset}:
        return True
    try:
        dump(part)
    except Exception:  # a user's __reduce__ may raise anything
        return False
    return True


def parts_of(value: Any) -> dict[Any, Any] | list[Any] | None:
    """The parts of a followed value that may change; None if none can."""
    if type(value) in CONTAINERS:
        return items_of(value)  # type: ignore[no-any-return]
    if isinstance(value, FunctionType):
        return function_data(value) or None
    if isinstance(value, type):
        name = value.__module__, value.__qualname__
        left_out = _left_out.get(name, frozenset())
        if not (is_own(value.__module__) or may_be_patched(value)):
            return None
        data = class_data(value, *name)
        return {key: data[key] for key in data if key not in left_out}
    if is_array(value):
        return [bytearray(value)] if len(value) <= LARGE else None
    if isinstance(value, tuple):
        return None if change_detection.is_frozen(value) else list(value)
    if is_own_container(value):
        items = items_of(value)
        if isinstance(items, dict):
            items = [*items, *items.values()]
        return [*items, *attributes_of(value), *attributes_of(value).values()]
    return state_of(value) if has_plain_state(value) else None


def is_data(value: object) -> bool:
    return type(value) in CONTAINERS or type(value) in _DATA


def is_immutable(value: object) -> bool:
    if isinstance(value, FunctionType | ModuleType | type | _core.Cown):
        return False
    return type(value) is not object and change_detection.is_frozen(value)


def is_class_of_program(cls: type) -> bool:
    """Whether a class is one of the program: of its script, or of a module of it."""
    return cls.__module__ == "__main__" or is_programs(cls.__module__)


_REDUCING = ("__reduce__", "__reduce_ex__", "__getstate__", "__del__")


def is_own_container(value: object) -> bool:
    """Whether a value is a container of a class of the program, and has nothing besides
    its items and its attributes."""
    cls = type(value)
    if not isinstance(value, CHANGEABLE) or not is_class_of_program(cls):
        return False
    own = [base for base in cls.__mro__ if is_class_of_program(base)]
    if any(hook in vars(base) for base in own for hook in (*_REDUCING, "__slots__")):
        return False
    return all(base in _PLAIN_BASES for base in cls.__mro__ if base not in own)


_NAMESPACES = frozenset({"UserDict", "UserList", "ChainMap"})


def is_namespace(cls: type) -> bool:
    """Whether a class of the standard library has its data in its attributes."""
    if cls.__module__ == "collections":
        return cls.__qualname__ in _NAMESPACES
    if cls.__module__ == "configparser":
        return cls.__qualname__ in _PARSERS
    return cls is SimpleNamespace or cls.__qualname__ == "Namespace"


_PARSERS = frozenset({"ConfigParser", "RawConfigParser"})


_PLAIN_BASES = frozenset({*CONTAINERS, object})


def attributes_of(value: object) -> dict[str, Any]:
    return dict(getattr(value, "__dict__", {}))


def has_plain_state(value: object) -> bool:
    """Whether an object of the program consists of its attributes alone."""
    cls = type(value)
    if is_namespace(cls):
        return hasattr(value, "__dict__")
    if isinstance(value, _WITH_OTHER_STATE) or change_detection.is_enum_member(value):
        return False
    return is_class_of_program(cls) and not any(
        hook in vars(base)
        for base in cls.__mro__[:-1]
        if base is not SimpleNamespace
        for hook in _REDUCING
    )


#: What collections.namedtuple sets, and no program changes.
_OF_NAMED_TUPLES = frozenset({"_fields", "_field_defaults"})


def class_data(cls: type, name: str, attribute: str) -> dict[str, Any]:
    """The data of a class of the module, and its methods that were replaced."""
    if not is_own(cls.__module__):
        return replaced_methods(cls) if may_be_patched(cls) else {}
    own = cls.__module__ == name and cls.__qualname__ == attribute
    if not own or type(cls).__name__ in ("EnumMeta", "EnumType"):
        return {}
    data = {key: part for key, part in vars(cls).items() if is_class_data(key, part)}
    if issubclass(cls, tuple) and hasattr(cls, "_field_defaults"):
        for name in _OF_NAMED_TUPLES & data.keys():
            del data[name]
    return data | replaced_methods(cls)


def function_data(function: FunctionType) -> dict[str, Any]:
    """The data among the attributes of a function."""
    return {key: value for key, value in vars(function).items() if is_data(value)}


def is_class_data(key: str, value: object) -> bool:
    if key.startswith("__") or key == "_abc_impl":
        return False
    if is_data(value):
        return True
    return is_own_container(value) or (
        has_plain_state(value) and not is_descriptor(value)
    )


def is_descriptor(value: object) -> bool:
    return hasattr(type(value), "__get__") or hasattr(type(value), "__set__")


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
    late_records.apply_all(name, _latest, apply, but=SPEC)


def apply(module: str, name: str, blob: bytes) -> Undo | None:
    """Sets an attribute of a module of this interpreter; returns the function that
    undoes it."""
    kind, data, number, head = marshal.loads(blob)
    there = sys.modules[module]
    if kind == RELOAD:
        importlib.reload(there)
        module_imported(module)
        return None
    if kind == AS_IMPORTED:
        if isinstance(getattr(there, name, None), type):
            put_back(getattr(there, name), ())
        if (module, name) in _imported:
            setattr(there, name, _imported[module, name])
            rebindings.reset((module, name))
        return None
    own = getattr(there, name, MISSING)
    if kind == GONE:
        return unset(there, name, own)
    if kind == SIZE:
        warn_of_size(module, name, own, data)
        return None
    if head:
        return take_object(kind, there, name, number, c_pickle.loads(head), data)
    if kind == CLASS:
        return apply_to_own(there, name, own, data)
    value = c_pickle.loads(data)
    return bind(there, name, own, value)


def apply_to_own(there: ModuleType, name: str, own: Any, data: bytes) -> Undo | None:
    """Gives the class or function of this module its attributes; another one may be
    there in its place."""
    first = _imported.get((there.__name__, name), own)
    undo = bind(there, name, own, first) if first is not own else None
    known = isinstance(first, type | FunctionType)
    undo_inside = set_attributes(first, *c_pickle.loads(data)) if known else None
    done = [each for each in (undo, undo_inside) if each is not None]
    return partial(undo_all, done) if done else None


def take_object(
    kind: int, there: ModuleType, name: str, number: int, shell: Any, data: bytes
) -> Undo | None:
    """Fills the object of an attribute, which is made first if the program has bound
    the attribute to another one than is here.

    shell: the class of the object, or an empty container.
    """

    def fits(own: Any) -> bool:
        if kind == ITEMS and shell is None:
            return type(own) in CONTAINERS
        return type(own) is (type(shell) if kind == ITEMS else shell)

    def make() -> Any:
        if kind != ITEMS:
            base: Any = next(each for each in shell.__mro__ if is_base(each))
            return base.__new__(shell)
        return {} if shell is None else shell

    before = getattr(there, name, MISSING)
    own, unbind_it = rebindings.bind(there, name, number, fits, make)
    undo: list[Undo] = []
    if unbind_it is not None:
        _imported.setdefault((there.__name__, name), before)
        undo.append(unbind_it)
    try:
        undo += filled(kind, own, c_pickle.loads(data))
    except BaseException:
        undo_all(undo)
        raise
    return partial(undo_all, undo) if undo else None


def filled(kind: int, own: Any, value: Any) -> list[Undo]:
    if kind == ITEMS:
        undo = fill(own, value)
    elif kind == BOTH:
        undo = fill_both(own, *value)
    else:
        undo = set_attributes(own, value)
    return [] if undo is None else [undo]


def bind(there: ModuleType, name: str, own: Any, value: Any) -> Undo | None:
    if rebindings.is_same(own, value):
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


def fill_both(own: Any, items: Any, attributes: dict[str, Any]) -> Undo | None:
    """Replaces the contents of a container and its attributes."""
    undo = [fill(own, items), set_attributes(own, attributes)]
    done = [each for each in undo if each is not None]
    return partial(undo_all, done) if done else None


def set_attributes(
    own: Any,
    state: dict[str, Any],
    left_out: frozenset[str] = frozenset(),
    functions: dict[str, dict[str, Any]] | None = None,
) -> Undo | None:
    """Replaces the attributes of an object or of a class, but those left out."""
    before = state_here(own)
    undo: list[Undo] = []
    if isinstance(own, type):
        put_back(own, state)
    for name in before.keys() - state - left_out:
        undo.append(partial(setattr, own, name, before[name]))
        delattr(own, name)
    for name, value in state.items():
        had = before.get(
            name, vars(own).get(name, MISSING) if isinstance(own, type) else MISSING
        )
        if had is not MISSING and rebindings.is_same(had, value):
            continue
        inside = fill_object(had, value) if isinstance(own, type) else None
        if inside is not None:
            undo += inside
            continue
        if isinstance(own, type):
            keep_original(own, name, had)
        undo.append(partial(unbind, own, name, had))
        assign(own, name, value)
    undo += module_functions.put_in(own, functions) if functions else ()
    return partial(undo_all, undo) if undo else None


def fill_object(own: Any, value: Any) -> list[Undo] | None:
    """Makes an object of a class's attribute as `value` is, in place: others may refer
    to it. None if it has to be replaced."""
    if type(own) is not type(value):
        return None
    if is_own_container(own):
        undo = fill_both(own, items_of(value), attributes_of(value))
    elif has_plain_state(own):
        undo = set_attributes(own, state_of(value))
    else:
        return None
    return [undo] if undo is not None else []


def state_here(own: Any) -> dict[str, Any]:
    if isinstance(own, type | FunctionType):
        return class_data_here(own)
    return attributes_of(own) if isinstance(own, CHANGEABLE) else state_of(own)


def class_data_here(cls: type | FunctionType) -> dict[str, Any]:
    if type(cls).__name__ in ("EnumMeta", "EnumType"):
        return {}
    skipped = _OF_NAMED_TUPLES if hasattr(cls, "_field_defaults") else ()
    return {
        key: value
        for key, value in vars(cls).items()
        if not key.startswith("__") and key not in skipped and is_data(value)
    }


def assign(own: Any, name: str, value: Any) -> None:
    try:
        setattr(own, name, value)
    except Exception:  # frozen dataclasses, and properties without a setter
        object.__setattr__(own, name, value)


def undo_all(undo: list[Undo]) -> None:
    for each in reversed(undo):
        each()
