"""The messages between the linker and the executors.

A batch is a numbered tuple of operations for one executor; an operation is a tuple
that begins with its kind. A slot is a number: a positive one is a cown, a negative one
a copy of a cown for readers.

Run in the order of the slots that they access:
    ("put", slot, blob)             the first value of a cown
    ("load", slot, store, file)     a durable value, read from its store
    ("run", run)                    a behavior
    ("give", n, slot, copy)         the value, or a copy of it, goes to outbox `n`
    ("take", n, source, slot)       the value comes from outbox `n` of that executor
    ("get", key, slot, consume)     the value goes to the driver
    ("restore", n, slot)            a value that nobody took goes back to its slot
    ("drop", slots)                 values that no handle refers to any more
Run at once:
    ("code", number, blob)          a function, which runs refer to
    ("free", numbers)               outboxes that nobody will take from
    ("cancel", keys)                behaviors that must not begin any more
    ("resolve", numbers)            asks which takes have arrived; the others pause
    ("redirect", n, source, m)      take `n` becomes take `m`, from `source`
    ("rename", n, m)                outbox `n` gets the number `m`
    ("also", n, m)                  outbox `m` gets a copy of the value in outbox `n`
    ("supply", n, blob)             the value that take `n` waits for
    ("reload", n, store, file)      the same, read from a store
    ("lost", n, node, text)         the value that take `n` waits for is lost
    ("forget", store, file)         removes an old durable value

An executor answers with the entries Done, Gone and Resolved in one numbered stream,
which the driver acknowledges.
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
    """A behavior, with what an executor needs to run it."""

    key: int
    """The behavior's number, and the number of the cown of its result."""
    name: str
    code: int
    captures: Blob | None
    args: tuple[tuple[int, int, bool], ...]
    """For each cown: its number, its slot, and whether the body only reads it."""
    layout: tuple[int | tuple[int, ...], ...]
    """For each parameter, its index in `args`; a tuple of indices for a group."""
    keeps: bool
    """Whether a handle of the result exists."""
    stores: tuple[tuple[int, str], ...] = ()
    """The durable cowns that the body may change: slot, store."""


class Call(NamedTuple):
    """A behavior, as `when` schedules it."""

    key: int
    name: str
    code: int
    """The function's number."""
    captures: Blob | None
    args: tuple[tuple[int, bool], ...]
    layout: tuple[int | tuple[int, ...], ...]
    retries: int = 0
    scope: int = 0
    function: Blob | None = None
    """The function, if its number is new."""


class Done(NamedTuple):
    """A behavior has ended, or a `get` has its value."""

    key: int
    fate: str
    """done, failed (the body raised), unsaved (a durable value was not written), lost
    or cancelled (the body did not begin)"""
    sizes: tuple[tuple[int, int], ...] = ()
    blob: Blob | None = None
    """The exception of a behavior, or the value of a `get`."""
    text: str = ""
    """The traceback of the exception."""
    calls: tuple[Call, ...] = ()
    new: tuple[tuple[int, int], ...] = ()
    """Cowns that the body made: number, size."""
    plus: tuple[int, ...] = ()
    """Cowns of which the executor had no handle before and has one now."""
    seconds: float = 0.0
    name: str = ""


class Gone(NamedTuple):
    """Cowns of which the executor has no handle any more."""

    ids: tuple[int, ...]


class Resolved(NamedTuple):
    """The answer to `resolve`: for each take whether it has arrived."""

    takes: tuple[tuple[int, bool], ...]


Entry = Done | Gone | Resolved


class Report(NamedTuple):
    """Entries of an executor's stream."""

    received: int
    """The number of the next batch that the executor expects."""
    first: int
    """The number of the first of `entries`."""
    entries: tuple[Entry, ...]
