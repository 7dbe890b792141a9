"""A progress bar for terminals, and a few plain lines for everything else."""

from __future__ import annotations

import itertools
import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

BAR = 30
REDRAW = 0.1
"""Seconds between two drawings on a terminal."""


class ProgressBar:
    """Shows how far a run over files of `sizes` bytes is; a context manager.

    The length of the bar is the share of the bytes that are done; the remaining time is
    estimated from it. On a terminal the bar redraws one line. Elsewhere it prints a
    line at each quarter, so that logs stay short.
    """

    def __init__(
        self, title: str, sizes: Sequence[int], out: TextIO | None = None
    ) -> None:
        self.title = title
        self.total = len(sizes)
        self.work = list(itertools.accumulate(sizes, initial=0))
        self.out = out or sys.stderr
        self.live = self.out.isatty()
        self.begin = self.drawn = time.monotonic()
        self.quarter = 0

    def __enter__(self) -> ProgressBar:
        if self.live:
            self.say("starting")
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.write("")
            self.out.write("\r")
            self.out.flush()

    def __call__(self, done: int) -> None:
        """Notes that `done` files are finished; 0 starts the clock."""
        if done == 0:
            self.begin = time.monotonic()
        elif self.live:
            now = time.monotonic()
            if now - self.drawn >= REDRAW or done == self.total:
                self.drawn = now
                self.draw(done)
        elif int(4 * self.share(done)) > self.quarter:
            self.quarter = int(4 * self.share(done))
            print(f"{self.title}: {self.state(done)}", file=self.out, flush=True)

    def draw(self, done: int) -> None:
        """Draws the bar over the previous one."""
        filled = int(BAR * self.share(done))
        bar = "█" * filled + "░" * (BAR - filled)
        if (self.out.encoding or "").lower().replace("-", "") != "utf8":
            bar = "#" * filled + "." * (BAR - filled)
        self.write(f"{self.title:<10} {bar} {self.state(done)}")

    def say(self, text: str) -> None:
        """Shows what happens before the clock starts."""
        if self.live:
            self.write(f"{self.title:<10} {text} ...")

    def share(self, done: int) -> float:
        """The share of the work in the first `done` files, from 0 to 1."""
        return self.work[done] / self.work[-1] if self.work[-1] else done / self.total

    def write(self, line: str) -> None:
        """Replaces the current line by `line`."""
        width = shutil.get_terminal_size().columns - 1
        self.out.write("\r" + line[:width].ljust(width))
        self.out.flush()

    def state(self, done: int) -> str:
        """A text: how many files of how many, and after how many seconds."""
        seconds = time.monotonic() - self.begin
        text = f"{done:,} of {self.total:,} files, {seconds:.1f} s"
        share = self.share(done)
        if 0.05 < share < 1 and self.live:
            text += f", {seconds / share - seconds:.0f} s to go"
        return text
