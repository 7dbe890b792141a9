"""The folder of one process for the values that it writes to disk.

A process that is killed cannot remove its folder. Each has a file that its process
keeps locked: whoever makes a folder removes those beside it whose lock is free.

Threads: the caller holds the executor's lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, Any

PREFIX = "bocpy-spill-"
_LOCK = "lock"


class SpillFolder:
    """A new folder in `parent`, or in the system's folder for temporary files."""

    def __init__(self, parent: str | None) -> None:
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            name = self.path / _LOCK
            self._lock = name.open("xb")
            if try_lock(self._lock) and name.exists():
                break
            self._lock.close()  # another process took it for a folder that is left
        remove_left_folders(self.path.parent)

    def remove(self) -> None:
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def remove_left_folders(parent: Path) -> None:
    """Removes the folders of processes that have ended."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # it is another user's, or just removed
            with (folder / _LOCK).open("r+b") as lock:
                if not try_lock(lock):
                    continue
                shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)  # Windows keeps an open file


def try_lock(file: IO[bytes]) -> bool:
    """Locks a file until it is closed; False if another has locked it."""
    system: Any  # each has only its own of these modules
    try:
        if os.name == "nt":
            import msvcrt as system

            system.locking(file.fileno(), system.LK_NBLCK, 1)
        else:
            import fcntl as system

            system.flock(file, system.LOCK_EX | system.LOCK_NB)
    except OSError:
        return False
    return True
