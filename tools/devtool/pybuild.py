"""Building and testing the package on one interpreter.

Four ways to install the package, each followed by the same suite: the wheel (with a
kept build folder, so that a second run compiles only what changed), the source
distribution unpacked elsewhere, the editable install, and the chroot, where `./dev`
runs itself.
"""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from devtool import chroot, compilers, environments
from devtool.base import ROOT, WORK, Command, Failed, Problem, remove_tree, say
from devtool.environments import Environment
from devtool.interpreters import Interpreter
from devtool.jobs import Tally, count_junit, read_report

BUILD = WORK / "build"
NO_TESTS = 5

#: The files that show that a package is complete, however it was installed. The whole
#: suite runs on each interpreter's wheel.
SMOKE = (
    "test_build.py",
    "test_cown.py",
    "test_demo.py",
    "test_when.py",
)

#: What the documentation and the programs in it need.
DOCS = ("docs", "test", "recipes")
#: Versions for which there are wheels of bocpy 0.14.
ORACLES = ("3.12", "3.13")
#: Where Jupyter can be installed without building it, and its tests run.
NOTEBOOKS = ("3.12", "3.13")
#: The tables of misuses, which depend on the core.
MISUSES = "test_misuse_*.py"
#: Files that the matrix runs on one interpreter only, since they take long and do not
#: depend on the version; all other files of tests/py run on each.
NEWEST = (
    "test_backends.py",
    "test_program_exit.py",
    "test_fork_states.py",
    "test_fork_waits.py",
    "test_guide.py",
    "test_interrupts.py",
    "test_linker.py",
    MISUSES,
    "test_notebook.py",
    "test_ship.py",
    "test_shipment.py",
    "test_subprocesses.py",
)
#: Where the matrix leaves out the tests marked `stress`: the version beside them has
#: the same source and the same kind of interpreter.
UNSTRESSED = ("3.10", "3.11", "3.12", "3.15")
#: Where the matrix tests the backend `interpreters` alone: `threads` is the same on the
#: version beside them.
ONE_BACKEND = ("3.12", "3.15")
#: What of the suite of bindings/libboc the matrix runs on PyPy: all but the random
#: programs, which run on CPython.
PYPY_LIBBOC = tuple(
    f"tests/cffi/test_{name}.py"
    for name in (
        "behavior",
        "c_misuse",
        "cown",
        "exit_and_fork",
        "lane",
        "mailbox",
        "noticeboard",
        "runtime",
        "scope",
    )
)
#: The Python that the engines of clusters are installed on.
DISTRIBUTED_PYTHON = "3.13"
#: The disturbances of tests/soak/storms.py, and for how long the matrix runs each.
STORMS = ("signals", "forks", "exits")
STORM_MINUTES = 1 / 6
#: Folders whose tests other jobs run, with the packages that they need; all tests but
#: those that need none.
DISTRIBUTED = "bocpy_distributed/"
TOOLS = "tools/"
WITHOUT_ENGINE = ("bocpy_distributed/test_linker.py", "bocpy_distributed/test_peers.py")


def matrix_files(*, newest: bool) -> tuple[str, ...]:
    """The files of tests/py that the matrix runs on an interpreter."""
    folder = ROOT / "tests" / "py"
    left_out = () if newest else NEWEST
    names = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("test_*.py")
        if not any(path.match(name) for name in left_out)
    }
    found = {name for name in names if not name.startswith((DISTRIBUTED, TOOLS))}
    return tuple(sorted(found | (set(WITHOUT_ENGINE) if newest else set())))


def matrix_arguments(interpreter: Interpreter, *, newest: bool) -> tuple[str, ...]:
    """The tests that pytest runs on an interpreter in the matrix. On PyPy, which starts
    slowest, that is a selection: `./dev test --python pypy3.11` runs everything."""
    if not interpreter.is_cpython:
        left_out = [name for name in NEWEST if name != MISUSES]
        return (*matrix_cffi_arguments(*left_out), *PYPY_LIBBOC)
    marks = ("-m", "not stress") if interpreter.name in UNSTRESSED else ()
    one = ("--backend", "interpreters") if interpreter.name in ONE_BACKEND else ()
    files = (f"tests/py/{name}" for name in matrix_files(newest=newest))
    return (*files, *marks, *one)


def matrix_cffi_arguments(*left_out: str) -> tuple[str, ...]:
    """The tests of tests/py that the matrix runs on the core by cffi."""
    # The folder, not its files: conftest.py leaves out tests of what this core lacks.
    names = (*left_out, "bocpy_distributed/*", "tools/*")
    ignored = (f"--ignore-glob=**/{name}" for name in names)
    return ("tests/py", *ignored, "-m", "not stress")


