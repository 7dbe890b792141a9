"""The linker and its executors under a transport that does its worst, by seed.

    python tests/py/bocpy_distributed/simulate.py --schedules 100000

Each schedule is a random program (behaviors over a few cowns, readers, nested ones,
looks at values) on a random transport: messages are delayed, reordered, duplicated and
dropped, workers die at any step, or are cut off and go on. At its end it is compared
with the same behaviors one after the other, in the order of linking:

- each body ran at most once, and once if its result says so;
- each body saw the changes of the behaviors before it, all of each or none of it;
- the behaviors on which nested behaviors depend were linked before them;
- everything has ended, and nothing is left after the handles are dropped.

`--control NAME` breaks one rule of the protocol; some schedule must then fail.

The linker, the executors and the bodies are the real ones; threads, pickles of
functions and clocks are not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import mutants
from bocpy.distributed import _body, _values
from bocpy.distributed._cown import Cown
from bocpy.distributed._execute import Executor
from bocpy.distributed._functions import Known
from bocpy.distributed._linker import Linker
from bocpy.distributed._messages import Call
from bocpy.distributed._values import decode, encode

TOKEN = "simulated"
BODY = 1
MAX_STEPS = 20_000


class Wrong(AssertionError):
    """A schedule broke a rule."""


class Driver:
    """The site of the driver's handles: these are counted by the test itself."""

    token = TOKEN

    def hold(self, id: int) -> None: ...  # noqa: A002
    def release(self, id: int) -> None: ...  # noqa: A002


def body(*cowns: Any, sim: Any = None, spec: Any = ()) -> Any:
    """Records what it sees, appends its key to the values that it may write, schedules
    others."""
    run = CURRENT.running
    CURRENT.note(run, cowns)
    reads = {id for id, _, only in run.args if only}  # noqa: A001
    for cown in cowns:
        if cown._id not in reads:
            cown.value.append(run.key)
    for which, more in spec:
        args = tuple(_body.read(cowns[i]) if only else cowns[i] for i, only in which)
        _body.schedule(body, args, captures=(more,) if more else ())
    return [run.key]


def captured(*params: Any) -> Any:
    """The body, with its spec after the cowns."""
    cowns = [p for p in params if isinstance(p, Cown)]
    spec = next((p for p in params if not isinstance(p, Cown)), ())
    return body(*cowns, spec=spec)


