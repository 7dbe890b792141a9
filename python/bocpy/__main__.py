"""The command line: `python -m bocpy demo`, `python -m bocpy info`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

import bocpy

from ._command_line import run_program
from ._info import extension_packages, info, refusing


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
    for engine in ("dask", "ray"):
        demo.add_argument(
            f"--{engine}",
            nargs="?",
            const="local",
            metavar="ADDRESS",
            help=f"behaviors over a cluster of {engine.capitalize()}'s (default: over "
            "worker processes of this machine)",
        )
    demo.add_argument("--no-color", action="store_true", help="plain text only")
    demo.add_argument("--json", action="store_true", help="print the result as JSON")
    info = commands.add_parser(
        "info",
        help="print what a report of a defect needs",
        description=(
            "Prints versions, backend, workers and settings, and which installed"
            " packages with extension modules refuse sub-interpreters. Each is imported"
            " in a process of its own, which takes a moment."
        ),
    )
    info.add_argument("--quick", action="store_true", help="leave the packages out")
    return whole


def cluster_of(options: argparse.Namespace) -> tuple[str, str] | None:
    """The engine and the address that the command line names; None without them."""
    for engine in ("dask", "ray"):
        address = getattr(options, engine)
        if address is not None:
            return engine, address
    return None


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = parser().parse_args(arguments)
    if options.command == "info":
        return show_info(quick=options.quick)
    from ._demo import demo

    color = not options.no_color and "NO_COLOR" not in os.environ
    try:
        return demo(
            options.path,
            workers=options.workers,
            backend=options.backend,
            color=color and sys.stdout.isatty(),
            as_json=options.json,
            cluster=cluster_of(options),
        )
    except KeyboardInterrupt:
        give_up()


def show_info(*, quick: bool) -> int:
    for name, text in info().items():
        print(f"{name:<13}{text}")
    if quick:
        return 0
    print("\nPackages with extension modules, in bodies on the backend `interpreters`:")
    found = extension_packages()
    for distribution, modules in found.items():
        answer = refusing(modules) or "can be imported"
        print(f"  {distribution:<28} {answer}", flush=True)
    if not found:
        print("  none is installed")
    return 0


def give_up() -> NoReturn:
    """Ends the process at once.

    An ordinary exit would finish the scheduled behaviors, for which a user who has
    pressed Ctrl-C does not want to wait.
    """
    print("\nbocpy: interrupted", file=sys.stderr, flush=True)
    os._exit(130)


if __name__ == "__main__":
    run_program(main)