def suite_files(*names: str, root: Path = ROOT) -> list[Path]:
    """Files of tests/py by their names, in any folder."""
    found = []
    for name in names:
        files = list((root / "tests" / "py").rglob(name))
        if len(files) != 1:
            raise Problem(
                f"tests/py has {len(files)} files of the name {name}, not one"
            )
        found += files
    return found


def build_wheel(
    tools: Environment, source: Path, name: str, log: TextIO | None, *options: str
) -> Path:
    """A wheel of `source`; its build folder is kept."""
    compilers.default()
    folder = BUILD / name
    wheels = WORK / "wheels" / name
    remove_tree(wheels)
    folder.mkdir(parents=True, exist_ok=True)
    given = [f"build-dir={folder}", "setup-args=-Dwerror=true"]
    given += [f"setup-args={option}" for option in options]
    # Spelled out: the pip that comes with Python 3.10 has no -C.
    settings = [f"--config-settings={setting}" for setting in given]
    command: Command = ["wheel", "--no-build-isolation", "--no-deps", "-w", wheels]
    tools.pip(*command, *settings, source, log=log)
    (wheel,) = wheels.glob("*.whl")
    return wheel


_plain_wheels: dict[str, Path] = {}
_plain_wheels_lock = threading.Lock()


def install_plain_wheel(
    env: Environment, interpreter: Interpreter, log: TextIO | None
) -> None:
    """Installs the wheel that users get. The first job that needs it for an interpreter
    builds it; the others take that wheel."""
    with _plain_wheels_lock:
        wheel = _plain_wheels.get(interpreter.name)
        if wheel is None:
            wheel = build_wheel(env, ROOT, f"plain-{interpreter.name}", log)
            _plain_wheels[interpreter.name] = wheel
    install_wheel(env, wheel, log)


#: A run may be repeated with up to so many failures: more are no coincidence.
AGAIN_MAX = 6


def with_place(arguments: Sequence[str | Path], cwd: Path) -> Command:
    """Pytest's arguments, with the suite if they name no file: from the root, pytest
    would collect other suites too, whose files have the same names."""
    names = [str(each).partition("::")[0] for each in arguments]
    if any((cwd / name).exists() for name in names):
        return list(arguments)
    return [*arguments, cwd / "tests" / "py"]


def suite(
    env: Environment,
    name: str,
    log: TextIO,
    *arguments: str | Path,
    cwd: Path = ROOT,
    **variables: str,
) -> Tally:
    """Runs pytest in the environment; from `cwd`, whose tests/py is the suite.

    Many tests wait for other processes and threads, and run beside other jobs. If few
    fail, they run again alone before they count, and a line says so.
    """
    chosen: Command = with_place(arguments, cwd)
    cache = WORK / "pytest" / name
    remove_tree(cache)
    chosen += ["-o", f"cache_dir={cache}"]
    first = pytest_once(env, name, log, chosen, variables)
    if not 0 < first.failed <= AGAIN_MAX:
        return first
    chosen += ["--last-failed", "--last-failed-no-failures", "none"]
    again = pytest_once(env, f"{name}-again", log, chosen, variables)
    if again.failed or not again.passed:
        return first
    names = ", ".join(dict.fromkeys(each.name for each in first.failures))
    say(f"  {name}: failed beside other jobs and passed alone: {names}")
    return Tally(first.passed + again.passed, 0, first.skipped)


def pytest_once(
    env: Environment,
    name: str,
    log: TextIO,
    chosen: Command,
    variables: dict[str, str],
) -> Tally:
    report = WORK / "reports" / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    remove_tree(report)
    command: Command = [env.python, "-m", "pytest", "-q", "--tb=short"]
    try:
        env.run([*command, f"--junitxml={report}", *chosen], log=log, **variables)
    except Failed as failure:
        if str(failure).endswith(f"code {NO_TESTS}"):
            raise Problem("pytest found no tests") from None
        if not count_junit(report).failed:
            raise
    return count_junit(report)


def wheel_environment(
    interpreter: Interpreter, log: TextIO | None, *requirements: str
) -> Environment:
    files = environments.requirements("build", *requirements)
    name = "-".join(["py", interpreter.name, *requirements])
    return environments.make(name, interpreter, files, log=log)


def install_wheel(env: Environment, wheel: Path, log: TextIO | None) -> None:
    env.pip("install", "--force-reinstall", "--no-deps", wheel, log=log)


