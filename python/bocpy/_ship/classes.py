"""Classes by value: taken apart in one interpreter, and put together in another.

A definition is up to three pickles. The *header* makes a skeleton: metaclass, name,
bases, slots, and the members of an enum. The *body* is the rest of the class's dict.
The receiver registers the skeleton before it loads the body, so that methods may refer
to their class. If the body refers to instances that are globals, the attributes that
are no methods are a third pickle, the *values*: such an instance may be one of this
class, and it is made with the class's methods.

The metaclass's constructor, `__init_subclass__`, `__set_name__` and the constructors of
enum members do not run a second time: their effects are in the dict that travels.

Threads: as `_ship`, which calls this.
"""

from __future__ import annotations

import abc
import sys
import types
from contextlib import contextmanager

from .._heap_types import is_heap_type
from . import ctypes_types, flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeAlias

Dump: TypeAlias = "Callable[[Any], bytes]"
Load: TypeAlias = "Callable[[bytes], Any]"

# The receiver makes these anew, or they belong to one interpreter.
_LEFT_OUT = frozenset(
    {
        "__dict__",
        "__weakref__",
        "__slots__",
        "__slotnames__",
        "__module__",
        "__qualname__",
        "_abc_impl",
        "__classdictcell__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__annotations__",
        "_member_map_",
        "_value2member_map_",
    }
)


# An entry of an enum's body that is not an attribute.
_MEMBER_STATES = "member states"

# ---- taking apart --------------------------------------------------------------------


def define(
    cls: type,
    dump: Dump,
    left_out: Callable[[str, str], None],
    shares: Callable[[], bool],
) -> bytes:
    """The definition of `cls`.

    Calls `left_out(name, reason)` for each attribute that cannot be shipped. `shares()`
    says whether a pickle that `dump` made refers to instances that are globals. Raises
    TypeError if the class itself cannot be shipped.
    """
    try:
        kind, header = describe_header(cls)
        head = dump((kind, *header))
        entries = body_of(cls)
        body, values = dump_body(entries, dump, left_out), b""
        if kind == "plain" and shares():
            methods = {n: v for n, v in entries.items() if is_method(n, v)}
            body = dump_body(methods, dump, left_out)
            others = {n: v for n, v in entries.items() if n not in methods}
            values = dump_body(others, dump, left_out)
    except Exception as error:
        raise TypeError(
            f"cannot ship class {cls.__module__}.{cls.__qualname__}: {error}"
        ) from error
    sizes = len(head).to_bytes(8, "little") + len(body).to_bytes(8, "little")
    return sizes + head + body + values


def is_method(name: str, value: object) -> bool:
    """Whether a class's attribute is one that its instances need for their state. They
    are made without `__new__`, which may return the very instance."""
    if name == "__new__":
        return False
    return hasattr(type(value), "__get__") or value is None or type(value) in _PLAIN


_PLAIN = (str, bytes, int, float, bool)


def describe_header(cls: type) -> tuple[str, tuple[Any, ...]]:
    extra: Any
    if is_enum(cls):
        kind, extra = "enum", enum_members(cls)
    elif ctypes_types.is_made_by_ctypes(cls):
        kind, extra = "ctypes", ctypes_types.layout_of(cls)
    elif is_native(type(cls)):
        kind, extra = "plain", slots_of(cls)
    else:
        kind, extra = "called", slots_of(cls)
    names = (cls.__name__, cls.__qualname__, cls.__module__)
    return kind, (type(cls), *names, cls.__bases__, extra)


def is_enum(cls: type) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(cls, enum.EnumMeta)


def is_native(meta: type) -> bool:
    """Whether type.__new__ may make instances of `meta`."""
    first = next(base for base in meta.__mro__ if not is_heap_type(base))
    return first is type


def slots_of(cls: type) -> Any:
    """`__slots__` in a form that makes the same layout; None if the class has none."""
    slots = cls.__dict__.get("__slots__")
    if slots is None or isinstance(slots, str | dict):
        return slots
    if isinstance(slots, list | tuple | set | frozenset):
        return tuple(slots)
    return tuple(n for n, value in cls.__dict__.items() if is_own_slot(cls, value))


def is_own_slot(cls: type, value: object) -> bool:
    return isinstance(value, types.MemberDescriptorType) and value.__objclass__ is cls


def body_of(cls: type) -> dict[str, Any]:
    """The entries of the class's dict that travel."""
    body = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in _LEFT_OUT and not is_own_slot(cls, value)
    }
    if ctypes_types.is_made_by_ctypes(cls):
        body = ctypes_types.body_of(body)
    annotations = annotations_of(cls)
    if annotations:
        body["__annotations__"] = annotations
    if is_enum(cls):
        known = set(map(id, cls.__dict__["_member_map_"].values()))
        values = cls.__dict__.get("_value2member_map_", {})
        body["_member_map_"] = dict(cls.__dict__["_member_map_"])
        body["_value2member_map_"] = {
            value: member for value, member in values.items() if id(member) in known
        }
        body[_MEMBER_STATES] = {
            name: vars(member) for name, member in body["_member_map_"].items()
        }
    return body


def attributes_of(cls: type) -> dict[str, Any]:
    """The attributes that a program may set between two behaviors."""
    if is_enum(cls) or ctypes_types.is_made_by_ctypes(cls):
        return {}
    return {
        name: value
        for name, value in cls.__dict__.items()
        if name not in _LEFT_OUT and not is_own_slot(cls, value)
    }


def annotations_of(cls: type) -> Any:
    """The class's own annotations; None if they cannot be evaluated."""
    own = {"__annotations__", "__annotate_func__", "__annotations_cache__"}
    if own.isdisjoint(cls.__dict__):
        return None
    try:
        return dict(cls.__annotations__)
    except Exception:  # evaluating annotations runs arbitrary code
        return None


