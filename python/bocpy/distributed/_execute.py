"""An executor without I/O: the values of one worker and the operations on them.

The host around it carries batches, fetches and reports, and its threads call `work`,
which runs bodies that are ready. A `give` fills an outbox, from which another executor
fetches the value. If a body scheduled behaviors, the values of its cowns stay in their
outboxes until the driver has acknowledged that it knows these behaviors. So the driver
learns of a behavior before it learns of anything that happened after it.

Threads: any; one lock, not held while a body runs.
Invariants:
 1. Each batch is processed once, in the order of the numbers.
 2. An operation starts when all earlier operations on its slots have finished.
 3. A body starts at most once, and never after `close`.
 4. An outbox is kept until it is freed or restored.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Protocol

from . import _body
from ._cown import Failed
from ._functions import Shipper
from ._handle_counts import HandleCounts
from ._messages import Batch, Done, Entry, Gone, Operation, Report, Resolved, Run
from ._operations import CANCELLED, Lost, Outbox, Step, accesses
from ._order import Order
from ._outboxes import Outboxes
from ._spill import SpillStore
from ._store import open_store
from ._values import Blob, decode, encode, snapshot


class Host(Protocol):
    """What an executor calls on its host, with the executor's lock held."""

    def fetch(self, source: int, numbers: tuple[int, ...]) -> None: ...
    def ready(self) -> None: ...
    def news(self) -> None: ...


