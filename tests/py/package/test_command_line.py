"""`python -m bocpy info` and `python -m bocpy.examples`."""

import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import textwrap

import bocpy
import pytest
from harness import FREE_THREADED, LIMIT, child_environment


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


if hasattr(signal, "SIGPIPE"):

    @pytest.mark.parametrize("buffered", [True, False])
    @pytest.mark.parametrize(
        "arguments",
        [
            ("bocpy", "info", "--quick"),
            ("bocpy", "demo", "--no-color", os.path.dirname(__file__)),
            ("bocpy", "--help"),
            ("bocpy.examples",),
            ("bocpy.examples", "primes"),
            ("bocpy.examples.primes",),
            ("bocpy.examples.bank", "--transfers", "10"),
            ("bocpy.examples.cluster_wordcount", "--help"),
        ],
    )
    def test_a_program_whose_reader_has_gone_ends_in_silence(arguments, buffered):
        reader, writer = os.pipe()
        os.close(reader)
        environment = child_environment(None)
        if not buffered:
            environment["PYTHONUNBUFFERED"] = "1"
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        os.close(writer)
        _, errors = process.communicate(timeout=LIMIT)
        assert errors == ""
        assert process.returncode == -signal.SIGPIPE


def test_a_closed_pipe_without_a_signal_ends_in_silence():
    source = """
        import sys
        from bocpy import _command_line

        def main():
            print("x" * 100_000)
            return 0

        _command_line.signal = None  # a system without SIGPIPE
        _command_line.run_program(main)
    """
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source)],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(None),
    )
    os.close(writer)
    _, errors = process.communicate(timeout=LIMIT)
    assert errors == ""
    assert process.returncode == 128 + 13
