"""Waits that a callback of the library ends, and that a signal ends, too.

A wait inside the library would keep Python from running signal handlers on the main
thread until the wait is over. A lock of `threading` does not. Threads: any.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from ._base import acquire, put, take
from ._base import get as get_object
from ._libboc import ffi, lib

if TYPE_CHECKING:
    from ._libboc import CData


@ffi.def_extern()
def py_quiesce_node_done(ctx: CData) -> None:
    get_object(ctx).release()


@ffi.def_extern()
def py_mailbox_waiter_notify(ctx: CData) -> None:
    wake(get_object(ctx))


def wake(lock: Lock) -> None:
    """Releases a waiter's lock, which a message and a cancellation may both have
    done."""
    try:
        lock.release()
    except RuntimeError:
        return


def wait_for_node(
    tell: Callable[[CData], None],
    cancel: Callable[[CData], bool],
    timeout: float | None,
) -> bool:
    """Waits until the library calls a `boc_quiesce_node`; False if time ran out."""
    lock = Lock()
    lock.acquire()
    node = ffi.new("boc_quiesce_node *")
    node.done = lib.py_quiesce_node_done
    pointer = node.ctx = put(lock, node)
    told = False
    try:
        # An interrupt may be raised after the library has got the node. A `cancel` of a
        # node that it did not get does nothing.
        tell(node)
        told = acquire(lock, timeout)
    finally:
        try:
            told = told or not cancel(node)
        finally:
            cancel(node)  # an interrupt may have come before the first call
            take(pointer)
    return told
