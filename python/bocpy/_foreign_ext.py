"""Extension modules of other packages that a worker imports (runtime/foreign_ext.h).

Threads: `guard` in a new interpreter of a worker; `admit` in the main interpreter,
called by a worker; `refusing` in any.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from importlib.machinery import BuiltinImporter, ExtensionFileLoader, ModuleSpec
from types import ModuleType

from . import _core
from ._heap_types import is_heap_type

__all__ = ["ELSEWHERE", "admit", "guard", "refusal", "refusing"]

ELSEWHERE = "use start(backend='threads'), or keep what needs it in a pinned cown"


def refusal(name: str) -> str:
    """The error message for a module that a worker's interpreter cannot load."""
    return f"module {name} does not support loading in subinterpreters"


def guard() -> None:
    """Makes imports of extension modules here load them in the main interpreter
    first."""
    load = ExtensionFileLoader.create_module

    def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
        if is_standard(spec.name):
            load_in_main_first(spec.name)
        else:
            problem = _core._ask_main(f"admit {spec.name}")
            if problem is not None:
                message = f"{problem}; {ELSEWHERE}"
                raise ImportError(message, name=spec.name, path=spec.origin)
        return load(self, spec)  # type: ignore[no-any-return, unused-ignore]

    ExtensionFileLoader.create_module = create_module  # type: ignore[method-assign]
    if MAIN_FIRST:
        guard_builtin()


#: Until 3.13, what a module of the standard library keeps for the whole process belongs
#: to the interpreter that is the first to load it. If a worker is, the main interpreter
#: gives up, when the program ends, what is not its own: `import datetime` in a body and
#: then in the main program ends in an abort.
MAIN_FIRST = sys.version_info < (3, 14)


def load_in_main_first(name: str) -> None:
    if MAIN_FIRST:
        _core._ask_main(f"admit {name}")


def guard_builtin() -> None:
    """As `guard`, for modules that are built into the executable."""
    load = BuiltinImporter.create_module

    def create_module(spec: ModuleSpec) -> ModuleType | None:
        load_in_main_first(spec.name)
        return load(spec)

    BuiltinImporter.create_module = staticmethod(create_module)  # type: ignore[method-assign]


_asking = threading.Lock()  # one worker asks at a time
TIMEOUT = 10.0  # seconds


def admit(name: str) -> str | None:
    """Imports an extension module here; returns None, or why a worker cannot load
    it."""
    with _asking:
        if is_being_imported(name.partition(".")[0]):
            return (
                f"module {name} is still being imported by the main interpreter, which "
                "seems to wait for the behavior that imports it too"
            )
        try:
            module = importlib.import_module(name)
        except Exception as error:
            return f"the main interpreter cannot import module {name} either: {error}"
    return refusal(name) if _core._refuses(module) else None


def is_being_imported(package: str) -> bool:
    """Whether a thread of this interpreter still imports the package after a while.

    This does not wait for the import lock, since that thread may wait for this one.
    """
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        spec = getattr(sys.modules.get(package), "__spec__", None)
        if not getattr(spec, "_initializing", False):
            return False
        time.sleep(0.005)
    return True


def refusing(cls: type) -> str | None:
    """The module because of which instances of a type cannot be in workers, if there is
    one.

    Interpreters share a static type. The extension modules of its package have been
    loaded here, so this can look at them.
    """
    root = cls.__module__.partition(".")[0]
    if is_heap_type(cls) or is_standard(root):
        return None
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == root and _core._refuses(module):
            return name
    return None


def is_standard(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names
