"""The key by which processes of `multiprocessing` know each other.

A proxy of a manager connects to the manager's process with the key of the process in
which it is used. Each interpreter has a key of its own, which the manager would reject.

Threads: `collect` in the main interpreter; the rest in a worker.
"""

from __future__ import annotations

import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_key: bytes | None = None


def collect() -> bytes | None:
    """The key of this process, if it uses multiprocessing."""
    module = sys.modules.get("multiprocessing.process")
    current = getattr(module, "_current_process", None)
    return None if current is None else marshal.dumps(bytes(current.authkey))


def use(key: bytes) -> None:
    global _key
    _key = key
    module = sys.modules.get("multiprocessing.process")
    if module is not None and hasattr(module, "_current_process"):
        set_key(module)


def set_key(module: ModuleType) -> None:
    """Gives the key to a `multiprocessing.process` that this interpreter imports."""
    if _key is not None:
        module.current_process().authkey = _key
