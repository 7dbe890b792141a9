"""What type checkers infer of waiting. Read by `./dev check`, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bocpy import quiesce, wait

if TYPE_CHECKING:
    from typing_extensions import assert_type

assert_type(wait(stats=True), list[dict[str, int]])
assert_type(quiesce(1.0, stats=True), list[dict[str, int]])
wait()
wait(timeout=2)
quiesce(None)


def either(stats: bool) -> None:
    assert_type(wait(stats=stats), list[dict[str, int]] | None)
    assert_type(quiesce(stats=stats), list[dict[str, int]] | None)


wait("soon")  # type: ignore[call-overload]
quiesce(noticeboards=True)  # type: ignore[call-overload]
