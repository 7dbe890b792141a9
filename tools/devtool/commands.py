"""The subcommands other than `test` and `check`: demo, bench, docs, python."""

from __future__ import annotations

import sys
from pathlib import Path

from devtool import (
    cbuild,
    chroot,
    compilers,
    environments,
    failure_summary,
    install_pythons,
    pybuild,
)
from devtool.base import ROOT, WORK, Command, Failed, Problem, run, say
from devtool.cbuild import Configuration
from devtool.environments import Environment
from devtool.interpreters import Interpreter, choose, newest
from devtool.progress import Progress

DRIVER = ROOT / "benchmarks" / "run.py"


def pick(spec: str | None) -> Interpreter:
    """The interpreter that was asked for, or the newest suitable one; prints which."""
    interpreter = choose(spec) if spec else newest()
    if interpreter.chroot:
        raise Problem(f"Python {interpreter.name} is in a chroot: only tests run there")
    say(f"Python {interpreter.label} at {interpreter.executable}")
    return interpreter


def installed(interpreter: Interpreter, *requirements: str) -> Environment:
    """An environment with the package as this tree has it; the build prints little."""
    compilers.default()
    logs = WORK / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    path = logs / "install.log"
    with path.open("w", encoding="utf-8") as log, Progress() as progress:
        try:
            name = f"py-{interpreter.name}"
            say("an environment for the package (the first time, half a minute)")
            with progress.step("environment"):
                env = pybuild.wheel_environment(interpreter, log, *requirements)
            progress.say("building and installing the package (half a minute)")
            with progress.step("building"):
                wheel = pybuild.build_wheel(env, ROOT, name, log)
                pybuild.install_wheel(env, wheel, log)
        except Failed:
            log.flush()
            said = failure_summary.of_log(
                path.read_text(errors="replace"), "the build failed"
            )
            raise Failed(
                f"{said.shown(failure_summary.FULL).strip()}\nlog: {path}"
            ) from None
    return env


def demo(spec: str | None, arguments: list[str]) -> int:
    say("builds the package, then analyzes Python files: a minute on an idle machine")
    env = installed(pick(spec))
    command: Command = [env.python, "-m", "bocpy", "demo", *arguments]
    # The build has printed what went wrong.
    return run(command, env=env.variables(), ok_codes=range(256))


def bench(what: str, spec: str | None, arguments: list[str], plot: bool) -> int:
    interpreter = pick(spec)
    if plot and what not in ("c", "all"):
        raise Problem("--plot draws pictures of the C table: ./dev bench c --plot")
    if what in ("c", "all"):
        bench_c(interpreter, arguments, plot)
    if what == "cpp":
        bench_cpp(interpreter, arguments)
    if what in ("python", "all"):
        env = installed(interpreter)
        others: list[str | Path] = ["--make-other", WORK / "bocpy-0.14"]
        command: Command = [env.python, DRIVER, "python", "--ours", env.python]
        env.run([*command, *others, *arguments], log=None)
    return 0


def bench_c(interpreter: Interpreter, arguments: list[str], plot: bool) -> None:
    """Runs the C programs beside their peers, built with each installed compiler."""
    tools = (environments.plot_tools if plot else environments.build_tools)(interpreter)
    env = cbuild.variables(Configuration(compiler=None), tools)
    folder = WORK / "build" / "bench"
    pictures: Command = ["--plot", ROOT / "docs" / "_static"] if plot else []
    command: Command = [tools.python, DRIVER, "c", "--build", folder]
    run([*command, *pictures, *arguments], env=env)


def bench_cpp(interpreter: Interpreter, arguments: list[str]) -> None:
    """Runs the programs on boc.hpp, built with each installed compiler."""
    tools = environments.build_tools(interpreter)
    env = cbuild.variables(Configuration(compiler=None), tools)
    folder = WORK / "build" / "bench-cpp"
    run([tools.python, DRIVER, "cpp", "--build", folder, *arguments], env=env)


def fuzz(seconds: int) -> int:
    interpreter = newest()
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    say(f"programs that found something new are in {cbuild.fuzz(seconds, interpreter)}")
    return 0


def soak(
    spec: str | None, backends: list[str] | None, minutes: float, rest: list[str]
) -> int:
    """The soak on each backend in turn, until one finds something."""
    interpreter = choose(spec) if spec else newest()
    if interpreter.chroot:
        return soak_in_chroot(interpreter, backends, minutes, rest)
    env = installed(interpreter)
    for backend in backends or pybuild.backends(interpreter):
        command = pybuild.soak_command(env, backend, minutes)
        env.run([*command, *rest], log=None)
    return 0


def soak_in_chroot(
    interpreter: Interpreter,
    backends: list[str] | None,
    minutes: float,
    rest: list[str],
) -> int:
    """Runs `./dev soak` with an interpreter that takes the chroot for its system."""
    command = [str(interpreter.executable), str(chroot.TREE / "dev"), "soak"]
    command += ["--python", str(interpreter.executable), "--minutes", str(minutes)]
    for backend in backends or ():
        command += ["--backend", backend]
    storm = rest[:2] if rest[:1] == ["--storm"] else []
    more = rest[len(storm) :]
    chroot.run([*command, *storm, *(["--", *more] if more else [])], sys.stdout)
    return 0


def docs(spec: str | None) -> int:
    """Builds docs/ into .dev/docs, and prints the path of the first page."""
    say(f"{pybuild.build_docs(pick(spec), None)}")
    return 0


def python(version: str) -> int:
    interpreter = install_pythons.prepare(version)
    if interpreter.chroot:
        say(f"Python {interpreter.name} is in the chroot {interpreter.chroot}")
    else:
        say(f"Python {interpreter.label} is {interpreter.executable}")
    say(f"run the tests with it: {Path(sys.argv[0])} test --python {interpreter.name}")
    return 0
