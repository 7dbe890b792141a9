"""The order of operations on slots: readers may overlap, a writer is alone.

A node is one operation. `admit` counts the earlier nodes that it must wait for, and
`finish` returns the nodes that had waited for the finished one alone. A node waits only
for nodes that were admitted before it, so there are no cycles.

Threads: one at a time; the caller locks.
"""

from __future__ import annotations

from collections.abc import Iterable


class Node:
    """Something that accesses slots."""

    __slots__ = ("after", "finished", "missing", "reads", "writes")

    def __init__(self, reads: Iterable[int], writes: Iterable[int]) -> None:
        self.reads = tuple(reads)
        self.writes = tuple(writes)
        self.missing = 0
        self.after: list[Node] = []
        self.finished = False


class Order:
    """The nodes that are not finished, per slot."""

    def __init__(self) -> None:
        self.writer: dict[int, Node] = {}
        self.readers: dict[int, list[Node]] = {}

    def admit(self, node: Node) -> bool:
        """Puts a node behind those it conflicts with; True if it may start at once."""
        for slot in node.writes:
            self.wait_for(node, self.writer.get(slot))
            for reader in self.readers.pop(slot, ()):
                self.wait_for(node, reader)
            self.writer[slot] = node
        for slot in node.reads:
            self.wait_for(node, self.writer.get(slot))
            self.readers.setdefault(slot, []).append(node)
        return node.missing == 0

    def wait_for(self, node: Node, other: Node | None) -> None:
        if other is not None and other is not node and not other.finished:
            other.after.append(node)
            node.missing += 1

    def finish(self, node: Node) -> list[Node]:
        """Removes a node; returns those that may start now, in order of admission."""
        node.finished = True
        for slot in node.writes:
            if self.writer.get(slot) is node:
                del self.writer[slot]
        for slot in node.reads:
            readers = self.readers.get(slot)
            if readers is not None and node in readers:
                readers.remove(node)
                if not readers:
                    del self.readers[slot]
        ready = []
        for other in node.after:
            other.missing -= 1
            if other.missing == 0:
                ready.append(other)
        node.after.clear()
        return ready
