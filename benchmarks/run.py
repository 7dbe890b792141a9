"""The benchmarks: `run.py c`, `run.py cpp`, `run.py python` print tables of costs.

Figures are medians; ratios come from one run, in which all programs took turns; a
sentence below tells the load of other programs. The C table shows libboc, built by each
compiler, with one worker and with several, the floor (the same by hand in one thread),
OpenMP, oneTBB and Taskflow where they are installed, and verona-rt where a clone is
given. The C++ table shows the programs of the Savina suite on boc.hpp, built by each
compiler. The Python table shows each backend of each interpreter, and bocpy 0.14 beside
it.

    python benchmarks/run.py c --instructions
    python benchmarks/run.py cpp --workload banking
    python benchmarks/run.py python --ours .venv/bin/python --make-other /somewhere
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from driver import c, cpp, python
from driver.tables import HERE


def add_common(command: argparse.ArgumentParser, rounds: int, repeat: int) -> None:
    """The options that all tables have."""
    command.add_argument(
        "--workload", action="append", help="only this one (repeatable)"
    )
    command.add_argument("--rounds", type=int, default=rounds)
    command.add_argument("--repeat", type=int, default=repeat, help="in each round")
    command.add_argument("--n", type=int, help="behaviors in each repetition")
    command.add_argument(
        "--workers",
        type=int,
        default=max(2, os.cpu_count() or 2),
        help="the larger number of workers; one worker is measured too",
    )
    command.add_argument(
        "--save", type=Path, help="write all samples as JSON to a file"
    )


def add_verona(command: argparse.ArgumentParser) -> None:
    """The path of a clone of verona-rt, which no distribution has."""
    command.add_argument(
        "--verona", type=Path, metavar="CLONE", help="a clone of microsoft/verona-rt"
    )


def parser() -> argparse.ArgumentParser:
    """The options of all commands."""
    whole = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = whole.add_subparsers(required=True, metavar="c|cpp|python")
    native = commands.add_parser("c", help="libboc beside its peers")
    native.set_defaults(main=c.main)
    add_common(native, rounds=3, repeat=3)
    native.add_argument("--built", type=Path, help="a folder with the built programs")
    native.add_argument(
        "--plot",
        type=Path,
        nargs="?",
        const=HERE.parent / "docs" / "_static",
        help="draw pictures into a folder (docs/_static), with matplotlib",
    )
    native.add_argument(
        "--build", type=Path, help="where to build (default: temporary)"
    )
    native.add_argument(
        "--from", dest="scheduler", choices=("inside", "outside"), default="inside"
    )
    native.add_argument(
        "--instructions", action="store_true", help="count them too, with valgrind"
    )
    add_verona(native)
    programs = commands.add_parser("cpp", help="programs on boc.hpp, by each compiler")
    programs.set_defaults(main=cpp.main)
    add_common(programs, rounds=3, repeat=3)
    programs.add_argument(
        "--build", type=Path, help="where to build (default: temporary)"
    )
    programs.add_argument(
        "--from", dest="scheduler", choices=("inside", "outside"), default="inside"
    )
    add_verona(programs)
    ours = commands.add_parser("python", help="bocpy on each backend beside bocpy 0.14")
    ours.set_defaults(main=python.main)
    add_common(ours, rounds=3, repeat=1)
    ours.add_argument("--ours", action="append", help="an interpreter with this bocpy")
    ours.add_argument("--other", action="append", default=[], help="one with 0.14")
    ours.add_argument(
        "--make-other", type=Path, help="make environments with 0.14 in this folder"
    )
    return whole


def main() -> int:
    """Runs one command."""
    options = parser().parse_args()
    samples = options.main(options)
    if options.save:
        options.save.write_text(
            json.dumps(samples.as_json(), indent=1), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
