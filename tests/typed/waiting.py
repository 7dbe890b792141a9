"""What type checkers infer of waiting. Read by `./dev check`, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bocpy import WaitResult, quiesce, wait

if TYPE_CHECKING:
    from typing_extensions import assert_type

assert_type(wait(stats=True), list[dict[str, int]])
assert_type(quiesce(1.0, stats=True), list[dict[str, int]])
assert_type(wait(noticeboard=True), dict[str, Any])
assert_type(quiesce(stats=True, noticeboard=True), WaitResult)
wait()
wait(timeout=2)
quiesce(None)


def either(stats: bool) -> None:
    assert_type(
        wait(stats=stats),
        WaitResult | list[dict[str, int]] | dict[str, Any] | None,
    )


wait("soon")  # type: ignore[call-overload]
quiesce(noticeboards=True)  # type: ignore[call-overload]
