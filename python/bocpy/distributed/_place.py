"""Where a behavior runs: where most of its bytes are, weighed against load.

Three costs are compared, in seconds: moving the cowns that are elsewhere, waiting for
behaviors there that have nothing to do with it, and a little for cowns that a worker
has already, which spreads them. Behaviors on the same cowns do not count as load: they
have to be waited for anywhere.

Threads: the linker's.
"""

from __future__ import annotations

from ._messages import Call
from ._places import Behavior, Place, Worker

#: How long a body takes about which nothing is known.
UNKNOWN = 2e-5

#: What taking cowns from one worker costs, and one byte of them.
MOVE = 2e-3
BYTE = 5e-9
#: How many workers are looked at for one that has little to do.
FEW_WORKERS = 16

#: What it costs to be at a worker that has twice its share of the cowns, and how many
#: more than its share are none too many.
CROWD = 0.2
#: Values that take longer to move than this do not move because of that.
HEAVY = 4 * MOVE
SLACK = 1.2
FEW = 2
#: What a worker that has no cowns yet is worth.
EVEN = 1e-4


class Placement:
    """The part of the linker that chooses workers."""

    workers: dict[int, Worker]
    places: dict[int, Place]
    turn: int
    numbers_of_workers: tuple[int, ...]
    share: float
    """How many cowns a worker has on average, at the last step."""
    times: dict[int | str, float]
    """Seconds that bodies take: by the number of their function, or by their name."""

    def expected(self, call: Call) -> float:
        """How long a body will take: as those of the same function."""
        return self.times.get(call.code or call.name, UNKNOWN)

    def learn(self, call: Call, seconds: float) -> None:
        """How long one has taken. One that was preempted says little about the next:
        it counts as four times as long as expected at most."""
        before = self.expected(call)
        self.times[call.code or call.name] = (
            before + (min(seconds, 4 * before + 1e-6) - before) / 8
        )

    def choose(self, behavior: Behavior) -> Worker:
        """The cheapest worker for a behavior."""
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
            self.waiting(home, args) > MOVE or self.crowd(home, share)
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
        """The home of the cown that this one is to be near to."""
        if place.stays or place.near is None or place.near not in self.places:
            return None
        return self.places[place.near].home

    def least(self) -> Worker:
        """The least busy of a few workers, others at each call; of those that are about
        as busy, the emptiest."""
        numbers = self.numbers_of_workers
        self.turn = (self.turn + FEW_WORKERS) % len(numbers)
        few = (numbers + numbers[:FEW_WORKERS])[self.turn :][:FEW_WORKERS]
        return min(
            [self.workers[number] for number in few],
            key=lambda w: (int(w.backlog / w.threads / MOVE), w.held, w.size),
        )

    def crowd(self, worker: Worker, share: float) -> float:
        """What it costs that a worker has more than its share of the cowns."""
        many = worker.held - SLACK * share - FEW
        return CROWD * many / (share + 1) if many > 0 else 0.0

    def waiting(self, worker: Worker, args: list[tuple[Place, bool]]) -> float:
        """For how long it would wait for what has nothing to do with it."""
        own = max((p.backlog for p, _ in args if p.home is worker), default=0.0)
        return max(0.0, worker.backlog - own) / worker.threads

    def cost(
        self, worker: Worker, args: list[tuple[Place, bool]], share: float
    ) -> float:
        result = self.waiting(worker, args) + self.crowd(worker, share)
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
