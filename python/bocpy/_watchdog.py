"""The watchdog: warns if pinned behaviors are ready and nobody pumps them.

Threads: `watch` has one of its own; the rest is for the main interpreter's others.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from . import _core
from ._late_imports import late_import


def log(severity: int, message: str) -> None:
    late_import("logging").getLogger("bocpy.pump").warning("%s", message)


class Watchdog:
    """Warns once of a backlog that nobody has touched for `warn_ms`, until it moves.

    Its thread sleeps until the next warning may be due. `lock` guards `told`.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.told = -1  # the lane's count of moves at the last warning
        self.warn_ms: int | None = None
        self.tell: Callable[[int, str], Any] = log
        self.raised: BaseException | None = None
        self.thread: threading.Thread | None = None
        self.over = threading.Event()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self.stop, after_in_parent=self.start, after_in_child=self.start
            )

    def set(self, warn_ms: int | None, tell: Callable[[int, str], Any] | None) -> None:
        self.stop()
        self.warn_ms, self.tell, self.raised = warn_ms, tell or log, None
        self.start()

    def start(self) -> None:
        if self.warn_ms is None:
            return
        self.over = threading.Event()
        self.thread = threading.Thread(
            target=self.watch,
            args=(self.warn_ms, self.over),
            name="bocpy-watchdog",
            daemon=True,
        )
        self.thread.start()

    def stop(self) -> None:
        thread, self.thread = self.thread, None
        self.over.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def watch(self, warn_ms: int, over: threading.Event) -> None:
        left = warn_ms
        while not over.wait(min(left / 1000, threading.TIMEOUT_MAX)):
            try:
                left = self.check(warn_ms)
            except BaseException as error:  # the main thread's next pump raises it
                self.raised = error
                left = warn_ms

    def look(self) -> None:
        """Checks on the main thread, since the watchdog's own may not have run in
        time."""
        raised, self.raised = self.raised, None
        if raised is not None:
            raise raised
        if self.warn_ms is not None:
            self.check(self.warn_ms)

    def check(self, warn_ms: int) -> int:
        """Warns if overdue; returns the milliseconds until the next check."""
        with self.lock:
            move, waited, depth = _core._pump_backlog()
            late = depth > 0 and waited >= warn_ms and move != self.told
            if late:
                self.told = move
        if late:
            what = "behaviors" if depth > 1 else "behavior"
            self.tell(
                0,
                f"{depth} {what} over pinned cowns ready for {waited} ms: let the main "
                "thread pump() or wait()",
            )
        return warn_ms - waited if depth and waited < warn_ms else warn_ms
