"""Namespaces: the globals that shipped functions run in, and what names them.

| the globals are | key | at the receiver |
|---|---|---|
| an importable module's | its name | the module, imported there; nothing travels |
| `__main__`'s, or another module's | its name | a module with what was published |
| a dict that `exec` was given | name`#`token | a dict with what was published |

An interpreter *owns* the spaces that its own code filled. It publishes only their
names, and ignores what others publish about them.

Threads: any; a race makes the same entry twice, and the first one wins.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from itertools import count
from types import ModuleType

from ._foreign_ext import ELSEWHERE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PREFIX = os.urandom(6).hex()
_counter = count()


def new_token() -> str:
    """A string that no other call returns, in any interpreter of the process."""
    return f"{_PREFIX}.{next(_counter)}"


def is_own_token(token: str) -> bool:
    """Whether this interpreter made the token."""
    return token.startswith(_PREFIX)


class Space:
    """A globals dict and the key by which all interpreters name it."""

    __slots__ = ("imported", "key", "name", "names", "owned")

    def __init__(
        self, key: str, name: str, names: dict[str, Any], *, owned: bool, imported: bool
    ) -> None:
        self.key = key
        self.name = name
        self.names = names
        self.owned = owned
        self.imported = imported

    @property
    def published(self) -> bool:
        """Whether this interpreter publishes the names of the space."""
        return self.owned and not self.imported


# A space holds its dict, so the id stays that of this dict.
_by_id: dict[int, Space] = {}
_by_key: dict[str, Space] = {}
_former: list[dict[str, Any]] = []  # of modules that were imported anew: keeps the ids
_importable: dict[str, tuple[ModuleType, bool]] = {}


#: The key of the space that is `sys.modules`.
MODULES = "#modules"


def add(space: Space) -> Space:
    """Registers `space`; returns the one that has its key, which may be another."""
    space = _by_key.setdefault(space.key, space)
    return _by_id.setdefault(id(space.names), space)


def find(key: str) -> Space | None:
    """The space of that key, if this interpreter has seen it."""
    space = _by_key.get(key)
    if space is not None and space.imported and not _worker:
        module = sys.modules.get(key)
        names = getattr(module, "__dict__", space.names)
        if names is not space.names:  # the program has imported the module anew
            _former.append(space.names)
            space.names = names
            _by_id[id(names)] = space
    elif space is not None and not _worker:
        follow_replacement(space)
    return space


def follow_replacement(space: Space) -> None:
    """Has a space be that of the module that the program has put into `sys.modules` in
    the place of another one. Neither can be imported by workers."""
    module = sys.modules.get(space.key)
    if type(module) is not ModuleType or vars(module) is space.names:
        return
    if space.key != "__main__" and space.owned and not importable(space.key):
        _by_id.pop(id(space.names), None)
        _former.append(space.names)
        space.names = vars(module)
        _by_id[id(space.names)] = space


def modules_space() -> Space:
    """The space whose names are the modules. A worker gets those that it cannot
    import."""
    known = _by_key.get(MODULES)
    if known is not None:
        return known
    names: Any = sys.modules
    return add(Space(MODULES, MODULES, names, owned=not _worker, imported=False))


def seen(names: dict[str, Any]) -> Space | None:
    """The space of those globals, if this interpreter has one."""
    return _by_id.get(id(names))


def space_of(names: dict[str, Any]) -> Space:
    """The space of a function's `__globals__`; this interpreter owns it if it is
    new."""
    known = _by_id.get(id(names))
    if known is not None:
        return known
    origin = names.get("__bocpy_origin__")
    if isinstance(
        origin, dict
    ):  # an overlay of a module's globals (csrc/ship/globals_snapshot.h)
        return space_of(origin)
    name = names.get("__name__")
    if not isinstance(name, str):
        name = "<no name>"
    module = sys.modules.get(name)
    if module is not None and getattr(module, "__dict__", None) is names:
        imported = importable(name)
        return add(Space(name, name, names, owned=True, imported=imported))
    key = f"{name}#{new_token()}"
    return add(Space(key, name, names, owned=True, imported=False))


def instances_published() -> dict[int, tuple[Space, str]]:
    """By address: the globals of this interpreter's own spaces that are instances of
    classes written in Python. Of several names of one instance, the first is there."""
    found: dict[int, tuple[Space, str]] = {}
    for space in list(_by_key.values()):
        if space.published:
            for name, value in list(space.names.items()):
                if type(value).__module__ != "builtins" and not isinstance(value, type):
                    found.setdefault(id(value), (space, name))
    return found


def receive(key: str, name: str, imported: bool) -> Space:
    """The space of that key in this interpreter; makes it if there is none.

    Raises ImportError if it belongs to a module that cannot be imported here.
    """
    known = _by_key.get(key)
    if known is not None:
        return known
    names: dict[str, Any]
    if imported:
        names = import_module(key).__dict__
    elif "#" in key:
        names = {"__name__": name}
    else:
        module = sys.modules.setdefault(name, module_without_loader(name))
        names = module.__dict__
        bind_to_package(name, module)
    # C code that imports for a function looks these up in its globals.
    names.setdefault("__builtins__", builtins)
    if not imported and "#" not in key and _worker:
        names.setdefault("__getattr__", lambda attribute: ask_for(key, attribute))
    return add(Space(key, name, names, owned=False, imported=imported))


def bind_to_package(name: str, module: ModuleType) -> None:
    """Makes a module that came by value an attribute of its package, if that is
    imported: the import system does so for modules that it loads."""
    package, _, child = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package]).setdefault(child, module)


def bind_submodules(package: str) -> None:
    """As `bind_to_package`, when the package has been imported."""
    for name, space in list(_by_key.items()):
        if name.startswith(f"{package}.") and not space.imported:
            module = sys.modules.get(name)
            if module is not None and vars(module) is space.names:
                bind_to_package(name, module)


def module_without_loader(name: str) -> ModuleType:
    """A module that no loader has made. linecache takes a `__spec__` that is None for a
    mistake of a loader's, and warns."""
    module = ModuleType(name)
    for attribute in _OF_LOADERS:
        vars(module).pop(attribute, None)
    return module


