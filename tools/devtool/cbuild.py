"""Building and testing libboc in one configuration."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from devtool import compilers, environments, models, platforms
from devtool.base import ROOT, WORK, Command, Failed, remove_tree, run
from devtool.environments import Environment
from devtool.interpreters import Interpreter
from devtool.jobs import Tally, count_programs

#: How often `--stress` runs each stress test; every run draws a seed of its own.
STRESS_REPEATS = 20


@dataclass(frozen=True)
class Configuration:
    """One way to build libboc; its folder and its log have its name."""

    compiler: str | None = None
    sanitize: str | None = None
    park: str = "auto"
    tiny: bool = False
    checks: bool = False
    systematic: bool = False
    platform: str | None = None
    stress: bool = False
    #: Runs the models of tests/models and their mutants instead of the C tests.
    models: bool = False

    @property
    def name(self) -> str:
        parts = ["c", self.platform or Path(self.compiler or "cc").name]
        if self.sanitize:
            parts.append(
                {"address,undefined": "asan", "thread": "tsan"}.get(
                    self.sanitize, self.sanitize.replace(",", "-")
                )
            )
        parts += [] if self.park == "auto" else [self.park]
        parts += ["tiny"] if self.tiny else []
        parts += ["checks"] if self.checks else []
        parts += ["systematic"] if self.systematic else []
        parts += ["models"] if self.models else []
        return "-".join(parts)

    def options(self) -> list[str]:
        result = [f"-Dpark={self.park}", "-Dwerror=true"]
        result += [f"-Dtiny={str(self.tiny).lower()}"]
        result += [f"-Dchecks={str(self.checks).lower()}"]
        result += [f"-Dsystematic={str(self.systematic).lower()}"]
        if self.models:
            result += ["-Dmodels=true", "-Dtests=disabled", "-Ddefault_library=static"]
        if self.sanitize:
            # Clang requires that shared libraries leave its sanitizers' symbols
            # undefined.
            result += [f"-Db_sanitize={self.sanitize}", "-Db_lundef=false"]
        return result


def variables(configuration: Configuration, tools: Environment) -> dict[str, str]:
    changes: dict[str, str] = {}
    if configuration.platform:
        changes.update(platforms.variables(configuration.platform))
    elif configuration.compiler:
        changes["CC"] = compilers.require(configuration.compiler)
    else:
        compilers.default()
    changes.setdefault("TSAN_OPTIONS", "halt_on_error=1:second_deadlock_stack=1")
    return tools.variables(**changes)


def set_up(
    configuration: Configuration,
    tools: Environment,
    log: TextIO,
    extra: Sequence[str] = (),
    folder: Path | None = None,
) -> Path:
    """A configured build folder; made anew only when its options have changed."""
    folder = folder or WORK / "build" / configuration.name
    arguments = configuration.options() + list(extra)
    if configuration.platform:
        arguments += platforms.setup_arguments(configuration.platform)
    mark = folder / "set-up-with"
    wanted = "\n".join([str(tools.interpreter.executable), *arguments])
    if mark.exists() and mark.read_text() == wanted:
        return folder
    remove_tree(folder)
    command: Command = [tools.tool("meson"), "setup", folder, ROOT, *arguments]
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Some compilers leave files in the folder in which they are probed.
    run(command, log=log, cwd=folder.parent, env=variables(configuration, tools))
    mark.write_text(wanted)
    return folder


#: Longer inputs only repeat the cases of short ones.
LONGEST_PROGRAM = 1024


def fuzz(seconds: int, interpreter: Interpreter) -> Path:
    """Runs random programs, guided by coverage if clang is installed; returns their
    folder."""
    clang = "clang" in compilers.available()
    configuration = Configuration("clang" if clang else None, "address,undefined")
    tools = environments.build_tools(interpreter)
    folder = WORK / "build" / "fuzz"
    corpus = WORK / "fuzz"
    corpus.mkdir(parents=True, exist_ok=True)
    extra = [f"-Dlibfuzzer={str(clang).lower()}"]
    with (WORK / "logs" / "fuzz.log").open("w", encoding="utf-8") as log:
        set_up(configuration, tools, log, extra, folder)
        env = variables(configuration, tools)
        meson = tools.tool("meson")
        run([meson, "compile", "-C", folder, "fuzz"], log=log, env=env)
    command: Command = [folder / "tests" / "fuzz" / "fuzz"]
    if clang:
        command += [f"-max_total_time={seconds}", f"-max_len={LONGEST_PROGRAM}"]
        command += ["-print_final_stats=1", "-verbosity=0", "-print_funcs=0"]
        # otherwise it prefers short programs, which do little
        command += ["-len_control=0", corpus]
    else:
        command += ["--seconds", str(seconds)]
    run(command, cwd=corpus, env=env)
    return corpus


def wrapper(configuration: Configuration) -> list[str]:
    """ThreadSanitizer of older compilers fails with much address randomization."""
    bits = Path("/proc/sys/vm/mmap_rnd_bits")
    if configuration.sanitize == "thread" and sys.platform == "linux":
        if bits.exists() and int(bits.read_text()) > 28 and shutil.which("setarch"):
            return ["--wrapper", "setarch -R"]
    return []


def test(
    configuration: Configuration, interpreter: Interpreter, jobs: int, log: TextIO
) -> Tally:
    """Builds the configuration and runs its C tests."""
    if configuration.platform:
        platforms.require(configuration.platform)
    if configuration.models:
        models.require()
    tools = environments.build_tools(interpreter, log)
    if configuration.platform:
        tools = platforms.add_tools(configuration.platform, tools, log)
    folder = set_up(configuration, tools, log)
    env = variables(configuration, tools)
    meson = tools.tool("meson")
    run([meson, "compile", "-C", folder, "-j", str(jobs)], log=log, env=env)
    if configuration.platform and not platforms.runs(configuration.platform):
        return Tally(passed=1)
    report = folder / "meson-logs" / "testlog.json"
    remove_tree(report)
    command: Command = [
        meson,
        "test",
        "-C",
        folder,
        "--no-rebuild",
        "--print-errorlogs",
    ]
    command += ["--num-processes", str(jobs), *wrapper(configuration)]
    if configuration.stress:
        command += ["--suite", "stress", "--repeat", str(STRESS_REPEATS)]
        command += ["--timeout-multiplier", "10"]
    try:
        run(command, log=log, env=env)
    except Failed:
        if not count_programs(report).failed:
            raise
    return count_programs(report)
