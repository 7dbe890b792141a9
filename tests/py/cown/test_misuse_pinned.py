"""Misuse of pinned cowns and the pump: each wrong call, its exception and its text."""

import bocpy
import misuse
import pytest
from bocpy import PinnedCown, pump, quiesce, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")

TABLE = misuse.Table()
says, python_says = TABLE.says, TABLE.python_says


# Pinned cowns

says(
    TypeError, "PinnedCown() missing required argument 'value' (pos 1)", "PinnedCown()"
)
says(TypeError, "PinnedCown() takes at most 1 argument (2 given)", "PinnedCown(1, 2)")
says(RuntimeError, "this cown is initialized already", "PinnedCown(1).__init__(2)")
says(
    RuntimeError,
    "PinnedCown() on a worker: the value would have no home there; make it in the main "
    "interpreter, and give the cown to the behavior",
    "in_body(lambda: bocpy.PinnedCown(1))",
)
STAYS = (
    "{}: this cown is pinned, its value stays on the main thread: look at it in a "
    "behavior over the cown (@when), which runs there"
)
says(
    RuntimeError,
    STAYS.format("value"),
    "in_body(lambda p: p.value, PinnedCown(1))",
    "in_body(lambda p: setattr(p, 'value', 2), PinnedCown(1))",
    "in_thread(lambda p=PinnedCown(1): p.value)",
)
says(
    RuntimeError,
    STAYS.format("acquire()"),
    "in_body(lambda p: p.acquire(), PinnedCown(1))",
    "in_body(lambda p: p.__enter__(), PinnedCown(1))",
    "in_thread(PinnedCown(1).acquire)",
)
says(
    RuntimeError,
    STAYS.format("unwrap()"),
    "in_body(lambda p: p.unwrap(), PinnedCown(1))",
    "in_body(lambda p: p.unwrap(timeout=1), PinnedCown(1))",
    "in_thread(PinnedCown(1).unwrap)",
)
says(
    RuntimeError,
    STAYS.format("exception"),
    "in_body(lambda p: setattr(p, 'exception', True), PinnedCown(1))",
)
says(
    RuntimeError,
    STAYS.format("disown()"),
    "in_body(lambda p: p.impl.disown(), PinnedCown(1))",
)
says(
    RuntimeError,
    "value: this cown is not held here; use it in a behavior that was given it "
    "(@when), or between acquire() and release()",
    "PinnedCown(1).value",
)

# The pump

NOT_POSITIVE = "{} must be a positive int{}, not {}"
for name, call, unless in (
    ("pump(): deadline_ms", "pump(deadline_ms={})", " or None"),
    ("pump(): max_behaviors", "pump(max_behaviors={})", " or None"),
    ("set_pump_watchdog(): warn_ms", "set_pump_watchdog({})", " or None"),
    ("set_wait_pump_poll(): ms", "set_wait_pump_poll({})", ""),
):
    for number, shown in (
        ("0", "0"),
        ("-1", "-1"),
        ("True", "'bool'"),
        ("1.5", "'float'"),
        ("'1'", "'str'"),
        ("misuse.NAN", "'float'"),
    ):
        says(TypeError, NOT_POSITIVE.format(name, unless, shown), call.format(number))
says(
    TypeError,
    "set_wait_pump_poll(): ms must be a positive int, not 'NoneType'",
    "set_wait_pump_poll(None)",
)
TOO_LONG = "{} is {}: the most is 9223372036854 milliseconds"
says(OverflowError, TOO_LONG.format("pump(): deadline_ms", 2**63), "pump(2**63)")
says(
    OverflowError,
    TOO_LONG.format("set_pump_watchdog(): warn_ms", 10**30),
    "set_pump_watchdog(10**30)",
)
says(
    TypeError,
    "set_pump_watchdog(): on_starve must be callable or None, not 'int'",
    "set_pump_watchdog(on_starve=3)",
)
says(
    TypeError,
    "set_pump_watchdog(): on_starve must be callable or None, not 'str'",
    "set_pump_watchdog(None, 'x')",
)
says(
    RuntimeError,
    "set_pump_watchdog() is for the main interpreter only",
    "in_body(lambda: bocpy.set_pump_watchdog(None))",
    only="interpreters",
)
says(
    RuntimeError,
    "pump() is for the main thread only: that is where behaviors over pinned cowns run",
    "in_thread(pump)",
)
says(
    RuntimeError,
    "pump() inside a behavior: pinned behaviors do not nest; the pump that runs this "
    "one goes on when it returns",
    "in_a_pinned_body(lambda p: bocpy.pump())",
)
says(
    RuntimeError,
    "wait() inside a behavior would wait for the behavior itself: schedule another "
    "behavior instead",
    "in_a_pinned_body(lambda p: bocpy.wait())",
)
says(
    RuntimeError,
    "pump() without a runtime: call start(), or schedule a behavior, first",
    "stopped(pump)",
)
says(ZeroDivisionError, "division by zero", "raise_on_error()")
python_says(TypeError, r"pump\(\) takes .* 4 were given", "pump(1, 2, True, 4)")
python_says(TypeError, ".*'unknown'", "pump(unknown=1)")


# ---- those that take more than an expression


def in_a_pinned_body(function):
    result = when(PinnedCown(1))(function)
    quiesce(timeout=LIMIT)
    return result.unwrap()


def raise_on_error():
    when(PinnedCown(1))(lambda p: 1 / 0)
    return pump(raise_on_error=True)


#: What the expressions are made of.
NAMES = {**vars(bocpy), **vars(misuse), **globals()}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.call)
def test_misuse(row, backend):
    misuse.check(row, NAMES, backend)


def test_the_calls_are_unique():
    calls = [row.call for row in TABLE.rows]
    assert len(set(calls)) == len(calls)
