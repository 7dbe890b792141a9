"""Debuggers and profilers see bodies, as docs/guide/workers.md says. The CI job that
has these tools runs on Linux."""

import json
import os
import subprocess
import sys

import harness
import pytest

BUSY = """\
import sys
import time
from bocpy import start, wait, when

start(1)


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


seconds = float(sys.argv[1])


@when()
def body():
    spin(seconds)


wait()
print("done")
"""
STOPS = """\
from bocpy import when


@when()
def body():
    x = 41
    breakpoint()
    return x


print(body.result(60))
"""


@pytest.fixture
def busy(tmp_path):
    path = tmp_path / "busy.py"
    path.write_text(BUSY, encoding="utf-8")
    return path


def call(command, backend, text=None):
    done = subprocess.run(
        [os.fspath(part) for part in command],
        env=harness.child_environment(backend),
        input=text,
        capture_output=True,
        text=True,
        timeout=2 * harness.LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done


def test_a_breakpoint_in_a_body(tmp_path, backend):
    path = tmp_path / "stops.py"
    path.write_text(STOPS, encoding="utf-8")
    done = call([sys.executable, path], backend, "p x + 1\nc\n")
    assert "(Pdb) 42" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("41")


#: What pydevd does, of which debugpy and PyCharm's debugger consist.
DEBUGGED = """\
import sys, threading, time, types
sys.modules["pydevd"] = types.ModuleType("pydevd")


def user_threads():
    here = threading.current_thread()
    return [
        thread
        for thread in threading.enumerate()
        if thread is not here
        and thread.is_alive()
        and not thread.daemon
        and not getattr(thread, "is_pydev_daemon_thread", False)
    ]


def check_alive():
    while user_threads():
        time.sleep(0.01)  # pydevd polls, too
    print("session ends", flush=True)


threading.Thread(target=check_alive).start()
from bocpy import start, when

start(2)


@when()
def body():
    time.sleep(0.2)  # the module has mostly ended by then; right in either case
    print("body ends", flush=True)
"""


def test_a_debugger_that_waits_for_threads_lets_the_program_end(tmp_path, backend):
    path = tmp_path / "debugged.py"
    path.write_text(DEBUGGED, encoding="utf-8")
    done = call([sys.executable, path], backend)
    lines = done.stdout.splitlines()
    assert sorted(lines) == ["body ends", "session ends"]
    assert lines[-1] == "session ends" or backend == "interpreters"


def test_py_spy(busy, backend, tmp_path):
    """It follows the newest interpreter that it finds when it attaches: on
    `interpreters` that depends on how far the program is."""
    found = tmp_path / "stacks"
    tool = os.path.join(os.path.dirname(sys.executable), "py-spy")
    command = [tool, "record", "--format", "raw", "-o", found, "--nonblocking"]
    call([*command, "--", sys.executable, busy, "3"], backend)
    stacks = found.read_text(encoding="utf-8").splitlines()
    bodies = [line for line in stacks if "body (" in line and "spin (" in line]
    assert stacks, "nothing was sampled"
    assert bodies or backend == "interpreters", stacks


def test_viztracer(busy, backend, tmp_path):
    """On `interpreters` its extension is refused, and the program still runs."""
    found = tmp_path / "trace.json"
    command = [sys.executable, "-m", "viztracer", "--quiet", "-o", found]
    assert call([*command, "--", busy, "0.1"], backend).stdout == "done\n"
    events = json.loads(found.read_text(encoding="utf-8"))["traceEvents"]
    names = {event["name"].split(" ")[0] for event in events}
    assert ({"body", "spin"} <= names) is (backend == "threads")


def test_perf_names_bodies(tmp_path, backend):
    """CPython's trampolines, by which perf names Python functions."""
    path = tmp_path / "named.py"
    path.write_text(BUSY + "\nimport os\nprint(os.getpid())\n", encoding="utf-8")
    done = call([sys.executable, "-X", "perf", path, "0.1"], backend)
    written = f"/tmp/perf-{done.stdout.split()[-1]}.map"
    with open(written, encoding="utf-8") as file:
        names = file.read()
    os.unlink(written)
    assert ("py::body:" in names) is (backend == "threads")
