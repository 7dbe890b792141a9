"""The parts of an executor: operations (steps), outboxes, markers of lost values.

Threads: the executor's lock protects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ._messages import Operation, Run
from ._order import Node

CANCELLED = "the behavior was cancelled before it began"


class Lost:
    """Stands in a slot for a value that was lost with its worker."""

    __slots__ = ("node", "text")

    def __init__(self, node: str, text: str) -> None:
        self.node = node
        self.text = text


class Step(Node):
    """An operation, as a node in the order of operations on slots."""

    __slots__ = ("arrived", "operation")

    def __init__(
        self, operation: Operation, reads: Iterable[int], writes: Iterable[int]
    ) -> None:
        super().__init__(reads, writes)
        self.operation = operation
        self.arrived = False


class Outbox:
    """A value that waits here until another executor takes it."""

    __slots__ = ("also", "filled", "mark", "names", "value", "waiting")

    def __init__(self) -> None:
        self.filled = False
        self.also: list[int] = []
        self.names: tuple[int, ...] = ()
        """The cowns of which the value has handles; they are released with it."""
        self.value: Any = None
        self.mark = 0
        """The value may leave once the driver has acknowledged this many entries."""
        self.waiting: list[Callable[[], object]] = []


def accesses(operation: Operation) -> tuple[list[int], list[int]]:
    """The slots that an operation reads and writes."""
    kind = operation[0]
    if kind == "run":
        run: Run = operation[1]
        reads = [slot for _, slot, reads in run.args if reads]
        writes = [slot for _, slot, reads in run.args if not reads]
        return reads, [*writes, run.key]
    if kind == "give":
        _, _, slot, copy = operation
        return ([slot], []) if copy else ([], [slot])
    if kind == "get":
        _, _, slot, consume = operation
        return ([], [slot]) if consume else ([slot], [])
    if kind == "take":
        return [], [operation[3]]
    if kind == "restore":
        return [], [operation[2]]
    if kind == "drop":
        return [], list(operation[1])
    return [], [operation[1]]
