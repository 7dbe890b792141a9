"""Instances of classes of the program that have no attributes: `MISSING = Missing()`.

All that such an object can mean is which object it is, so programs compare it by `is`.
It is the same object wherever it arrives in an interpreter: the one that this
interpreter has by importing a module, or the one that has its token.

An instance that is given attributes later is no sentinel: it is copied. If that happens
at a receiver, what arrives there next is another object.

Threads: any.
"""

from __future__ import annotations

import copyreg
import sys
from types import ModuleType

from .. import _global_namespaces
from . import import_origins
from .definition_log import keep_sentinel, sentinel_of
from .plain_instances import fill_instance, has_attributes_only, is_plain, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_newobj = getattr(copyreg, "__newobj__")  # noqa: B009  (typeshed does not have it)

Step = tuple[bool, object]  # whether it is an item or an attribute; its key or name
Path = tuple[str, tuple[Step, ...]]  # a module, and the way from there


def may_be_sentinel(obj: Any) -> bool:
    """Whether `obj` has no attributes and nothing else that pickle would copy."""
    cls: Any = type(obj)
    if cls.__new__ is not object.__new__ or getattr(obj, "__dict__", None):
        return False
    if not is_plain(cls) or hasattr(cls, "__del__") or state_of(obj):
        return False
    try:  # pickle refuses objects written in C that have state of their own
        return bool(obj.__reduce_ex__(2)[:2] == (_newobj, (cls,)))
    except TypeError:
        return False


# ---- where an import finds it --------------------------------------------------------


_origins: dict[str, tuple[int, Path | None]] = {}
_ORIGINS_MAX = 4096


def find_origin(obj: object, token: str) -> Path | None:
    """Where an import in another interpreter yields what corresponds to `obj`: an
    attribute of a module, or a part of one. It is looked for again once the program has
    imported more modules."""
    modules = len(sys.modules)
    known = _origins.get(token)
    if known is None or known[0] != modules:
        if len(_origins) >= _ORIGINS_MAX:
            _origins.clear()
        known = _origins[token] = modules, search(obj)
    return known[1]


def search(obj: object) -> Path | None:
    if not _global_namespaces.resolves(type(obj)):
        return None  # no import makes an instance of the class
    origin = import_origins.find_origin(obj)
    if origin is not None:
        return origin[0], ((False, origin[1]),)
    for name in modules_of(obj):
        for step, value in parts_of(sys.modules[name]):
            for inner, part in parts_of(value):
                place = name, str(step[1])
                if part is obj and import_origins.holds(place, value):
                    return name, (step, inner)
    return None


def modules_of(obj: object) -> Iterator[str]:
    """The modules of the program and the one that has the class, if workers import
    them."""
    own = type(obj).__module__
    for name, module in list(sys.modules.items()):
        if (
            isinstance(module, ModuleType)
            and (name == own or _global_namespaces.is_of_program(name))
            and _global_namespaces.importable(name)
        ):
            yield name


def parts_of(value: Any) -> list[tuple[Step, Any]]:
    if type(value) is dict:
        items = list(value.items())
        return [((True, k), v) for k, v in items if type(k) in import_origins.SCALARS]
    if type(value) in (list, tuple):
        return [((True, i), each) for i, each in enumerate(value)]
    if isinstance(value, ModuleType | type):
        items = list(vars(value).items())
        return [((False, k), v) for k, v in items if not k.startswith("__")]
    return []


# ---- objects that are pickled by name ------------------------------------------------


def may_be_named(obj: Any) -> bool:
    """Whether the `__reduce__` of an object of the script may return the name of a
    global, which no other interpreter can look up."""
    cls: Any = type(obj)
    if (
        cls.__reduce__ is object.__reduce__
        and cls.__reduce_ex__ is object.__reduce_ex__
    ):
        return False
    module = getattr(obj, "__module__", None)
    if not isinstance(module, str) or _global_namespaces.importable(module):
        return False
    return cls not in copyreg.dispatch_table and has_attributes_only(cls)


def is_named(obj: Any, name: object) -> bool:
    return isinstance(name, str) and follow_name(obj.__module__, name) is obj


def follow_name(module: str, name: str) -> object:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


# ---- at the receiver -----------------------------------------------------------------


def make_named(token: str, cls: Any, state: dict[str, Any]) -> Any:
    """The object of a token, or a new one if its attributes have changed."""
    known = sentinel_of(token)
    if type(known) is cls and state_of(known) == state:
        return known
    made = cls.__new__(cls)
    fill_instance(made, state)
    return keep_sentinel(token, made)


def make(token: str, cls: Any, origin: Path | None) -> Any:
    found = None if origin is None else follow(*origin)
    if type(found) is cls and not state_of(found):
        return found
    known = sentinel_of(token)
    if type(known) is cls and not state_of(known):
        return known
    return keep_sentinel(token, cls.__new__(cls))


def follow(module: str, steps: tuple[Step, ...]) -> Any:
    """What is found there in this interpreter; None if there is nothing."""
    found: Any = _global_namespaces.import_module(module)
    for is_item, key in steps:
        try:
            found = found[key] if is_item else getattr(found, str(key))
        except (LookupError, AttributeError):
            return None
    return found
