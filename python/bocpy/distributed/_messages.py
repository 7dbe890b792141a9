"""What the linker and the executors tell each other.

A batch is a tuple of operations for one executor, numbered; an operation is a tuple
that begins with its kind. Slots are numbers: positive ones are cowns, negative ones the
copies that readers have of them.

In order of the slots that they access:
    ("put", slot, blob)             the first value of a cown
    ("load", slot, store, file)     a durable value, from where it was written
    ("run", run)                    a behavior
    ("give", n, slot, copy)         the value goes to outbox `n`; a copy stays if asked
    ("take", n, source, slot)       the value comes from outbox `n` of that executor
    ("get", key, slot, consume)     the value goes to the driver
    ("restore", n, slot)            a value that nobody took goes back
    ("drop", slots)                 nobody needs them any more
At once:
    ("code", number, blob)          a function, which runs refer to
    ("free", numbers)               outboxes that nobody will take from
    ("cancel", keys)                behaviors not to begin
    ("resolve", numbers)            which takes have arrived? the others stop waiting
    ("redirect", n, source, m)      take `m` of `source` instead of `n`
    ("rename", n, m)                what was in outbox `n` is in `m`
    ("also", n, m)                  outbox `m` has a copy of what is in `n`
    ("supply", n, blob)             what `n` was to be
    ("reload", n, store, file)      the same, from a store
    ("lost", n, node, text)         there is no `n` any more
    ("forget", store, file)         an old durable value

An executor's answers are entries of one numbered stream, acknowledged by the driver:
Done, Gone, Resolved.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ._values import Blob

Operation = tuple[Any, ...]


class Batch(NamedTuple):
    """Operations for one executor."""

    number: int
    seen: int
    """How many entries of the executor's stream the driver has processed."""
    operations: tuple[Operation, ...]


class Run(NamedTuple):
    """A behavior, as an executor runs it."""

    key: int
    """Its number, which is that of its result."""
    name: str
    code: int
    captures: Blob | None
    args: tuple[tuple[int, int, bool], ...]
    """Each cown once: its number, its slot, and whether it is only read."""
    layout: tuple[int | tuple[int, ...], ...]
    """For each parameter, which of `args`; a tuple for a group."""
    keeps: bool
    """Whether anybody wants the result."""
    stores: tuple[tuple[int, str], ...] = ()
    """Which written cowns are durable: slot, store."""


class Call(NamedTuple):
    """A behavior that is scheduled."""

    key: int
    name: str
    code: int
    """The number of its function."""
    captures: Blob | None
    args: tuple[tuple[int, bool], ...]
    layout: tuple[int | tuple[int, ...], ...]
    retries: int = 0
    scope: int = 0
    function: Blob | None = None
    """The function, when its number is new."""


class Done(NamedTuple):
    """A behavior has ended, or a `get` has its value."""

    key: int
    fate: str
    """done, failed (the body raised), lost or cancelled (it did not begin)"""
    sizes: tuple[tuple[int, int], ...] = ()
    blob: Blob | None = None
    """What was raised, or what was to be got."""
    text: str = ""
    """The traceback of what was raised."""
    calls: tuple[Call, ...] = ()
    new: tuple[tuple[int, int], ...] = ()
    """Cowns that the body made: number, size."""
    plus: tuple[int, ...] = ()
    """Cowns whose handles the executor has now and had not before."""
    seconds: float = 0.0
    name: str = ""


class Gone(NamedTuple):
    """Cowns that the executor has no handles of any more."""

    ids: tuple[int, ...]


class Resolved(NamedTuple):
    """The answer to `resolve`: for each take whether it has arrived."""

    takes: tuple[tuple[int, bool], ...]


Entry = Done | Gone | Resolved


class Report(NamedTuple):
    """Entries of an executor's stream."""

    received: int
    """The next batch that it expects."""
    first: int
    """The number of the first entry."""
    entries: tuple[Entry, ...]
