"""The messages of `./dev` while something takes long."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from devtool import jobs, progress
from devtool.jobs import Job, Tally, run_jobs
from devtool.progress import Progress, remember, remembered, spoken

TOOLS = Path(progress.__file__).resolve().parents[1]


def test_times_are_said_as_one_would():
    assert [spoken(t) for t in (0.4, 59.6, 99, 100, 125)] == [
        "0 s",
        "60 s",
        "99 s",
        "1 min 40 s",
        "2 min 5 s",
    ]


def test_durations_are_kept_and_a_spoilt_file_is_none(tmp_path):
    path = tmp_path / "folder" / "durations.json"
    assert remembered(path) == {}
    remember({"a": 1.5}, path)
    remember({"b": 2.0}, path)
    assert remembered(path) == {"a": 1.5, "b": 2.0}
    path.write_text("spoilt")
    assert remembered(path) == {}


def test_the_forecast_needs_all_times():
    shown = Progress()
    shown.before = {"a": 60.0, "b": 100.0}
    assert shown.forecast(["a", "b"], 1) == ", about 2 min 40 s"
    assert shown.forecast(["a", "b"], 2) == ", about 1 min 40 s"
    assert "next run knows" in shown.forecast(["a", "c"], 2)


def test_what_runs_is_named_with_its_time():
    shown = Progress()
    shown.before = {"long": 90.0}
    with shown.step("long"), shown.step("new"):
        assert shown.line() == "running: long 0 s of 90 s, new 0 s"
    assert shown.line() == ""
    assert set(shown.took) == {"long", "new"}


def test_a_run_says_how_many_jobs_there_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "LOGS", tmp_path)
    run_jobs([Job("a", lambda _: Tally(1)), Job("b", lambda _: Tally(1))], 2)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("2 jobs, 2 at a time")
    assert [line.split()[:2] for line in rest] == [["ok", "a"], ["ok", "b"]] or rest


PROGRAM = """
import pathlib, sys
sys.path.insert(0, {tools!r})
from devtool import jobs
from devtool.base import run
from devtool.jobs import Job, Tally, run_jobs
jobs.LOGS = pathlib.Path({logs!r})
def long(log):
    print("begun", flush=True)
    run([sys.executable, "-c", "import time; time.sleep(60)"], log=log)
    return Tally(failed=1)
try:
    run_jobs([Job("long", long), Job("never", long)], 1)
except KeyboardInterrupt:
    sys.exit(130)
"""


#: Python ends with status 1 if it is interrupted while it starts. The handler takes as
#: long as a busy machine does to run it.
BUSY = """
import os, pathlib, signal, sys, time
sys.path.insert(0, {tools!r})
from devtool import jobs
from devtool.base import Failed
from devtool.jobs import Job, run_jobs
jobs.LOGS = pathlib.Path({logs!r})
def interrupted(number, frame):
    time.sleep(1)
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, interrupted)
def ended_while_it_started(log):
    os.kill(os.getpid(), signal.SIGINT)
    raise Failed("python ended with code 1")
try:
    run_jobs([Job("short", ended_while_it_started)], 1)
except KeyboardInterrupt:
    sys.exit(130)
"""


def heed_interrupts():
    """Where the tests run in the background, Ctrl-C is ignored and so inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_it_without_a_failure(tmp_path):
    text = PROGRAM.format(tools=str(TOOLS), logs=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    ) as process:
        while "begun" not in process.stdout.readline():
            assert process.poll() is None
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 20
    assert "FAIL" not in out
    assert "interrupted" in out


def test_ctrl_c_that_is_handled_late_is_no_failure(tmp_path):
    text = BUSY.format(tools=str(TOOLS), logs=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 130, done
    assert "FAIL" not in done.stdout
    assert "interrupted" in done.stdout
