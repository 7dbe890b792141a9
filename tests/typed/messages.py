"""What type checkers infer of messages and notices. Read by `./dev check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bocpy import (
    REMOVED,
    TIMEOUT,
    drain,
    notice_delete,
    notice_read,
    notice_seed,
    notice_update,
    notice_write,
    noticeboard,
    receive,
    send,
    set_tags,
)

if TYPE_CHECKING:
    from typing_extensions import assert_type

send("tag", object())
assert_type(receive("tag"), tuple[str, Any])
assert_type(receive(["tag"], 1.5), tuple[str, Any])
assert_type(receive({"tag"}, 0, lambda: 5), tuple[str, Any] | int)
assert_type(receive("tag", after=str), tuple[str, Any] | str)
tag, contents = receive(("a", "b"), timeout=None)
assert tag != TIMEOUT
drain("tag")
set_tags(["a", "b"])

assert_type(noticeboard()["key"], Any)
assert_type(notice_read("key", 5), Any)
notice_seed("key", 1)
notice_write("key", [1])
notice_update("key", lambda value: value + 1)
notice_update("key", lambda value: value + 1 if value < 9 else REMOVED, 0)
notice_delete("key")

send(5, 5)  # type: ignore[arg-type]
receive(5)  # type: ignore[call-overload]
receive("tag", "soon")  # type: ignore[call-overload]
notice_write(5, 5)  # type: ignore[arg-type]
noticeboard()["key"] = 5  # type: ignore[index]
