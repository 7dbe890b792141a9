"""`python -m bocpy info` and `python -m bocpy.examples`."""

import importlib.metadata
import re
import subprocess
import sys

import bocpy
from harness import FREE_THREADED, child_environment


def run_module(*arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=child_environment(None),
        timeout=120,
        check=False,
    )


def test_info_has_what_a_report_needs():
    done = run_module("bocpy", "info", "--quick")
    assert done.returncode == 0, done.stderr
    names = [line.split("  ")[0].strip() for line in done.stdout.splitlines()]
    for name in ("bocpy", "interpreter", "compiler", "platform", "backend", "workers"):
        assert any(line.startswith(name) for line in names), name
    assert bocpy.__version__ in done.stdout
    assert sys.executable in done.stdout


def test_info_tells_of_packages_that_refuse():
    done = run_module("bocpy", "info")
    assert done.returncode == 0, done.stderr
    _, _, packages = done.stdout.partition("Packages with extension modules")
    assert packages
    if (3, 12) <= sys.version_info < (3, 14) and not FREE_THREADED:
        version = re.escape(importlib.metadata.version("numpy"))
        assert re.search(rf"numpy {version} .*refuse", packages)


def test_examples_are_listed():
    done = run_module("bocpy.examples")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  bank +A bank", done.stdout, re.MULTILINE)
    assert "_command" not in done.stdout


def test_an_example_is_run_by_its_name():
    done = run_module("bocpy.examples", "dining-philosophers", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_an_unknown_example_is_refused():
    done = run_module("bocpy.examples", "bnak")
    assert done.returncode == 2
    assert "there is no example 'bnak'" in done.stderr
    assert "bank" in done.stdout
