"""Arguments and help of `./dev`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from devtool import (
    checks,
    commands,
    cross_extension,
    job_matrix,
    platforms,
    pybuild,
    single_test,
    wheels,
)
from devtool.base import Failed, Problem, say
from devtool.cbuild import Configuration
from devtool.interpreters import Interpreter, choose, newest, probe
from devtool.jobs import Tally, run_jobs, write_report

DESCRIPTION = """\
The developer's one command. It makes its own environments in .dev, with pinned tools,
and picks the newest suitable Python that it finds (pyenv's included), saying which.

  ./dev demo            see behaviors at work on all cores
  ./dev test            build everything, run all C and Python tests
  ./dev check           format, lint, types, layers
  ./dev bench           tables of what things cost
  ./dev docs            the documentation as HTML
  ./dev fuzz            random programs against a sequential run
  ./dev soak            all operations of the package mixed, from several threads
  ./dev wheels          wheels as they are published, repaired and tested
  ./dev python 3.13t    prepare an interpreter that is not installed

On Windows: python dev test
"""

DEMO = """\
Builds and installs the package into an environment of its own and runs its main job: an
analysis of all Python files of the interpreter's standard library, or of PATH, by
behaviors on all cores, checked against a sequential run, with both times.

  ./dev demo
  ./dev demo ~/src/project
  ./dev demo --python 3.13t
"""

TEST = """\
Builds everything and runs all C and Python tests, and ends with the line
'N passed, N failed'. Without options: this machine's compiler and the newest Python.
Each job has a log in .dev/logs. Tests that fail are explained as their job ends, and
listed once more at the end.

  ./dev test                                    what to run before a commit
  ./dev test --only request                     one C test, built incrementally: seconds
  ./dev test --only test_when.py                one file of Python tests, likewise
  ./dev test --only "cown and not stress"       or what pytest's -k takes
  ./dev test --matrix                           what CI runs: every configuration below
  ./dev test --python 3.10 --python 3.13t       the package on two interpreters
  ./dev test --c-only --compiler clang --sanitize thread --park posix
  ./dev test --c-only --stress                  the stress tests, again and again
  ./dev test --models                           the protocols, model-checked by Relacy
  ./dev test --platform s390x                   libboc, cross-compiled and emulated
  ./dev test --platform all                     docs/platforms.md says what that means
  ./dev test --platform list                    the platforms, and what each needs
  ./dev test --python-only -- -k cown           what follows -- goes to pytest
"""

CHECK = """\
Reads the sources without running them: clang-format and clang-tidy for C; ruff, strict
mypy and pyright for Python; what may not stand where (tools/check_layers.py); functions
and files that are too long (tools/check_sizes.py); comments damaged by a formatter
(tools/check_comments.py); tags of atomic operations and the pages on them
(tools/check_orders.py); public headers alone, as C11 and as C++17; whether pictures and
made pages are up to date; the CI workflows.

  ./dev check
  ./dev check --fix        let clang-format, ruff and the makers of pictures write files
  ./dev check format lint  only these
"""

BENCH = """\
Builds the benchmark programs optimized, runs them and their peers in turn, and prints
tables; docs/benchmarks.md says how to read them. What follows -- goes to
benchmarks/run.py, whose --help lists the rest.

  ./dev bench
  ./dev bench c -- --instructions
  ./dev bench c --plot                     pictures, too, into docs/_static
  ./dev bench c -- --verona CLONE          beside a clone of microsoft/verona-rt
  ./dev bench cpp                          the Savina programs on boc.hpp
  ./dev bench python --python 3.13
"""

FUZZ = """\
Runs random programs on libboc, with address and undefined-behavior sanitizers, and
compares each with a sequential run: tests/fuzz/program.h. With clang, libFuzzer looks
for programs that reach new code and keeps them in .dev/fuzz; the one that fails stays
there too, and .dev/build/fuzz/tests/fuzz/fuzz FILE runs it again.

  ./dev fuzz
  ./dev fuzz 600
"""

SOAK = """\
Mixes all operations of the package, from several threads at once, with signals, forks,
programs that end and a runtime that is started again, and checks that nothing is lost,
run twice or out of order, and that memory stays flat: tests/soak/soak.py. With --storm
signals, forks or exits come without a pause: tests/soak/storms.py. On both
backends in turn where there are two. --seed repeats the choices of a run.

  ./dev soak
  ./dev soak --minutes 10 --backend interpreters
  ./dev soak --minutes 5 --storm forks
  ./dev soak --python 3.13t -- --workers 8 --threads 4
"""

WHEELS = """\
Builds wheels and the source distribution into dist/ as they are published: repaired by
auditwheel, checked by twine, installed into an environment with nothing else in it and
tested there; with a list of what is inside (SBOM) and a table of sizes and digests.

  ./dev wheels                                  the newest Python
  ./dev wheels --python 3.12 --python 3.13t
  ./dev wheels --twice                          each is built twice: the same bytes
  ./dev wheels --foreign                        instead: the extension for macOS and
                                                Windows, compiled and linked, not run
"""

PYTHON = """\
Prepares an interpreter that is not installed and keeps it in the user's cache:
3.13t (free-threaded) is built from Debian's source package, some minutes; 3.14, 3.15
and PyPy come in a Debian chroot, which needs root and mmdebstrap. Does nothing if one
is found.

  ./dev python 3.13t
  ./dev python 3.14 && ./dev test --python 3.14
  ./dev python pypy3.11 && ./dev test --python pypy3.11 --python-only
"""


def add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    summary: str,
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=summary,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_build_options(parser: argparse.ArgumentParser) -> None:
    """How libboc is built for its tests."""
    parser.add_argument("--compiler", metavar="CC", help="gcc, clang, ...")
    parser.add_argument(
        "--sanitize",
        metavar="LIST",
        help="address,undefined or thread (with --park posix)",
    )
    parser.add_argument(
        "--park",
        choices=["auto", "win", "posix", "c11"],
        default="auto",
        help="where mutexes and threads come from",
    )
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="shrink every capacity, so that overflow is ordinary",
    )
    parser.add_argument(
        "--checks",
        action="store_true",
        help="panic where a program uses what is over, or something twice",
    )
    parser.add_argument(
        "--systematic",
        action="store_true",
        help="run under the scheduler that chooses every interleaving",
    )
    parser.add_argument(
        "--stress",
        action="store_true",
        help="only the stress tests, repeated with new seeds",
    )
    parser.add_argument(
        "--models",
        action="store_true",
        help="only the models of libboc's protocols, and the mutants that they find",
    )
    parser.add_argument(
        "--platform",
        metavar="NAME",
        action="append",
        default=[],
        help="list, all, or: " + ", ".join(platforms.PLATFORMS),
    )


def add_test_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        metavar="NAME",
        help="one test: of C, a file of Python tests, or a word of pytest's -k",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--c-only", action="store_true", help="only libboc")
    part.add_argument("--python-only", action="store_true", help="only the package")
    parser.add_argument(
        "--matrix",
        "--all",
        action="store_true",
        help="every compiler, sanitizer, option and Python there is",
    )
    parser.add_argument(
        "--python",
        metavar="VERSION",
        action="append",
        default=[],
        help="3.13, 3.13t or a path; may be repeated",
    )
    add_build_options(parser)
    parser.add_argument(
        "--parallel",
        metavar="N",
        type=int,
        help="jobs at once; one for each core, with --matrix one more",
    )
    parser.add_argument("--report", metavar="FILE", type=Path, help=argparse.SUPPRESS)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="dev",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands_ = result.add_subparsers(dest="command", metavar="COMMAND", required=True)
    demo = add_command(commands_, "demo", DEMO, "see behaviors at work on all cores")
    demo.add_argument(
        "path", nargs="?", metavar="PATH", help="a folder of Python files"
    )
    add_test_options(add_command(commands_, "test", TEST, "build and test everything"))
    bench = add_command(commands_, "bench", BENCH, "tables of what things cost")
    bench.add_argument(
        "what", nargs="?", choices=["c", "cpp", "python", "all"], default="all"
    )
    bench.add_argument(
        "--plot", action="store_true", help="draw the C table as SVG, light and dark"
    )
    check = add_command(commands_, "check", CHECK, "format, lint, types, layers")
    check.add_argument("--fix", action="store_true", help="mend what can be mended")
    check.add_argument(
        "only", nargs="*", metavar="CHECK", help="of: " + ", ".join(checks.CHECKS)
    )
    fuzz = add_command(commands_, "fuzz", FUZZ, "random programs on libboc")
    fuzz.add_argument("seconds", nargs="?", metavar="SECONDS", type=int, default=60)
    soak = add_command(commands_, "soak", SOAK, "all operations mixed, for a while")
    soak.add_argument("--minutes", type=float, default=1, help="for each backend; 1")
    soak.add_argument("--backend", choices=["interpreters", "threads"])
    soak.add_argument("--seed", type=int)
    soak.add_argument("--storm", choices=pybuild.STORMS)
    docs = add_command(
        commands_,
        "docs",
        "Builds docs/ into .dev/docs with Sphinx; a warning is an error.",
        "the documentation as HTML",
    )
    for each in (demo, bench, check, docs, soak):
        each.add_argument("--python", metavar="VERSION", help="3.13, 3.13t or a path")
    wheel = add_command(commands_, "wheels", WHEELS, "wheels as they are published")
    wheel.add_argument(
        "--python",
        metavar="VERSION",
        action="append",
        help="3.13, 3.13t or a path; may be repeated",
    )
    wheel.add_argument(
        "--twice", action="store_true", help="build each again: the same bytes"
    )
    wheel.add_argument(
        "--foreign",
        action="store_true",
        help="only compile and link the extension for macOS and Windows",
    )
    python = add_command(commands_, "python", PYTHON, "prepare an interpreter")
    python.add_argument("version", metavar="VERSION")
    return result


def wish(arguments: argparse.Namespace, rest: list[str]) -> job_matrix.Wish:
    if "thread" in (arguments.sanitize or "") and arguments.park == "c11":
        raise Problem("ThreadSanitizer does not know C11 mutexes: use --park posix")
    c_chosen = arguments.stress or arguments.platform or arguments.models
    return job_matrix.Wish(
        c=not arguments.python_only and not (arguments.python and not arguments.c_only),
        python=not arguments.c_only and not c_chosen,
        matrix=arguments.matrix,
        pythons=tuple(arguments.python),
        platforms=tuple(arguments.platform),
        configuration=Configuration(
            compiler=arguments.compiler,
            sanitize=arguments.sanitize,
            park=arguments.park,
            tiny=arguments.tiny,
            checks=arguments.checks,
            systematic=arguments.systematic,
            stress=arguments.stress,
            models=arguments.models,
        ),
        pytest_arguments=tuple(rest),
    )


def tools_interpreter(arguments: argparse.Namespace) -> Interpreter:
    """The interpreter that runs Meson: the newest; in the chroot the one that runs
    this."""
    if arguments.report:
        own = probe(Path(sys.executable))
        if own:
            return own
    return newest()


def jobs_at_once(asked: job_matrix.Wish) -> int:
    """How many jobs run at once unless --parallel says it. The jobs of the matrix wait
    for a fifth of their time (for sleeps, child processes, links), in which one job
    more than there are cores has work to do."""
    return (os.cpu_count() or 1) + asked.matrix


def test(arguments: argparse.Namespace, rest: list[str]) -> int:
    if "list" in arguments.platform:
        say(platforms.table())
        return 0
    if arguments.only:
        spec = arguments.python[0] if arguments.python else None
        if spec and choose(spec).chroot:
            rest = [*single_test.for_pytest(arguments.only), *rest]
            arguments.only, arguments.python_only = None, True
            return test(arguments, rest)
        return single_test.test(arguments.only, commands.pick(spec), rest)
    asked = wish(arguments, rest)
    interpreter = tools_interpreter(arguments)
    parallel = max(1, arguments.parallel or jobs_at_once(asked))
    jobs = job_matrix.jobs(asked, interpreter, 1 if asked.matrix else parallel)
    total = run_jobs(jobs, parallel)
    if arguments.report:
        write_report(arguments.report, total)
    if total == Tally():
        raise Problem("no test was run")
    say(str(total))
    return 1 if total.failed else 0


def dispatch(arguments: argparse.Namespace, rest: list[str]) -> int:
    match arguments.command:
        case "demo":
            path = [arguments.path] if arguments.path else []
            return commands.demo(arguments.python, path + rest)
        case "test":
            return test(arguments, rest)
        case "bench":
            return commands.bench(
                arguments.what, arguments.python, rest, arguments.plot
            )
        case "check":
            chosen = commands.pick(arguments.python)
            return checks.check(chosen, arguments.only, arguments.fix)
        case "fuzz":
            return commands.fuzz(arguments.seconds)
        case "soak":
            if arguments.seed is not None:
                rest = ["--seed", str(arguments.seed), *rest]
            if arguments.storm:
                rest = ["--storm", arguments.storm, *rest]
            backends = [arguments.backend] if arguments.backend else None
            minutes = arguments.minutes
            return commands.soak(arguments.python, backends, minutes, rest)
        case "docs":
            return commands.docs(arguments.python)
        case "wheels":
            chosen_ones = [commands.pick(each) for each in arguments.python or [None]]
            if arguments.foreign:
                return cross_extension.check(chosen_ones[0])
            return wheels.make(chosen_ones, twice=arguments.twice)
        case _:
            return commands.python(arguments.version)


def main(words: list[str]) -> int:
    rest: list[str] = []
    if "--" in words:
        at = words.index("--")
        words, rest = words[:at], words[at + 1 :]
    try:
        return dispatch(parser().parse_args(words), rest)
    except (Problem, Failed) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
