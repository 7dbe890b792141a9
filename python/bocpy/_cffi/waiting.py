"""Waits that a signal handler may end, while the main thread runs pinned behaviors.

A wait inside the library would keep handlers of signals from running. A lock of
`threading` does not, so a Waiter is one, and the library's callbacks release it.

Threads: `Waiter.signal` any; a Waiter is waited for by the thread that made it.
"""

from __future__ import annotations

from threading import Lock, get_ident, main_thread
from typing import Any

from .._libboc import ffi, lib
from .base import FOREVER, callback, deadline_of, discard, get, left, put, seconds_of

#: The most ns by which a wait delays the handler of a signal.
SLICE = 50_000_000


class Waiter:
    """An event that one thread waits for until another thread signals it."""

    __slots__ = ("lock", "signalled")

    def __init__(self) -> None:
        self.signalled = False
        self.lock = Lock()
        self.lock.acquire()

    def signal(self) -> None:
        self.signalled = True
        self.wake()

    def wake(self) -> None:
        """Ends the sleep, whether the waiter was signalled or not."""
        try:
            self.lock.release()
        except RuntimeError:  # the sleeper is awake
            return

    def take(self) -> bool:
        """Whether it was signalled since the last call. A signal that comes during the
        call is not lost: PyPy switches threads between any two steps."""
        if not self.signalled:
            return False
        self.signalled = False
        return True

    def sleep(self, timeout: int) -> None:
        """Sleeps until it is woken, or `timeout` ns have passed; it may wake for no
        reason.

        Any thread may take a signal, and so not wake the main thread, which runs the
        handler. The main thread therefore looks for handlers every SLICE.
        """
        if get_ident() == main_thread().ident:
            timeout = SLICE if timeout < 0 else min(timeout, SLICE)
        self.lock.acquire(timeout=seconds_of(timeout))

    def wait(self, timeout: int) -> bool:
        """Waits until it is signalled. False: that took longer than `timeout` ns."""
        deadline = deadline_of(timeout)
        while not self.take():
            rest = left(deadline)
            if rest == 0:
                return False
            self.sleep(rest)
        return True

    def settle(self) -> None:
        """Waits for a thread that is about to signal."""
        self.wait(FOREVER)


@callback
def py_quiesce_node_done(ctx: Any) -> None:
    get(ctx).signal()


@callback
def py_mailbox_waiter_notify(ctx: Any) -> None:
    get(ctx).signal()


def quiesce_node(listener: Any) -> Any:
    """A node whose `done` calls `listener.signal()`; it is there until `end_node`."""
    node = ffi.new("boc_quiesce_node *")
    node.done = lib.py_quiesce_node_done
    node.ctx = put(listener, node)
    return node


def end_node(node: Any) -> None:
    discard(node.ctx)
