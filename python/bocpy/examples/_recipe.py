"""The recipe that `cooking_boc` and `cooking_threads` follow, and a check of the
dinner.

A step uses things: tools, and what earlier steps have made. Two steps that use the
same thing must not overlap, and must come in the order of the recipe; two that share
nothing should run at the same time, or dinner is late.
"""

from __future__ import annotations

import time
from typing import NamedTuple


class Step(NamedTuple):
    """What is to be done, with which things, for how many minutes."""

    task: str
    things: tuple[str, ...]
    minutes: float


class Done(NamedTuple):
    """A step that was done, and from when to when."""

    step: Step
    began: float
    ended: float


RECIPE = (
    Step("boil the water", ("pot",), 8),
    Step("chop the onions", ("board", "onions"), 4),
    Step("peel the tomatoes", ("tomatoes",), 5),
    Step("chop the tomatoes", ("board", "tomatoes"), 3),
    Step("fry the onions", ("pan", "onions"), 5),
    Step("simmer the sauce", ("pan", "onions", "tomatoes"), 10),
    Step("boil the pasta", ("pot",), 9),
    Step("grate the cheese", ("board", "cheese"), 2),
    Step("lay the table", ("table",), 3),
    Step("serve", ("table", "pot", "pan", "cheese"), 1),
)


def things() -> list[str]:
    """Everything that some step uses."""
    return sorted({thing for step in RECIPE for thing in step.things})


def work(step: Step, minute: float) -> Done:
    """Does the step; a minute in the kitchen takes `minute` seconds here."""
    began = time.monotonic()
    time.sleep(step.minutes * minute)
    return Done(step, began, time.monotonic())


def mistakes(dinner: list[Done]) -> list[str]:
    """What went wrong, in words; `dinner` is in the order of the recipe."""
    found = []
    for position, later in enumerate(dinner):
        for earlier in dinner[:position]:
            shared = set(earlier.step.things) & set(later.step.things)
            if shared and later.began < earlier.ended:
                text = f"{later.step.task!r} did not wait for {earlier.step.task!r}"
                found.append(f"{text}: both use {', '.join(sorted(shared))}")
    return found


def report(dinner: list[Done], minute: float) -> int:
    """Prints who did what when; returns the exit code."""
    start = min(done.began for done in dinner)
    for done in sorted(dinner, key=lambda done: done.began):
        at = (done.began - start) / minute
        print(f"{at:5.1f} min  {done.step.task:<18} {', '.join(done.step.things)}")
    whole = (max(done.ended for done in dinner) - start) / minute
    alone = sum(done.step.minutes for done in dinner)
    print(f"dinner after {whole:.0f} minutes; one step at a time takes {alone:g}")
    found = mistakes(dinner)
    for text in found:
        print(text)
    return 1 if found else 0
