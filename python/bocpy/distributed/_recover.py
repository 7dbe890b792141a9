"""Recovers cowns and behaviors after a worker's death.

1. Live workers may have been taking values from the dead one. `lose` asks them which
   of these have arrived; nothing is linked until all have answered.
2. Behaviors that were sent to the dead worker and not reported are in doubt. One has
   certainly ended if a live worker took a value that it left, or if a later behavior
   on the same cowns has certainly ended. For their cowns, the others count as never
   begun; none of them runs again, except with `retries`.
3. Each cown that was at the dead worker goes back to the last place that keeps an
   earlier value: the outbox that it came through, the driver's blob, its store. If a
   behavior over it has certainly ended at the dead worker, the value is lost.
4. Workers that wait for such a cown are told where its value comes from now.

Threads: the linker's.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ._linker_state import Behavior, Place, Stay, Take, Worker
from ._messages import Done, Resolved

if TYPE_CHECKING:
    from ._linker import Linker


class Recovery:
    """Recovers from deaths of workers, for one linker."""

    def __init__(self, linker: Linker) -> None:
        self.linker = linker
        self.dead: list[Worker] = []
        self.unresolved: set[int] = set()
        """Takes from dead workers whose takers have not yet answered."""
        self.taken: set[int] = set()
        """Takes from dead workers that have arrived."""

    def lose(self, worker: Worker, reason: str) -> None:
        """Begins the recovery from a worker's death."""
        linker = self.linker
        worker.alive = False
        worker.reason = f"worker {worker.node} {reason}"
        worker.operations.clear()
        worker.frees.clear()
        self.dead.append(worker)
        for place in linker.places.values():
            place.copies.pop(worker.number, None)
        self.unresolved = {
            number
            for number in self.unresolved
            if number in linker.takes and linker.takes[number].target.alive
        }
        self.ask(worker)
        self.recover_if_resolved()

    def ask(self, dead: Worker) -> None:
        """Asks the takers of the dead worker's values which of them have arrived."""
        numbers: dict[int, list[int]] = {}
        for take in self.linker.takes.values():
            if take.source.worker is dead and take.target.alive:
                numbers.setdefault(take.target.number, []).append(take.number)
        for target, wanted in numbers.items():
            self.unresolved.update(wanted)
            operation = ("resolve", tuple(wanted))
            self.linker.workers[target].operations.append(operation)

    def resolved(self, answer: Resolved) -> None:
        for number, arrived in answer.takes:
            if number in self.unresolved:
                self.unresolved.discard(number)
                if arrived:
                    self.taken.add(number)
        self.recover_if_resolved()

    def recover_if_resolved(self) -> None:
        if self.unresolved or not self.dead:
            return
        linker = self.linker
        doubt = [b for worker in self.dead for b in worker.unreported.values()]
        doubt.sort(key=lambda behavior: behavior.rank)
        for take in linker.takes.values():
            if take.stay is None and take.number in self.taken:
                take.source.shown = max(take.source.shown, take.rank)
        self.find_ended(doubt)
        for behavior in doubt:
            if any(stay.done for _, stay in behavior.stays):
                linker.settle_files(behavior)
        copies = self.copies_by_source()
        for place in list(self.linker.places.values()):
            if any(not stay.worker.alive for stay in place.stays):
                Rescue(self.linker, place, self.taken, copies).go()
        self.lose_copies()
        again: deque[Behavior] = deque()
        for behavior in doubt:
            self.interrupt(behavior, again)
        self.linker.buffer.extendleft(reversed(again))
        for worker in self.dead:
            for place in list(self.linker.places.values()):
                place.holders.discard(worker.number)
                self.linker.forget_if_unused(place)
        self.dead.clear()
        self.taken.clear()

    def find_ended(self, doubt: list[Behavior]) -> None:
        """Marks the stays of behaviors that have certainly ended, last one first."""
        touched: set[int] = set()
        wrote: set[int] = set()
        for behavior in reversed(doubt):
            reads = {name for name, only in behavior.call.args if only}
            writes = {name for name, only in behavior.call.args if not only}
            if not behavior.get:
                writes.add(behavior.key)
            ended = bool(writes & touched or reads & wrote)
            ended = ended or any(
                stay.shown > behavior.rank or self.has_left(place, stay)
                for place, stay in behavior.stays
            )
            if ended:
                touched |= reads | writes
                wrote |= writes
                for _, stay in behavior.stays:
                    stay.done = True

    def has_left(self, place: Place, stay: Stay) -> bool:
        """Whether a later worker has taken the value that was at this stay."""
        if stay not in place.stays:
            return True
        later = place.stays[place.stays.index(stay) + 1 :]
        return any(s.number in self.taken for s in later)

    def copies_by_source(self) -> dict[Stay, list[Take]]:
        """Returns the copies from dead workers that have not arrived."""
        found: dict[Stay, list[Take]] = {}
        for take in self.linker.takes.values():
            coming = take.stay is None and take.number not in self.taken
            if coming and take.target.alive and not take.source.worker.alive:
                found.setdefault(take.source, []).append(take)
        return found

    def lose_copies(self) -> None:
        """Tells readers that a copy from a dead worker will not come."""
        for stay, takes in self.copies_by_source().items():
            for take in takes:
                del self.linker.takes[take.number]
                text = f"a copy of it was to come from there: {stay.worker.reason}"
                operation = ("lost", take.number, stay.worker.node, text)
                take.target.operations.append(operation)
                if take.place.copies.get(take.target.number) is take:
                    del take.place.copies[take.target.number]
                    take.target.operations.append(("drop", (take.slot,)))

    def may_retry(self, behavior: Behavior) -> bool:
        """Whether the behavior has retries left, and earlier values of all its cowns
        exist."""
        if not behavior.call.retries or any(s.done for _, s in behavior.stays):
            return False
        places = self.linker.places
        return all(places[name].error is None for name, _ in behavior.call.args)

    def interrupt(self, behavior: Behavior, again: deque[Behavior]) -> None:
        """Ends a behavior in doubt as lost; repeats a `get` or a behavior with
        retries."""
        worker = behavior.at
        assert worker is not None
        if behavior.get:
            place = self.linker.places[behavior.get]
            self.linker.unlink(behavior)
            if place.error is None:
                again.append(behavior)
                return
            node, text = place.error
            done = Done(behavior.key, "lost", text=text, name=node)
        elif self.may_retry(behavior):
            self.linker.retry(behavior)
            again.append(behavior)
            return
        else:
            text = (
                f"behavior {behavior.call.name!r} was interrupted: {worker.reason}; it "
                "may have begun, and does not run again"
            )
            done = Done(behavior.key, "lost", text=text, name=worker.node)
        self.linker.ended(behavior, done)


