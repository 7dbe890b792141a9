"""The watchdog of the pump: warns of pinned behaviors that nobody runs."""

import threading
import time

import pytest
from bocpy import (
    PinnedCown,
    PumpResult,
    _pump,
    pump,
    quiesce,
    set_pump_watchdog,
    wait,
    when,
)
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


def here():
    return threading.current_thread() is threading.main_thread()


def on_main(*_):
    return here()


def pumped(executed, raised=0, *, late=False):
    return PumpResult(executed, late, raised)


@pytest.fixture
def watchdog():
    yield set_pump_watchdog
    set_pump_watchdog(None)


# The watchdog


def until(done):
    end = time.monotonic() + LIMIT
    while not done():
        time.sleep(0.001)
        assert time.monotonic() < end


def test_the_watchdog_warns_once_until_something_runs(watchdog):
    told, p = [], PinnedCown(1)
    watchdog(20, lambda severity, message: told.append((severity, message)))
    began = time.monotonic()
    for _ in range(2):
        when(p)(on_main)
    until(lambda: told)
    assert time.monotonic() - began >= 0.019
    time.sleep(0.1)
    ((severity, message),) = told
    assert severity == 0
    assert "pinned" in message
    assert "ms" in message
    assert "pump()" in message
    assert pump() == pumped(2)
    when(p)(on_main)
    until(lambda: len(told) == 2)
    assert message.startswith(("2 behaviors", "1 behavior"))


def test_the_watchdog_is_quiet_while_somebody_pumps(watchdog):
    """The watchdog may warn only if this thread could not pump for that time."""
    told, p, gaps = [], PinnedCown(1), [0]
    watchdog(50, lambda *message: told.append(message))
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        began = time.monotonic()
        when(p)(on_main)
        pump()
        gaps.append(time.monotonic() - began)
        time.sleep(0.001)
    began = time.monotonic()
    when(p)(lambda p: time.sleep(0.2))
    when(p)(on_main)
    wait()
    gaps.append(time.monotonic() - began - 0.2)
    assert told == [] or max(gaps) >= 0.05


def test_the_watchdog_warns_again_of_behaviors_that_a_pump_has_left(watchdog):
    told = []
    watchdog(20, lambda severity, message: told.append(message))
    for _ in range(3):
        when(PinnedCown(1))(on_main)
    until(lambda: told)
    assert pump(max_behaviors=1) == pumped(1)
    until(lambda: len(told) == 2)
    assert told[1].startswith("2 behaviors")
    assert pump() == pumped(2)


def test_the_watchdog_logs(watchdog, caplog):
    watchdog(warn_ms=10)
    when(PinnedCown(1))(on_main)
    until(lambda: caplog.records)
    (record,) = caplog.records
    assert record.name == "bocpy.pump"
    assert record.levelname == "WARNING"
    assert "1 behavior over pinned cowns ready for" in record.getMessage()


@pytest.mark.parametrize("call", [pump, wait, quiesce])
def test_the_next_pump_raises_the_exception_of_on_starve(watchdog, call):
    told = []

    def starve(severity, message):
        told.append(message)
        raise LookupError("nobody pumps")

    watchdog(10, starve)
    when(PinnedCown(1))(on_main)
    until(lambda: _pump._watchdog.raised)
    assert len(told) == 1
    with pytest.raises(LookupError, match="nobody pumps"):
        call()
    assert pump() == pumped(1)


def test_a_watchdog_that_is_off(watchdog):
    told = []
    watchdog(10, lambda *message: told.append(message))
    watchdog(warn_ms=None, on_starve=lambda *message: told.append(message))
    when(PinnedCown(1))(on_main)
    time.sleep(0.05)
    assert told == []
    assert pump() == pumped(1)
    names = [thread.name for thread in threading.enumerate()]
    assert "bocpy-watchdog" not in names


def test_a_watchdog_with_the_longest_time(watchdog):
    watchdog((2**63 - 1) // 10**6)
    when(PinnedCown(1))(on_main)
    assert pump() == pumped(1)


def test_on_starve_must_be_callable():
    with pytest.raises(TypeError, match="on_starve must be callable or None"):
        set_pump_watchdog(on_starve=3)
