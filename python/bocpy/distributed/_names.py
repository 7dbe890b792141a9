"""Which cowns a process has handles of: what the driver needs to know to free them.

Handles come and go on any thread, in `__del__` too, so they only append to a deque;
whoever asks counts.

Threads: `hold` and `release` any; the rest one at a time, the caller locks.
"""

from __future__ import annotations

from collections import deque


class Names:
    """How many handles there are of each cown, and what the driver knows of that."""

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
        """What has handles, and had none when the driver was last told."""
        self.settle()
        new = tuple(n for n in self.touched if n in self.counts and n not in self.known)
        self.known.update(new)
        return new

    def lost(self) -> tuple[int, ...]:
        """What has none any more, though the driver thinks so."""
        self.settle()
        old = tuple(n for n in self.touched if n not in self.counts and n in self.known)
        self.known.difference_update(old)
        self.touched = {n for n in self.touched if n in self.counts} - self.known
        return old
