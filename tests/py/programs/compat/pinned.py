"""Pinned cowns and the pump, by the names and rules that bocpy 0.14 documents."""

import threading

from bocpy import (
    Cown,
    PinnedCown,
    PumpResult,
    pump,
    quiesce,
    set_pump_watchdog,
    set_wait_pump_poll,
    start,
    wait,
    when,
)


class Canvas:
    """A class whose instances stay in one interpreter."""

    def __init__(self):
        self.drawn = []
        self.lock = threading.Lock()


def refused(call, *args, **named):
    try:
        call(*args, **named)
    except Exception as error:
        print(f"{call.__name__}{args}{named}: {type(error).__name__}")


def failures(pinned):
    @when(pinned)
    def failed(pinned):
        raise ValueError("of the body")

    print("failed:", pump())
    try:
        failed.unwrap()
    except ValueError as error:
        print("raised:", error)

    @when(pinned)
    def _(pinned):
        raise KeyError("again")

    try:
        pump(raise_on_error=True)
    except KeyError as error:
        print("raised by the pump:", error)


def settings():
    start(worker_count=1)
    refused(pump, deadline_ms=0)
    refused(pump, max_behaviors=True)
    refused(pump, deadline_ms=2**63)
    refused(set_pump_watchdog, 0)
    refused(set_pump_watchdog, 100, 5)
    refused(set_wait_pump_poll, 0)
    set_wait_pump_poll(10)
    set_pump_watchdog(60_000, lambda severity, message: print(severity, message))
    set_pump_watchdog(None)
    wait()


def main():
    start(worker_count=2)
    canvas = Canvas()
    pinned = PinnedCown(canvas)
    shapes = [Cown(name) for name in ("circle", "square")]
    for shape in shapes:

        @when(shape)
        def _(shape):
            shape.value = shape.value.upper()

    @when(shapes, pinned)
    def frame(shapes, pinned):
        pinned.value.drawn += [shape.value for shape in shapes]
        return len(pinned.value.drawn)

    quiesce()
    print("drawn:", canvas.drawn, frame.unwrap())

    for number in range(3):

        @when(pinned)
        def _(pinned, number=number):
            pinned.value.drawn.append(number)

    print("most:", pump(max_behaviors=2))
    print("the rest:", pump(deadline_ms=10_000) == PumpResult(1, False, 0))
    print("nothing:", pump())

    failures(pinned)

    @when(pinned)
    def nested(pinned):
        try:
            pump()
        except RuntimeError:
            return "refused"

    @when(Cown(pinned))
    def handle(outer):
        @when(outer.value)
        def _(pinned):
            pinned.value.drawn.append("through a handle")

    wait()
    print("nested:", nested.unwrap())
    print("drawn:", canvas.drawn)
    settings()


if __name__ == "__main__":
    main()
