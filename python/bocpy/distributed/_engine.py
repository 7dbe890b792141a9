"""What an adapter does for a connection, and a connection for an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ._messages import Batch, Report


class Events(Protocol):
    """Called by an adapter, from any thread; returns at once."""

    def joined(self, number: int, node: str, threads: int) -> None: ...
    def lost(self, number: int, reason: str) -> None: ...
    def reported(self, number: int, report: Report) -> None: ...


class Engine(Protocol):
    """Makes one executor per worker, and carries calls to them."""

    name: str

    def start(self, events: Events, token: str, options: Options) -> None:
        """Finds the workers, now and whenever some join."""
        ...

    def call(
        self, number: int, batches: Sequence[Batch], seen: int, patience: float
    ) -> None:
        """Calls an executor; its answer is an event, and so is its death."""
        ...

    def close(self) -> None: ...


class Options:
    """What a connection asks of its executors."""

    def __init__(
        self,
        timeout: float = 10.0,
        spill: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.timeout = timeout
        """Seconds without an answer, after which a worker counts as lost."""
        self.spill = spill
        """Bytes of values that an executor keeps in memory; None: all."""
        self.threads = threads
        """Bodies at once per worker; None: as many as the engine gives it."""


Message = list[Any]

#: Seconds after which an executor that has nothing to say answers: with behaviors in
#: flight, which begin only as long as it hears of its driver; and without.
BUSY = 0.3
IDLE = 2.0


def sources_of(batches: Sequence[Batch]) -> set[int]:
    """The executors that values are taken from."""
    return {
        operation[2]
        for batch in batches
        for operation in batch.operations
        if operation[0] in ("take", "redirect")
    }


def mismatch(ours: dict[str, str], theirs: dict[str, str], node: str) -> str:
    """A text about versions that differ; empty if they agree."""
    wrong = [
        f"{name} {theirs.get(name, 'none')} (the driver has {version})"
        for name, version in ours.items()
        if theirs.get(name) != version
    ]
    if not wrong:
        return ""
    return (
        f"worker {node} has {', '.join(wrong)}: functions and values travel pickled, "
        "so all need the same versions"
    )
