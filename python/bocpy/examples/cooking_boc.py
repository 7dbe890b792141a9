"""Cooking with behaviors: each tool and ingredient is a cown, each step a behavior.

The steps are scheduled in the order of the recipe, and that is all: a step starts once
the things that it needs are free, and steps that share nothing run side by side.
Compare `cooking_threads`, which cooks the same dinner with threads and locks.

    python -m bocpy.examples.cooking_boc
"""

from __future__ import annotations

from typing import Any

from bocpy import Cown, wait, when
from bocpy.examples._command import begin, parser, run_program
from bocpy.examples._recipe import RECIPE, Done, Step, report, things, work


def cook(step: Step, kitchen: dict[str, Cown[str]], minute: float) -> Cown[Done]:
    """Schedules one step of the recipe."""

    @when(*(kitchen[thing] for thing in step.things))
    def done(*used: Cown[Any]) -> Done:
        return work(step, minute)

    return done


def main(arguments: list[str] | None = None) -> int:
    """Makes dinner; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--minute", type=float, default=0.02, help="in seconds")
    # the workers are cooks, who spend their time waiting for things
    line.set_defaults(workers=4)
    options = line.parse_args(arguments)
    begin(options)
    kitchen = {thing: Cown(thing) for thing in things()}
    steps = [cook(step, kitchen, options.minute) for step in RECIPE]
    wait()
    return report([step.unwrap() for step in steps], options.minute)


if __name__ == "__main__":
    run_program(main)
