"""`./dev check`: what can be said of the sources without running them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtool import cbuild, commands, compilers, environments
from devtool.base import ROOT, WORK, Failed, Problem, run, say
from devtool.cbuild import Configuration
from devtool.environments import Environment

C_FOLDERS = ("libboc", "python/bocpy/csrc", "tests/c", "examples", "benchmarks")
PYTHON_FOLDERS = ("dev", "tools", "python", "tests", "examples", "benchmarks", "docs")


def sources(folders: Iterable[str], *suffixes: str) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        found += [
            path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes
        ]
    return sorted(found)


def check_format(env: Environment, fix: bool) -> None:
    """clang-format and ruff: the one layout."""
    mode = ["-i"] if fix else ["--dry-run", "-Werror"]
    files = sources(C_FOLDERS, ".c", ".h", ".hpp", ".cpp")
    everything(
        [env.tool("clang-format"), *mode, *files],
        [env.tool("ruff"), "format", *([] if fix else ["--diff", "-q"]), *pythons()],
        env=env,
    )


def pythons() -> list[str]:
    return [folder for folder in PYTHON_FOLDERS if (ROOT / folder).exists()]


def check_lint(env: Environment, fix: bool) -> None:
    """ruff's rules, and clang-tidy over the files of a build with the package."""
    option = ["--fix"] if fix else []
    everything([env.tool("ruff"), "check", "-q", *option, *pythons()], env=env)
    folder = build_for_tidy(env)
    names = ("libboc/src", "python/bocpy/csrc")
    command = [env.tool("clang-tidy"), "--quiet", "-p", folder, "--warnings-as-errors=*"]
    command += ["--extra-arg=-Wno-unknown-warning-option"]
    built = (folder / "compile_commands.json").read_text()
    files = [path for path in sources(names, ".c") if path.name in built]

    def tidy(path: Path) -> str:
        done = subprocess.run(
            [*command, path], env=env.variables(), text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
        )
        return done.stdout if done.returncode else ""

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        findings = [found for found in pool.map(tidy, files) if found]
    if findings:
        raise Failed("clang-tidy:\n" + "\n".join(findings))


def build_for_tidy(env: Environment) -> Path:
    """A configured build with the package, for its list of compile commands."""
    folder = WORK / "build" / "tidy"
    logs = WORK / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "tidy.log").open("w", encoding="utf-8") as log:
        options = ["-Dpython=enabled", "-Ddefault_library=static"]
        cbuild.set_up(Configuration(), env, log, options, folder)
        # Generated headers are needed too; an up-to-date list of files comes with them.
        run([env.tool("ninja"), "-C", folder, "build.ninja"], log=log,
            env=env.variables())
    return folder


def check_types(env: Environment, fix: bool) -> None:
    """mypy, strict, on the package and on what `./dev` is made of."""
    cache = f"--cache-dir={WORK / 'mypy'}"
    everything(
        [env.python, "-m", "mypy", cache, "--strict", "-p", "devtool"],
        [env.python, "-m", "mypy", cache, "--strict", "-p", "bocpy"],
        env=env,
        MYPYPATH=os.pathsep.join(str(ROOT / name) for name in ("tools", "python")),
    )


def check_layers(env: Environment, fix: bool) -> None:
    """Who may include whom, and what may not stand where."""
    everything([env.python, ROOT / "tools" / "check_layers.py"], env=env)


def check_headers(env: Environment, fix: bool) -> None:
    """Every public header compiles alone, as C11 and as C++17."""
    compiler = (compilers.default() or "cl").split()
    if compiler[0] == "cl":
        say("  headers: left to the C tests, which compile them with MSVC")
        return
    build_for_tidy(env)
    generated = WORK / "build" / "tidy" / "libboc" / "include"
    includes = [f"-I{ROOT / 'libboc' / 'include'}", f"-I{generated}"]
    flags = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", *includes]
    commands_: list[list[str | Path]] = []
    for header in sources(["libboc/include"], ".h", ".hpp"):
        source = f"-include{header}"
        if header.suffix == ".h":
            commands_.append([*compiler, "-std=c11", "-pedantic", *flags, source,
                              "-xc", os.devnull])
        commands_.append([*compiler, "-std=c++17", *flags, source, "-xc++", os.devnull])
    everything(*commands_, env=env)


def check_workflows(env: Environment, fix: bool) -> None:
    """actionlint on the CI workflows; bash reads the CI script."""
    everything([env.tool("actionlint"), "-shellcheck=", "-pyflakes="], env=env)
    if sys.platform != "win32":
        everything(["bash", "-n", ROOT / ".ci" / "run"], env=env)


def everything(
    *commands_: list[str | Path] | list[str], env: Environment, **changes: str
) -> None:
    """Runs them all, then fails if one of them did."""
    failures = []
    for command in commands_:
        try:
            run(list(command), env=env.variables(**changes))
        except Failed as failure:
            failures.append(str(failure))
    if failures:
        raise Failed("; ".join(failures))


CHECKS: dict[str, Callable[[Environment, bool], None]] = {
    "format": check_format,
    "lint": check_lint,
    "types": check_types,
    "layers": check_layers,
    "headers": check_headers,
    "workflows": check_workflows,
}


def check(spec: str | None, only: list[str], fix: bool) -> int:
    for name in only:
        if name not in CHECKS:
            raise Problem(f"no check {name}: there are {', '.join(CHECKS)}")
    interpreter = commands.pick(spec)
    files = environments.requirements("build", "test", "check")
    env = environments.make(f"check-{interpreter.name}", interpreter, files)
    failed = 0
    for name in only or CHECKS:
        try:
            CHECKS[name](env, fix)
        except (Failed, Problem) as error:
            say(f"FAIL {name}: {error}")
            failed += 1
        else:
            say(f"ok   {name}")
    return 1 if failed else 0


