"""`python -m bocpy demo`: the main job, on a tree whose numbers are known."""

import json
import os
import signal
import subprocess
import sys

import pytest
from harness import (
    CFFI,
    FREE_THREADED,
    LIMIT,
    child_environment,
    finish_program,
    read_line,
)

FILES = {
    "alpha/one.py": "import os, sys\nimport os.path\n\ndef f():\n    pass\n",
    "alpha/two.py": (
        "from os import path\nfrom . import one\n\n"
        "class A:\n    def method(self):\n        return 1\n\n"
        "    async def other(self):\n        return 2\n"
    ),
    "beta.py": "def g(x):\n    def inner():\n        import json\n    return inner\n",
    "latin.py": "# -*- coding: latin-1 -*-\nname = '\xe9'\n",
    "broken.py": "def (\n",
    "site-packages/other.py": "import never\n",
    "note.txt": "no Python\n",
}
TABLES = ["The largest packages", "The most imported modules", "The longest functions"]


@pytest.fixture
def tree(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        coding = "latin-1" if name == "latin.py" else "utf-8"
        path.write_text(text, encoding=coding)
    return tmp_path / "tree"


def start_bocpy(*arguments, backend=None):
    return subprocess.Popen(
        [sys.executable, "-m", "bocpy", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=child_environment(backend),
        start_new_session=True,
    )


def run_bocpy(*arguments, backend=None, expect_code=0):
    process = start_bocpy(*arguments, backend=backend)
    return finish_program(process, expect_code=expect_code)


def test_the_demo_finds_the_expected_numbers(tree, backend):
    done = run_bocpy("demo", tree, "--json", "--workers", 2, backend=backend)
    result = json.loads(done.out)
    assert (result["same"], result["backend"], result["workers"]) == (True, backend, 2)
    found = result["found"]
    totals = found["totals"]
    assert (totals["files"], totals["unreadable"]) == (5, 1)
    assert (totals["functions"], totals["classes"]) == (5, 1)
    assert totals["lines"] == sum(
        FILES[name].count("\n")
        for name in FILES
        if name[-2:] == "py" and "-" not in name
    )
    assert found["imports"] == {"os": 2, "sys": 1, "json": 1}
    assert found["packages"]["alpha"] == [2, 14, 3]
    assert found["longest"][0] == [4, "beta.py:g", 1]
    assert result["behaviors"] == 5 * 5 + 1
    rates = ("plain_seconds", "parallel_seconds", "behaviors_per_second", "speed_up")
    assert all(result[name] > 0 for name in rates)


def test_the_demo_prints_its_tables(tree, backend):
    done = run_bocpy("demo", tree, "--workers", 2, backend=backend)
    assert f"Analyzing 5 Python files in {tree}\n" in done.out
    assert f"2 workers, backend {backend}\n" in done.out
    assert "5 files, 1 of them no valid Python\n" in done.out
    assert all(f"\n{title}\n" in done.out for title in TABLES)
    assert "  plain loop " in done.out
    assert "  behaviors, 2 workers " in done.out
    assert "\n26 behaviors, " in done.out
    assert done.lines[-1] == "Both runs found the same."
    assert "plain loop: 5 of 5 files" in done.err
    assert "behaviors: 5 of 5 files" in done.err


if not FREE_THREADED:

    def test_one_gil_is_said_to_allow_no_speed_up(tree):
        done = run_bocpy("demo", tree, backend="threads")
        assert "no speed-up is possible" in done.out


def test_its_default_is_what_this_interpreter_does_best(tree):
    done = run_bocpy("demo", tree)
    shared = (sys.version_info < (3, 12) or CFFI) and not FREE_THREADED
    assert ("no speed-up is possible" in done.out) == shared


def test_a_single_file(tree):
    done = run_bocpy("demo", tree / "beta.py", "--json")
    assert json.loads(done.out)["found"]["totals"]["files"] == 1


def test_a_folder_without_python_is_said_in_one_line(tmp_path):
    done = run_bocpy("demo", tmp_path, expect_code=2)
    assert (done.out, done.err) == ("", f"bocpy: no Python files in {tmp_path}\n")


def test_zero_workers_are_refused(tree):
    done = run_bocpy("demo", tree, "--workers", 0, expect_code=2)
    assert done.err.endswith("argument --workers: at least 1 is needed\n")


def test_more_files_than_are_scheduled_ahead(tree, monkeypatch, stopped):
    from bocpy._demo import job, source

    monkeypatch.setattr(job, "UNDER_WAY", 2)
    paths = source.find_sources(str(tree))
    seen = []
    parallel = job.run_parallel(paths, str(tree), seen.append, 2)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert parallel.ledger == job.run_sequential(paths, str(tree), seen.append).ledger


def test_a_run_that_differs_says_so_and_fails(tree, monkeypatch, stopped, capsys):
    from bocpy import _demo
    from bocpy._demo import job

    def forgets(paths, *rest):
        return job.run_sequential(paths[1:], *rest)

    monkeypatch.setattr(_demo, "run_sequential", forgets)
    assert _demo.demo(str(tree), workers=2) == 1
    assert capsys.readouterr().out.endswith("THE TWO RUNS DIFFER.\n")


if hasattr(os, "killpg"):
    INTERRUPTED = """
        import os, sys
        import bocpy, harness
        from bocpy import __main__, _demo

        def never_ends(*_):
            door, _ = os.pipe()
            bocpy.whencall(harness.pass_through, [], [door])
            print("ready", flush=True)
            bocpy.receive("nothing")

        _demo.run_parallel = never_ends
        sys.exit(__main__.main(["demo", "--json", sys.argv[1]]))
        """

    def test_ctrl_c_ends_it(launch, tree, backend):
        """Ctrl-C ends it at once, whatever is still scheduled."""
        process = launch(INTERRUPTED, args=[str(tree)])
        read_line(process, "ready")
        process.send_signal(signal.SIGINT)
        done = finish_program(process, expect_code=130)
        assert done.err.endswith("\nbocpy: interrupted\n")
        assert "Traceback" not in done.err

    def test_a_bar_on_a_terminal(tree):
        import pty

        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "bocpy", "demo", str(tree)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=child_environment(None),
        )
        os.close(theirs)
        out = process.communicate(timeout=LIMIT)[0]
        drawn = b""
        while part := read_terminal(ours):
            drawn += part
        os.close(ours)
        assert process.returncode == 0, out
        drawings = drawn.decode("utf-8").split("\r")
        full = "█" * 30
        assert any(d.startswith(f"plain loop {full} 5 of 5 files") for d in drawings)
        assert any(d.startswith(f"behaviors  {full} 5 of 5 files") for d in drawings)
        assert drawings[-1] == ""

    def read_terminal(handle):
        """Reads what is there; nothing at the end, which Linux reports as an error."""
        try:
            return os.read(handle, 4096)
        except OSError:
            return b""
