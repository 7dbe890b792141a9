"""Shows failures in few lines. CI cuts logs, so the most helpful lines come first.

A failure has a name and the lines that explain it, from pytest's JUnit file or Meson's
log of tests. A job that left neither, because it could not build or a process died, has
the lines from its log.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

#: The width of a line, and how many lines of a failure are shown, of its beginning and
#: of its end: when its job ends, and at the end of the run, where all are listed again.
WIDTH = 160
FULL = (8, 16)
BRIEF = (1, 6)
#: How many failures are shown with their lines, and how many by name.
EXPLAINED, NAMED = 10, 30

#: Beginnings of the important part of a log, the most important first: an interpreter
#: that died, a sanitizer's report, a compiler's error, and others.
TROUBLE = (
    re.compile(r"Fatal Python error|Sanitizer: "),
    re.compile(r": (fatal )?error: |^FAILED: "),
    re.compile(r"\berror: |^ERROR\b|Traceback \(most"),
)
#: The frame of a test in the traceback of an interpreter that died.
DIED_IN = re.compile(r'File ".*?([^"/\\]+)\.py", line \d+ in (test_\w+)')


class Failure(NamedTuple):
    """One test that failed, or the job itself if no test is to blame."""

    name: str
    lines: tuple[str, ...] = ()
    job: str = ""

    @property
    def title(self) -> str:
        return f"{self.job}: {self.name}" if self.job else self.name

    def shown(self, sides: tuple[int, int]) -> str:
        lines = shortened(self.lines, *sides)
        return "\n".join([f"  {self.title}", *(f"  | {line}" for line in lines)])


def shortened(lines: Sequence[str], first: int, last: int) -> list[str]:
    """The beginning and the end, no line wider than WIDTH."""
    kept = list(lines)
    if len(kept) > first + last + 1:
        kept = [*kept[:first], "...", *kept[-last:]]
    return [line if len(line) <= WIDTH else line[:WIDTH] + "..." for line in kept]


def shown(failures: Sequence[Failure], sides: tuple[int, int]) -> str:
    """The failures one below the other: the first of them explained, others named."""
    parts = [failure.shown(sides) for failure in failures[:EXPLAINED]]
    parts += [f"  {failure.title}" for failure in failures[EXPLAINED:NAMED]]
    more = len(failures) - NAMED
    return "\n".join(parts + ([f"  and {more} more"] if more > 0 else []))


def lines_of(text: str | None) -> tuple[str, ...]:
    return tuple(line for line in (text or "").splitlines() if line.strip())


def of_junit(report: Path) -> Iterator[Failure]:
    """The tests that failed in a JUnit file as pytest writes it."""
    if not report.exists():
        return
    for case in ElementTree.parse(report).iter("testcase"):
        for child in case:
            if child.tag in ("failure", "error"):
                place = case.get("classname", "").rpartition(".")[2]
                name = f"{place}::{case.get('name', '?')}".removeprefix("::")
                said = lines_of(child.text) or lines_of(child.get("message"))
                yield Failure(name, said)


def of_programs(log: Path) -> Iterator[Failure]:
    """The programs that failed in Meson's log, each with its stderr or output."""
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        program = json.loads(line)
        if program["result"] not in ("OK", "SKIP"):
            said = lines_of(program.get("stderr")) or lines_of(program.get("stdout"))
            end = f"{program['result']}, code {program.get('returncode')}"
            yield Failure(f"{program.get('name', '?')} ({end})", said)


def of_log(log: str, trouble: str) -> Failure:
    """The lines of the log of a job without a report, from its first line about an
    error on. The name is that of the test that died, if the log has it."""
    lines = lines_of(log)
    died = DIED_IN.search(log)
    name, *rest = lines_of(trouble) or ("failed without a report",)
    if died:
        name = f"{died.group(1)}::{died.group(2)}: {name}"
    return Failure(name, (*lines[where_it_begins(lines) :], *rest))


def where_it_begins(lines: Sequence[str]) -> int:
    """The index of the first line about the failure."""
    for kind in TROUBLE:
        for at, line in enumerate(lines):
            if kind.search(line):
                return at
    return max(0, len(lines) - sum(FULL))
