"""The interface between a connection and the adapter of its engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ._messages import Batch, Report


class Events(Protocol):
    """The adapter calls these on the connection, from any thread; they do not wait."""

    def joined(self, number: int, node: str, threads: int) -> None: ...
    def lost(self, number: int, reason: str) -> None: ...
    def reported(self, number: int, report: Report) -> None: ...


class Engine(Protocol):
    """Makes one executor per worker, and carries calls to them."""

    name: str

    def start(self, events: Events, token: str, options: Options) -> None:
        """Makes an executor in each worker, now and whenever one joins."""
        ...

    def call(
        self, number: int, batches: Sequence[Batch], seen: int, poll_timeout: float
    ) -> None:
        """Calls an executor and returns. An event brings its answer, or its death."""
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
        """Seconds without an answer after which a worker counts as lost."""
        self.spill = spill
        """Bytes of values that an executor keeps in memory; None: no limit."""
        self.threads = threads
        """Bodies that run at once in a worker; None: as the engine gives it threads."""


Message = list[Any]

#: Seconds after which an executor answers a call although it has nothing to report.
#: BUSY is for executors with behaviors in flight: calls have to reach these more often,
#: because an executor begins bodies only for a while after a call (see LEASE).
BUSY = 0.3
IDLE = 2.0


def sources_of(batches: Sequence[Batch]) -> set[int]:
    """Returns the executors from which these batches take values."""
    return {
        operation[2]
        for batch in batches
        for operation in batch.operations
        if operation[0] in ("take", "redirect")
    }


def mismatch(ours: dict[str, str], theirs: dict[str, str], node: str) -> str:
    """Returns a text that names the versions that differ; empty if they agree."""
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
