"""What the command lines of the examples share: `--help`, `--workers`, `--backend`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bocpy import start
from bocpy._command_line import run_program as run_program


def count(text: str) -> int:
    """A number of things from the command line: at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return number


def parser(
    text: str | None, *, workers: bool = True, backend: bool = True
) -> argparse.ArgumentParser:
    """A parser that shows the program's docstring, with the options of them all."""
    made = argparse.ArgumentParser(
        prog=f"python -m bocpy.examples.{Path(sys.argv[0]).stem}",
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if workers:
        made.add_argument("--workers", type=count, help="default: one for each core")
    if backend:
        made.add_argument("--backend", choices=("interpreters", "threads"))
    return made


def begin(options: argparse.Namespace) -> None:
    """Starts the runtime as the command line asks."""
    start(options.workers, backend=options.backend)
