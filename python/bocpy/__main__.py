"""The command line: `python -m bocpy demo`, `python -m bocpy info`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

import bocpy

from ._info import info


def positive(text: str) -> int:
    """A number of workers from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return number


def parser() -> argparse.ArgumentParser:
    """The options of all commands."""
    whole = argparse.ArgumentParser(
        prog="python -m bocpy",
        description="Behavior-oriented concurrency for Python.",
    )
    whole.add_argument("--version", action="version", version=bocpy.__version__)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="analyze a tree of Python files in parallel, and in a plain loop",
        description=(
            "Analyzes all Python files below PATH twice, in a plain loop and with"
            " behaviors over cowns; prints what it found, whether both found the same,"
            " and both times. The exit code is 0 if they did."
        ),
    )
    demo.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="a folder or file (default: this interpreter's standard library)",
    )
    demo.add_argument("--workers", type=positive, help="default: one for each core")
    demo.add_argument("--backend", choices=("interpreters", "threads"))
    demo.add_argument("--no-color", action="store_true", help="plain text only")
    demo.add_argument("--json", action="store_true", help="print the result as JSON")
    commands.add_parser("info", help="print versions, backend and number of workers")
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = parser().parse_args(arguments)
    if options.command == "info":
        for name, text in info().items():
            print(f"{name:<12} {text}")
        return 0
    from ._demo import demo

    color = not options.no_color and "NO_COLOR" not in os.environ
    try:
        return demo(
            options.path,
            workers=options.workers,
            backend=options.backend,
            color=color and sys.stdout.isatty(),
            as_json=options.json,
        )
    except KeyboardInterrupt:
        give_up()


def give_up() -> NoReturn:
    """Ends at once: an ordinary exit finishes what is scheduled, which takes seconds
    and is of no use to who has pressed Ctrl-C."""
    print("\nbocpy: interrupted", file=sys.stderr, flush=True)
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