def test_wheel(interpreter: Interpreter, log: TextIO, *arguments: str) -> Tally:
    name = f"py-{interpreter.name}"
    more = ["notebook"] if interpreter.name in NOTEBOOKS else []
    env = wheel_environment(interpreter, log, "test", *more)
    wheel = build_wheel(env, ROOT, name, log, "-Dtest_hooks=enabled")
    install_wheel(env, wheel, log)
    find_oracle(interpreter, log)
    return suite(env, name, log, *arguments)


def find_oracle(interpreter: Interpreter, log: TextIO) -> None:
    """Lets the tests ask bocpy 0.14, in an environment of its own, where there is a
    wheel of it; elsewhere its recorded answers do (matrix_oracle.py of tests/py)."""
    if interpreter.name not in ORACLES or "BOCPY_ORACLE" in os.environ:
        return
    files = environments.requirements("oracle")
    try:
        env = environments.make(
            f"oracle-{interpreter.name}", interpreter, files, log=log
        )
    except Failed:
        return
    os.environ["BOCPY_ORACLE"] = str(env.python)


def backends(interpreter: Interpreter) -> list[str]:
    both = interpreter.version >= (3, 12) and not interpreter.free_threaded
    return ["interpreters", "threads"] if both else ["threads"]


def soak_command(
    env: Environment, backend: str, minutes: float, storm: str | None = None
) -> Command:
    program = ROOT / "tests" / "soak" / "soak.py"
    command: Command = [env.python, program, "--backend", backend]
    command += ["--minutes", str(minutes)]
    return [*command, "--storm", storm] if storm else command


def test_soak(interpreter: Interpreter, minutes: float, log: TextIO) -> Tally:
    """All operations mixed, for some minutes on each backend, and each storm for some
    seconds: one test each."""
    env = wheel_environment(interpreter, log, "test")
    install_plain_wheel(env, interpreter, log)
    found = backends(interpreter)
    for backend in found:
        env.run(soak_command(env, backend, minutes), log=log)
        for storm in STORMS:
            env.run(soak_command(env, backend, STORM_MINUTES, storm), log=log)
    return Tally(passed=len(found) * (1 + len(STORMS)))


def test_distributed(interpreter: Interpreter, log: TextIO) -> Tally:
    """The tests on clusters of Dask and of Ray, with both installed."""
    name = f"py-{interpreter.name}-distributed"
    env = wheel_environment(interpreter, log, "test", "distributed")
    install_plain_wheel(env, interpreter, log)
    return suite(env, name, log, ROOT / "tests" / "py" / DISTRIBUTED)


def test_tools(interpreter: Interpreter, log: TextIO) -> Tally:
    """Runs programs under coverage.py, profilers and debuggers, and frozen ones."""
    name = f"py-{interpreter.name}-tools"
    env = wheel_environment(interpreter, log, "test", "tools")
    install_plain_wheel(env, interpreter, log)
    return suite(env, name, log, ROOT / "tests" / "py" / TOOLS)


#: Packages whose event loops and servers programs use to wait.
LOOPS = (
    "test_async_behaviors.py",
    "test_await.py",
    "test_executor.py",
    "test_hold.py",
    "test_loop_lives.py",
    "test_loop_turns.py",
    "test_results.py",
    "test_scope_loops.py",
    "test_scope_task_groups.py",
    "test_web.py",
)


def test_loops(interpreter: Interpreter, log: TextIO) -> Tally:
    """Runs the tests of awaiting, of the executor and of the web examples, with the
    event loops, servers and libraries for which they are."""
    name = f"py-{interpreter.name}-loops"
    env = wheel_environment(interpreter, log, "test", "loops")
    install_plain_wheel(env, interpreter, log)
    return suite(env, name, log, *suite_files(*LOOPS))


def test_sdist(interpreter: Interpreter, log: TextIO) -> Tally:
    """Makes a source distribution and a wheel from it, and tests that wheel in a clean
    environment."""
    tools = wheel_environment(interpreter, log, "test")
    place = BUILD / "sdist"
    remove_tree(place)
    place.mkdir(parents=True)
    command: Command = [tools.python, "-m", "build", "--sdist", "--no-isolation"]
    tools.run([*command, "-o", place, ROOT], log=log)
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extraction_filter = getattr(tarfile, "data_filter", None)
        opened.extractall(place)
    source = place / archive.name.removesuffix(".tar.gz")
    wheel = build_wheel(tools, source, "sdist-wheel", log)
    files = environments.requirements("test")
    clean = environments.make("sdist", interpreter, files, log=log, fresh=True)
    install_wheel(clean, wheel, log)
    return suite(clean, "sdist", log, *suite_files(*SMOKE, root=source), cwd=source)


