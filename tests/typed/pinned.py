"""What type checkers infer of pinned cowns and the pump. Read by `./dev check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bocpy import (
    Cown,
    PinnedCown,
    PumpResult,
    pump,
    read,
    set_pump_watchdog,
    set_wait_pump_poll,
    when,
)

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Window:
    title: str = ""


window = PinnedCown(Window())
assert_type(window, PinnedCown[Window])
assert_type(window.value, Window)
assert_type(window.unwrap(timeout=1), Window)
anything: Cown[Window] = window
nothing: PinnedCown[str | None] = PinnedCown(None)
with window as held:
    assert_type(held, Window)


@when(window, [read(window), Cown(1)])
def title(window: PinnedCown[Window], others: list[Cown[Window]]) -> str:
    return window.value.title + others[0].value.title


assert_type(title, Cown[str])

assert_type(pump(), PumpResult)
assert_type(pump(deadline_ms=8, max_behaviors=2, raise_on_error=True), PumpResult)
executed, late, raised = pump(None, None, False)
assert_type(executed, int)
assert_type(late, bool)
assert_type(pump().deadline_reached, bool)
assert_type(raised, int)


def starve(severity: int, message: str) -> bool:
    return severity > 0 and bool(message)


set_pump_watchdog()
set_pump_watchdog(500, on_starve=starve)
set_pump_watchdog(None)
set_wait_pump_poll(ms=10)

# What is noticed.
PinnedCown()  # type: ignore[call-arg]
pump("soon")  # type: ignore[arg-type]
pump(deadline_ms=1.5)  # type: ignore[arg-type]
set_pump_watchdog(on_starve=starve("", 1))  # type: ignore[arg-type]
set_wait_pump_poll(None)  # type: ignore[arg-type]
Cown(1).pump()  # type: ignore[attr-defined]
