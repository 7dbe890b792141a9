"""What an interpreter of a worker shares with the main one for `multiprocessing`: the
key by which processes know each other, and the resource tracker.

A proxy of a manager connects to the manager's process with the key of the process in
which it is used. Each interpreter has a key of its own, which the manager would reject.

The resource tracker is a process that removes, when the program ends, what it has
registered. With one per interpreter, each would remove what another one still uses, and
report what another one has removed. So workers write to the main interpreter's.

Threads: `collect` in the main interpreter; `tracker_descriptor` there, called by a
worker; the rest in a worker.
"""

from __future__ import annotations

import marshal
import sys

from .. import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_key: bytes | None = None


def collect() -> bytes | None:
    """The key of this process, if it uses multiprocessing."""
    module = sys.modules.get("multiprocessing.process")
    current = getattr(module, "_current_process", None)
    return None if current is None else marshal.dumps(bytes(current.authkey))


def tracker_descriptor() -> str:
    """The descriptor of the resource tracker, which is started if it does not run."""
    from multiprocessing import resource_tracker

    return str(resource_tracker.getfd())  # type: ignore[attr-defined, unused-ignore]


# ---- in a worker ---------------------------------------------------------------------


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


def share_tracker(module: ModuleType) -> None:
    """Makes the resource tracker that a worker has imported the main interpreter's."""
    tracker: Any = module._resource_tracker

    def launch(*_: Any) -> None:
        answer = _core._ask_main("tracker")
        if answer is None or not answer.isdigit():
            raise RuntimeError(f"the resource tracker could not be started: {answer}")
        tracker._fd = int(answer)

    # `_launch` since 3.13.8 and 3.14; it is called where no tracker is known.
    name = "_launch" if hasattr(tracker, "_launch") else "ensure_running"
    setattr(tracker, name, launch)
    module.ensure_running = tracker.ensure_running  # type: ignore[attr-defined]