def dump_body(
    body: dict[str, Any], dump: Dump, left_out: Callable[[str, str], None]
) -> bytes:
    """The body's pickle, without the attributes that cannot be pickled."""
    try:
        return dump(body)
    except Exception:  # a user's __reduce__ may raise anything
        body = {n: v for n, v in body.items() if dumps_alone(n, v, dump, left_out)}
        return dump(body)


def dumps_alone(
    name: str, value: object, dump: Dump, left_out: Callable[[str, str], None]
) -> bool:
    try:
        dump(value)
    except Exception as error:  # a user's __reduce__ may raise anything
        if name != "__annotations__":
            left_out(name, str(error))
        return False
    return True


def enum_members(cls: Any) -> list[tuple[str, Any]]:
    """The data from which each member is made, by name and alias."""
    return [(name, member_data(cls, m)) for name, m in cls._member_map_.items()]


_EXACT: dict[type, Callable[[Any], Any]] = {
    int: lambda m: int.__add__(m, 0),
    float: lambda m: float.__add__(m, 0.0),
    str: lambda m: str.__add__(m, ""),
    bytes: lambda m: bytes.__add__(m, b""),
    tuple: lambda m: tuple.__add__(m, ()),
}


def member_data(cls: Any, member: Any) -> tuple[str, Any, tuple[Any, ...]]:
    """The member's canonical name, and the class and arguments of the `__new__` that
    makes it."""
    data = cls._member_type_
    for exact, convert in _EXACT.items():
        if issubclass(data, exact):
            return member._name_, exact, (convert(member),)
    if data.__new__ is object.__new__ or data is object:
        return member._name_, object, ()
    value = member._value_
    return member._name_, data, value if isinstance(value, tuple) else (value,)


# ---- putting together ----------------------------------------------------------------


def build(
    definition: bytes,
    load: Load,
    known: Callable[[type | None], Any],
    later: Callable[[type, bytes], None],
) -> type:
    """The class of `definition`.

    `known(None)` returns the class if it exists by now; `known(cls)` registers the
    skeleton. `later(cls, values)` loads the values and calls `fill`, as soon as the
    instances that they refer to exist.
    """
    head, body, values = parts_of(definition)
    kind, *header = load(head)
    present = known(None)
    if present is not None:
        # Loading the header has built this class already: a method of a base refers to
        # it.
        return present  # type: ignore[no-any-return]
    if kind == "called":
        return call_metaclass(header, load(body), known)
    make, complete = _KINDS[kind]
    cls = make(*header)
    known(cls)
    complete(cls, load(body))
    if values:
        later(cls, values)
    return cls


def parts_of(definition: bytes) -> tuple[bytes, bytes, bytes]:
    head = 16 + int.from_bytes(definition[:8], "little")
    body = head + int.from_bytes(definition[8:16], "little")
    return definition[16:head], definition[head:body], definition[body:]


def make_skeleton(
    meta: Any, name: str, qualname: str, module: str, bases: Any, slots: Any
) -> type:
    names = {"__module__": module, "__qualname__": qualname}
    if slots is not None:
        names["__slots__"] = slots
    make = abc.ABCMeta.__new__ if issubclass(meta, abc.ABCMeta) else type.__new__
    with quiet_subclassing(bases):
        made: type = make(meta, name, bases, names)
        return made


@contextmanager
def quiet_subclassing(bases: tuple[type, ...]) -> Generator[None, None, None]:
    """Keeps the bases' `__init_subclass__` from running.

    Python finds it on the bases, whatever the new class defines, so each base gets
    `ignore` for the time of the block.
    """
    aside: list[tuple[type, Any]] = []
    for base in {entry: None for b in bases for entry in b.__mro__}:
        hook = base.__dict__.get("__init_subclass__")
        if hook is not None and is_heap_type(base):
            aside.append((base, hook))
    try:
        for base, _ in aside:
            type.__setattr__(base, "__init_subclass__", classmethod(ignore))
        yield
    finally:
        for base, hook in aside:
            type.__setattr__(base, "__init_subclass__", hook)


def ignore(*_: Any, **__: Any) -> None:
    """Does nothing; stands in for an `__init_subclass__`."""


def make_enum(
    meta: Any, name: str, qualname: str, module: str, bases: Any, members: Any
) -> type:
    cls: Any = make_skeleton(meta, name, qualname, module, bases, None)
    table: dict[str, Any] = {}
    for alias, (canonical, data, arguments) in members:
        if canonical not in table:
            table[canonical] = data.__new__(cls, *arguments)
            table[canonical]._name_ = canonical
        table[alias] = table[canonical]
    type.__setattr__(cls, "_member_map_", table)
    return cls  # type: ignore[no-any-return]


def fill(cls: Any, body: dict[str, Any]) -> None:
    for name, state in body.pop(_MEMBER_STATES, {}).items():
        vars(body["_member_map_"][name]).update(state)
    for name, value in body.items():
        type.__setattr__(cls, name, value)
    flags.complete(cls)


def call_metaclass(
    header: list[Any], body: dict[str, Any], known: Callable[[type | None], Any]
) -> type:
    """Makes classes whose metaclass is written in C, which must make its own
    instances."""
    meta, name, qualname, module, bases, slots = header
    names = {**body, "__module__": module, "__qualname__": qualname}
    if slots is not None:
        names["__slots__"] = slots
    cls: type = meta(name, bases, names)
    known(cls)
    return cls


_KINDS: dict[str, tuple[Callable[..., type], Callable[[Any, dict[str, Any]], None]]] = {
    "enum": (make_enum, fill),
    "plain": (make_skeleton, fill),
    "ctypes": (ctypes_types.make, ctypes_types.fill),
}
