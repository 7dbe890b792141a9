"""Mailboxes: tagged queues of messages, open to any thread.

Threads: any. A message is in `objects` while the mailbox has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._base import (
    NULL,
    acquire,
    check,
    error,
    nanoseconds,
    objects,
    on_main_thread,
    options,
    put,
    take,
)
from ._lane import callback, raise_interrupt
from ._libboc import ffi, lib
from ._status_errors import Cancelled
from ._waiting import wake

if TYPE_CHECKING:
    from ._libboc import CData

Tag = str | bytes


@callback
def py_mailbox_options_drop(ctx: CData, payload: CData) -> None:
    objects.pop(int(ffi.cast("uintptr_t", payload)), None)


class Token:
    """The object with which another thread cancels a receive.

    >>> from libboc import Cancelled, Mailbox, Token
    >>> mailbox, token = Mailbox(), Token()
    >>> mailbox.cancel(token)
    >>> try:
    ...     mailbox.receive("never", token=token)
    ... except Cancelled:
    ...     print("cancelled")
    cancelled
    """

    __slots__ = ("_cancelled", "_core", "_lock")

    def __init__(self) -> None:
        self._core: CData = ffi.new("boc_receive_token *")
        self._lock: Lock | None = None
        self._cancelled = False


class Mailbox:
    """Messages by tags. A message is any object; the receiver gets the object that was
    sent.

    >>> from libboc import Mailbox
    >>> with Mailbox() as mailbox:
    ...     mailbox.send("work", [1, 2])
    ...     mailbox.receive("work")
    ('work', [1, 2])

    tags: how many there may be, at most 32.
    capacity: messages for each tag, a power of two.

    Sending never blocks. What one thread sends to one tag arrives in that order. The
    end of `with`, or `close`, lets receivers have what is queued, then tells them
    Closed.
    """

    def __init__(self, *, tags: int = 16, capacity: int = 16384) -> None:
        given = options("mailbox_options")
        given.tags = tags
        given.capacity = capacity
        given.drop = lib.py_mailbox_options_drop
        out = ffi.new("boc_mailbox **")
        check(lib.boc_mailbox_new(given, out), f"Mailbox({tags=}, {capacity=})")
        self._core: CData = ffi.gc(out[0], lib.boc_mailbox_free)
        self._tags: dict[Tag, tuple[CData, CData]] = {}

    def _tag(self, tag: Tag) -> CData:
        known = self._tags.get(tag)
        if known is None:
            if not isinstance(tag, str | bytes):
                raise TypeError(f"a tag is a str or bytes, not {type(tag).__name__!r}")
            data = tag.encode() if isinstance(tag, str) else tag
            memory = ffi.new("char[]", data)
            made = ffi.new("boc_tag *")
            made.bytes, made.size = memory, len(data)
            known = made, memory
            if len(self._tags) < 1024:  # more than can wait at a time
                self._tags[tag] = known
        return known[0]

    def _array(self, tags: Tag | Iterable[Tag]) -> tuple[list[Tag], CData, list[CData]]:
        """The tags as a list and as a C array, and the object that keeps the array's
        bytes alive."""
        names = [tags] if isinstance(tags, str | bytes) else list(tags)
        pointers = [self._tag(name) for name in names]
        return names, ffi.new("boc_tag[]", [each[0] for each in pointers]), pointers

    def send(self, tag: Tag, message: object) -> None:
        """Puts a message into the queue of `tag`.

        Full if there is no room, NotFound for a tag beyond `tags`, Closed.
        """
        name = self._tag(tag)
        pointer = put(message)
        status = lib.boc_mailbox_send(self._core, name[0], pointer)
        if status:
            take(pointer)
            raise error(status, f"send({tag!r})")

    def receive(
        self,
        tags: Tag | Sequence[Tag],
        timeout: float | None = None,
        *,
        token: Token | None = None,
    ) -> tuple[Tag, Any]:
        """Returns the tag and the oldest message of one of the tags; waits until there
        is one.

        Timeout after that many seconds, Closed, Cancelled by `token`; NotFound if a tag
        is beyond `tags`, or `set_tags` took it away. In a body, inside `blocking()`. A
        handler of a signal that raises at the moment in which a message comes may lose
        that message, as with `queue.Queue`.
        """
        names, array, _keep = self._array(tags)
        left = nanoseconds(timeout)
        if on_main_thread() and left != 0:
            return self._receive_waiting(tags, names, array, timeout, token)
        index, payload = ffi.new("size_t *"), ffi.new("void **")
        core = token._core if token is not None else NULL
        status = lib.boc_mailbox_receive(
            self._core, array, len(names), left, core, index, payload
        )
        if token is not None and status != lib.BOC_TIMEOUT:
            token._cancelled = False
        if status:
            raise error(status, f"receive({tags!r})")
        return names[index[0]], take(payload[0])

    def _receive_waiting(
        self,
        tags: Tag | Sequence[Tag],
        names: list[Tag],
        array: CData,
        timeout: float | None,
        token: Token | None,
    ) -> tuple[Tag, Any]:
        """As `receive`, on the main thread, where a signal ends the wait."""
        payload = ffi.new("void **")
        try:
            return self._receive_sliced(tags, names, array, timeout, token, payload)
        except BaseException:
            # An interrupt came at the moment of the message: the message is lost.
            objects.pop(int(ffi.cast("uintptr_t", payload[0])), None)
            raise

    def _receive_sliced(
        self,
        tags: Tag | Sequence[Tag],
        names: list[Tag],
        array: CData,
        timeout: float | None,
        token: Token | None,
        payload: CData,
    ) -> tuple[Tag, Any]:
        """Tries to receive, waits on a lock of Python, and tries again."""
        deadline = None if timeout is None else lib.boc_now() + nanoseconds(timeout)
        index = ffi.new("size_t *")
        what = f"receive({tags!r})"
        while True:
            if token is not None and token._cancelled:
                token._cancelled = token._core.cancelled = False
                raise Cancelled(what)
            status = lib.boc_mailbox_receive(
                self._core, array, len(names), 0, NULL, index, payload
            )
            if status == lib.BOC_OK:
                return names[index[0]], take(payload[0])
            if status != lib.BOC_TIMEOUT:
                raise error(status, what)
            rest = None if deadline is None else max(0, deadline - lib.boc_now()) / 1e9
            if rest == 0:
                raise error(lib.BOC_TIMEOUT, what)
            self._wait(array, len(names), rest, token, what)

    def _wait(
        self,
        array: CData,
        count: int,
        timeout: float | None,
        token: Token | None,
        what: str,
    ) -> None:
        """Waits until there may be something, or `token` is cancelled."""
        lock = Lock()
        lock.acquire()
        waiter = ffi.new("boc_mailbox_waiter *")
        waiter.notify = lib.py_mailbox_waiter_notify
        pointer = waiter.ctx = put(lock, waiter)
        try:
            # An interrupt may be raised after the library has got the waiter. The
            # library also accepts the cancelling of a waiter that it never got.
            check(lib.boc_mailbox_add_waiter(self._core, array, count, waiter), what)
            if token is not None:
                token._lock = lock
            if token is None or not token._cancelled:
                acquire(lock, timeout)
        finally:
            if token is not None:
                token._lock = None
            try:
                status = lib.boc_mailbox_remove_waiter(self._core, waiter)
            except BaseException:  # an interrupt may have come before the call
                lib.boc_mailbox_remove_waiter(self._core, waiter)
                raise
            finally:
                take(pointer)
        if status == lib.BOC_NOT_FOUND:
            raise error(status, what)

    def cancel(self, token: Token) -> None:
        """Cancels the receive that waits with `token`, or else the next one."""
        token._cancelled = True
        lib.boc_mailbox_cancel(self._core, token._core)
        lock = token._lock
        if lock is not None:
            wake(lock)

    def drain(self, tags: Tag | Iterable[Tag]) -> None:
        """Drops the queued messages of the tags."""
        names, array, _keep = self._array(tags)
        lib.boc_mailbox_drain(self._core, array, len(names))
        raise_interrupt()

    def set_tags(self, tags: Iterable[Tag]) -> None:
        """Replaces all tags, and drops all queued messages.

        Full if there are too many, BadArgument for one twice.
        """
        names, array, _keep = self._array(tags)
        check(lib.boc_mailbox_set_tags(self._core, array, len(names)), "set_tags()")

    def close(self) -> None:
        """From now on no thread can send; queued messages can still be received."""
        lib.boc_mailbox_close(self._core)

    @property
    def core(self) -> CData:
        """The `boc_mailbox *`, for calls of `libboc.lib`; valid as long as this is."""
        return self._core

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
