"""Writes idle values to disk when an executor's values exceed its memory limit.

The least recently used values go first. A value comes back when an operation needs it.
The files lie in the engine's folder for temporary files, or else in the system's.

Threads: the caller holds the executor's lock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._spill_folder import SpillFolder
from ._store import pickled, unpickled
from ._values import Blob, encode, size_of

if TYPE_CHECKING:
    from ._execute import Executor


class OnDisk:
    """Stands in a slot for a value that is in a file."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path


class SpillStore:
    """The values that are in memory, in the order of their last use."""

    def __init__(self, limit: int, folder: str | None) -> None:
        self.limit = limit
        self.folder = folder
        self.made: SpillFolder | None = None
        self.sizes: OrderedDict[int, int] = OrderedDict()
        self.total = 0
        self.spilled: set[int] = set()

    def path(self, slot: int) -> Path:
        if self.made is None:
            self.made = SpillFolder(self.folder)
        return self.made.path / f"{slot}"

    def used(self, executor: Executor, slots: Iterable[int]) -> None:
        """Notes that these values were just used, and writes others to disk if the
        limit is exceeded."""
        for slot in slots:
            self.total -= self.sizes.pop(slot, 0)
            if slot in executor.values:
                size = self.sizes[slot] = size_of(executor.values[slot])
                self.total += size
        while self.total > self.limit:
            idle = next((s for s in self.sizes if is_idle(executor, s)), None)
            if idle is None:
                return
            self.total -= self.sizes.pop(idle)
            if idle in executor.values:
                self.spill(executor, idle)

    def spill(self, executor: Executor, slot: int) -> None:
        value = executor.values[slot]
        try:
            blob = value if type(value) is Blob else encode(value, executor)
        except Exception:
            return  # the value cannot be pickled: it stays in memory
        if blob.names:
            return  # its handles keep other cowns alive: it stays in memory
        path = self.path(slot)
        path.write_bytes(pickled(blob))
        executor.values[slot] = OnDisk(path)
        self.spilled.add(slot)

    def fetch(self, executor: Executor, slot: int) -> None:
        """Reads a slot's value from disk, if it is there."""
        if slot not in self.spilled:
            return
        value = executor.values.get(slot)
        self.spilled.discard(slot)
        if isinstance(value, OnDisk):
            executor.values[slot] = unpickled(value.path.read_bytes())
            value.path.unlink()

    def drop(self, slot: int) -> None:
        self.total -= self.sizes.pop(slot, 0)
        if slot in self.spilled:
            self.spilled.discard(slot)
            self.path(slot).unlink(missing_ok=True)

    def close(self) -> None:
        if self.made is not None:
            self.made.remove()


def is_idle(executor: Executor, slot: int) -> bool:
    order: Any = executor.order
    return slot not in order.writer and slot not in order.readers