class Host:
    """The surroundings of one simulated executor."""

    def __init__(self, sim: Simulation, number: int) -> None:
        self.sim = sim
        self.number = number
        self.executor = Executor(TOKEN, number, self, clock=lambda: 0.0)
        self.executor.codes[BODY] = captured
        shipper = _body.shipper_of(self.executor)
        shipper.known[body.__code__] = Known(BODY, ())
        shipper.checked.add(body.__code__)
        self.fetching: dict[int, int] = {}

    def fetch(self, source: int, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            self.fetching[number] = source
            self.sim.send(("fetch", self.number, source, number))

    def ready(self) -> None: ...
    def news(self) -> None: ...


class Simulation:
    """One schedule."""

    def __init__(self, seed: int) -> None:
        self.random = r = random.Random(seed)
        self.linker = Linker(cap=r.choice((2, 8, 1024)))
        self.hosts: dict[int, Host] = {}
        self.zombies: dict[int, Host] = {}
        self.flying: list[tuple[Any, ...]] = []
        self.count = 0
        self.keys = 0
        self.seen: dict[int, list[Any]] = defaultdict(list)
        self.fates: dict[int, str] = {}
        self.calls: dict[int, Call] = {}
        self.ranks: dict[int, int] = {}
        self.parents: dict[int, int] = {}
        self.after: dict[int, set[int]] = defaultdict(set)
        """What the driver knew to have ended when it scheduled a behavior."""
        self.known: set[int] = set()
        self.gets: dict[int, tuple[int, bool]] = {}
        self.values: dict[int, Any] = {}
        self.final: dict[int, int] = {}
        self.cowns: list[int] = []
        self.held: list[int] = []
        self.losable: list[int] = []
        self.running: Any = None
        self.lossy = r.random() < 0.7
        self.kills = r.choice((0, 0, 1, 1, 2)) if r.random() < 0.8 else 0
        self.todo = r.randrange(3, 16)
        for _ in range(r.randrange(1, 4)):
            self.join()
        for _ in range(r.randrange(1, 5)):
            self.make()

    # ---- the program

    def fresh(self) -> int:
        self.keys += 1
        return self.keys

    def join(self) -> None:
        self.count += 1
        self.hosts[self.count] = Host(self, self.count)
        self.linker.join(self.count, f"w{self.count}", 1)
        self.linker.workers[self.count].codes.add(BODY)

    def make(self) -> None:
        number = self.fresh()
        self.linker.make(number, encode([number]))
        self.cowns.append(number)
        self.held.append(number)

    def spec(self, cowns: int, depth: int) -> Any:
        r = self.random
        if depth > 2 or r.random() < 0.55:
            return ()
        nested = []
        for _ in range(r.choice((1, 1, 2))):
            which = r.sample(range(cowns), r.randrange(1, cowns + 1)) if cowns else []
            args = tuple((i, r.random() < 0.3) for i in which)
            nested.append((args, self.spec(len(args), depth + 1)))
        return tuple(nested)

    def schedule(self) -> None:
        r = self.random
        pool = self.cowns
        which = r.sample(pool, min(len(pool), r.choice((0, 1, 1, 2, 2, 3))))
        args = tuple((id, r.random() < 0.3) for id in which)  # noqa: A001
        spec = self.spec(len(args), 0)
        state = (None, None, ())
        captures = encode(((), {}, (spec,) if spec else (), state))
        key = self.fresh()
        call = Call(key, f"b{key}", BODY, captures, args, tuple(range(len(args))))
        self.calls[key] = call
        self.after[key] = set(self.known)
        self.linker.schedule(call)
        if r.random() < 0.5:
            self.cowns.append(key)
            self.held.append(key)
        elif r.random() < 0.5:
            self.linker.release(key)
        else:
            self.held.append(key)

    def look(self) -> None:
        number = self.random.choice(self.cowns)
        key = self.fresh()
        self.gets[key] = number, False
        self.linker.get(key, number, False)

    # ---- the transport

    def send(self, message: tuple[Any, ...]) -> None:
        self.flying.append(message)

    def step_linker(self) -> None:
        for number, batch in self.linker.step():
            self.send(("batch", number, batch))
        self.hear()

    def resend(self) -> None:
        for number, host in self.hosts.items():
            for batch in self.linker.unsent(number):
                self.send(("batch", number, batch))
            worker = self.linker.workers.get(number)
            if worker is not None:
                self.send(("seen", number, worker.seen))
            self.send(("report", number, host.executor.report()))
            for take in list(host.executor.takes):
                source = host.fetching.get(take)
                if source is not None and take not in host.executor.frozen:
                    self.send(("fetch", number, source, take))

    def deliver(self, message: tuple[Any, ...]) -> None:
        kind, to, *rest = message
        if kind == "report":
            self.linker.report(to, rest[0])
            self.hear()
            return
        host = self.hosts.get(to) or self.zombies.get(to)
        if kind == "fetch":
            source, number = rest
            giver = self.hosts.get(source) or self.zombies.get(source)
            if giver is not None:
                giver.executor.fetch((number,), lambda v: self.send(("fetched", to, v)))
        elif host is None:
            return
        elif kind == "batch":
            host.executor.receive(rest[0])
        elif kind == "seen":
            host.executor.acknowledge(rest[0])
        else:
            host.executor.fetched(rest[0])

    def hear(self) -> None:
        notices, self.linker.notices = self.linker.notices, []
        for what, *rest in notices:
            if what == "entered":
                self.calls[rest[0].key] = rest[0]
            elif what == "ended":
                self.ended(*rest)

    def ended(self, behavior: Any, done: Any) -> None:
        key = behavior.key
        if behavior.get:
            number, last = self.gets[key]
            if last:
                value = decode(done.blob) if done.fate == "done" else None
                self.final[number] = key
                self.values[number] = value
            elif done.fate == "done":
                self.known.update(decode(done.blob)[1:])
            return
        if key in self.fates:
            raise Wrong(f"{key} has ended twice")
        if done.fate not in ("done", "lost"):
            raise Wrong(f"{key}: {done.fate} {done.text}")
        self.fates[key] = done.fate
        self.ranks[key] = behavior.rank
        for call in done.calls:
            self.parents[call.key] = key

    # ---- bodies

    def run_one(self, host: Host) -> None:
        global CURRENT
        executor = host.executor
        at = self.random.randrange(len(executor.runs))
        step = executor.runs[at]
        del executor.runs[at]
        self.running = step.operation[1]
        executor.running += 1
        CURRENT = self
        executor.run(step)
        if self.random.random() < 0.7:
            self.send(("report", host.number, executor.report()))

    def note(self, run: Any, cowns: tuple[Any, ...]) -> None:
        self.seen[run.key].append(tuple((c._id, tuple(c.value)) for c in cowns))

    def kill(self) -> None:
        self.kills -= 1
        number = self.random.choice(list(self.hosts))
        host = self.hosts.pop(number)
        if self.random.random() < 0.4:
            self.zombies[number] = host
        self.losable.append(number)
        if not self.hosts or self.random.random() < 0.3:
            self.join()

    def lose(self) -> None:
        number = self.losable.pop(self.random.randrange(len(self.losable)))
        self.linker.lose(number, "is gone")
        self.hear()

    # ---- the schedule

    def go(self) -> None:
        for _ in range(MAX_STEPS):
            if not self.act():
                if self.finished():
                    break
                self.resend()
                self.step_linker()
        else:
            raise Wrong(f"no end: {self.state()}")
        self.look_at_all()
        self.check()
        self.let_go()

    def act(self) -> bool:
        """One random step; False if there is nothing to do but to send again."""
        r = self.random
        ready = [*self.hosts.values(), *self.zombies.values()]
        ready = [h for h in ready if h.executor.runs]
        choices: list[Callable[[], None]] = []
        if self.flying:
            choices += [self.move_message] * 4
        if ready:
            choices += [lambda: self.run_one(r.choice(ready))] * 3
        if self.todo:
            choices += [self.next_call] * 2
        if self.losable:
            choices.append(self.lose)
        if self.kills and (self.flying or ready) and r.random() < 0.1:
            choices.append(self.kill)
        if not choices:
            return False
        r.choice(choices)()
        if r.random() < 0.3:
            self.step_linker()
        if self.lossy and r.random() < 0.02:
            self.resend()
        return True

    def next_call(self) -> None:
        self.todo -= 1
        if self.random.random() < 0.15:
            self.look()
        else:
            self.schedule()

    def move_message(self) -> None:
        r = self.random
        at = r.randrange(min(len(self.flying), r.choice((1, 3, 1000))))
        message = self.flying[at]
        chance = r.random() if self.lossy else 1.0
        if chance >= 0.1:
            del self.flying[at]
        if 0.0 <= chance < 0.05:
            del self.flying[at]  # dropped
            return
        self.deliver(message)  # twice, if it is still there

    def finished(self) -> bool:
        if self.linker.pending or self.linker.buffer or self.linker.flying:
            return False
        return not self.flying and not self.losable

    def look_at_all(self) -> None:
        """Reads the values of all cowns that still exist."""
        self.kills = 0
        for number in self.cowns:
            key = self.fresh()
            self.gets[key] = number, True
            self.linker.get(key, number, False)
        for _ in range(MAX_STEPS):
            self.step_linker()
            if not self.act():
                if len(self.values) == len(set(self.cowns)) and self.finished():
                    return
                self.resend()
        raise Wrong(f"values that do not come: {self.state()}")

    def let_go(self) -> None:
        for number in self.held:
            self.linker.release(number)
        for _ in range(20):
            self.step_linker()
            self.resend()
            while self.flying:
                self.deliver(self.flying.pop(0))
        left = list(self.linker.places)
        if left or self.linker.takes:
            raise Wrong(f"left at the driver: {left} {list(self.linker.takes)}")
        for host in self.hosts.values():
            e = host.executor
            if e.values or e.outboxes or e.takes or e.entries:
                raise Wrong(
                    f"left at executor {host.number}: {e.values} {list(e.outboxes)} "
                    f"{list(e.takes)} {list(e.entries)}"
                )
            if e.order.writer or e.order.readers:
                raise Wrong(f"left in the order of executor {host.number}")

    def state(self) -> str:
        linker = self.linker
        return (
            f"buffer {len(linker.buffer)} flying {list(linker.flying)} unresolved "
            f"{linker.recovery.unresolved} messages {len(self.flying)} executors "
            + str(
                {
                    n: (
                        list(h.executor.takes),
                        h.executor.frozen,
                        h.executor.unfinished,
                    )
                    for n, h in self.hosts.items()
                }
            )
        )

    # ---- the sequential oracle

    def check(self) -> None:
        shown: set[int] = set()
        for key, seen in self.seen.items():
            if len(seen) > 1:
                raise Wrong(f"the body of {key} ran {len(seen)} times")
            if self.fates.get(key) == "done":
                for _, value in seen[0]:
                    shown.update(value)
        for value in self.values.values():
            shown.update(value or ())
        model: dict[int, list[int]] = {}
        for key in sorted(self.fates, key=self.ranks.__getitem__):
            self.replay(key, model, shown)
        for number, value in self.values.items():
            if value is not None and value != model.get(number, [number]):
                raise Wrong(
                    f"cown {number} has {value}, not {model.get(number, [number])}"
                )
        self.check_causes()

    def replay(self, key: int, model: dict[int, list[int]], shown: set[int]) -> None:
        call, fate = self.calls[key], self.fates[key]
        if fate == "done":
            if key not in self.seen:
                raise Wrong(f"{key} is done and did not run")
            for number, value in self.seen[key][0]:
                wanted = tuple(model.get(number, [number]))
                if value != wanted:
                    raise Wrong(f"{key} saw {number} as {value}, not {wanted}")
        elif key not in shown:
            return
        model[key] = [key]
        for number, only in call.args:
            if not only:
                model.setdefault(number, [number]).append(key)

    def check_causes(self) -> None:
        """If Q depends on P, what P scheduled is linked before what Q schedules."""
        order = sorted(self.fates, key=self.ranks.__getitem__)
        before: dict[int, set[int]] = {}
        children: dict[int, list[int]] = defaultdict(list)
        for key in order:
            causes = {k for k in before if self.flows(k, key)}
            causes |= {k for k in self.after[key] if k in before}
            if key in self.parents:
                causes.add(self.parents[key])
                children[self.parents[key]].append(key)
            before[key] = causes.union(*(before.get(c, set()) for c in causes))
        for q in order:
            for p in before[q]:
                for early in children[p]:
                    late = [*children[q], *([q] if p in self.after[q] else [])]
                    for each in late:
                        if early == each or not self.conflict(early, each):
                            continue
                        if self.ranks[early] > self.ranks[each]:
                            raise Wrong(
                                f"{early} of {p} was linked after {each} of {q}"
                            )

    def flows(self, one: int, other: int) -> bool:
        """Whether the second sees the changes of the first. A reader that has a copy
        does not hold back the next writer, so nothing depends on it."""
        if self.fates[one] != "done" or self.fates[other] != "done":
            return False
        wrote = {name for name, only in self.calls[one].args if not only} | {one}
        return any(name in wrote for name, _ in self.calls[other].args)

    def conflict(self, one: int, other: int) -> bool:
        if self.fates[one] != "done" or self.fates[other] != "done":
            return False
        a, b = dict(self.calls[one].args), dict(self.calls[other].args)
        a[one], b[other] = False, False
        return any(k in b and not (only and b[k]) for k, only in a.items())


CURRENT: Any = None


def first_wrong(start: int, count: int) -> tuple[int, str] | None:
    """The first of these seeds that goes wrong, and how it does."""
    before = _values.dumps
    # This program needs no engine, and must not import one.
    _values.dumps = lambda value, buffers, names: pickle.dumps(value, 5)
    try:
        for seed in range(start, start + count):
            try:
                Simulation(seed).go()
            except Exception as error:
                return seed, f"{type(error).__name__}: {error}"
    finally:
        _values.dumps = before
    return None


def batch_of(job: tuple[str, int, int]) -> tuple[int, str] | None:
    control, start, count = job
    if control:
        mutants.CONTROLS[control]()
    return first_wrong(start, count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--control", choices=sorted(mutants.CONTROLS), default="")
    options = parser.parse_args()
    began = time.monotonic()
    size = min(1000, options.schedules)
    jobs = [
        (options.control, start, min(size, options.seed + options.schedules - start))
        for start in range(options.seed, options.seed + options.schedules, size)
    ]
    with multiprocessing.Pool(options.jobs) as pool:
        for result in pool.imap(batch_of, jobs):
            if result is not None:
                print(f"seed {result[0]}: {result[1]}")
                return 1
    took = time.monotonic() - began
    print(f"{options.schedules} schedules from seed {options.seed} in {took:.1f} s: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
