"""Runs many jobs at once, and counts their tests.

A job writes to a log of its own in .dev/logs and returns a tally. A job that cannot
even build counts as one failed test, so that a total without failures means that all
have run.
"""

from __future__ import annotations

import json
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TextIO

from devtool import failure_summary
from devtool.base import WORK, Failed, Problem, end_children, say
from devtool.failure_summary import Failure
from devtool.progress import Progress

LOGS = WORK / "logs"


@dataclass(frozen=True)
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    #: The failures; tallies are compared without them.
    failures: tuple[Failure, ...] = field(default=(), compare=False)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.failures + other.failures,
        )

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def read_report(report: Path) -> Tally:
    """Reads the tally that `write_report` wrote."""
    facts = json.loads(report.read_text(encoding="utf-8"))
    failed = tuple(Failure(name, tuple(lines)) for name, lines, _ in facts["failures"])
    return Tally(**{**facts, "failures": failed})


def write_report(report: Path, tally: Tally) -> None:
    report.write_text(json.dumps(asdict(tally)), encoding="utf-8")


@dataclass(frozen=True)
class Job:
    name: str
    work: Callable[[TextIO], Tally]


def count_junit(report: Path) -> Tally:
    """The tally of a JUnit file, as Meson and pytest write them."""
    if not report.exists():
        return Tally()
    result = Tally()
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            result += Tally(failed=1)
        elif "skipped" in kinds:
            result += Tally(skipped=1)
        else:
            result += Tally(passed=1)
    return replace(result, failures=tuple(failure_summary.of_junit(report)))


def count_programs(log: Path) -> Tally:
    """The tally of Meson's log: each "ok" line of a program is a case; a program
    without such lines is one."""
    result = Tally()
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        program = json.loads(line)
        said = program.get("stdout") or ""
        cases = sum(word.startswith("ok ") for word in said.splitlines())
        match program["result"]:
            case "OK":
                result += Tally(passed=max(1, cases))
            case "SKIP":
                result += Tally(skipped=1)
            case _:
                result += Tally(passed=cases, failed=1)
    return replace(result, failures=tuple(failure_summary.of_programs(log)))


def finished(job: Job, log: Path) -> Tally:
    """Runs a job. Takes a failure that no report has from the log."""
    trouble = ""
    with log.open("w", encoding="utf-8") as file:
        try:
            tally = job.work(file)
        except Problem as problem:
            return Tally(failed=1, failures=(Failure(str(problem)),))
        except Failed as error:
            tally = Tally(failed=1)
            trouble = str(error)
            if error.code in ENDED_BY_CTRL_C:
                _interrupted.wait(10)  # a busy machine tells this process later
    if tally.failed and not tally.failures:
        text = log.read_text(encoding="utf-8", errors="replace")
        tally = replace(tally, failures=(failure_summary.of_log(text, trouble),))
    return tally


def run_job(job: Job, progress: Progress) -> tuple[Tally, str]:
    """Its tally, and the lines that say how it went."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{job.name}.log"
    began = time.monotonic()
    with progress.step(job.name):
        tally = finished(job, path)
    if interrupted():
        return Tally(), ""  # a killed run leaves a report that says nothing
    took = time.monotonic() - began
    mark = "FAIL" if tally.failed else "ok"
    lines = [f"{mark:<4} {job.name:<22} {took:6.1f} s  {tally}"]
    if tally.failed:
        lines += [
            failure_summary.shown(tally.failures, failure_summary.FULL),
            f"  log: {path}",
        ]
    named = (each._replace(job=job.name) for each in tally.failures)
    return replace(tally, failures=tuple(named)), "\n".join(lines)


def told(results: Iterable[Future[tuple[Tally, str]]], progress: Progress) -> Tally:
    """Says how each job went. On the main thread: Ctrl-C may end a child, with any exit
    status, before this process has handled it, and raises here before it is said that
    the job has failed. It waits for a second at a time: a signal that comes just before
    a wait does not interrupt it."""
    total = Tally()
    pending = set(results)
    while pending:
        done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
        for each in done:
            tally, lines = each.result()
            progress.say(lines)
            total += tally
    return total


_interrupted = threading.Event()
#: Codes of a child that Ctrl-C has ended: by the signal, by a shell, on Windows.
ENDED_BY_CTRL_C = (-2, 130, 0xC000013A)


def interrupted() -> bool:
    return _interrupted.is_set()


def run_jobs(jobs: Iterable[Job], parallel: int) -> Tally:
    """Runs all jobs, `parallel` at a time. Prints how many there are and about how long
    they take, and a line when each ends: its name, its seconds, its tests. Lists the
    failures once more at the end. Ctrl-C ends the running jobs, and leaves."""
    jobs = list(jobs)
    _interrupted.clear()
    with Progress() as progress, ThreadPoolExecutor(max(1, parallel)) as pool:
        forecast = progress.forecast([job.name for job in jobs], max(1, parallel))
        if len(jobs) > 1:
            many = f"{len(jobs)} jobs, {parallel} at a time"
            progress.say(f"{many}{forecast}; logs: {LOGS}")
        elif jobs:
            progress.say(f"{jobs[0].name}{forecast}")
        try:
            results = [pool.submit(run_job, job, progress) for job in jobs]
            total = told(results, progress)
        except KeyboardInterrupt:
            _interrupted.set()
            end_children()
            pool.shutdown(wait=False, cancel_futures=True)
            progress.say("interrupted: what was running has been ended")
            raise
    if total.failures:
        say("Failed:\n" + failure_summary.shown(total.failures, failure_summary.BRIEF))
    return total
