"""The linker: one order over all cowns of a cluster, without I/O.

    schedule, get, release, report, join, lose in -> numbered batches out (`step`)

The driver's events come in; what each executor is to do comes out, in batches that are
numbered per executor. No clock, no sockets, no threads. A behavior is linked when it is
placed: the linker chooses its worker, and from then on every operation that it needs is
on its way. So the order of linking is the order of all cowns, and each wait of an
executor is for something that was linked earlier: there can be no deadlock.

Threads: one, the caller's.
Invariants:
 1. What is linked has been sent, or is in the batches of the step that links it.
 2. A value is at its last stay, or on its way there through outboxes.
 3. Until a behavior of a stay is reported, the value from before the stay is kept, by
    the outbox that it came through or by the driver's own blob.
 4. What a report tells is processed before anything that depends on it: executors hand
    on nothing whose cause has a record that the driver has not acknowledged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from ._messages import Batch, Call, Done, Gone, Operation, Report, Resolved, Run
from ._place import Placement
from ._places import Behavior, Flight, Place, Stay, Take, Told, Worker
from ._recover import Recovery
from ._values import Blob

#: Behaviors in flight at one worker; linking stops there.
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
        self.told: list[Told] = []
        self.counts = {"linked": 0, "moves": 0, "copies": 0, "batches": 0, "lost": 0}

    # ---- events in

    def join(self, number: int, node: str, threads: int = 1) -> None:
        """A worker that behaviors may run on from now on."""
        self.workers[number] = Worker(number, node, max(1, threads))
        self.numbers_of_workers = tuple(self.workers)

    def lose(self, number: int, reason: str) -> None:
        """A worker is dead, or cut off for good: `reason` follows its name."""
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
        """A cown of the driver's, with one handle."""
        place = self.places[id] = Place(id)
        place.blob, place.size, place.near = blob, blob.size, near
        place.store, place.file = store, file
        place.refs = 1
        for name in blob.names:
            self.hold(name)

    def schedule(self, call: Call) -> None:
        """A behavior; the driver has one handle of its result."""
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
        """Into the queue; what it needs is kept until it is reported."""
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
        """The driver wants the value, in its turn."""
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
        """What has not begun of these does not begin."""
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
        """What an executor has to say; may come twice, or in another order."""
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
        """Links at most that many behaviors; the batches to send."""
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
        """What there is for a worker. Freeing alone waits for company, or for an idle
        worker."""
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
        """What an executor has not confirmed, to be sent again."""
        worker = self.workers.get(number)
        return [] if worker is None else list(worker.sent.values())

    # ---- linking

    def link(self, behavior: Behavior, worker: Worker) -> None:
        """Gives a behavior its place in the order, and at a worker."""
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
        worker.doubt[call.key] = behavior
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
        """Gets a cown's value to a worker; the slot that has it there."""
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
        """The first value, from the driver or from its store."""
        if place.blob is not None:
            worker.operations.append(("put", place.id, place.blob))
        else:
            worker.operations.append(("load", place.id, place.store, place.file))
        place.stays = [Stay(worker, 0)]
        worker.size += place.size

    def count(self, place: Place) -> None:
        """From now on it is one of its worker's cowns. Results are not while they are
        in flight: they are where their behaviors are, and most are dropped at once."""
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
        """A copy for readers; the next writer drops it."""
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
        """A behavior has ended at its worker."""
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
            self.told.append(("entered", call))
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
        """The value is safe at this stay: what was kept from before it can go."""
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
        """The durable values that this behavior wrote count from now on."""
        worker = behavior.at
        for name, reads in behavior.call.args:
            place = self.places[name]
            if place.store is None or reads or worker is None or behavior.get:
                continue
            if place.file is not None and worker.alive:
                worker.operations.append(("forget", place.store, place.file))
            place.file = f"{name:x}-{behavior.key:x}"

    def ended(self, behavior: Behavior, done: Done) -> None:
        """A behavior is over, in whichever way: tells it, and lets go."""
        self.unlink(behavior)
        if not behavior.get:
            self.pending -= 1
            self.mark_result(behavior, done)
        self.told.append(("ended", behavior, done))
        for name in list(self.needs(behavior.call)):
            self.release(name)

    def unlink(self, behavior: Behavior) -> None:
        """It is not in flight any more."""
        self.flying.pop(behavior.key, None)
        if behavior.at is not None:
            behavior.at.inflight -= 1
            behavior.at.backlog -= behavior.seconds
            behavior.at.doubt.pop(behavior.key, None)
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
        """It was interrupted, and may run again: before what is not linked yet."""
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
        """Nobody has the cown any more: its value goes, wherever it is."""
        if place.refs > 0 or place.holders or place.id not in self.places:
            return
        del self.places[place.id]
        if place.failure is not None and not place.looked:
            self.told.append(("unseen", *place.failure))
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
