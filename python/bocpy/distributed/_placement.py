"""Chooses the worker of a behavior: the one with most of its bytes, unless it is busy.

The cost of a worker, in seconds, has three parts: the time to move the cowns that are
elsewhere, the time that the worker needs for other behaviors, and a small amount for
each cown that it has, which spreads cowns evenly. Earlier behaviors on the same cowns
do not count: the behavior waits for them on any worker.

Threads: the linker's.
"""

from __future__ import annotations

from ._linker_state import Behavior, Place, Worker
from ._messages import Call

#: Expected seconds of a function that has not run yet.
UNKNOWN = 2e-5

#: Seconds for fetching cowns from one worker, and for each byte of them.
MOVE = 2e-3
BYTE = 5e-9
#: `least` compares this many workers.
FEW_WORKERS = 16

#: A worker with more cowns than SLACK times its share and FEW costs EXCESS for each
#: further share.
EXCESS = 0.2
SLACK = 1.2
FEW = 2
#: Values that take longer to move than this do not move to even out numbers of cowns.
HEAVY = 4 * MOVE
#: What each share of cowns at a worker costs, so that new cowns go to empty workers.
EVEN = 1e-4


class Placement:
    """The part of the linker that chooses workers."""

    workers: dict[int, Worker]
    places: dict[int, Place]
    turn: int
    numbers_of_workers: tuple[int, ...]
    share: float
    """The average number of cowns at a worker, at the last step."""
    times: dict[int | str, float]
    """Average seconds of bodies, by the number or the name of their function."""

    def expected(self, call: Call) -> float:
        """Estimates the seconds of a body from earlier ones of the same function."""
        return self.times.get(call.code or call.name, UNKNOWN)

    def learn(self, call: Call, seconds: float) -> None:
        """Adds the seconds of a body to the average. Counts at most four times the
        expected time, since a preempted body says little about the next."""
        before = self.expected(call)
        self.times[call.code or call.name] = (
            before + (min(seconds, 4 * before + 1e-6) - before) / 8
        )

    def choose(self, behavior: Behavior) -> Worker:
        """Returns the cheapest worker for a behavior."""
        args = [(self.places[name], reads) for name, reads in behavior.call.args]
        homes = {p.home.number: p.home for p, _ in args if p.home is not None}
        if behavior.get and homes:
            return next(iter(homes.values()))
        candidates = dict(homes)
        for place, _ in args:
            near = self.near(place)
            if near is not None and not homes:
                candidates[near.number] = near
        heavy = sum(p.size for p, _ in args if p.home is not None) * BYTE > HEAVY
        share = float("inf") if heavy else self.share
        if not candidates or all(
            self.waiting(home, args) > MOVE or self.excess(home, share)
            for home in homes.values()
        ):
            idle = self.least()
            candidates[idle.number] = idle
        if len(candidates) == 1:
            return next(iter(candidates.values()))
        return min(
            candidates.values(), key=lambda w: (self.cost(w, args, share), w.number)
        )

    def near(self, place: Place) -> Worker | None:
        """Returns the worker of the cown that `near` named when this one was made."""
        if place.stays or place.near is None or place.near not in self.places:
            return None
        return self.places[place.near].home

    def least(self) -> Worker:
        """Returns the least busy of a few workers; of equally busy ones the one with
        the fewest cowns. Each call compares the next few."""
        numbers = self.numbers_of_workers
        self.turn = (self.turn + FEW_WORKERS) % len(numbers)
        few = (numbers + numbers[:FEW_WORKERS])[self.turn :][:FEW_WORKERS]
        return min(
            [self.workers[number] for number in few],
            key=lambda w: (int(w.backlog / w.threads / MOVE), w.held, w.size),
        )

    def excess(self, worker: Worker, share: float) -> float:
        """The cost of a worker that has more than its share of the cowns."""
        many = worker.held - SLACK * share - FEW
        return EXCESS * many / (share + 1) if many > 0 else 0.0

    def waiting(self, worker: Worker, args: list[tuple[Place, bool]]) -> float:
        """Seconds that a behavior would wait there for behaviors on other cowns."""
        own = max((p.backlog for p, _ in args if p.home is worker), default=0.0)
        return max(0.0, worker.backlog - own) / worker.threads

    def cost(
        self, worker: Worker, args: list[tuple[Place, bool]], share: float
    ) -> float:
        result = self.waiting(worker, args) + self.excess(worker, share)
        result += EVEN * worker.held / (share + 1)
        sources = set[int]()
        for place, reads in args:
            if place.home is None or place.home is worker:
                continue
            if reads and worker.number in place.copies:
                continue
            sources.add(place.home.number)
            result += BYTE * place.size
        return result + MOVE * len(sources)
