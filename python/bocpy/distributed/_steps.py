"""What an executor does with its slots: steps, outboxes, and values that are lost.

Threads: the executor's lock protects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ._messages import Operation, Run
from ._order import Node

CANCELLED = "the behavior was cancelled before it began"


class Lost:
    """The value of a slot whose worker died."""

    __slots__ = ("node", "text")

    def __init__(self, node: str, text: str) -> None:
        self.node = node
        self.text = text


class Step(Node):
    """An operation in the order of its slots."""

    __slots__ = ("arrived", "operation")

    def __init__(
        self, operation: Operation, reads: Iterable[int], writes: Iterable[int]
    ) -> None:
        super().__init__(reads, writes)
        self.operation = operation
        self.arrived = False


class Outbox:
    """A value that another executor takes."""

    __slots__ = ("also", "filled", "mark", "names", "value", "waiting")

    def __init__(self) -> None:
        self.filled = False
        self.also: list[int] = []
        self.names: tuple[int, ...] = ()
        """Cowns that live because the value names them."""
        self.value: Any = None
        self.mark = 0
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
