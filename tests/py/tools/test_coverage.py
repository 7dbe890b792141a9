"""coverage.py measures what bodies run, on both backends."""

import os
import subprocess
import sys

import harness
import pytest

PROGRAM = """\
import helper
from bocpy import Cown, wait, when


def main():
    c = Cown(1)

    @when(c)
    def body(c):
        if c.value == 1:
            text = "in the body"
        else:
            text = "not reached"
        return helper.helped(text)

    wait()
    print(body.unwrap())


if __name__ == "__main__":
    main()
"""
HELPER = """\
def helped(text):
    if text:
        return "helped " + text
    return "nothing"
"""
MISSING = [
    ["helper.py", "4", "1", "75%", "4"],
    ["program.py", "14", "1", "93%", "13"],
]


def run(folder, backend, *arguments, **variables):
    environment = harness.child_environment(backend, variables)
    done = subprocess.run(
        [sys.executable, "-m", "coverage", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * harness.LIMIT,
        check=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("core", [None, "sysmon"])
@pytest.mark.parametrize("by", ["run", "COVERAGE_PROCESS_START"])
def test_lines_of_bodies_are_measured(tmp_path, backend, core, by):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "helper.py").write_text(HELPER, encoding="utf-8")
    config = tmp_path / "config"
    config.write_text("[run]\nparallel = true\nsource = .\n", encoding="utf-8")
    variables = {}
    if core is not None and sys.version_info >= (3, 12):
        variables["COVERAGE_CORE"] = core
    if by != "run":
        variables[by] = os.fspath(config)
    command = ["run", f"--rcfile={config}", "program.py"]
    assert run(tmp_path, backend, *command, **variables) == ["helped in the body"]
    run(tmp_path, backend, "combine", "-q")
    report = run(tmp_path, backend, "report", "-m")
    rows = [line.split() for line in report if ".py" in line]
    assert rows == MISSING


def test_one_data_file(tmp_path, backend):
    """Without `parallel`, the data of workers is added to the program's file."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "helper.py").write_text(HELPER, encoding="utf-8")
    run(tmp_path, backend, "run", "--source=.", "program.py")
    if backend == "interpreters":
        run(tmp_path, backend, "combine", "-q", "--append")
    rows = [line.split() for line in run(tmp_path, backend, "report", "-m")]
    assert [row for row in rows if row and row[0].endswith(".py")] == MISSING
