"""Which globals a function reaches, and which modules.

Names are read off the code. Code that looks names up while it runs (`eval`, `exec`,
`globals()`) may reach any name of its namespace. Code that imports a module which no
other interpreter can import reaches the names of that module that it mentions.

Threads: any.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable, Iterator
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)

from .. import _global_namespaces
from .._code import names as code_names
from .._global_namespaces import Space
from . import import_origins, module_changes
from .definition_log import MISSING, Key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# a key, and the submodules that code may use of the module
Reached = tuple[Key, frozenset[str]]

attributes_used: dict[Key, set[str]] = {}
"""By the name of a module, in `sys.modules` or among globals: the attributes that code
mentions which uses the module by that name. They are reached in another module, too,
that gets the name later."""

_LOOK_UP = frozenset({"eval", "exec", "globals"})


def names_reached(space: Space, code: CodeType) -> Iterator[Reached]:
    """The keys of the globals that `code` reaches, with the submodules it may use."""
    yield from imports_reached(code)
    if not space.published:
        if module_changes.is_own(space.key):
            yield from names_followed(space, code)
        return
    names = code_names.global_names(code)
    if not _LOOK_UP.isdisjoint(names):
        names |= public_names(space) | texts_that_name(code)
    elif "__subclasses__" in code_names.all_names(code):
        names |= frozenset(
            name for name, value in list(space.names.items()) if isinstance(value, type)
        )
    for name in names:
        value = space.names.get(name, MISSING)
        if value is MISSING and hasattr(builtins, name):
            continue
        if isinstance(value, ModuleType):
            yield from module_reached(space, name, value, code)
        else:
            yield (space.key, name), frozenset()


def names_followed(space: Space, code: CodeType) -> Iterator[Reached]:
    """The names that code of an importable module of the program reaches, there and
    elsewhere."""
    attributes = code_names.all_names(code)
    yield (space.key, module_changes.SPEC), frozenset()
    names = code_names.global_names(code)
    if not _LOOK_UP.isdisjoint(names):
        names |= texts_that_name(code)
    for name in names:
        value = space.names.get(name, MISSING)
        if value is MISSING:
            if not hasattr(builtins, name):
                yield (space.key, name), frozenset()
        elif isinstance(value, ModuleType):
            note_used((space.key, name), attributes)
            yield (space.key, name), frozenset()
            yield from attributes_followed(value, attributes)
        else:
            yield from name_followed(space.key, name, value)


def note_used(key: Key, attributes: Iterable[str]) -> None:
    attributes_used.setdefault(key, set()).update(attributes)


def attributes_reached(key: Key | None, module: object) -> Iterator[Reached]:
    """What code that uses a module by this name reaches in it."""
    if key is None or not isinstance(module, ModuleType):
        return
    attributes = attributes_used.get(key, set())
    if _global_namespaces.module_key(module) is not None:
        yield from attributes_followed(module, frozenset(attributes))
        return
    inner = _global_namespaces.space_of(module.__dict__)
    if inner.published:
        for attribute in attributes & module.__dict__.keys():
            yield (inner.key, attribute), frozenset()


def name_followed(module: str, name: str, value: object) -> Iterator[Reached]:
    """A global, and its definition in the module that it was imported from; of a
    class, those of its bases and of its metaclass, too."""
    yield (module, name), frozenset()
    if isinstance(value, type):
        metaclass: type = type(value)
        for base in (*value.__mro__[1:], *metaclass.__mro__):
            yield from definition_followed(base)
    own = getattr(value, "__module__", None)
    if isinstance(value, type | FunctionType) and own != module:
        if isinstance(own, str) and is_foreign(module, own):
            _global_namespaces.adopt(own)
        yield from definition_followed(value)
    generic = getattr(value, "__origin__", None) if is_alias(value) else None
    if isinstance(generic, type):
        yield from definition_followed(generic)
    if isinstance(value, MethodType | BuiltinFunctionType | MethodWrapperType):
        owner = import_origins.search(module, value.__self__)
        if owner is not None and not isinstance(value.__self__, ModuleType):
            yield owner, frozenset()


def is_alias(value: object) -> bool:
    """Whether a value may be `Table[int]`."""
    return type(value).__module__ in ("typing", "types")


def is_foreign(module: str, own: str) -> bool:
    """Whether the program has an installed module replace a part of the standard
    library: what that module stores then counts as the program's data."""
    return (
        own in sys.modules
        and _global_namespaces.is_standard(module)
        and not _global_namespaces.is_standard(own)
    )