class Rescue:
    """Recovers one cown that was at a dead worker or on its way there."""

    def __init__(
        self,
        linker: Linker,
        place: Place,
        taken: set[int],
        copies: dict[Stay, list[Take]],
    ) -> None:
        self.linker = linker
        self.place = place
        self.taken = taken
        self.copies = copies
        self.kept: list[Stay] = []
        self.outbox = 0
        """The outbox at the last kept stay that has the value; 0: its slot has it."""
        self.lost: tuple[str, str] | None = None

    def go(self) -> None:
        """Removes the stays at dead workers and finds the value for the others."""
        place = self.place
        for index in range(len(place.stays) - 1, 0, -1):
            if place.stays[index].number in self.taken:
                self.linker.settle(place, place.stays[index])
                break
        stays = place.stays
        for index, stay in enumerate(stays):
            before = stays[index - 1] if index else None
            if not stay.worker.alive:
                self.pass_dead(stay, before)
            elif before is not None and not before.worker.alive:
                self.reconnect(stay)
            else:
                self.kept.append(stay)
        if self.outbox:
            last = self.kept[-1].worker
            last.operations.append(("restore", self.outbox, place.id))
            last.held += 1
            last.size += place.size
        place.stays = self.kept
        place.error = place.error or self.lost

    def pass_dead(self, stay: Stay, before: Stay | None) -> None:
        """Skips a dead stay: the next one gets the earlier value. The value is lost if
        a behavior has certainly ended at this stay."""
        self.linker.takes.pop(stay.number, None)
        came = before is not None and before.worker.alive
        if stay.done or (not self.kept and not self.has_base()):
            if came or self.outbox:
                number = stay.number if came else self.outbox
                self.kept[-1].worker.frees.append(number)
            self.kept, self.outbox = [], 0
            if self.place.file is not None:
                self.place.blob = None
                return
            text = f"its value was at {stay.worker.reason}"
            self.lost = stay.worker.node, text
            return
        if came:
            self.outbox = stay.number
        for take in self.copies.get(stay, ()):
            self.supply(take.number, take.target, take)

    def has_base(self) -> bool:
        place = self.place
        return self.lost is None and (place.blob is not None or place.file is not None)

    def reconnect(self, stay: Stay) -> None:
        """Finds the value for a live stay that waits for a dead one."""
        self.supply(stay.number, stay.worker, None, stay)
        self.kept.append(stay)

    def supply(
        self, number: int, target: Worker, copy: Take | None, stay: Stay | None = None
    ) -> None:
        """Tells `target` where the value that it takes as `number` comes from now."""
        linker, place = self.linker, self.place
        linker.takes.pop(number, None)
        if self.kept:
            source, other = self.kept[-1], linker.number()
            kind = "rename" if copy is None else "also"
            source.worker.operations.append((kind, self.outbox, other))
            target.operations.append(("redirect", number, source.worker.number, other))
            slot = place.id if copy is None else copy.slot
            take = Take(other, source, target, place, slot, stay)
            linker.takes[other] = take
            if stay is not None:
                stay.number, self.outbox = other, 0
            if copy is not None and copy.behavior is not None:
                take.behavior, take.rank = copy.behavior, copy.rank
                copy.behavior.frees.append((source.worker, other))
                copy.behavior.copies.append(take)
                if place.copies.get(target.number) is copy:
                    place.copies[target.number] = take
        elif self.lost is not None:
            target.operations.append(("lost", number, *self.lost))
        elif place.blob is not None:
            target.operations.append(("supply", number, place.blob))
        else:
            target.operations.append(("reload", number, place.store, place.file))
