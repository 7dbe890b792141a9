"""Cooking without behaviors: a thread for each step, a lock for each thing.

What `cooking_boc` gets by scheduling has to be built by hand here. Locks alone keep two
steps apart but not in order, so each step also waits for events of those before it;
locks are taken in one global order, or two cooks wait for each other forever; an
exception has to be carried out of its thread, or dinner never comes in silence.

    python -m bocpy.examples.cooking_threads
"""

from __future__ import annotations

import threading
from contextlib import ExitStack

from bocpy.examples._command import parser, run_program
from bocpy.examples._recipe import RECIPE, Done, Step, report, things, work


class Kitchen:
    """The locks of all things, and who has to wait for whom."""

    def __init__(self, minute: float) -> None:
        self.minute = minute
        self.locks = {thing: threading.Lock() for thing in things()}
        self.finished = [threading.Event() for _ in RECIPE]
        self.done: list[Done | None] = [None] * len(RECIPE)
        self.failures: list[BaseException] = []

    def before(self, number: int) -> list[int]:
        """The earlier steps that use something which this one uses, too."""
        mine = set(RECIPE[number].things)
        return [n for n in range(number) if mine & set(RECIPE[n].things)]

    def cook(self, number: int, step: Step) -> None:
        try:
            for earlier in self.before(number):
                self.finished[earlier].wait()
            with ExitStack() as held:
                for thing in sorted(step.things):
                    held.enter_context(self.locks[thing])
                self.done[number] = work(step, self.minute)
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            self.finished[number].set()

    def dinner(self) -> list[Done]:
        """Cooks everything; raises what the first unhappy cook raised."""
        cooks = [
            threading.Thread(target=self.cook, args=numbered)
            for numbered in enumerate(RECIPE)
        ]
        for cook in cooks:
            cook.start()
        for cook in cooks:
            cook.join()
        if self.failures:
            raise self.failures[0]
        return [done for done in self.done if done is not None]


def main(arguments: list[str] | None = None) -> int:
    """Makes dinner; returns the exit code."""
    line = parser(__doc__, workers=False, backend=False)
    line.add_argument("--minute", type=float, default=0.02, help="in seconds")
    options = line.parse_args(arguments)
    return report(Kitchen(options.minute).dinner(), options.minute)


if __name__ == "__main__":
    run_program(main)
