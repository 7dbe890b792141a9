"""Messages: objects by reference, through a mailbox of the library.

The library's own receive parks its thread, which then runs no signal handlers. So this
module receives without waiting, and waits on a Waiter that the mailbox signals.

Threads: any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._libboc import ffi, lib
from . import pump
from .base import (
    FOREVER,
    NULL,
    block_begin,
    callback,
    deadline_of,
    discard,
    fail,
    in_body,
    left,
    on_worker,
    options,
    parse_timeout,
    put,
    raise_kept,
    take,
    type_name,
)
from .waiting import Waiter

TAGS = 16
#: ns that a body waits before another worker takes its place.
BLOCK_DELAY = 50_000

_mailbox: Any = None


@callback
def py_mailbox_options_drop(ctx: Any, payload: Any) -> None:
    discard(payload)


def make() -> None:
    """Makes the mailbox; in the child of a fork too, where the parent's may be in the
    middle of an operation."""
    global _mailbox
    given = options("mailbox_options")
    given.tags = TAGS
    given.drop = lib.py_mailbox_options_drop
    out = ffi.new("boc_mailbox **")
    if lib.boc_mailbox_new(given, out):
        raise MemoryError
    _mailbox = out[0]


make()


class Tags:
    """Tags as they were given, and as the library takes them."""

    def __init__(self, given: Any, what: str) -> None:
        self.names: tuple[Any, ...] = (
            (given,) if isinstance(given, str) else self.several(given, what)
        )
        for index, name in enumerate(self.names):
            if not isinstance(name, str):
                raise TypeError(
                    f"{what}: tag {index} must be a str, not '{type_name(type(name))}'"
                )
        self.count = len(self.names)
        self.array = ffi.new("boc_tag[]", self.count)
        self.memory = [ffi.new("char[]", name.encode("utf-8")) for name in self.names]
        for tag, memory in zip(self.array, self.memory, strict=True):
            tag.bytes, tag.size = memory, len(memory) - 1

    @staticmethod
    def several(given: Any, what: str) -> tuple[Any, ...]:
        kind = type(given)
        if isinstance(given, bytes) or not (
            hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")
        ):
            raise TypeError(
                f"{what}: tags must be a str or several, not '{type_name(kind)}'"
            )
        return tuple(given)


def refuse(status: int, what: str) -> None:
    if status == lib.BOC_FULL:
        raise RuntimeError("Message queue is full")
    if status == lib.BOC_NOT_FOUND:
        raise KeyError(
            f"{what}: tag capacity exceeded: there are {TAGS} already; use fewer, or "
            "replace them all with set_tags()"
        )
    fail(status, what)


def send(*given: Any, **named: Any) -> None:
    unknown = [name for name in named if name not in ("tag", "contents")]
    if unknown:
        raise TypeError(f"send() got an unexpected keyword argument {unknown[0]!r}")
    missing = [name for name in ("tag", "contents")[len(given) :] if name in named]
    if len(given) + len(named) != 2 or len(missing) != len(named):
        count = len(given) + len(named)
        raise TypeError(f"send() takes a tag and contents ({count} given)")
    tag, contents = (*given, *(named[name] for name in missing))
    if not isinstance(tag, str):
        raise TypeError(f"send(): tag must be a str, not '{type_name(type(tag))}'")
    tags = Tags(tag, "send()")
    pointer = put(contents)
    status = lib.boc_mailbox_send(_mailbox, tags.array[0], pointer)
    if status:
        take(pointer)
        refuse(status, "send()")
    raise_kept()


# ---- receiving -----------------------------------------------------------------------


class Receipt:
    """One receive: its tags, and the message that it has found."""

    def __init__(self, tags: Tags) -> None:
        self.tags = tags
        self.index = ffi.new("size_t *")
        self.payload = ffi.new("void **")

    def look(self) -> bool:
        status = lib.boc_mailbox_receive(
            _mailbox,
            self.tags.array,
            self.tags.count,
            0,
            NULL,
            self.index,
            self.payload,
        )
        if status and status != lib.BOC_TIMEOUT:
            refuse(status, "receive()")
        return status == lib.BOC_OK

    def found(self) -> tuple[str, Any]:
        return self.tags.names[self.index[0]], take(self.payload[0])

    def sleep(self, timeout: int) -> None:
        """Sleeps until a message may be there, at most `timeout` ns."""
        waiter = Waiter()
        entry = make_entry(waiter)
        try:
            # An interrupt may be raised after the library has got the entry. Taking
            # back an entry that the library never got is allowed.
            add(self.tags, entry)
            wait(waiter, timeout)
        finally:
            try:
                there = take_back(entry)
            except BaseException:  # of a handler
                take_back(entry)
                raise
        if not there:
            raise taken_away()


def watch(tags: Tags, listener: Any) -> Any:
    """Arranges that `listener.signal` is called once there may be a message. Returns
    the entry for `take_back`."""
    entry = make_entry(listener)
    try:
        add(tags, entry)
    except BaseException:
        take_back(entry)
        raise
    return entry


def make_entry(listener: Any) -> Any:
    entry = ffi.new("boc_mailbox_waiter *")
    entry.notify = lib.py_mailbox_waiter_notify
    entry.ctx = put(listener, entry)
    return entry


def add(tags: Tags, entry: Any) -> None:
    status = lib.boc_mailbox_add_waiter(_mailbox, tags.array, tags.count, entry)
    if status:
        refuse(status, "receive()")


def take_back(entry: Any) -> bool:
    """False: one of its tags has been replaced."""
    status = lib.boc_mailbox_remove_waiter(_mailbox, entry)
    discard(entry.ctx)
    return bool(status != lib.BOC_NOT_FOUND)


def taken_away() -> RuntimeError:
    return RuntimeError("receive(): set_tags() took away a tag that it waited for")


def unwatch(entry: Any) -> None:
    if not take_back(entry):
        raise taken_away()


def wait(waiter: Waiter, timeout: int) -> None:
    """Waits for a message. In a body, a short wait needs no compensating worker.
    Elsewhere the sender may be a pinned behavior, which the main thread runs while it
    waits."""
    if not in_body() or not on_worker():
        pump.wait(waiter, timeout)
        return
    short = 0 <= timeout <= BLOCK_DELAY
    if waiter.wait(timeout if short else BLOCK_DELAY) or short:
        return
    block_begin()
    try:
        waiter.wait(timeout if timeout < 0 else timeout - BLOCK_DELAY)
    finally:
        lib.boc_worker_block_end()


def receive(
    tags: str | Iterable[str],
    timeout: float | None = -1,
    after: Callable[[], Any] | None = None,
) -> Any:
    limit = parse_timeout(timeout, "receive()")
    if timeout is not None and limit == 0 and timeout != 0:
        limit = FOREVER if timeout < 0 else 1
    if after is not None and not callable(after):
        raise TypeError(
            f"receive(): after must be callable or None, not '{type_name(type(after))}'"
        )
    given = Tags(tags, "receive()")
    if not given.count:
        raise RuntimeError("receive(): no tags: name one at least")
    receipt = Receipt(given)
    deadline = deadline_of(limit)
    try:
        while not receipt.look():
            rest = left(deadline)
            if rest == 0:
                return after() if after is not None else ("__timeout__", None)
            receipt.sleep(rest)
        return receipt.found()
    except BaseException:
        discard(receipt.payload[0])  # interrupted: the table drops the message
        raise


# ---- all of a tag --------------------------------------------------------------------


def drain(tags: str | Iterable[str], /) -> None:
    given = Tags(tags, "drain()")
    lib.boc_mailbox_drain(_mailbox, given.array, given.count)
    raise_kept()


def set_tags(tags: str | Iterable[str], /) -> None:
    given = Tags(tags, "set_tags()")
    status = lib.boc_mailbox_set_tags(_mailbox, given.array, given.count)
    if status == lib.BOC_FULL:
        raise IndexError(f"set_tags(): {given.count} tags, and {TAGS} are possible")
    if status == lib.BOC_BAD_ARGUMENT:
        raise ValueError("set_tags(): a tag is given twice")
    if status:
        refuse(status, "set_tags()")
