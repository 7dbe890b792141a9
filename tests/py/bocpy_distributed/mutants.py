"""Rules of the protocol of clusters, each broken by one function: `simulate.py` must
find a schedule that fails."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from bocpy.distributed._execute import Executor
from bocpy.distributed._linker import Linker
from bocpy.distributed._order import Order


def release_before_send() -> None:
    Executor.may_leave = lambda self, outbox: outbox.filled  # type: ignore[method-assign]


def no_copy_for_readers() -> None:
    real = Executor.give

    def give(self: Any, number: int, slot: int, copy: bool) -> None:
        if copy and slot in self.values and number not in self.unwanted:
            outbox = self.outboxes[number]
            outbox.value, outbox.filled = self.values[slot], True
            self.serve(outbox)
        else:
            real(self, number, slot, copy)

    from bocpy.distributed import _execute

    _execute.ORDERED["give"] = give


def link_without_waiting() -> None:
    Order.wait_for = lambda self, node, other: None  # type: ignore[method-assign]


def free_before_the_report() -> None:
    real = Linker.move

    def move(self: Any, place: Any, worker: Any) -> None:
        source = place.stays[-1].worker
        real(self, place, worker)
        source.operations.append(("free", (place.stays[-1].number,)))

    Linker.move = move  # type: ignore[method-assign]


def run_twice() -> None:
    real = Executor.receive

    def receive(self: Any, batch: Any) -> None:
        real(self, batch)
        if batch.number < self.next_batch and self.sim_seed.random() < 0.5:
            for operation in batch.operations:
                if operation[0] == "run":
                    self.admit(operation)

    Executor.sim_seed = random.Random(1)  # type: ignore[attr-defined]
    Executor.receive = receive  # type: ignore[method-assign]


CONTROLS: dict[str, Callable[[], None]] = {
    "release-before-send": release_before_send,
    "no-copy-for-readers": no_copy_for_readers,
    "link-without-waiting": link_without_waiting,
    "free-before-the-report": free_before_the_report,
    "run-twice": run_twice,
}
