"""The outboxes of an executor: values that other executors take.

A `give` fills an outbox, and the taker fetches the value from it. An outbox is filled
once and kept until the driver frees it or restores its value: if the taker dies, the
value can go to another worker.

Threads: the executor's lock protects all of it; `fetch` takes the lock.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from ._handle_counts import HandleCounts
from ._operations import Outbox
from ._values import Blob, snapshot


class Outboxes(ABC):
    """The part of an executor that passes values on to other executors."""

    token: str
    lock: threading.RLock
    handle_counts: HandleCounts
    values: dict[int, Any]
    marks: dict[int, int]
    first: int
    closed: bool

    def __init__(self) -> None:
        self.outboxes: dict[int, Outbox] = {}
        self.unwanted: set[int] = set()
        """Outboxes that were freed before their value came."""
        self.renamed: dict[int, int] = {}
        """New numbers of outboxes whose value has not come."""
        self.last_give = 0

    @abstractmethod
    def loaded(self, slot: int) -> Any:
        """Returns a slot's value; reads it from disk if it is there."""

    @abstractmethod
    def sendable(self, value: Any) -> Any:
        """Returns the value as it travels: a Blob, or a Lost."""

    # ---- values and their handles

    def discard(self, slot: int) -> None:
        value = self.values.pop(slot, None)
        if type(value) is Blob:
            self.release_all(value.names)

    def hold_all(self, names: Iterable[int]) -> None:
        for name in names:
            self.handle_counts.hold(name)

    def release_all(self, names: Iterable[int]) -> None:
        for name in names:
            self.handle_counts.release(name)

    # ---- operations of the driver

    def give(self, number: int, slot: int, copy: bool) -> None:
        """Moves or copies a value to its outbox. A copy is pickled at once, because the
        next writer changes the value."""
        number = self.renamed.pop(number, number)
        if number in self.unwanted:
            self.unwanted.discard(number)
            self.outboxes.pop(number, None)
            if not copy:
                self.discard(slot)
            return
        outbox = self.outboxes[number]
        value = self.loaded(slot)
        if copy:
            value = self.sendable(value)
            if type(value) is Blob:
                value = snapshot(value)
                self.hold_all(value.names)
        else:
            self.values.pop(slot, None)
        if type(value) is Blob:
            outbox.names = value.names
        outbox.value, outbox.filled = value, True
        outbox.mark = self.marks.get(slot, 0)
        for other in outbox.also:
            if other in self.unwanted:
                self.unwanted.discard(other)
                del self.outboxes[other]
            else:
                self.fill_copy(outbox, self.outboxes[other])
        self.serve(outbox)

    def rename(self, number: int, other: int) -> None:
        """Gives an outbox another number, because its first taker died."""
        self.last_give = max(self.last_give, other)
        outbox = self.outboxes.pop(number)
        early = self.outboxes.get(other)
        if early is not None:
            outbox.waiting += early.waiting
        self.outboxes[other] = outbox
        if outbox.filled:
            self.serve(outbox)
        else:
            self.renamed[number] = other

    def also(self, number: int, other: int) -> None:
        """Makes an outbox with a copy of another outbox's value, for a reader."""
        self.last_give = max(self.last_give, other)
        outbox = self.outboxes[number]
        copy = self.outboxes.setdefault(other, Outbox())
        if outbox.filled:
            self.fill_copy(outbox, copy)
        else:
            outbox.also.append(other)

    def fill_copy(self, outbox: Outbox, copy: Outbox) -> None:
        value = self.sendable(outbox.value)
        if type(value) is Blob:
            value = snapshot(value)
            self.hold_all(value.names)
            copy.names = value.names
        copy.value, copy.filled, copy.mark = value, True, outbox.mark
        self.serve(copy)

    def restore(self, number: int, slot: int) -> None:
        outbox = self.outboxes.pop(number, None)
        if outbox is not None:
            self.values[slot] = outbox.value

    def free(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            outbox = self.outboxes.get(number)
            if outbox is None:
                continue
            if not outbox.filled:
                self.unwanted.add(number)
                continue
            del self.outboxes[number]
            self.release_all(outbox.names)

    # ---- fetches of other executors

    def fetch(self, numbers: Iterable[int], answer: Callable[[Any], object]) -> None:
        """Answers another executor's fetch with {number: value}, as soon as some of the
        values may leave. None stands for a value whose outbox was freed."""
        wanted = tuple(numbers)
        answered = False

        def look() -> None:
            nonlocal answered
            if answered:
                return
            found = dict(zip(wanted, map(self.outboxes.get, wanted), strict=True))
            there = {n: o for n, o in found.items() if o is None or self.may_leave(o)}
            answered = bool(there) or self.closed
            if answered:
                answer(
                    {
                        n: None if o is None else self.sendable(o.value)
                        for n, o in there.items()
                    }
                )
                return
            for outbox in found.values():
                if outbox is not None:
                    outbox.waiting.append(look)

        with self.lock:
            for number in wanted:
                if number > self.last_give:  # the driver's batch is still on its way
                    self.outboxes.setdefault(number, Outbox())
            look()

    def may_leave(self, outbox: Outbox) -> bool:
        return outbox.filled and outbox.mark <= self.first

    def serve(self, outbox: Outbox) -> None:
        if not outbox.waiting or not self.may_leave(outbox):
            return
        waiting, outbox.waiting = outbox.waiting, []
        for look in waiting:
            look()