_OF_LOADERS = ("__spec__", "__loader__")


def ask_for(module: str, name: str) -> Any:
    if name in _OF_LOADERS:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    from ._main_interpreter import requests as main_requests

    return main_requests.missing_attribute(module, name)


_worker = False


def in_worker() -> bool:
    """Whether this interpreter is one of a worker."""
    return _worker


def start_worker() -> None:
    """Marks this interpreter's `__main__` as one that holds only what others
    publish."""
    global _worker
    _worker = True
    receive("__main__", "__main__", imported=False)
    modules_space()


def import_module(name: str) -> ModuleType:
    """Imports a module for shipped code; its ImportError says what to do about it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = refusal_behind(error) or str(error).removesuffix(f"; {ELSEWHERE}")
        raise ImportError(
            f"module {name!r} cannot be imported in a worker interpreter ({reason}); "
            f"{ELSEWHERE}",
            name=name,
        ) from error


def refusal_behind(error: BaseException | None) -> str | None:
    """The error by which CPython or bocpy refused an extension module in this
    interpreter.

    The module's package may have replaced it by an error of its own, which leads to it.
    """
    import re  # imported here because it is slow to import

    refusal = re.compile(r"module \S+ does not support loading in subinterpreters")
    while error is not None:
        found = refusal.search(str(error)) if isinstance(error, ImportError) else None
        if found is not None:
            return found.group()
        error = error.__cause__ or error.__context__
    return None


def hint_at_refusal(error: ImportError) -> None:
    """Adds to the error which module refused, and what to do about it."""
    reason = refusal_behind(error)
    if reason is not None and not str(error).endswith(ELSEWHERE):
        error.msg = f"{reason}; {ELSEWHERE}"
        error.args = (error.msg,)


def hint_at_hook(error: ImportError) -> None:
    """Adds to the error of a worker that an import hook of the program finds the
    module."""
    from . import _core

    name = error.name
    if not isinstance(error, ModuleNotFoundError) or not name or _core._is_main():
        return
    reason = _core._ask_main(f"hook {name}")
    if reason is not None and not str(error).endswith(reason):
        error.msg = f"{error}; {reason}"
        error.args = (error.msg,)


def hook_finding(name: str) -> str | None:
    """Why a worker does not find a module that this interpreter would find by an import
    hook of the program; None: it would not."""
    parent = sys.modules.get(name.rpartition(".")[0])
    if name in sys.modules or ("." in name and parent is None):
        return None
    path = getattr(parent, "__path__", None)
    for finder in list(sys.meta_path):
        try:
            spec = finder.find_spec(name, path)
        except Exception:  # a hook may raise anything
            continue
        if spec is not None:
            hook = spec.loader if is_everywhere(finder, name) else finder
            kind = hook if isinstance(hook, type) else type(hook)
            return (
                f"an import hook of the program, {kind.__qualname__}, finds it, and "
                "workers have no such hooks: import it in the main program, from where "
                "workers get it by value"
            )
    return None


def importable(name: str) -> bool:
    """Whether another interpreter would find the same module under that name."""
    module = sys.modules.get(name)
    if module is None or name == "__main__":
        return False
    if is_standard(name):
        return True
    known = _importable.get(name)
    if known is None or known[0] is not module:
        known = _importable[name] = (module, _is_findable(name, module))
    return known[1] and not has_cowns(name)


def is_standard(name: str) -> bool:
    """Whether a module is of the standard library, and not one of the program that has
    taken its name."""
    name = name.partition(".")[0]
    if name not in sys.stdlib_module_names:
        return False
    module = sys.modules.get(name)
    known = _standard.get(name)
    if known is None or known[0] is not module:
        found = module is None or not _is_in_folder_of_program(module)
        known = _standard[name] = (module, found)
    return known[1]


_standard: dict[str, tuple[ModuleType | None, bool]] = {}


def _is_in_folder_of_program(module: ModuleType) -> bool:
    """Whether a source file outside of the standard library has the module."""
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if not isinstance(origin, str) or getattr(sys, "frozen", False):
        return False
    home = os.path.normcase(os.path.join(os.path.dirname(os.__file__), ""))
    from_home = os.path.normcase(origin).startswith(home)
    return origin.endswith(".py") and os.path.isfile(origin) and not from_home


_of_program: dict[str, bool] = {}
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def is_of_program(name: str) -> bool:
    """Whether a module belongs to the program: neither installed nor of the standard
    library, nor a private one of this package, wherever that lies."""
    known = _of_program.get(name)
    if known is None:
        origin = getattr(getattr(sys.modules.get(name), "__spec__", None), "origin", "")
        found = isinstance(origin, str) and _INSTALLED.isdisjoint(folders(origin))
        own = is_standard(name) or name.startswith(f"{__package__}._")
        known = _of_program[name] = found and not own and not is_recorded(name, origin)
    return known


def adopt(name: str) -> None:
    """Has an installed module count as one of the program."""
    if not (is_standard(name) or name.startswith(f"{__package__}.")):
        _of_program[name] = True


def folders(path: str) -> list[str]:
    """The names of the folders on a path."""
    return path.replace("\\", "/").split("/")[:-1]


def is_recorded(name: str, origin: str) -> bool:
    """Whether a distribution that lies beside the module's package lists it, as in a
    folder that `pip install --target` has filled and PYTHONPATH names."""
    levels = name.count(".") + os.path.basename(origin).startswith("__init__.")
    folder = os.path.dirname(origin)
    for _ in range(levels):
        folder = os.path.dirname(folder)
    return name.partition(".")[0] in recorded_in(folder)


_recorded: dict[str, set[str]] = {}


def recorded_in(folder: str) -> set[str]:
    """The packages and modules that the *.dist-info folders in a folder list."""
    known = _recorded.get(folder)
    if known is None:
        known = set()
        for entry in entries_of(folder):
            if entry.endswith(".dist-info"):
                record = os.path.join(folder, entry, "RECORD")
                known |= top_names(record)
        _recorded[folder] = known
    return known


def entries_of(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # in a zip file, for example
        return []


def top_names(record: str) -> set[str]:
    """The names of packages and modules in a list of installed files."""
    try:
        with open(record, encoding="utf-8", errors="replace") as file:
            firsts = {line.partition(",")[0].partition("/")[0] for line in file}
    except OSError:
        return set()
    return {first.partition(".")[0] for first in firsts}


_with_cowns: dict[str, tuple[ModuleType, int, bool]] = {}


def has_cowns(name: str) -> bool:
    """Whether a module has cowns, or schedules behaviors while it is imported.

    Such a module runs in the main interpreter only; others get it by value.
    """
    module = sys.modules[name]
    if _worker:
        return False
    if has_scheduled(name, module) or is_being_imported(module):
        return True
    names = vars(module)
    known = _with_cowns.get(name)
    if known is None or known[0] is not module or known[1] != len(names):
        found = any(map(is_made_of_cowns, parts(names)))
        known = _with_cowns[name] = (module, len(names), found)
    return known[2]


def has_scheduled(name: str, module: ModuleType) -> bool:
    """Whether functions of the module were scheduled while it was imported."""
    space = _by_key.get(name)
    return space is not None and space.names is module.__dict__ and not space.imported


def is_being_imported(module: ModuleType) -> bool:
    return getattr(getattr(module, "__spec__", None), "_initializing", False) is True


def is_undecided(name: str) -> bool:
    """Whether the import of a module that has neither scheduled nor made cowns has not
    ended."""
    module = sys.modules.get(name)
    if not isinstance(module, ModuleType) or not is_being_imported(module):
        return False
    made = any(map(is_made_of_cowns, parts(vars(module))))
    return not made and not has_scheduled(name, module)


def parts(names: dict[str, Any]) -> list[Any]:
    """The globals of a module that it made itself, and their parts."""
    found = [value for key, value in list(names.items()) if not key.startswith("__")]
    for value in list(found):
        if isinstance(value, dict):
            found += value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            found += value
        elif isinstance(value, type) and defined_in(value) == names.get("__name__"):
            found += vars(value).values()
        elif defined_in(type(value)) == names.get("__name__"):
            found += getattr(value, "__dict__", {}).values()
    return found


def defined_in(cls: type) -> object:
    """The name of the module of a class; None where it has none, as a class does whose
    metaclass takes `__module__` away."""
    return getattr(cls, "__module__", None)


def is_made_of_cowns(value: object) -> bool:
    from . import _core

    return isinstance(value, _core.Cown)


def _is_findable(name: str, module: ModuleType) -> bool:
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    if spec.name != name:
        return is_alias(name, spec.name, module)
    # Test modules that pytest has rewritten hold state of the one run to which they
    # belong.
    if type(spec.loader).__module__.partition(".")[0] == "_pytest":
        return False
    # A path hook of the program has made the loader of a module that is no file.
    made = spec.loader is not None and not spec.has_location
    if made and not is_everywhere(spec.loader, name):
        return False
    parent = name.rpartition(".")[0]
    path = None
    if parent:
        if not importable(parent):
            return False
        path = getattr(sys.modules[parent], "__path__", None)
        if path is None:
            return False
    return _find_origin(name, path) == (True, spec.origin)


def is_alias(name: str, real: str, module: ModuleType) -> bool:
    """Whether the import of a package makes `name` another name of the module
    `real`."""
    parent = name.rpartition(".")[0]
    same = sys.modules.get(real) is module
    return same and bool(parent) and importable(parent) and importable(real)


_FINDERS = ("_frozen_importlib", "importlib", "__editable__")
_EDITABLE = "_editable_loader"  # how modules of meson-python's editable installs end


def is_everywhere(finder: Any, name: str) -> bool:
    """Whether a worker's interpreter has this finder, too.

    It has those of Python and of installed packages, and those that a module's own
    package installs. It does not have an import hook of the program.
    """
    module = getattr(finder, "__module__", None)
    if not isinstance(module, str):
        module = type(finder).__module__
    own = module.partition(".")[0] == name.partition(".")[0]
    return own or module.startswith(_FINDERS) or module.endswith(_EDITABLE)


def _find_origin(name: str, path: Any) -> tuple[bool, str | None]:
    for finder in sys.meta_path:
        if not is_everywhere(finder, name):
            continue
        try:
            spec = finder.find_spec(name, path)
        except Exception:  # a loader of another package may lack the method or raise
            continue
        if spec is not None:
            return True, spec.origin
    return False, None


def module_key(module: ModuleType) -> str | None:
    """The name by which another interpreter can import `module`, if it can."""
    name = getattr(module, "__name__", None)
    if isinstance(name, str) and sys.modules.get(name) is module and importable(name):
        return name
    return None


def resolves(obj: Any) -> bool:
    """Whether `obj` is found under its module and qualified name by an import."""
    name = getattr(obj, "__module__", None)
    if not isinstance(name, str) or not importable(name):
        return False
    found: Any = sys.modules[name]
    for part in obj.__qualname__.split("."):
        found = getattr(found, part, None)
        if found is None:
            return False
    return found is obj
