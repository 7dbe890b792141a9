"""What a program registers with classes and functions, for workers to know it too.

| registered with | known from | what a worker does |
|---|---|---|
| an abstract base class, `Base.register(C)` | the registry of the class | the same |
| `singledispatch` functions of importable modules | `function.registry` | the same |
| `copyreg.pickle(C, reduce)` | `copyreg.dispatch_table` | the same |
| `logging.setLoggerClass(C)` | `logging.getLoggerClass()` | the same, while it is so |

A registration is published once a worker can get everything that it names: at once what
it can import, the rest when that is published. Of modules that a worker imports, too,
it is not known whether the import registers or the program does so afterwards: both are
published, but for those of the standard library. A worker applies such a registration
once it has imported the modules: to register a class twice changes nothing.

Threads: any; LOCK of `definition_log` guards the tables.
"""

from __future__ import annotations

import abc
import copyreg
import gc
import sys
from types import FunctionType, ModuleType

from .. import _core, _global_namespaces
from .._main_interpreter import logging as main_logging
from .definition_log import token_of_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias

# kind, where, class, function or None
Registration: TypeAlias = "tuple[str, Any, Any, Any]"

_published: set[tuple[str, int, int, int]] = set()
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
        key = (kind, id(where), id(cls), id(function))
        needs = kind != "logger" and not (is_had(where) and is_had(cls))
        if key in _published or needs:
            continue
        if not is_needed(registration):
            continue
        _published.add(key)
        _kept.append(registration)
        yield registration


def is_needed(registration: Registration) -> bool:
    """Whether the imports of a worker may leave a registration out."""
    kind, where, _, _ = registration
    given = [each for each in registration[1:] if each is not None]
    if all(map(is_standard, given)):
        return False
    if kind == "dispatch" and all(map(_global_namespaces.resolves, given)):
        return any(each.__module__ != where.__module__ for each in given[2:])
    return True


def is_had(obj: Any) -> bool:
    """Whether a worker has `obj`, or can import it."""
    if obj is None or not isinstance(obj, type):
        return obj is None or _global_namespaces.resolves(obj)
    return token_of_class(obj) is not None or _global_namespaces.resolves(obj)


def current() -> list[Registration]:
    """All registrations that are not of the standard library alone."""
    global _known, _pairs
    find_dispatchers()
    tables = [function.registry for function in _dispatchers.values()]
    chosen = [
        sum(map(id, table.values())) for table in (copyreg.dispatch_table, *tables)
    ]
    sizes = [len(table) for table in (copyreg.dispatch_table, *tables)]
    loggers = list(logger_class())
    state = f"{abc.get_cache_token()} {sizes} {chosen} {loggers}"
    if state != _known:
        _pairs = [*abstract(), *dispatched(), *pickled(), *loggers]
        _known = state
    return _pairs


def modules_of(registration: Registration) -> tuple[str, ...]:
    """The modules that a worker must have imported before it can register."""
    names = {each.__module__ for each in registration[1:3] if each is not None}
    return tuple(name for name in names if _global_namespaces.importable(name))


def abstract() -> Iterator[Registration]:
    try:
        from _abc import _get_dump  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        # not CPython: no workers with interpreters, so there is nothing to publish
        return
    for base in all_abstract():
        for reference in _get_dump(base)[0]:
            cls = reference()
            if cls is not None and not (is_standard(cls) and is_standard(base)):
                yield "abc", base, cls, None


def is_standard(obj: Any) -> bool:
    module = getattr(obj, "__module__", None)
    return isinstance(module, str) and _global_namespaces.is_standard(module)


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
                for table in gc.get_referents(vars(value)["registry"]):
                    _core._watch_changes(table)
    _core._watch_changes(copyreg.dispatch_table)


def look_again(module: str) -> None:
    """Has a module searched anew: a reload may have made other functions."""
    _seen_modules.pop(module, None)


def dispatched() -> Iterator[Registration]:
    for function in _dispatchers.values():
        for cls, implementation in list(function.registry.items()):
            if not (is_standard(function) and is_standard(implementation)):
                yield "dispatch", function, cls, implementation


def pickled() -> Iterator[Registration]:
    for cls, function in list(copyreg.dispatch_table.items()):
        if not (is_standard(cls) and is_standard(function)):
            yield "pickle", None, cls, function


def logger_class() -> Iterator[Registration]:
    cls = main_logging.logger_class()
    if cls is not None:
        yield "logger", None, cls, None


# ---- at the receiver -----------------------------------------------------------------


_waiting: list[tuple[tuple[str, ...], Callable[[], object]]] = []


def once_imported(
    modules: tuple[str, ...], step: Callable[[], object], just: str = ""
) -> None:
    """Does the step, now or once this interpreter has imported the modules.

    just: a module that has run, but still counts as being imported.
    """
    if all(name == just or is_imported(name) for name in modules):
        step()
    else:
        _waiting.append((modules, step))


def is_imported(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return name in sys.modules and not getattr(spec, "_initializing", False)


def module_imported(name: str) -> None:
    """Applies the registrations that have waited for a module."""
    waiting = list(_waiting)
    _waiting.clear()
    for modules, step in waiting:
        once_imported(modules, step, name)


def register(registration: Registration) -> None:
    kind, where, cls, function = registration
    _REGISTER[kind](where, cls, function)


_REGISTER: dict[str, Callable[[Any, Any, Any], object]] = {
    "abc": lambda base, cls, _: base.register(cls),
    "dispatch": lambda function, cls, chosen: function.register(cls, chosen),
    "pickle": lambda _, cls, function: copyreg.pickle(cls, function),
    "logger": lambda _, cls, function: main_logging.know_class(cls),
}
