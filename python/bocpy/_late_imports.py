"""Imports of what is needed late, perhaps while the program waits.

A handler of a signal that raises can interrupt an import at any instruction. If that is
the one after importlib has taken a lock, nobody ever gives the lock back, and every
other thread that imports something hangs. Handlers run on the main thread alone. So it
has such imports made by a thread of their own: what a handler raises then ends nothing
but the wait for that thread.

A fork leaves such locks behind too: those of the imports that other threads had begun.
The child forgets these imports, which in plain Python make it hang.

Threads: any.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, get_ident, start_new_thread

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

#: Seconds. An import that takes longer may wait for one of the main thread's.
TIMEOUT = 10.0

#: What the module traceback imports when it first writes a traceback.
_OF_TRACEBACK = [
    "ast",
    "linecache",
    "tokenize",
    *(["_colorize"] if sys.version_info >= (3, 15) else []),
    *({"_suggestions"} & set(sys.builtin_module_names)),
]


class LateModule:
    """Stands for a module in annotations. It is imported when something evaluates them,
    as `typing.get_type_hints` does. Type checkers see the module itself."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(late_import(self._name), attribute)


def late_import(name: str) -> Any:
    """The module of that full name, imported if it has not been yet.

    Raises RuntimeError in a finalizer that interrupts the import: there it would be a
    module without its attributes.
    """
    if is_imported(name):
        return sys.modules[name]
    if is_begun_here(name):
        raise RuntimeError(
            f"in a finalizer that interrupts the import of {name}, bocpy cannot do "
            "this: call start() before there are objects with such finalizers"
        )
    if handlers_run_here():
        import_apart([name])
    return import_here(name)


def traceback_module() -> Any:
    """The module traceback, whose functions then import nothing any more."""
    if handlers_run_here():
        missing = [name for name in _OF_TRACEBACK if not is_imported(name)]
        if missing:
            import_apart(missing)
    return late_import("traceback")


def is_imported(name: str) -> bool:
    """Whether the import is over, too."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def is_begun_here(name: str) -> bool:
    """Whether this thread is in the middle of the import: something has interrupted
    it."""
    return owner_of(module_locks().get(name)) == get_ident()


def handlers_run_here() -> bool:
    """Whether this is the main thread. Before a start, which imports threading, it does
    not matter: nothing waits."""
    threading = sys.modules.get("threading")
    if threading is None or not _core._is_main():
        return False
    return bool(threading.main_thread().ident == get_ident())


def import_apart(names: list[str]) -> None:
    """Imports modules on another thread, if there can be one."""
    done = allocate_lock()
    done.acquire()

    locked = _core._locked_here()

    def load() -> None:
        if locked:  # what a finalizer calls here must not wait for this thread's caller
            _core._stand_in()
        try:
            for name in names:
                import_here(name)
        except Exception:  # the caller's own import raises it
            return
        finally:
            done.release()

    try:
        start_new_thread(load, ())
    except RuntimeError:  # no memory for a thread, or the program ends
        return
    done.acquire(timeout=TIMEOUT)


def import_here(name: str) -> ModuleType:
    __import__(name)
    return sys.modules[name]


def forget_imports_of_other_threads() -> None:
    """In the child of a fork: modules that other threads were importing are not there,
    and the next import of one begins anew."""
    locks = module_locks()
    for name, lock in list(locks.items()):
        if owner_of(lock) == get_ident():
            continue
        locks.pop(name, None)
        if lock() is not None and name in sys.modules and not is_imported(name):
            del sys.modules[name]


def module_locks() -> dict[str, Any]:
    """References to the locks by which importlib lets one thread import a module. It
    has no public way to ask about them, or to drop them."""
    locks: dict[str, Any] = getattr(
        sys.modules.get("_frozen_importlib"), "_module_locks", {}
    )
    return locks


def owner_of(lock: Any) -> int | None:
    """The thread that has the lock of a module."""
    owner: int | None = getattr(lock and lock(), "owner", None)
    return owner
