"""What a worker imports, and which modules it gets from the main interpreter instead.

A module that has cowns, or that schedules while it is imported, is not run a second
time in a worker: it is shipped by value, as `__main__` is, so that its cowns are the
same everywhere. The main interpreter knows whether a module is of that kind. A module
that only a worker imports must not make cowns or schedule; `start` and `wait` do
nothing there.

Threads: `guard` in a new interpreter of a worker.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, SourceFileLoader, SourcelessFileLoader
from types import ModuleType

from . import _core, _global_namespaces, _threads
from ._main_interpreter import logging as main_logging
from ._main_interpreter import processes as main_processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Finder:
    """Finds and loads the modules that come by value.

    It does not inherit from `importlib.abc`, whose import would load tempfile, inspect
    and 30 other modules into each worker: 2 MB, which CPython before 3.14 never frees.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: Any = None
    ) -> ModuleSpec | None:
        root = name.partition(".")[0]
        if root in sys.stdlib_module_names or root in _OWN:
            return None
        if _core._ask_main(f"module {name}") is None:
            return None
        loader: Any = self
        return ModuleSpec(name, loader)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from . import _ship

        _global_namespaces.receive(spec.name, spec.name, imported=False)
        _ship.catch_up()
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Does nothing: the log has set the names of the module."""


_OWN = frozenset({__package__, "__main__"})


def guard() -> None:
    """Makes this interpreter ask the main one before it runs a module."""
    sys.meta_path.insert(0, Finder())
    for loader in (SourceFileLoader, SourcelessFileLoader):
        loader.exec_module = counted(loader.exec_module)  # type: ignore[method-assign]


#: What to do once a worker has imported a module of the standard library.
ARRANGE: dict[str, Callable[[ModuleType], None]] = {
    "logging": lambda _: main_logging.set_levels(),
    "concurrent.futures.process": _threads.refuse_processes,
    "multiprocessing.process": main_processes.set_key,
    "multiprocessing.resource_tracker": main_processes.share_tracker,
    "subprocess": _threads.explain_preexec,
}


def counted(run: Callable[..., None]) -> Callable[..., None]:
    def exec_module(self: Any, module: ModuleType) -> None:
        _core._importing(1)
        try:
            run(self, module)
        finally:
            _core._importing(-1)
        if module.__name__ in ARRANGE:
            ARRANGE[module.__name__](module)
        _global_namespaces.bind_submodules(module.__name__)
        apply_waiting(module.__name__)

    return exec_module


def apply_waiting(name: str) -> None:
    """Applies what the main program has changed in a module that is imported now.

    The modules that keep such records are loaded with the first record.
    """
    changes: Any = sys.modules.get(f"{__package__}._ship.module_changes")
    registrations: Any = sys.modules.get(f"{__package__}._ship.registrations")
    # While one of these is being imported itself, it has no records.
    if hasattr(changes, "module_imported"):
        changes.module_imported(name)
    if hasattr(registrations, "module_imported"):
        registrations.module_imported(name)
