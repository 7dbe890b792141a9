"""The linker's records: workers, cowns, behaviors in flight.

A cown's record has a list of stays: each names a worker that has had the value and the
outbox that the value came through. When a behavior of a stay is reported, the linker
removes the earlier stays and frees their outboxes. When a worker dies, the list says
where an earlier value is kept.

Threads: the linker's.
"""

from __future__ import annotations

from typing import Any

from ._messages import Batch, Call, Operation, Report
from ._values import Blob


class Worker:
    """An executor, as the linker sees it."""

    __slots__ = (
        "alive",
        "backlog",
        "codes",
        "early",
        "frees",
        "held",
        "inflight",
        "next_batch",
        "node",
        "number",
        "operations",
        "reason",
        "runs",
        "seen",
        "sent",
        "size",
        "threads",
        "unreported",
    )

    def __init__(self, number: int, node: str, threads: int) -> None:
        self.number = number
        self.node = node
        self.threads = threads
        self.alive = True
        self.reason = ""
        self.operations: list[Operation] = []
        self.frees: list[int] = []
        self.next_batch = 0
        self.sent: dict[int, Batch] = {}
        self.seen = 0
        self.early: dict[int, Report] = {}
        self.codes: set[int] = set()
        self.inflight = 0
        self.held = 0
        self.size = 0
        self.runs = 0
        self.backlog = 0.0
        """Estimated seconds of the behaviors in flight there."""
        self.unreported: dict[int, Behavior] = {}
        """The behaviors in flight there; in doubt if the worker dies."""


class Stay:
    """A cown's time at one worker."""

    __slots__ = ("done", "number", "shown", "worker")

    def __init__(self, worker: Worker, number: int) -> None:
        self.worker = worker
        self.number = number
        """The outbox that the value came through; 0 at the first stay."""
        self.done = False
        """Whether a behavior of this stay has been reported."""
        self.shown = 0
        """Behaviors of a lower rank have certainly ended: another worker has a copy of
        the value that they left."""


class Place:
    """A cown, as the linker sees it."""

    __slots__ = (
        "backlog",
        "blob",
        "copies",
        "counted",
        "error",
        "failure",
        "file",
        "holders",
        "id",
        "looked",
        "near",
        "refs",
        "size",
        "stays",
        "store",
    )

    def __init__(self, id: int) -> None:  # noqa: A002
        self.id = id
        self.stays: list[Stay] = []
        self.blob: Blob | None = None
        """The first value, until a behavior over the cown has been reported."""
        self.size = 0
        self.near: int | None = None
        self.error: tuple[str, str] | None = None
        """If the value is lost: the worker that had it, and a text."""
        self.copies: dict[int, Take] = {}
        """The copies for readers, by the number of their worker."""
        self.backlog = 0.0
        """Estimated seconds of the behaviors in flight that use it at its home."""
        self.counted = False
        """Whether the `held` of its home includes it."""
        self.refs = 0
        self.holders: set[int] = set()
        self.failure: tuple[str, Blob, str] | None = None
        self.looked = False
        self.store: str | None = None
        self.file: str | None = None
        """The file with the last durable value that was reported."""

    @property
    def home(self) -> Worker | None:
        return self.stays[-1].worker if self.stays else None


class Behavior:
    """A behavior or a `get` between linking and its report."""

    __slots__ = (
        "at",
        "batch",
        "call",
        "consume",
        "copies",
        "frees",
        "get",
        "key",
        "rank",
        "seconds",
        "stays",
    )

    def __init__(self, call: Call, get: int = 0, consume: bool = False) -> None:
        self.key = call.key
        self.call = call
        self.get = get
        """For a `get`, the cown whose value the driver fetches."""
        self.consume = consume
        self.rank = 0
        """Its place in the order of linking."""
        self.seconds = 0.0
        """Estimated seconds of the body."""
        self.at: Worker | None = None
        self.batch: Flight | None = None
        self.stays: list[tuple[Place, Stay]] = []
        self.copies: list[Take] = []
        """The copies that it reads."""
        self.frees: list[tuple[Worker, int]] = []
        """Outboxes of copies, to be freed when the behavior is reported."""


class Flight:
    """A batch, until all behaviors in it are reported."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 0


class Take:
    """A value on its way from one worker to another."""

    __slots__ = (
        "behavior",
        "number",
        "place",
        "rank",
        "slot",
        "source",
        "stay",
        "target",
    )

    def __init__(
        self,
        number: int,
        source: Stay,
        target: Worker,
        place: Place,
        slot: int,
        stay: Stay | None,
    ) -> None:
        self.number = number
        self.source = source
        self.target = target
        self.place = place
        self.slot = slot
        self.stay = stay
        """The stay that begins with it; None for a copy."""
        self.behavior: Behavior | None = None
        """For a copy, the first behavior that reads it."""
        self.rank = 0
        """For a copy, the rank of that behavior."""


Notice = tuple[Any, ...]
