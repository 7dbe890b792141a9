"""What type checkers infer of the package `libboc`. Read by them, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libboc
from libboc import (
    Closed,
    Cown,
    Lane,
    Mailbox,
    Noticeboard,
    Runtime,
    Scope,
    Timeout,
    read,
    when,
)

if TYPE_CHECKING:
    from typing_extensions import assert_type

count = Cown(1)
assert_type(count, Cown[int])
assert_type(count.value, int)
assert_type(read(count).value, int)

with Runtime(workers=2) as runtime, Scope() as scope:
    assert_type(runtime, Runtime)

    @when(count, read(count), scope=scope)
    def add(count: Cown[int], seen: libboc.Reading[int]) -> None:
        count.value += seen.value

    add(count, read(count))  # a body is still a function
    made = runtime.behavior(add, count, done=lambda ran: assert_type(ran, bool))
    libboc.schedule_all([made])
    assert_type(runtime.stats(), list[dict[str, int]])

    with runtime.hold(count, timeout=1.0) as cowns:
        assert_type(cowns[0].value, Any)

with Mailbox(capacity=2) as mailbox:
    try:
        tag, message = mailbox.receive(["work", b"other"], timeout=0.1)
        assert_type(tag, str | bytes)
    except Timeout as late:
        assert_type(late, Timeout)
        waited: TimeoutError = late
    except Closed as closed:
        refused: libboc.Refusal | libboc.Outcome = closed

board = Noticeboard()
board.update("key", lambda value: value + 1, default=0)
assert_type(board.read()["key"], Any)
assert_type(board.read().version_of("key"), int)

lane = Lane()
assert_type(lane.pump(timeout=0), int)
assert_type(lane.fileno(), int)
assert_type(libboc.lib.boc_now(), int)
