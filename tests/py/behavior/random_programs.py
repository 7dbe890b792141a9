"""Programs of behaviors as data: runs them, and checks the order that they must keep.

A program is a list of threads, a thread a list of behaviors that it schedules in order.
Each cown holds a list; a behavior appends its name to the lists that it writes, and
records the lengths of the lists that it reads. Workers import this module: standard
library only.
"""

import itertools
import os
import sys
import threading
from typing import NamedTuple

from bocpy import Cown, PinnedCown, read, send, when


class Use(NamedTuple):
    """A cown by number, and whether it is only read."""

    cown: int
    reads: bool


class Spec(NamedTuple):
    """A behavior.

    items: its arguments, each a Use or a list of them (a group). children: the
    behaviors that it schedules. steps: after how many of its children it raises; None
    if it does not raise.
    """

    name: int
    items: tuple
    children: tuple
    steps: int | None

    def uses(self):
        for item in self.items:
            yield from [item] if isinstance(item, Use) else item

    def modes(self):
        """For each of its cowns, whether it is only read, with duplicates merged."""
        merged = {}
        for use in self.uses():
            merged[use.cown] = merged.get(use.cown, True) and use.reads
        return merged

    def scheduled(self):
        """The children that it schedules before it raises."""
        return self.children[: self.steps]


def everyone(specs):
    for spec in specs:
        yield spec
        yield from everyone(spec.children)


class Failed(Exception):
    pass


# ---- running -------------------------------------------------------------------------


def argument(item, cowns):
    if not isinstance(item, Use):
        return [argument(use, cowns) for use in item]
    return read(cowns[item.cown]) if item.reads else cowns[item.cown]


def schedule(spec, cowns):
    """Schedules a behavior. Its result is what it has read, and its children's
    results."""

    @when(*[argument(item, cowns) for item in spec.items])
    def body(*held, spec=spec, cowns=cowns):
        return run(spec, held, cowns)

    return body


def check_thread(cowns):
    """Checks that the main thread runs behaviors over pinned cowns, and no others."""
    if sys.platform == "linux":
        pinned = any(isinstance(cown, PinnedCown) for cown in cowns)
        assert (threading.get_native_id() == os.getpid()) == pinned


def run(spec, held, cowns):
    flat = []
    for item in held:
        flat += item if isinstance(item, list) else [item]
    check_thread(flat)
    modes, seen, written = spec.modes(), {}, set()
    for use, cown in zip(spec.uses(), flat, strict=True):
        assert cown == cowns[use.cown]
        if modes[use.cown]:
            seen[use.cown] = len(cown.value)
        elif use.cown not in written:
            written.add(use.cown)
            cown.value.append(spec.name)
        else:
            assert cown.value[-1] == spec.name
    results = [schedule(child, cowns) for child in spec.scheduled()]
    send("ran", spec.name)
    if spec.steps is not None:
        raise Failed(spec.name, seen, results)
    return spec.name, seen, results


def outcome(result):
    """What a result cown holds, for a failed behavior, too."""
    try:
        return result.unwrap()
    except Failed as error:
        return error.args


def collect(results, seen):
    """What all behaviors have read, by name."""
    for result in results:
        name, sights, children = outcome(result)
        seen[name] = sights
        collect(children, seen)


def start(program, count, pinned=()):
    """Schedules all; returns the cowns, of which `pinned` are pinned, and the results,
    a list for each thread."""
    cowns = [PinnedCown([]) if i in pinned else Cown([]) for i in range(count)]
    results = [[] for _ in program]

    def work(at):
        results[at] += [schedule(spec, cowns) for spec in program[at]]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, len(program))]
    for thread in threads:
        thread.start()
    if program:
        work(0)
    for thread in threads:
        thread.join()
    return cowns, results


# ---- the oracle ----------------------------------------------------------------------


class Order:
    """Which moments must come before which (a behavior is scheduled, starts, ends), and
    paths between them."""

    def __init__(self):
        self.after = {}

    def add(self, before, after):
        self.after.setdefault(before, set()).add(after)

    def reaches(self, origin):
        found, todo = set(), [origin]
        while todo:
            for moment in self.after.get(todo.pop(), ()):
                if moment not in found:
                    found.add(moment)
                    todo.append(moment)
        return found

    def circle(self):
        """A moment that comes before itself, or None."""
        for moment in list(self.after):
            if moment in self.reaches(moment):
                return moment
        return None


def chain(order, moments):
    for before, after in itertools.pairwise(moments):
        order.add(before, after)


def add_life(order, spec):
    chain(order, [(what, spec.name) for what in ("scheduled", "starts", "ends")])
    children = [("scheduled", child.name) for child in spec.scheduled()]
    chain(order, [("starts", spec.name), *children, ("ends", spec.name)])
    for child in spec.scheduled():
        add_life(order, child)


def conflict(one, other):
    ours, theirs = one.modes(), other.modes()
    return any(not (ours[c] and theirs[c]) for c in ours.keys() & theirs.keys())


def promised(program, ran):
    """The order that BOC promises: of two behaviors that conflict, the one that was
    scheduled first ends before the other starts. Includes everything that follows from
    that."""
    order = Order()
    for thread in program:
        chain(order, [("scheduled", spec.name) for spec in thread])
        for spec in thread:
            add_life(order, spec)
    pairs = [pair for pair in itertools.permutations(ran, 2) if conflict(*pair)]
    while pairs:
        sights = {spec: order.reaches(("scheduled", spec.name)) for spec in ran}
        known = [p for p in pairs if ("scheduled", p[1].name) in sights[p[0]]]
        for one, other in known:
            order.add(("ends", one.name), ("starts", other.name))
        if not known:
            break
        pairs = [pair for pair in pairs if pair not in known]
    return order


def add_observed(order, logs, seen):
    """The order in which the behaviors ran, as the cowns show it."""
    for cown, log in enumerate(logs):
        chain(order, [(what, name) for name in log for what in ("starts", "ends")])
        for name, sights in seen.items():
            at = sights.get(cown)
            if at:
                order.add(("ends", log[at - 1]), ("starts", name))
            if at is not None and at < len(log):
                order.add(("ends", name), ("starts", log[at]))


def complaints(program, logs, seen):
    """The broken promises that the outcome of a run shows."""
    ran = list(everyone_that_runs(program))
    expected = {spec.name for spec in ran}
    if set(seen) != expected:
        yield f"ran: {sorted(seen)}, not {sorted(expected)}"
    for cown, log in enumerate(logs):
        writers = {s.name for s in ran if s.modes().get(cown) is False}
        if sorted(log) != sorted(writers):
            yield f"cown {cown} was written by {log}, not {writers}"
            return
    order = promised(program, ran)
    add_observed(order, logs, seen)
    circle = order.circle()
    if circle:
        yield f"{circle} comes before itself: {logs}, {seen}"


def everyone_that_runs(program):
    todo = [spec for thread in program for spec in thread]
    while todo:
        spec = todo.pop()
        yield spec
        todo += spec.scheduled()