def test_editable(interpreter: Interpreter, log: TextIO) -> Tally:
    files = environments.requirements("build", "test")
    env = environments.make("editable", interpreter, files, log=log)
    folder = BUILD / "editable"
    folder.mkdir(parents=True, exist_ok=True)
    command: Command = ["install", "--no-build-isolation", "--no-deps"]
    env.pip(*command, f"--config-settings=build-dir={folder}", "-e", ROOT, log=log)
    return suite(env, "editable", log, *suite_files(*SMOKE))


def test_in_chroot(interpreter: Interpreter, log: TextIO, *arguments: str) -> Tally:
    """Runs `./dev test` inside the chroot and reads the tally that it reports."""
    report = WORK / "reports" / f"chroot-{interpreter.name}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    remove_tree(report)
    inside = chroot.TREE / report.relative_to(ROOT)
    runner = interpreter.executable if interpreter.is_cpython else chroot.runner()
    command: Command = [
        runner,
        chroot.TREE / "dev",
        "test",
        "--python-only",
    ]
    command += ["--python", interpreter.executable, "--report", inside]
    if arguments:
        command += ["--", *arguments]
    try:
        chroot.run(command, log)
    except Failed:
        if not report.exists():
            raise
    return read_report(report)


def test_cffi(interpreter: Interpreter, log: TextIO, *arguments: str) -> Tally:
    """Tests the package `libboc` with its suite, and bocpy's whole suite on its core by
    cffi, which on CPython is built beside the extension."""
    name = f"cffi-{interpreter.name}"
    more = ["cffi"] if interpreter.is_cpython else []
    files = environments.requirements("build", "test", *more)
    env = environments.make(name, interpreter, files, log=log)
    package = build_wheel(env, ROOT / "bindings" / "libboc", f"{name}-libboc", log)
    install_wheel(env, package, log)
    options = ["-Dcffi=enabled"] if interpreter.is_cpython else []
    install_wheel(env, build_wheel(env, ROOT, name, log, *options), log)
    # Its suite has a conftest.py of its own, and so runs separately.
    libboc = [each for each in arguments if each.startswith("tests/cffi")]
    if not arguments:
        libboc = [str(ROOT / "tests" / "cffi")]
    tally = suite(env, f"{name}-libboc", log, *libboc) if libboc else Tally()
    rest = [each for each in arguments if each not in libboc]
    if arguments and not rest:
        return tally
    return tally + suite(env, name, log, *rest, BOCPY_CORE="cffi")


def test(interpreter: Interpreter, log: TextIO, *arguments: str) -> Tally:
    if interpreter.chroot:
        return test_in_chroot(interpreter, log, *arguments)
    if not interpreter.is_cpython:
        return test_cffi(interpreter, log, *arguments)
    return test_wheel(interpreter, log, *arguments)


def build_docs(interpreter: Interpreter, log: TextIO | None) -> Path:
    """Builds the documentation of docs/ as HTML; a warning is an error. The reference
    is made from docstrings, so the package is installed first."""
    env = wheel_environment(interpreter, log, *DOCS)
    install_plain_wheel(env, interpreter, log)
    target = WORK / "docs"
    command: Command = [env.python, "-m", "sphinx", "-q", "-W", "--keep-going"]
    env.run([*command, "-d", WORK / "doctrees", ROOT / "docs", target], log=log)
    return target / "index.html"


def test_docs(interpreter: Interpreter, log: TextIO) -> Tally:
    """Builds the documentation, which counts as one test, and runs its programs where
    the packages that recipes use are installed."""
    build_docs(interpreter, log)
    env = wheel_environment(interpreter, log, *DOCS)
    (guide,) = suite_files("test_guide.py")
    return Tally(passed=1) + suite(env, "docs", log, guide, BOCPY_TEST_RECIPES="1")


def test_dev(interpreter: Interpreter, log: TextIO) -> Tally:
    """Runs the tests of `./dev` itself, and of installing libboc."""
    env = wheel_environment(interpreter, log, "test", "install")
    places = [ROOT / "tests" / "dev"]
    if compilers.pkg_config():
        places.append(ROOT / "tests" / "install")
    os.environ.setdefault("BOC_TEST_WORK", str(WORK))
    return suite(env, "dev", log, *places)
