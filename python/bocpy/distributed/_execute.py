"""An executor without I/O: one worker's values, and what happens to them in order.

The host around it carries batches, fetches and reports, and lends it threads: `work`
runs bodies that are ready. A give fills an outbox, which the taker fetches. If a body
scheduled something, what it held stays in its outbox until the driver has acknowledged
the record: nothing that depends on the body can reach the driver before.

Threads: any; one lock, not held while a body runs.
Invariants:
 1. Batches are processed once each, in the order of their numbers.
 2. An operation starts when those before it on its slots have finished.
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
from ._messages import Batch, Done, Entry, Gone, Operation, Report, Resolved, Run
from ._names import Names
from ._order import Order
from ._spill import Shelf
from ._steps import CANCELLED, Lost, Outbox, Step, accesses
from ._store import open_store
from ._values import Blob, decode, encode, snapshot


class Host(Protocol):
    """What an executor needs of its host. The executor calls it with its lock held."""

    def fetch(self, source: int, numbers: tuple[int, ...]) -> None: ...
    def ready(self) -> None: ...
    def news(self) -> None: ...


class Executor:
    """The values and the order of one worker."""

    def __init__(
        self,
        token: str,
        number: int,
        host: Host,
        *,
        clock: Callable[[], float] = time.perf_counter,
        shelf: Shelf | None = None,
    ) -> None:
        self.token = token
        self.number = number
        self.host = host
        self.clock = clock
        self.shelf = shelf
        self.lock = threading.RLock()
        self.order = Order()
        self.names = Names()
        self.values: dict[int, Any] = {}
        self.codes: dict[int, Any] = {}
        self.outboxes: dict[int, Outbox] = {}
        self.unwanted: set[int] = set()
        self.takes: dict[int, tuple[Step, Any]] = {}
        self.frozen: set[int] = set()
        self.renamed: dict[int, int] = {}
        self.arrived: dict[int, Any] = {}
        self.runs: deque[Step] = deque()
        self.coming: set[int] = set()
        """Behaviors that have not begun."""
        self.cancelled: set[int] = set()
        self.marks: dict[int, int] = {}
        self.early: dict[int, Batch] = {}
        self.next_batch = 0
        self.last_give = 0
        self.entries: deque[Entry] = deque()
        self.first = 0
        self.parcels: deque[tuple[int, tuple[int, ...]]] = deque()
        self.count = 0
        self.unfinished = 0
        self.running = 0
        self.closed = False
        self.shipper: Shipper | None = None
        self.done_by_name: dict[str, int] = {}

    # ---- as a site of handles

    def hold(self, id: int) -> None:  # noqa: A002
        self.names.hold(id)

    def release(self, id: int) -> None:  # noqa: A002
        self.names.release(id)

    def proxy(self) -> Any:
        return _body.Here()

    def schedule(
        self, function: Callable[..., Any], args: tuple[Any, ...], **options: Any
    ) -> Any:
        return _body.schedule(function, args, **options)

    def outcome(self, id: int, *, consume: bool) -> Any:  # noqa: A002
        raise RuntimeError(
            "a behavior cannot wait for a distributed cown, its worker would stand "
            "still: schedule a behavior over it"
        )

    def call_back(self, function: Callable[..., object], *args: Any) -> None:
        self.outcome(0, consume=False)

    def fresh(self) -> int:
        """A number for a new cown."""
        with self.lock:
            self.count += 1
            return self.number << 40 | self.count

    # ---- batches in

    def receive(self, batch: Batch) -> None:
        """Takes a batch; one that came before is ignored, an early one kept."""
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
        """The driver has processed the first `seen` entries."""
        if seen <= self.first:
            return
        while self.first < seen and self.entries:
            self.entries.popleft()
            self.first += 1
        while self.parcels and self.parcels[0][0] < seen:
            for name in self.parcels.popleft()[1]:
                self.names.release(name)
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
        """Starts operations that wait for nothing, and those that then wait for
        nothing."""
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
        """Begins an operation. True: it is done; a body ends later."""
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
        """Stores a value that arrived; the cowns that a pickled value names live as
        long as it does."""
        if type(value) is Blob:
            self.hold_all(value.names)
        self.values[slot] = value

    def discard(self, slot: int) -> None:
        value = self.values.pop(slot, None)
        if type(value) is Blob:
            self.release_all(value.names)

    def hold_all(self, names: Iterable[int]) -> None:
        for name in names:
            self.names.hold(name)

    def release_all(self, names: Iterable[int]) -> None:
        for name in names:
            self.names.release(name)

    def load(self, slot: int, store: str, file: str) -> None:
        self.store(slot, self.stored(store, file))

    def stored(self, store: str, file: str) -> Any:
        """Reads a durable value; a Lost that says why, if it cannot be read."""
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

    def give(self, number: int, slot: int, copy: bool) -> None:
        """Fills an outbox. A copy is pickled at once, because the next writer changes
        the value."""
        number = self.renamed.pop(number, number)
        if number in self.unwanted:
            self.unwanted.discard(number)
            self.outboxes.pop(number, None)
            if not copy:
                self.discard(slot)
            return
        outbox = self.outboxes[number]
        value = self.unshelved(slot)
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
        """Gives an outbox to another taker: the first is gone."""
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
        """A copy of an outbox, for a reader."""
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

    def get(self, key: int, slot: int, consume: bool) -> None:
        value = self.unshelved(slot)
        if type(value) is Lost:
            self.say(Done(key, "lost", text=value.text, name=value.node))
            return
        try:
            blob = value if type(value) is Blob else encode(value, self)
        except Exception as error:
            _, blob, text = _body.failure(error, self)
            self.keep(blob.names)
            self.say(Done(key, "failed", (), blob, text))
            return
        self.keep(blob.names)
        if consume:
            self.discard(slot)
            self.values[slot] = None
        else:
            blob = snapshot(blob)
        self.say(Done(key, "done", blob=blob))

    def restore(self, number: int, slot: int) -> None:
        outbox = self.outboxes.pop(number, None)
        if outbox is not None:
            self.values[slot] = outbox.value

    def drop(self, slots: tuple[int, ...]) -> None:
        for slot in slots:
            self.discard(slot)
            self.marks.pop(slot, None)
            if self.shelf is not None:
                self.shelf.drop(slot)

    def code(self, number: int, blob: Blob) -> None:
        self.codes[number] = blob

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

    def cancel(self, keys: tuple[int, ...]) -> None:
        self.cancelled.update(self.coming.intersection(keys))

    def forget(self, store: str, file: str) -> None:
        open_store(store).remove(file)

    # ---- values between executors

    def fetch(self, numbers: Iterable[int], answer: Callable[[Any], object]) -> None:
        """Answers another executor's fetch with {number: value}, as soon as some values
        are there. None stands for a value that never will be."""
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
                    {n: None if o is None else self.sent(o) for n, o in there.items()}
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

    def sent(self, outbox: Outbox) -> Any:
        """The value as it travels: a Blob, or a Lost."""
        return self.sendable(outbox.value)

    def sendable(self, value: Any) -> Any:
        """A value that cannot be pickled arrives as a failure that says so."""
        if type(value) in (Blob, Lost):
            return value
        try:
            return encode(value, self)
        except Exception as error:
            return encode(Failed(error.with_traceback(None)), self)

    def fetched(self, values: dict[int, Any]) -> None:
        """What was fetched from another executor has arrived."""
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
        """Which of these takes still wait."""
        with self.lock:
            return {n for n in numbers if n in self.takes and n not in self.frozen}

    def install(self, number: int) -> bool:
        self.store(self.takes.pop(number)[1], self.arrived.pop(number))
        return True

    def resolve(self, numbers: tuple[int, ...]) -> None:
        """Says which of these takes have arrived; the others wait to be redirected."""
        answer = []
        for number in numbers:
            missing = number in self.takes and number not in self.arrived
            if missing:
                self.frozen.add(number)
            answer.append((number, not missing))
        self.say(Resolved(tuple(answer)))

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
        """Runs bodies until none is ready; for a thread of the host."""
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
        """Why a body does not begin; None if it does. Its cowns keep their values, and
        behaviors that need its result do not begin either."""
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
        """The value of a slot as a body sees it. Unpickling may import modules and take
        long: not with the lock, which the worker's event loop needs."""
        with self.lock:
            found: Any = self.unshelved(slot)
        if type(found) is not Blob:
            return found
        try:
            value = decode(found, self)
        except Exception as error:
            value = Failed(error.with_traceback(None))
        with self.lock:
            now: Any = self.values.get(slot)
            if now is not found:  # another reader was first
                return now
            self.release_all(found.names)
            self.values[slot] = value
        return value

    def settle(self, run: Run, done: Done) -> None:
        """Settles what follows from a body's end, before another behavior has its
        cowns."""
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
        self.say(done._replace(plus=self.names.gained()))
        if self.shelf is not None:
            self.shelf.used(self, slots)

    def unshelved(self, slot: int) -> Any:
        if self.shelf is not None:
            self.shelf.fetch(self, slot)
        return self.values.get(slot)

    # ---- entries out

    def keep(self, names: tuple[int, ...]) -> None:
        """Handles that travel in the next entry live until it is acknowledged."""
        if names:
            for name in names:
                self.names.hold(name)
            self.parcels.append((self.first + len(self.entries), names))

    def say(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.host.news()

    def report(self, since: int = 0) -> Report:
        """The entries from number `since` on that are not acknowledged."""
        with self.lock:
            gone = self.names.lost()
            if gone:
                self.entries.append(Gone(gone))
            skip = max(0, since - self.first)
            entries = tuple(islice(self.entries, skip, None))
            return Report(self.next_batch, self.first + skip, entries)

    def close(self) -> None:
        """Nothing begins any more, and nobody is served."""
        with self.lock:
            self.closed = True
            self.runs.clear()
            for outbox in self.outboxes.values():
                waiting, outbox.waiting = outbox.waiting, []
                for look in waiting:
                    look()
            self.outboxes.clear()
            self.values.clear()
            if self.shelf is not None:
                self.shelf.close()


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
