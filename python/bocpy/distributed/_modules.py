"""Decides which modules the workers can import, and which travel by value.

Workers have installed modules: the standard library and site-packages. Functions and
classes of other modules, the program's own, are pickled by value. If one cannot be
(because a global is a lock, say), it is pickled by name, and the workers must be able
to import its module.

Threads: any; one lock, since cloudpickle's list of modules belongs to the process.
"""

from __future__ import annotations

import contextlib
import sys
import sysconfig
import threading
from collections.abc import Generator
from typing import Any

_lock = threading.RLock()
_known = 0
_own: list[Any] = []
_PLACES = tuple(
    {
        sysconfig.get_path(name)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
)
#: Modules that every worker has, even if they are not in site-packages.
_ALWAYS = ("bocpy", "cloudpickle", "dask", "distributed", "ray")


def is_installed(name: str) -> bool:
    """Whether workers can be expected to have the module."""
    if name.partition(".")[0] in _ALWAYS or name == "__main__":
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is None or file.startswith(_PLACES)


def own_modules() -> list[Any]:
    """Returns the program's own modules: imported here, and not installed."""
    global _known, _own
    if len(sys.modules) != _known:
        _known = len(sys.modules)
        names = [name for name in list(sys.modules) if not is_installed(name)]
        _own = [sys.modules[name] for name in names]
    return _own


@contextlib.contextmanager
def by_value(cloudpickle: Any) -> Generator[None, None, None]:
    """Makes cloudpickle pickle the program's modules by value, inside the block."""
    with _lock:
        before = set(cloudpickle.list_registry_pickle_by_value())
        added = [m for m in own_modules() if m.__name__ not in before]
        for module in added:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in added:
                cloudpickle.unregister_pickle_by_value(module)
