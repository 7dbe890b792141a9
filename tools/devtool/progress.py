"""Shows progress while something takes long: which steps run, since when, and how long
they took the last time.

On a terminal it redraws one line at the bottom; elsewhere it prints a line each half
minute, so that logs stay short and nobody thinks that `./dev` hangs.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from devtool.base import WORK, say

DURATIONS = WORK / "durations.json"
REDRAW = 0.5
"""Seconds between two drawings on a terminal."""
REPEAT = 30.0
"""Seconds between two lines elsewhere."""


def spoken(seconds: float) -> str:
    """A time as text: "45 s", "2 min 5 s"."""
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60} s"


def remembered(path: Path = DURATIONS) -> dict[str, float]:
    """How long each step took the last time."""
    with suppress(OSError, ValueError):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}


def remember(took: dict[str, float], path: Path = DURATIONS) -> None:
    """Stores the times for the next forecast; ignores errors."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**remembered(path), **took}), encoding="utf-8")


class Progress:
    """Steps that run at this moment; any thread may begin and end one."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.running: dict[str, float] = {}
        self.took: dict[str, float] = {}
        self.before = remembered()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.clear()
        if raised is None:  # what was interrupted took less time than it takes
            remember(self.took)

    @contextmanager
    def step(self, name: str) -> Generator[None, None, None]:
        with self._lock:
            self.running[name] = time.monotonic()
        try:
            yield
            self.took[name] = time.monotonic() - self.running[name]
        finally:
            with self._lock:
                del self.running[name]

    def forecast(self, names: list[str], parallel: int) -> str:
        """About how long these steps will take."""
        known = [self.before[name] for name in names if name in self.before]
        if len(known) < len(names):
            return ", some minutes (the next run knows how many)"
        return f", about {spoken(max(sum(known) / parallel, *known, 0.0))}"

    def say(self, text: str) -> None:
        """Prints a line above the one that is redrawn."""
        self.clear()
        say(text)

    def clear(self) -> None:
        if self.live:
            print("\r\x1b[K", end="", flush=True)

    def line(self) -> str:
        """The running steps, each with its time so far, and with that of the last
        run."""
        now = time.monotonic()
        with self._lock:
            parts = [
                f"{name} {spoken(now - since)}"
                + (f" of {spoken(self.before[name])}" if name in self.before else "")
                for name, since in self.running.items()
            ]
        return "running: " + ", ".join(parts) if parts else ""

    def _tell(self) -> None:
        while not self._stop.wait(REDRAW if self.live else REPEAT):
            text = self.line()
            if text and self.live:
                width = shutil.get_terminal_size().columns - 1
                print("\r\x1b[K" + text[:width], end="", flush=True)
            elif text:
                say(text)
