"""Which globals a function reaches, and which modules besides.

Names are read off the code. Code that looks names up while it runs (`eval`, `exec`,
`globals()`) may reach any name of its namespace. Code that imports a module which no
other interpreter can import reaches what it mentions of that.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, ModuleType
from typing import Any

from .. import _code_names, _namespaces
from .._namespaces import Space
from .log import MISSING, Key

Reached = tuple[Key, frozenset[str]]  # with the submodules that may be used of it

_LOOK_UP = frozenset({"eval", "exec", "globals"})
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def names_reached(space: Space, code: CodeType) -> Iterator[Reached]:
    """The keys of the globals that `code` reaches, with the submodules it may use."""
    yield from imports_reached(code)
    if not space.published:
        return
    names = _code_names.global_names(code)
    if not _LOOK_UP.isdisjoint(names):
        names |= public_names(space)
    for name in names:
        value = space.names.get(name, MISSING)
        if value is MISSING and hasattr(builtins, name):
            continue
        if isinstance(value, ModuleType):
            yield from module_reached(space, name, value, code)
        else:
            yield (space.key, name), frozenset()


def public_names(space: Space) -> frozenset[str]:
    return frozenset(name for name in list(space.names) if not name.startswith("__"))


def imports_reached(code: CodeType) -> Iterator[Reached]:
    """What `code` imports itself of modules that other interpreters cannot import."""
    for name in _code_names.imported_modules(code):
        module = sys.modules.get(name)
        if not isinstance(module, ModuleType) or _namespaces.importable(name):
            continue
        space = _namespaces.space_of(module.__dict__)
        if space.published:
            for attribute in _code_names.all_names(code) & module.__dict__.keys():
                yield (space.key, attribute), frozenset()


def module_reached(
    space: Space, name: str, module: ModuleType, code: CodeType
) -> Iterator[Reached]:
    attributes = _code_names.all_names(code) | _code_names.texts(code)
    imported = _namespaces.module_key(module)
    if imported is None:
        inner = _namespaces.space_of(module.__dict__)
        yield (space.key, name), frozenset()
        for attribute in attributes & module.__dict__.keys():
            yield (inner.key, attribute), frozenset()
        return
    found: set[str] = set()
    packages = [imported]
    while packages:
        package = packages.pop()
        for attribute in attributes:
            submodule = f"{package}.{attribute}"
            if submodule in sys.modules and submodule not in found:
                found.add(submodule)
                packages.append(submodule)
    yield (space.key, name), frozenset(found)


def annotations_reached(
    space: Space, annotations: Iterable[Any] | None
) -> Iterator[Reached]:
    """The globals that annotations name which are text: something may evaluate them."""
    if not space.published:
        return
    for text in annotations or ():
        if isinstance(text, str):
            for name in _IDENTIFIER.findall(text):
                if name in space.names:
                    yield (space.key, name), frozenset()