class Executor(Outboxes):
    """The values of one worker, and the order of the operations on them."""

    def __init__(
        self,
        token: str,
        number: int,
        host: Host,
        *,
        clock: Callable[[], float] = time.perf_counter,
        spill: SpillStore | None = None,
    ) -> None:
        super().__init__()
        self.token = token
        self.number = number
        self.host = host
        self.clock = clock
        self.spill = spill
        self.lock = threading.RLock()
        self.order = Order()
        self.handle_counts = HandleCounts()
        self.values: dict[int, Any] = {}
        self.codes: dict[int, Any] = {}
        self.takes: dict[int, tuple[Step, Any]] = {}
        self.frozen: set[int] = set()
        self.arrived: dict[int, Any] = {}
        self.runs: deque[Step] = deque()
        self.coming: set[int] = set()
        """Behaviors that have not begun."""
        self.cancelled: set[int] = set()
        self.marks: dict[int, int] = {}
        self.early: dict[int, Batch] = {}
        self.next_batch = 0
        self.entries: deque[Entry] = deque()
        self.first = 0
        self.in_transit: deque[tuple[int, tuple[int, ...]]] = deque()
        self.count = 0
        self.unfinished = 0
        self.running = 0
        self.closed = False
        self.shipper: Shipper | None = None
        self.done_by_name: dict[str, int] = {}

    # ---- as a site of handles

    def hold(self, id: int) -> None:  # noqa: A002
        self.handle_counts.hold(id)

    def release(self, id: int) -> None:  # noqa: A002
        self.handle_counts.release(id)

    def proxy(self) -> Any:
        return _body.Here()

    def schedule(
        self, function: Callable[..., Any], args: tuple[Any, ...], **options: Any
    ) -> Any:
        return _body.schedule(function, args, **options)

    def outcome(self, id: int, *, consume: bool) -> Any:  # noqa: A002
        raise RuntimeError(
            "a behavior cannot wait for a distributed cown, because its worker could "
            "run nothing meanwhile: schedule a behavior over it"
        )

    def call_back(self, function: Callable[..., object], *args: Any) -> None:
        self.outcome(0, consume=False)

    def fresh(self) -> int:
        """Returns a number for a new cown, unique in the cluster."""
        with self.lock:
            self.count += 1
            return self.number << 40 | self.count

    # ---- batches in

    def receive(self, batch: Batch) -> None:
        """Processes a batch. Ignores a repeated one, and keeps one that comes early."""
        with self.lock:
            if self.closed:
                return
            self.acknowledge(batch.seen)
            if batch.number >= self.next_batch:
                self.early[batch.number] = batch
            while self.next_batch in self.early:
                ready = self.early.pop(self.next_batch)
                self.next_batch += 1
                for operation in ready.operations:
                    self.admit(operation)

    def acknowledge(self, seen: int) -> None:
        """Drops what was kept until the driver had processed `seen` entries."""
        if seen <= self.first:
            return
        while self.first < seen and self.entries:
            self.entries.popleft()
            self.first += 1
        while self.in_transit and self.in_transit[0][0] < seen:
            for name in self.in_transit.popleft()[1]:
                self.handle_counts.release(name)
        for outbox in list(self.outboxes.values()):
            if outbox.waiting:
                self.serve(outbox)

    def admit(self, operation: Operation) -> None:
        kind = operation[0]
        if kind in IMMEDIATE:
            IMMEDIATE[kind](self, *operation[1:])
            return
        step = Step(operation, *accesses(operation))
        self.unfinished += 1
        if kind == "give":
            self.last_give = operation[1]
            self.outboxes.setdefault(operation[1], Outbox())
        elif kind == "run":
            self.coming.add(operation[1].key)
        elif kind == "take":
            self.expect(step, *operation[1:])
        if self.order.admit(step):
            self.start(step)

    def expect(self, step: Step, number: int, source: int, slot: int) -> None:
        self.takes[number] = (step, slot)
        self.host.fetch(source, (number,))

    # ---- operations

    def start(self, step: Step) -> None:
        """Starts an operation that has nothing to wait for, then those that waited for
        it alone. A loop, since a chain of operations may be longer than the stack."""
        todo = [step]
        while todo:
            step = todo.pop()
            if self.begin(step):
                todo += reversed(self.end(step))

    def end(self, step: Step) -> list[Any]:
        self.unfinished -= 1
        if not self.unfinished:
            self.host.news()
        return self.order.finish(step)

    def begin(self, step: Step) -> bool:
        """Begins an operation; True if it has finished. Bodies and takes end later."""
        kind = step.operation[0]
        if kind == "run":
            self.runs.append(step)
            self.host.ready()
            return False
        if kind == "take":
            number = step.operation[1]
            step.arrived = True
            return number in self.arrived and self.install(number)
        ORDERED[kind](self, *step.operation[1:])
        return True

    def put(self, slot: int, blob: Blob) -> None:
        self.store(slot, blob)

    def store(self, slot: int, value: Any) -> None:
        """Stores a value that arrived. Handles inside a pickled value count, so that
        their cowns live as long as the value."""
        if type(value) is Blob:
            self.hold_all(value.names)
        self.values[slot] = value

    def load(self, slot: int, store: str, file: str) -> None:
        self.store(slot, self.stored(store, file))

    def stored(self, store: str, file: str) -> Any:
        """Reads a durable value; if that fails, returns a Lost that says why."""
        try:
            return open_store(store).read(file)
        except Exception as error:
            text = f"its durable value {file!r} cannot be read from {store}: {error}"
            return Lost(store, text)

    def supply(self, number: int, blob: Blob) -> None:
        self.frozen.discard(number)
        self.fetched({number: blob})

    def reload(self, number: int, store: str, file: str) -> None:
        self.frozen.discard(number)
        self.fetched({number: self.stored(store, file)})

    def get(self, key: int, slot: int, consume: bool) -> None:
        value = self.loaded(slot)
        if type(value) is Lost:
            self.post(Done(key, "lost", text=value.text, name=value.node))
            return
        try:
            blob = value if type(value) is Blob else encode(value, self)
        except Exception as error:
            _, blob, text = _body.failure(error, self)
            self.keep(blob.names)
            self.post(Done(key, "failed", (), blob, text))
            return
        self.keep(blob.names)
        if consume:
            self.discard(slot)
            self.values[slot] = None
        else:
            blob = snapshot(blob)
        self.post(Done(key, "done", blob=blob))

    def drop(self, slots: tuple[int, ...]) -> None:
        for slot in slots:
            self.discard(slot)
            self.marks.pop(slot, None)
            if self.spill is not None:
                self.spill.drop(slot)

    def code(self, number: int, blob: Blob) -> None:
        self.codes[number] = blob

    def cancel(self, keys: tuple[int, ...]) -> None:
        self.cancelled.update(self.coming.intersection(keys))

    def forget(self, store: str, file: str) -> None:
        open_store(store).remove(file)

    # ---- values between executors

    def sendable(self, value: Any) -> Any:
        """Pickles a value. If that fails, pickles the error in its place, so that the
        taker's behavior finds it there."""
        if type(value) in (Blob, Lost):
            return value
        try:
            return encode(value, self)
        except Exception as error:
            return encode(Failed(error.with_traceback(None)), self)

    def fetched(self, values: dict[int, Any]) -> None:
        """Takes values that the host has fetched from another executor."""
        with self.lock:
            for number, value in values.items():
                if value is None or number not in self.takes or number in self.frozen:
                    continue
                self.arrived[number] = value
                step = self.takes[number][0]
                if step.arrived and self.install(number):
                    for other in self.end(step):
                        self.start(other)

    def wanted(self, numbers: Iterable[int]) -> set[int]:
        """Returns which of these takes still wait for their value."""
        with self.lock:
            return {n for n in numbers if n in self.takes and n not in self.frozen}

    def install(self, number: int) -> bool:
        self.store(self.takes.pop(number)[1], self.arrived.pop(number))
        return True

    def resolve(self, numbers: tuple[int, ...]) -> None:
        """Reports which of these takes have arrived. The others then ignore arriving
        values until the driver redirects them."""
        answer = []
        for number in numbers:
            missing = number in self.takes and number not in self.arrived
            if missing:
                self.frozen.add(number)
            answer.append((number, not missing))
        self.post(Resolved(tuple(answer)))

    def redirect(self, number: int, source: int, other: int) -> None:
        self.frozen.discard(number)
        if number in self.takes:
            self.takes[other] = self.takes.pop(number)
            step = self.takes[other][0]
            step.operation = ("take", other, source, self.takes[other][1])
            self.host.fetch(source, (other,))

    def lost(self, number: int, node: str, text: str) -> None:
        self.frozen.discard(number)
        self.fetched({number: Lost(node, text)})

    # ---- bodies

    def work(self, may_begin: Callable[[], bool] = lambda: True) -> None:
        """Runs bodies until none is ready. Threads of the host call it."""
        while True:
            with self.lock:
                if not self.runs or self.closed or not may_begin():
                    return
                step = self.runs.popleft()
                self.running += 1
            self.run(step)

    def run(self, step: Step) -> None:
        run: Run = step.operation[1]
        done = self.refused(run)
        if done is None:
            done = _body.execute(self, run)
        with self.lock:
            self.running -= 1
            self.settle(run, done)
            for other in self.end(step):
                self.start(other)

    def refused(self, run: Run) -> Done | None:
        """Returns the outcome of a body that must not begin; None if it may. Its cowns
        keep their values, and behaviors over its result do not begin either."""
        with self.lock:
            missing = None
            self.coming.discard(run.key)
            if run.key in self.cancelled:
                self.cancelled.discard(run.key)
                missing = Lost("", CANCELLED)
            for _, slot, _ in run.args:
                value = self.values.get(slot)
                if type(value) is Lost:
                    missing = value
            if missing is None:
                return None
            if run.keeps:
                self.values[run.key] = missing
            fate = "lost" if missing.node else "cancelled"
            return Done(run.key, fate, text=missing.text, name=missing.node)

    def value(self, slot: int) -> Any:
        """Returns the value of a slot as a body sees it. It unpickles without the lock:
        that may import modules and take long, and the worker's event loop needs the
        lock."""
        with self.lock:
            found: Any = self.loaded(slot)
        if type(found) is not Blob:
            return found
        try:
            value = decode(found, self)
        except Exception as error:
            value = Failed(error.with_traceback(None))
        with self.lock:
            now: Any = self.values.get(slot)
            if now is not found:  # another reader has unpickled it meanwhile
                return now
            self.release_all(found.names)
            self.values[slot] = value
        return value

    def settle(self, run: Run, done: Done) -> None:
        """Reports a body's end and marks its cowns, before another behavior gets them.

        The mark is the number of entries that the driver must have acknowledged before
        the value may leave this worker."""
        slots = [slot for _, slot, _ in run.args] + [run.key]
        mark = max((self.marks.get(slot, 0) for slot in slots), default=0)
        if done.calls or done.new:
            mark = self.first + len(self.entries) + 1
        if mark > self.first:
            self.marks.update(dict.fromkeys(slots, mark))
        for call in done.calls:
            if call.captures is not None:
                self.keep(call.captures.names)
        if run.name:
            name = run.name
            self.done_by_name[name] = self.done_by_name.get(name, 0) + 1
        if done.blob is not None:
            self.keep(done.blob.names)
        self.post(done._replace(plus=self.handle_counts.gained()))
        if self.spill is not None:
            self.spill.used(self, slots)

    def loaded(self, slot: int) -> Any:
        if self.spill is not None:
            self.spill.fetch(self, slot)
        return self.values.get(slot)

    # ---- entries out

    def keep(self, names: tuple[int, ...]) -> None:
        """Holds the handles in the next entry until the driver acknowledges it."""
        if names:
            for name in names:
                self.handle_counts.hold(name)
            self.in_transit.append((self.first + len(self.entries), names))

    def post(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.host.news()

    def report(self, since: int = 0) -> Report:
        """Returns the entries from number `since` on that are not acknowledged."""
        with self.lock:
            gone = self.handle_counts.lost()
            if gone:
                self.entries.append(Gone(gone))
            skip = max(0, since - self.first)
            entries = tuple(islice(self.entries, skip, None))
            return Report(self.next_batch, self.first + skip, entries)

    def close(self) -> None:
        """Drops all values; no body begins and no fetch gets a value afterwards."""
        with self.lock:
            self.closed = True
            self.runs.clear()
            for outbox in self.outboxes.values():
                waiting, outbox.waiting = outbox.waiting, []
                for look in waiting:
                    look()
            self.outboxes.clear()
            self.values.clear()
            if self.spill is not None:
                self.spill.close()


IMMEDIATE: dict[str, Callable[..., None]] = {
    "code": Executor.code,
    "also": Executor.also,
    "free": Executor.free,
    "cancel": Executor.cancel,
    "forget": Executor.forget,
    "resolve": Executor.resolve,
    "redirect": Executor.redirect,
    "lost": Executor.lost,
    "reload": Executor.reload,
    "rename": Executor.rename,
    "supply": Executor.supply,
}

ORDERED: dict[str, Callable[..., None]] = {
    "put": Executor.put,
    "load": Executor.load,
    "give": Executor.give,
    "get": Executor.get,
    "restore": Executor.restore,
    "drop": Executor.drop,
}
