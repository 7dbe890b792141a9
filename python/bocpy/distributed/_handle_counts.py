"""Counts the handles that an executor has of each cown, so that the driver can free it.

Handles are made and dropped on any thread, in `__del__` too, where taking a lock could
deadlock. So they only append to a deque, and `gained` and `lost` count.

Threads: `hold` and `release` any; the rest one at a time, the caller locks.
"""

from __future__ import annotations

from collections import deque


class HandleCounts:
    """The number of handles of each cown, and what the driver was told about it."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.known: set[int] = set()
        self.touched: set[int] = set()
        self.changes: deque[int] = deque()

    def hold(self, id: int) -> None:  # noqa: A002
        self.changes.append(id)

    def release(self, id: int) -> None:  # noqa: A002
        self.changes.append(-id)

    def settle(self) -> None:
        counts = self.counts
        while self.changes:
            change = self.changes.popleft()
            name = abs(change)
            count = counts.get(name, 0) + (1 if change > 0 else -1)
            if count:
                counts[name] = count
            else:
                counts.pop(name, None)
            self.touched.add(name)

    def gained(self) -> tuple[int, ...]:
        """Returns the cowns that have handles now and of which the driver was not
        told."""
        self.settle()
        new = tuple(n for n in self.touched if n in self.counts and n not in self.known)
        self.known.update(new)
        return new

    def lost(self) -> tuple[int, ...]:
        """Returns the cowns that have no handle now although the driver was told of
        one."""
        self.settle()
        old = tuple(n for n in self.touched if n not in self.counts and n in self.known)
        self.known.difference_update(old)
        self.touched = {n for n in self.touched if n in self.counts} - self.known
        return old
