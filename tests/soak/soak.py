"""A soak of the package: all its operations mixed, from several threads at once.

    python soak.py --minutes 1 --backend interpreters [--seed N] [--storm NAME]

In each round some threads choose operations at random for a while, the main thread with
them; signals come meanwhile. Then everything must come to rest, and all sums must be
right: nothing lost, nothing run twice, nothing in the wrong order. Between rounds the
program forks, runs programs that end in all kinds of ways, closes and starts the
runtime again, and looks at its memory. With --storm one of these disturbances goes on
without a pause instead: storms.py. The printed seed repeats the choices, but not the
interleaving of the threads. Exit status: 0, or 1 with what was wrong.
"""

import argparse
import faulthandler
import gc
import os
import random
import signal
import statistics
import sys
import threading
import time
import traceback
import warnings
from dataclasses import dataclass, field

import operations
import storms
from bocpy import quiesce, start, wait

#: Seconds after which work that has not come to rest counts as hanging.
LIMIT = 120
#: How far memory may grow between the second and the last third of the rounds; and what
#: CPython itself loses for an interpreter that ends, on versions before 3.14: 1.7 MiB
#: for an empty one, 3.5 with the modules of the library that a worker has imported, 5.0
#: with those of bocpy too, whoever imports them; bodies import more.
GROWTH = 16 * 2**20
LOST = 6 * 2**20 if sys.version_info < (3, 14) else 2**18