def definition_followed(value: Any) -> Iterator[Reached]:
    """The key of the global where a function or class of an importable module is
    defined."""
    name = value.__module__
    if isinstance(name, str) and module_changes.is_own(name):
        head = value.__qualname__.partition(".")[0]
        _global_namespaces.space_of(sys.modules[name].__dict__)
        yield (name, head), frozenset()
        yield (name, module_changes.SPEC), frozenset()


def attributes_followed(
    module: ModuleType, attributes: frozenset[str]
) -> Iterator[Reached]:
    """What code that mentions these attributes reaches in a module and in its
    submodules.

    The module is one that other interpreters import themselves.
    """
    todo, done = [module], set()
    while todo:
        module = todo.pop()
        name = module.__name__
        if name in done or not module_changes.follows(name):
            continue
        done.add(name)
        space = _global_namespaces.space_of(module.__dict__)
        if space.key != name or not space.imported:
            continue
        yield (name, module_changes.SPEC), frozenset()
        known = module_changes.names_published.get(name, set())
        for attribute in attributes & (module.__dict__.keys() | known):
            value = module.__dict__.get(attribute, MISSING)
            if isinstance(value, ModuleType):
                todo.append(value)
            elif not attribute.startswith("__"):
                yield from name_followed(name, attribute, value)


def closure_reached(function: FunctionType) -> Iterator[Reached]:
    """What a function reaches in modules that its closure refers to."""
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # the cell is empty
            continue
        if isinstance(value, ModuleType):
            names = code_names.all_names(function.__code__)
            yield from attributes_followed(value, names)


def public_names(space: Space) -> frozenset[str]:
    return frozenset(name for name in list(space.names) if not name.startswith("__"))


def texts_that_name(code: CodeType) -> frozenset[str]:
    """The texts of code that may be names, of globals that do not exist yet, too."""
    return frozenset(filter(str.isidentifier, code_names.texts(code)))


def imports_reached(code: CodeType) -> Iterator[Reached]:
    """What `code` reaches in modules that it imports and other interpreters cannot
    import.

    Where the import of a module has not ended, the worker asks when it comes to it
    (_main_interpreter/requests.py).
    """
    imported = code_names.imported_modules(code)
    space = _global_namespaces.modules_space()
    for name in imported | modules_looked_up(code):
        if space.published and not _global_namespaces.is_undecided(name):
            note_used((space.key, name), code_names.all_names(code))
            yield (space.key, name), frozenset()
    for name in imported:
        module = sys.modules.get(name)
        if not isinstance(module, ModuleType) or _global_namespaces.is_undecided(name):
            continue
        if _global_namespaces.importable(name):
            yield from attributes_followed(module, code_names.all_names(code))
            continue
        space = _global_namespaces.space_of(module.__dict__)
        if space.published:
            for attribute in code_names.all_names(code) & module.__dict__.keys():
                yield (space.key, attribute), frozenset()


_FINDING = frozenset({"modules", "import_module", "__import__"})


def modules_looked_up(code: CodeType) -> frozenset[str]:
    """The modules that code may find by a text."""
    if _FINDING.isdisjoint(code_names.all_names(code)):
        return frozenset()
    return code_names.texts(code)


def module_reached(
    space: Space, name: str, module: ModuleType, code: CodeType
) -> Iterator[Reached]:
    attributes = code_names.all_names(code) | code_names.texts(code)
    imported = _global_namespaces.module_key(module)
    note_used((space.key, name), attributes)
    if imported is None:
        inner = _global_namespaces.space_of(module.__dict__)
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
    yield from attributes_followed(module, frozenset(attributes))


def outermost_name(cls: type) -> Iterator[Reached]:
    """The global that is a class, or has it inside."""
    module = sys.modules.get(cls.__module__)
    name = cls.__qualname__.partition(".")[0]
    if module is not None and isinstance(module.__dict__.get(name), type):
        space = _global_namespaces.space_of(module.__dict__)
        if space.published:
            yield (space.key, name), frozenset()


def annotations_reached(
    space: Space, annotations: Iterable[Any] | None
) -> Iterator[Reached]:
    """The globals that annotations name which are text, or have such parts: a program
    may evaluate them."""
    texts = [text for each in annotations or () for text in texts_of(each)]
    if not texts or not space.published:
        return
    import re  # imported here because it is slow to import

    for text in texts:
        for name in re.findall(r"[^\W\d]\w*", text):
            if name in space.names:
                yield (space.key, name), frozenset()


_DEPTH = 8  # of types in each other, in which text is looked for


def texts_of(annotation: Any, depth: int = _DEPTH) -> Iterator[str]:
    """The text in an annotation: `Optional["Tree"]` has a part that is text."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(text, str):
        yield text
    elif depth:
        parts = getattr(annotation, "__args__", None)
        for part in parts if isinstance(parts, tuple) else ():
            yield from texts_of(part, depth - 1)
