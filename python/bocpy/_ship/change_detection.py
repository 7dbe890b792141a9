"""How shipping finds out that the contents of a global have changed.

| kind | values | how a change is found |
|---|---|---|
| FROZEN | numbers, text, tuples of them, functions, cowns, ... | they cannot change |
| WATCHED | dicts of FROZEN values | CPython reports each change (a dict watcher) |
| POLLED | other data whose pickle is small | pickles are compared at each scheduling |
| LARGE | other data | it is not found: a warning says so, once |

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import copyreg
import functools
import marshal
import sys
import types
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from operator import is_

from .. import _core, _global_namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FROZEN, WATCHED, POLLED, LARGE = range(4)

# bytes of the largest pickle that is made and compared at each scheduling
LIMIT = 1 << 15

_FROZEN_TYPES = frozenset(
    {
        *(type(None), bool, int, float, complex, str, bytes, type(...)),
        *(type(NotImplemented), range, slice, object),
        *(types.ModuleType, types.CodeType, types.WrapperDescriptorType),
        *(types.MethodDescriptorType, types.GetSetDescriptorType),
        *(types.MemberDescriptorType, types.GenericAlias),
        _core.Cown,
        _core.PinnedCown,
    }
)

# Found by name, so that nothing imports these modules.
_FROZEN_NAMES = frozenset(
    {
        *("datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta"),
        *("datetime.timezone", "decimal.Decimal", "fractions.Fraction", "uuid.UUID"),
        *("re.Pattern", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local"),
        *("pathlib.PurePosixPath", "pathlib.PureWindowsPath", "zoneinfo.ZoneInfo"),
        *("ipaddress.IPv4Address", "ipaddress.IPv6Address", "logging.Logger"),
        *("logging.RootLogger", "ctypes.CDLL", "typing.TypeVar", "typing.ParamSpec"),
        *("typing.TypeAliasType", "typing.NewType", "operator.itemgetter"),
        *("operator.attrgetter", "struct.Struct", "_struct.Struct"),
        *("pathlib._local.PosixPath", "pathlib._local.WindowsPath"),
        "collections._tuplegetter",
    }
)

#: Attributes that the standard library gives classes, whose contents do not change.
CLASS_MACHINERY = frozenset(
    {
        *("__dataclass_fields__", "__dataclass_params__", "__match_args__"),
        *("__orig_bases__", "__parameters__", "__type_params__", "__slotnames__"),
        *("__protocol_attrs__", "__non_callable_proto_members__", "_field_defaults"),
    }
)

#: `table.get` and `table.__getitem__` are bound to the dict.
_BOUND = frozenset(
    {types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType}
)

_DEEP = 20
_partial = functools.partial
_lru_cache_wrapper = type(functools.lru_cache(lambda: None))


def is_frozen(value: Any, depth: int = 0) -> bool:
    """Whether nothing in `value` can change, as far as its type tells."""
    kind = type(value)
    if kind in _FROZEN_TYPES or isinstance(value, type):
        return True
    if depth > _DEEP:
        return False
    if issubclass(kind, tuple | frozenset):
        return all(is_frozen(part, depth + 1) for part in value)
    if kind is types.FunctionType:
        return is_frozen_function(value, depth)
    if kind in _BOUND:
        return is_frozen(value.__self__, depth + 1)
    if kind is _partial:
        given = [value.func, value.args, *value.keywords.values()]
        given += vars(value).values()
        return all(is_frozen(part, depth + 1) for part in given)
    if kind is _lru_cache_wrapper:
        return is_frozen(value.__wrapped__, depth + 1)
    if kind in (property, staticmethod, classmethod):
        parts = (getattr(value, name, None) for name in ("fget", "fset", "__func__"))
        return all(is_frozen(part, depth + 1) for part in parts)
    if f"{kind.__module__}.{kind.__qualname__}" in _FROZEN_NAMES:
        return True
    return is_enum_member(value) or is_frozen_dataclass(value, depth)


def is_frozen_function(function: types.FunctionType, depth: int) -> bool:
    if function.__globals__.get("__name__") == "reprlib":
        return True  # it notes whom it shows right now
    parts: list[Any] = [*(function.__defaults__ or ())]
    parts += (function.__kwdefaults__ or {}).values()
    parts += vars(function).values()
    for cell in function.__closure__ or ():
        try:
            parts.append(cell.cell_contents)
        except ValueError:
            return False
    return all(part is function or is_frozen(part, depth + 1) for part in parts)


def is_enum_member(value: object) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(value, enum.Enum)


def is_frozen_dataclass(value: Any, depth: int) -> bool:
    parameters = getattr(type(value), "__dataclass_params__", None)
    if not getattr(parameters, "frozen", False):
        return False
    names = type(value).__dataclass_fields__
    parts = [getattr(value, name, None) for name in names]
    others = getattr(value, "__dict__", {})
    parts += [part for name, part in others.items() if name not in names]
    return all(is_frozen(part, depth + 1) for part in parts)


def judge(value: Any, size: int) -> int:
    """The kind of a global whose pickle has `size` bytes; watches it if possible."""
    if is_frozen(value):
        return FROZEN
    flat = type(value) is dict and all(map(is_frozen, value.values()))
    if flat and _core._watch_changes(value):
        return WATCHED
    return POLLED if size <= LIMIT else LARGE


def size_of(value: Any) -> int | None:
    try:
        return len(value)
    except Exception:  # the value has no length, or its `__len__` raises
        return None


def warn_of_size(name: str, module: str, value: object) -> None:
    """Warns beforehand that a change inside a large global will not be seen."""
    warn(
        f"global {name!r} of {module}, a {type(value).__name__!r}, is too large to be "
        "compared each time a behavior that reads it is scheduled: behaviors get it as "
        "it is now, and changes inside it are not seen. Put it into a cown or a "
        "notice, or make it a tuple if it does not change"
    )


def fingerprint(value: Any) -> bytes | None:
    """Bytes that differ for any two values that are lists, dicts and the like of plain
    data, or instances with nothing but such attributes.

    None for other values.
    """
    # from version 3 on, the bytes depend on the reference counts of the parts
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        pass
    try:
        return marshal.dumps(outline(value), 2)
    except ValueError:
        return None


_ITEMS: dict[type, int] = {list: 1, tuple: 2, set: 3, frozenset: 4}
_DICTS: frozenset[type] = frozenset({dict, OrderedDict, defaultdict, Counter})
_BY_NAME = frozenset({type, types.FunctionType, types.BuiltinFunctionType})


def outline(value: Any, depth: int = 0) -> Any:
    """The value, made of what `marshal` takes. ValueError if it has other parts."""
    kind = type(value)
    if kind in _MARSHALLED:
        return value
    if depth > _DEEP:
        raise ValueError("too deep, or a cycle")
    inner = depth + 1
    if kind in _ITEMS:
        return _ITEMS[kind], [outline(part, inner) for part in value]
    if kind in _DICTS:
        items = [(outline(k, inner), outline(v, inner)) for k, v in value.items()]
        return id(kind), id(getattr(value, "default_factory", None)), items
    if kind is deque:
        return id(kind), value.maxlen, [outline(part, inner) for part in value]
    if has_attributes_only(kind):
        return id(kind), outline(vars(value), inner)
    if kind in _BY_NAME and _global_namespaces.resolves(value):
        return id(kind), value.__module__, value.__qualname__  # as pickle stores it
    raise ValueError(f"a {kind.__name__!r}")


_MARSHALLED = frozenset(
    {type(None), bool, int, float, complex, str, bytes, bytearray, type(...)}
)
_MADE_BY_OBJECT = ("__new__", "__reduce__", "__reduce_ex__", "__getattribute__")


def has_attributes_only(cls: type) -> bool:
    """Whether the `__dict__` of an instance is all that is pickled of it."""
    return (
        cls.__basicsize__ == _Plain.__basicsize__
        and cls.__dictoffset__ != 0
        and all("__slots__" not in vars(base) for base in cls.__mro__[:-1])
        and all(getattr(cls, n) is getattr(object, n) for n in _MADE_BY_OBJECT)
        and getattr(cls, "__getstate__", None) is getattr(object, "__getstate__", None)
        and not (cls in copyreg.dispatch_table or hasattr(cls, "__getnewargs_ex__"))
        and not hasattr(cls, "__getnewargs__")
    )


class _Plain:
    """A class whose instances have a `__dict__` and nothing else."""


def are_same(before: Any, now: Any) -> bool:
    """Whether two containers contain the same objects."""
    if len(before) != len(now):
        return False
    if isinstance(before, dict):
        keys = all(map(is_, before.keys(), now.keys()))
        return keys and all(map(is_, before.values(), now.values()))
    if isinstance(before, set | bytearray):
        return bool(before == now)
    return all(map(is_, before, now))


def warn(text: str) -> None:
    """Issues a warning at the line that schedules."""
    depth = 1
    frame: Any = sys._getframe()
    while frame is not None and is_passed_over(frame):
        frame = frame.f_back
        depth += 1
    warnings.warn(text, RuntimeWarning, stacklevel=depth)


def is_passed_over(frame: Any) -> bool:
    names = frame.f_globals
    return (
        names.get("__package__") in _PACKAGES or names.get("__name__") == "contextlib"
    )


_PACKAGES = frozenset({"bocpy", __package__})