def rss():
    """The resident memory of this process in bytes; 0 where the system does not
    tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@dataclass
class Report:
    """The summary at the end."""

    done: int = 0
    rounds: int = 0
    forks: int = 0
    exits: int = 0
    signals: int = 0
    interpreters: int = 0
    memory: list = field(default_factory=list)
    lost: list = field(default_factory=list)


class Round:
    """Runs the operations on several threads for some seconds."""

    def __init__(self, seed, seconds, threads, stage, main=None):
        self.seed = seed
        self.until = time.monotonic() + seconds
        self.stage = stage
        self.main = main or (lambda: self.work(0))
        self.problems = []
        self.done = [0] * (threads + 1)
        self.threads = [
            threading.Thread(target=self.work, args=(i,), name=f"soak-{i}")
            for i in range(1, threads + 1)
        ]

    def work(self, i):
        chance = random.Random(f"{self.seed} {i}")
        try:
            while time.monotonic() < self.until and not self.problems:
                self.stage.step(i, chance)
                self.done[i] += 1
        except BaseException:
            self.problems.append(f"thread {i}:\n{traceback.format_exc()}")

    def run(self):
        for thread in self.threads:
            thread.start()
        self.main()
        while any(thread.is_alive() for thread in self.threads):
            self.stage.pump()
            time.sleep(0.001)
        if not self.problems:
            quiesce(timeout=LIMIT)
            self.problems += self.stage.check()
        return sum(self.done)


def storm_of_signals(stop, pause):
    """Sends signals to a process that waits, schedules and runs Python code."""
    while not stop.wait(pause):
        os.kill(os.getpid(), signal.SIGUSR1)


def forks(report):
    """Forks children that use the runtime while another thread of the parent
    schedules."""
    stop = threading.Event()
    busy = threading.Thread(target=operations.schedule_until, args=(stop,))
    busy.start()
    problems = []
    for n in range(2):
        report.interpreters += storms.interpreters()
        child = os.fork()
        if child == 0:
            os._exit(operations.use_in_child(n))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        report.forks += 1
        if code != 0:
            problems.append(f"a child of fork() ended with {code}")
    stop.set()
    busy.join()
    return problems


def between(report, options, chance):
    """The work between two rounds; returns the problems."""
    choice = report.rounds % 5
    if choice == 1:
        wait()
        start(options.workers, backend=options.backend)
    elif choice == 2:
        wait()
        start(options.workers + 1, backend=options.backend)
        wait()
        start(options.workers, backend=options.backend)
    elif choice == 3 and hasattr(os, "fork"):
        return forks(report)
    elif choice == 4:
        return storms.Exits(report, options, chance).disturb(1)
    return []


def note_memory(report, backend):
    gc.collect()
    report.memory.append(rss())
    report.lost.append(report.interpreters * LOST if backend == "interpreters" else 0)


def growth(report):
    """Bytes by which the later rounds have more than the first ones, apart from what
    CPython loses."""
    own = [used - lost for used, lost in zip(report.memory, report.lost, strict=True)]
    third = len(own) // 3
    if third < 3:
        return 0
    return statistics.median(own[-third:]) - statistics.median(own[third : 2 * third])


def soak(options, report):
    """Runs rounds until the time is over; returns the first problems."""
    chance = random.Random(options.seed)
    end = time.monotonic() + 60 * options.minutes
    stop = threading.Event()
    if hasattr(signal, "SIGUSR1"):

        def count(*_):
            report.signals += 1

        signal.signal(signal.SIGUSR1, count)
        threading.Thread(target=storm_of_signals, args=(stop, 0.003)).start()
    start(options.workers, backend=options.backend)
    problems = []
    try:
        while not problems and time.monotonic() < end:
            faulthandler.dump_traceback_later(3 * LIMIT, exit=True)
            stage = operations.Stage(chance.getrandbits(32))
            run = Round(chance.getrandbits(32), 1.5, options.threads, stage)
            report.done += run.run()
            problems = run.problems or between(report, options, chance)
            report.rounds += 1
            del stage, run
            note_memory(report, options.backend)
    finally:
        stop.set()
        faulthandler.cancel_dump_traceback_later()
    if not problems and growth(report) > GROWTH:
        problems = [f"memory grew by {growth(report) / 2**20:.1f} MiB"]
    return problems


def storm(options, report):
    """Runs one disturbance without a pause; returns the first problems."""
    chance = random.Random(options.seed)
    end = time.monotonic() + 60 * options.minutes
    start(options.workers, backend=options.backend)
    disturbance = storms.STORMS[options.storm](report, options, chance)
    problems = []
    while not problems and time.monotonic() < end:
        faulthandler.dump_traceback_later(3 * LIMIT, exit=True)
        problems = storm_round(disturbance, options, report, chance)
        report.rounds += 1
        note_memory(report, options.backend)
    problems += disturbance.end()
    faulthandler.cancel_dump_traceback_later()
    if not problems and growth(report) > GROWTH:
        problems = [f"memory grew by {growth(report) / 2**20:.1f} MiB"]
    return problems


def storm_round(disturbance, options, report, chance):
    until = time.monotonic() + 1.5
    problems = []

    def disturb():
        while not problems and time.monotonic() < until:
            problems.extend(disturbance.disturb())
            report.done += 1

    if disturbance.beside == 0:
        disturb()
        return problems
    stage = operations.Stage(chance.getrandbits(32))
    threads = min(options.threads, disturbance.beside)
    run = Round(chance.getrandbits(32), 1.5, threads, stage, disturb)
    report.done += run.run()
    return problems + run.problems


def main():
    warnings.simplefilter("ignore", DeprecationWarning)  # of fork() beside threads
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--backend", choices=("interpreters", "threads"))
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().getrandbits(32)
    )
    parser.add_argument("--storm", choices=tuple(storms.STORMS))
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    if options.backend is None:
        from bocpy import _core

        options.backend = _core._backend()
    print(f"{sys.version.split()[0]} {options.backend} seed {options.seed}", flush=True)
    report = Report()
    problems = (storm if options.storm else soak)(options, report)
    mib = [round(used / 2**20) for used in report.memory]
    print(
        f"{report.done} operations, {report.rounds} rounds, {report.forks} forks, "
        f"{report.exits} exits, {report.signals} signals, "
        f"MiB {mib[:: max(1, len(mib) // 10)]}, grown {growth(report) / 2**20:.1f}"
    )
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    if problems:
        os._exit(1)
    wait()


if __name__ == "__main__":
    main()
