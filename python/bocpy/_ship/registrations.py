"""What a program registers with classes and functions, for workers to know it too.

| registered with | known from | what a worker does |
|---|---|---|
| an abstract base class, `Base.register(C)` | the registry of the class | the same |
| `singledispatch` functions of importable modules | `function.registry` | the same |
| `copyreg.pickle(C, reduce)` | `copyreg.dispatch_table` | the same |

A registration is published once a worker can get everything that it names: at once what
it can import, the rest when that is published. What modules register while they are
imported needs no record, since a worker imports them too.

Threads: any; LOCK of `log` guards the tables.
"""

from __future__ import annotations

import abc
import copyreg
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from .. import _namespaces
from .log import token_of_class

Registration = tuple[str, Any, Any, Any]  # kind, where, class, function or None

_published: set[tuple[str, int, int]] = set()
# keeps the objects alive, so that no others get the ids in `_published`
_kept: list[Registration] = []
_known = ""  # the state of all registries when they were last searched
_pairs: list[Registration] = []
_dispatchers: dict[int, Any] = {}
_seen_modules: dict[str, ModuleType] = {}


def unpublished() -> Iterator[Registration]:
    """The registrations to publish now."""
    for registration in list(current()):
        kind, where, cls, function = registration
        key = (kind, id(where), id(cls))
        if key in _published or not (is_had(where) and is_had(cls)):
            continue
        if all(map(_namespaces.resolves, filter(None, (where, cls, function)))):
            continue
        _published.add(key)
        _kept.append(registration)
        yield registration


def is_had(obj: Any) -> bool:
    """Whether a worker has `obj`, or can import it."""
    if obj is None or not isinstance(obj, type):
        return obj is None or _namespaces.resolves(obj)
    return token_of_class(obj) is not None or _namespaces.resolves(obj)


def current() -> list[Registration]:
    """All registrations in which a class or function belongs to the program."""
    global _known, _pairs
    find_dispatchers()
    sizes = [len(function.registry) for function in _dispatchers.values()]
    state = f"{abc.get_cache_token()} {len(copyreg.dispatch_table)} {sizes}"
    if state != _known:
        _pairs = [*abstract(), *dispatched(), *pickled()]
        _known = state
    return _pairs


def is_own(cls: Any) -> bool:
    return isinstance(cls, type) and not _namespaces.importable(cls.__module__)


def abstract() -> Iterator[Registration]:
    try:
        from _abc import _get_dump  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        # not CPython: no workers with interpreters, so there is nothing to publish
        return
    for base in all_abstract():
        for reference in _get_dump(base)[0]:
            cls = reference()
            if cls is not None and (is_own(cls) or is_own(base)):
                yield "abc", base, cls, None


def all_abstract() -> Iterator[type]:
    seen: set[int] = set()
    todo: list[type] = [object]
    while todo:
        cls = todo.pop()
        if isinstance(cls, abc.ABCMeta):
            yield cls
        derived: type
        for derived in type.__subclasses__(cls):
            if id(derived) not in seen:
                seen.add(id(derived))
                todo.append(derived)


_MARKS = ("registry", "dispatch", "register")


def find_dispatchers() -> None:
    """Finds single-dispatch functions of modules; a worker has them by importing the
    modules."""
    if len(sys.modules) == len(_seen_modules):
        return
    for name, module in list(sys.modules.items()):
        if _seen_modules.get(name) is module:
            continue
        _seen_modules[name] = module
        if name == "__main__" or not isinstance(module, ModuleType):
            continue
        for value in list(vars(module).values()):
            if type(value) is FunctionType and all(map(value.__dict__.get, _MARKS)):
                _dispatchers[id(value)] = value


def dispatched() -> Iterator[Registration]:
    for function in _dispatchers.values():
        for cls, implementation in list(function.registry.items()):
            if is_own(cls) or is_own_function(implementation):
                yield "dispatch", function, cls, implementation


def is_own_function(function: Any) -> bool:
    module = getattr(function, "__module__", None)
    return isinstance(module, str) and not _namespaces.importable(module)


def pickled() -> Iterator[Registration]:
    for cls, function in list(copyreg.dispatch_table.items()):
        if is_own(cls) or is_own_function(function):
            yield "pickle", None, cls, function


def may_grow(cls: type) -> bool:
    """Whether classes may be registered with `cls` without an event that reports it."""
    return isinstance(cls, abc.ABCMeta)


# ---- at the receiver -----------------------------------------------------------------


def register(registration: Registration) -> None:
    kind, where, cls, function = registration
    _REGISTER[kind](where, cls, function)


_REGISTER: dict[str, Callable[[Any, Any, Any], object]] = {
    "abc": lambda base, cls, _: base.register(cls),
    "dispatch": lambda function, cls, chosen: function.register(cls, chosen),
    "pickle": lambda _, cls, function: copyreg.pickle(cls, function),
}
