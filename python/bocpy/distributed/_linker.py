"""The linker: one order over all cowns of a cluster, without I/O.

    schedule, get, release, report, join, lose in -> numbered batches out (`step`)

The linker gets the driver's events and returns batches of operations, numbered for each
executor. It has no clock, no sockets, no threads. To link a behavior is to choose its
worker and to add all operations that it needs to the batches. The order of linking is
the order of behaviors on every cown, and an executor waits only for behaviors that were
linked earlier, so there can be no deadlock.

Threads: one, the caller's.
Invariants:
 1. The operations of a linked behavior have been sent, or are in the batches of the
    step that links it.
 2. A value is at its last stay, or on its way there through outboxes.
 3. Until a behavior of a stay is reported, the earlier value is kept in the outbox that
    it came through, or as the driver's blob.
 4. The driver processes a report before anything that depends on it: an executor does
    not pass a value on before the driver has acknowledged what its behavior scheduled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from ._linker_state import Behavior, Flight, Notice, Place, Stay, Take, Worker
from ._messages import Batch, Call, Done, Gone, Operation, Report, Resolved, Run
from ._placement import Placement
from ._recover import Recovery
from ._values import Blob

#: Linking pauses when the chosen worker has this many behaviors in flight.
CAP = 1024


class Linker(Placement):
    """Orders behaviors and places them."""

    def __init__(self, cap: int = CAP) -> None:
        self.cap = cap
        self.workers: dict[int, Worker] = {}
        self.places: dict[int, Place] = {}
        self.codes: dict[int, Blob] = {}
        self.buffer: deque[Behavior] = deque()
        self.flying: dict[int, Behavior] = {}
        self.takes: dict[int, Take] = {}
        self.recovery = Recovery(self)
        self.flights = 0
        self.turn = 0
        self.share = 0.0
        self.numbers_of_workers: tuple[int, ...] = ()
        self.times: dict[int | str, float] = {}
        self.numbers = 0
        self.pending = 0
        """Behaviors that have not ended."""
        self.notices: list[Notice] = []
        self.counts = {"linked": 0, "moves": 0, "copies": 0, "batches": 0, "lost": 0}

    # ---- events in

    def join(self, number: int, node: str, threads: int = 1) -> None:
        """Adds a worker; behaviors may run there from now on."""
        self.workers[number] = Worker(number, node, max(1, threads))
        self.numbers_of_workers = tuple(self.workers)

    def lose(self, number: int, reason: str) -> None:
        """Removes a dead worker. Messages about it say: worker NAME `reason`."""
        worker = self.workers.pop(number, None)
        if worker is not None:
            self.counts["lost"] += 1
            self.numbers_of_workers = tuple(self.workers)
            self.recovery.lose(worker, reason)

    def make(
        self,
        id: int,  # noqa: A002
        blob: Blob,
        *,
        near: int | None = None,
        store: str | None = None,
        file: str | None = None,
    ) -> None:
        """Adds a cown that the driver made and has one handle of."""
        place = self.places[id] = Place(id)
        place.blob, place.size, place.near = blob, blob.size, near
        place.store, place.file = store, file
        place.refs = 1
        for name in blob.names:
            self.hold(name)

    def schedule(self, call: Call) -> None:
        """Adds a behavior; the driver has one handle of its result."""
        self.enter(call)
        self.places[call.key].refs += 1

    def enter(self, call: Call) -> None:
        if call.function is not None:
            self.codes[call.code] = call.function
            call = call._replace(function=None)
        self.places[call.key] = Place(call.key)
        self.pending += 1
        self.use(Behavior(call))

    def use(self, behavior: Behavior) -> None:
        """Appends a behavior to the queue, and keeps its cowns until it is reported."""
        for name in self.needs(behavior.call):
            self.hold(name)
        self.buffer.append(behavior)

    def needs(self, call: Call) -> Iterable[int]:
        for name, _ in call.args:
            yield name
        if call.captures is not None:
            yield from call.captures.names
        if call.key in self.places:
            yield call.key

    def get(self, key: int, id: int, consume: bool) -> None:  # noqa: A002
        """Adds a read of a cown's value for the driver, in the order of behaviors."""
        call = Call(key, "get", 0, None, ((id, not consume),), (0,))
        self.use(Behavior(call, id, consume))

    def hold(self, id: int) -> None:  # noqa: A002
        place = self.places.get(id)
        if place is not None:
            place.refs += 1

    def release(self, id: int) -> None:  # noqa: A002
        place = self.places.get(id)
        if place is not None:
            place.refs -= 1
            self.forget_if_unused(place)

    def cancel(self, keys: Iterable[int]) -> None:
        """Cancels those of these behaviors that have not begun."""
        wanted = set(keys)
        waiting = [b for b in self.buffer if b.key in wanted]
        if waiting:
            self.buffer = deque(b for b in self.buffer if b.key not in wanted)
        for behavior in waiting:
            self.ended(behavior, Done(behavior.key, "cancelled"))
        for key in wanted:
            flying = self.flying.get(key)
            if flying is not None and flying.at is not None:
                flying.at.operations.append(("cancel", (key,)))

    def report(self, number: int, report: Report) -> None:
        """Processes an executor's report. Reports may come twice or out of order."""
        worker = self.workers.get(number)
        if worker is None:
            return
        for old in [n for n in worker.sent if n < report.received]:
            del worker.sent[old]
        worker.early[report.first] = report
        while worker.early:
            first = min(worker.early)
            if first > worker.seen:
                return
            entries = worker.early.pop(first).entries
            for entry in entries[worker.seen - first :]:
                worker.seen += 1
                self.process(worker, entry)

    def process(self, worker: Worker, entry: Any) -> None:
        if type(entry) is Done:
            self.reported(worker, entry)
        elif type(entry) is Gone:
            for name in entry.ids:
                place = self.places.get(name)
                if place is not None:
                    place.holders.discard(worker.number)
                    self.forget_if_unused(place)
        elif type(entry) is Resolved:
            self.recovery.resolved(entry)

    # ---- batches out

    def step(self, most: int = 1 << 30) -> list[tuple[int, Batch]]:
        """Links `most` behaviors at most; returns the batches to send."""
        if self.workers and self.buffer:
            held = sum(worker.held for worker in self.workers.values())
            self.share = held / len(self.workers)
        while most > 0 and self.buffer and self.workers and not self.recovery.dead:
            behavior = self.buffer[0]
            worker = self.choose(behavior)
            if worker.inflight >= self.cap:
                break
            self.buffer.popleft()
            self.link(behavior, worker)
            most -= 1
        batches = []
        for worker in self.workers.values():
            batch = self.batch(worker)
            if batch is not None:
                batches.append((worker.number, batch))
        return batches

    def batch(self, worker: Worker) -> Batch | None:
        """Returns the next batch for a worker; None if there is nothing urgent. Frees
        alone are not: they wait for other operations or until the worker is idle."""
        if not worker.operations and not (worker.frees and not worker.inflight):
            return None
        if worker.frees:
            worker.operations.append(("free", tuple(worker.frees)))
            worker.frees = []
        batch = Batch(worker.next_batch, worker.seen, tuple(worker.operations))
        worker.sent[batch.number] = batch
        worker.next_batch += 1
        worker.operations = []
        self.counts["batches"] += 1
        flight = Flight()
        for operation in batch.operations:
            if operation[0] in ("run", "get"):
                key = operation[1].key if operation[0] == "run" else operation[1]
                self.flying[key].batch = flight
                flight.left += 1
        self.flights += flight.left > 0
        return batch

    def unsent(self, number: int) -> list[Batch]:
        """Returns the batches that an executor has not confirmed, for sending again."""
        worker = self.workers.get(number)
        return [] if worker is None else list(worker.sent.values())

    # ---- linking

    def link(self, behavior: Behavior, worker: Worker) -> None:
        """Links a behavior: its place in the order is fixed, and `worker` runs it."""
        call = behavior.call
        lost = next((e for i, _ in call.args if (e := self.places[i].error)), None)
        if lost is not None:
            self.ended(behavior, Done(call.key, "lost", text=lost[1], name=lost[0]))
            return
        behavior.at = worker
        behavior.seconds = 0.0 if behavior.get else self.expected(call)
        slots = tuple(
            (name, self.bring(behavior, self.places[name], worker, reads), reads)
            for name, reads in call.args
        )
        if behavior.get:
            operation: Operation = ("get", call.key, slots[0][1], behavior.consume)
        else:
            operation = ("run", self.run(behavior, worker, slots))
        worker.operations.append(operation)
        worker.inflight += 1
        worker.backlog += behavior.seconds
        worker.unreported[call.key] = behavior
        self.flying[call.key] = behavior
        self.counts["linked"] += 1
        behavior.rank = self.counts["linked"]

    def run(
        self,
        behavior: Behavior,
        worker: Worker,
        slots: tuple[tuple[int, int, bool], ...],
    ) -> Run:
        call = behavior.call
        code = call.code
        if code and code not in worker.codes:
            worker.codes.add(code)
            worker.operations.append(("code", code, self.codes[code]))
        result = self.places[call.key]
        stay = Stay(worker, 0)
        result.stays = [stay]
        result.backlog += behavior.seconds
        behavior.stays.append((result, stay))
        stores = tuple(
            (name, store)
            for name, reads in call.args
            if not reads and (store := self.places[name].store)
        )
        keeps = result.refs > 1 or bool(result.holders)
        return Run(
            call.key, call.name, code, call.captures, slots, call.layout, keeps, stores
        )

    def bring(
        self, behavior: Behavior, place: Place, worker: Worker, reads: bool
    ) -> int:
        """Sends a cown's value to a worker; returns the slot that it gets there."""
        place.looked = True
        if not place.stays:
            self.put(place, worker)
        self.count(place)
        if reads and place.home is not worker:
            return self.copy(behavior, place, worker)
        if not reads:
            self.drop_copies(place)
            if place.home is not worker:
                self.move(place, worker)
        place.backlog += behavior.seconds
        behavior.stays.append((place, place.stays[-1]))
        return place.id

    def put(self, place: Place, worker: Worker) -> None:
        """Sends a cown's first value, from the driver or from its store."""
        if place.blob is not None:
            worker.operations.append(("put", place.id, place.blob))
        else:
            worker.operations.append(("load", place.id, place.store, place.file))
        place.stays = [Stay(worker, 0)]
        worker.size += place.size

    def count(self, place: Place) -> None:
        """Counts the cown among its worker's. A result counts only after its behavior,
        because most are dropped at once and none moves before."""
        if not place.counted and place.home is not None:
            place.counted = True
            place.home.held += 1

    def move(self, place: Place, worker: Worker) -> None:
        source = place.stays[-1]
        stay = Stay(worker, self.number())
        self.send(Take(stay.number, source, worker, place, place.id, stay))
        place.stays.append(stay)
        source.worker.held -= 1
        source.worker.size -= place.size
        worker.held += 1
        worker.size += place.size
        self.counts["moves"] += 1

    def copy(self, behavior: Behavior, place: Place, worker: Worker) -> int:
        """Sends a copy to a worker, for readers; the next writer drops it. Returns the
        copy's slot."""
        take = place.copies.get(worker.number)
        if take is None:
            number = self.number()
            source = place.stays[-1]
            take = Take(number, source, worker, place, -number, None)
            take.behavior, take.rank = behavior, self.counts["linked"] + 1
            self.send(take)
            place.copies[worker.number] = take
            behavior.frees.append((source.worker, number))
            self.counts["copies"] += 1
        behavior.copies.append(take)
        return take.slot

    def send(self, take: Take) -> None:
        source = take.source.worker
        home = take.place.id
        source.operations.append(("give", take.number, home, take.stay is None))
        target = take.target
        target.operations.append(("take", take.number, source.number, take.slot))
        self.takes[take.number] = take

    def drop_copies(self, place: Place) -> None:
        for take in place.copies.values():
            if take.target.alive:
                take.target.operations.append(("drop", (take.slot,)))
        place.copies.clear()

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    # ---- what has been reported

    def reported(self, worker: Worker, done: Done) -> None:
        """Processes the end of a behavior at its worker."""
        behavior = self.flying.get(done.key)
        if behavior is None or behavior.at is not worker:
            return
        for name in done.plus:
            if name in self.places:
                self.places[name].holders.add(worker.number)
        for name, size in done.sizes:
            self.resize(name, size)
        for name, size in done.new:
            place = self.places[name] = Place(name)
            place.size, place.stays = size, [Stay(worker, 0)]
            place.stays[0].done = True
            place.holders.update({worker.number} & self.holders_of(done, name))
            self.count(place)
        if done.seconds:
            self.learn(behavior.call, done.seconds)
        for place, stay in behavior.stays:
            self.settle(place, stay)
        for take in behavior.copies:
            take.source.shown = max(take.source.shown, take.rank)
        if done.fate in ("done", "failed") and not behavior.get:
            self.settle_files(behavior)
            worker.runs += 1
        for call in done.calls:
            call = call._replace(scope=behavior.call.scope)
            self.notices.append(("entered", call))
            self.enter(call)
            if call.key in done.plus:
                self.places[call.key].holders.add(worker.number)
        self.ended(behavior, done)
        if behavior.key in self.places:
            self.count(self.places[behavior.key])
        for name, _ in done.new:
            self.forget_if_unused(self.places[name])

    def holders_of(self, done: Done, name: int) -> set[int]:
        return set(self.workers) if name in done.plus else set()

    def resize(self, name: int, size: int) -> None:
        place = self.places.get(name)
        if place is None:
            return
        if place.stays:
            place.stays[-1].worker.size += size - place.size
        place.size = size

    def settle(self, place: Place, stay: Stay) -> None:
        """Frees the earlier value: a behavior of this stay has been reported."""
        stay.done = True
        if place.blob is not None:
            blob, place.blob = place.blob, None
            for name in blob.names:
                self.release(name)
        if stay not in place.stays:
            return
        while place.stays[0] is not stay:
            source = place.stays.pop(0).worker
            self.free(source, place.stays[0].number)

    def free(self, source: Worker, number: int) -> None:
        self.takes.pop(number, None)
        if source.alive:
            source.frees.append(number)

    def settle_files(self, behavior: Behavior) -> None:
        """Makes the files that this behavior wrote the durable values of its cowns."""
        worker = behavior.at
        for name, reads in behavior.call.args:
            place = self.places[name]
            if place.store is None or reads or worker is None or behavior.get:
                continue
            if place.file is not None and worker.alive:
                worker.operations.append(("forget", place.store, place.file))
            place.file = f"{name:x}-{behavior.key:x}"

    def ended(self, behavior: Behavior, done: Done) -> None:
        """Notifies the connection that a behavior ended, and releases its cowns."""
        self.unlink(behavior)
        if not behavior.get:
            self.pending -= 1
            self.mark_result(behavior, done)
        self.notices.append(("ended", behavior, done))
        for name in list(self.needs(behavior.call)):
            self.release(name)

    def unlink(self, behavior: Behavior) -> None:
        """Takes a behavior out of the counters and lists of what is in flight."""
        self.flying.pop(behavior.key, None)
        if behavior.at is not None:
            behavior.at.inflight -= 1
            behavior.at.backlog -= behavior.seconds
            behavior.at.unreported.pop(behavior.key, None)
            behavior.at = None
        if behavior.batch is not None:
            behavior.batch.left -= 1
            self.flights -= behavior.batch.left == 0
            behavior.batch = None
        for place, _ in behavior.stays:
            place.backlog -= behavior.seconds
        for source, number in behavior.frees:
            self.free(source, number)
        behavior.stays, behavior.frees, behavior.copies = [], [], []

    def retry(self, behavior: Behavior) -> None:
        """Prepares an interrupted behavior to be linked again."""
        self.unlink(behavior)
        call = behavior.call
        behavior.call = call._replace(retries=call.retries - 1)
        result = self.places[call.key]
        result.error, result.stays, result.backlog = None, [], 0.0

    def mark_result(self, behavior: Behavior, done: Done) -> None:
        result = self.places[behavior.key]
        if done.fate in ("failed", "unsaved") and done.blob is not None:
            result.failure = behavior.call.name, done.blob, done.text
        elif done.fate == "lost":
            result.error = done.name, done.text
        elif done.fate == "cancelled":
            result.error = "", done.text or "cancelled"

    def forget_if_unused(self, place: Place) -> None:
        """Drops a cown and its value if no process has a handle of it."""
        if place.refs > 0 or place.holders or place.id not in self.places:
            return
        del self.places[place.id]
        if place.failure is not None and not place.looked:
            self.notices.append(("unseen", *place.failure))
        self.drop_copies(place)
        if place.blob is not None:
            for name in place.blob.names:
                self.release(name)
        home = place.home
        if home is None or not home.alive:
            return
        home.held -= place.counted
        home.size -= place.size
        home.operations.append(("drop", (place.id,)))
        if place.store is not None and place.file is not None:
            home.operations.append(("forget", place.store, place.file))
