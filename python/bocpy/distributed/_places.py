"""What the linker knows: of each worker, of each cown, of each behavior in flight.

A cown's history since its value was last known to be safe is a list of stays: at which
worker it was, and through which outbox it came there. When a behavior of a stay is
reported, the stays before it are over and their outboxes are freed. When a worker dies,
the list says where the value from before is.

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
        "doubt",
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
        """Seconds that what is in flight there will take, as far as can be told."""
        self.doubt: dict[int, Behavior] = {}


class Stay:
    """A cown's time at one worker."""

    __slots__ = ("done", "number", "shown", "worker")

    def __init__(self, worker: Worker, number: int) -> None:
        self.worker = worker
        self.number = number
        """The outbox that it came through; 0 at its first."""
        self.done = False
        """Whether a behavior of this stay has been reported."""
        self.shown = 0
        """Behaviors of a lower rank have ended for sure: others had copies of what
        they left."""


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
        """The value itself, as long as no behavior with it has been reported."""
        self.size = 0
        self.near: int | None = None
        self.error: tuple[str, str] | None = None
        """The worker that it was lost with, and how."""
        self.copies: dict[int, Take] = {}
        """Which workers have a copy for their readers."""
        self.backlog = 0.0
        """Seconds of what is in flight and uses it at its home."""
        self.counted = False
        """Whether its home counts it as one that it holds."""
        self.refs = 0
        self.holders: set[int] = set()
        self.failure: tuple[str, Blob, str] | None = None
        self.looked = False
        self.store: str | None = None
        self.file: str | None = None
        """The last durable value that is known to be whole."""

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
        """The cown whose value the driver wants, if it is a `get`."""
        self.consume = consume
        self.rank = 0
        """Its place in the order of linking."""
        self.seconds = 0.0
        """How long it will take, as far as can be told."""
        self.at: Worker | None = None
        self.batch: Flight | None = None
        self.stays: list[tuple[Place, Stay]] = []
        self.copies: list[Take] = []
        """The copies that it reads."""
        self.frees: list[tuple[Worker, int]] = []
        """Outboxes of copies that nobody takes from once it is reported."""


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
        """For a copy, the place of that in the order of linking."""


Told = tuple[Any, ...]
