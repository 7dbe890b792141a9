"""What type checkers infer of waiting. Read by `./dev check`, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bocpy import Behaviors, FailureGroup, WaitResult, quiesce, start, wait

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


wait(raise_failures=True)
assert_type(wait(stats=True, raise_failures=None), list[dict[str, int]])
assert_type(quiesce(1, noticeboard=True, raise_failures=False), dict[str, Any])
start(2, raise_failures=True)
try:
    with Behaviors(2, raise_failures=True):
        pass
except FailureGroup as group:
    assert_type(group.message, str)
    assert_type(group.exceptions[0].args, tuple[Any, ...])

wait("soon")  # type: ignore[call-overload]
quiesce(noticeboards=True)  # type: ignore[call-overload]
wait(raise_failures="all")  # type: ignore[call-overload]
