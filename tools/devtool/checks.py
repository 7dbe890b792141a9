"""`./dev check`: checks the sources without running them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from devtool import cbuild, compilers, environments, failure_summary
from devtool.base import ROOT, WINDOWS, WORK, Command, Failed, Problem, run, say
from devtool.cbuild import Configuration
from devtool.environments import Environment
from devtool.failure_summary import Failure
from devtool.interpreters import Interpreter
from devtool.jobs import Tally

C_FOLDERS = (
    "libboc",
    "python/bocpy/csrc",
    "python/bocpy/csrc_math",
    "python/bocpy/include",
    "tests/c",
    "tests/fuzz",
    "tests/models",
    "examples",
    "benchmarks",
)
PYTHON_FOLDERS = ("dev", "tools", "python", "tests", "examples", "benchmarks", "docs")


@dataclass(frozen=True)
class Check:
    """The arguments of each check."""

    env: Environment
    fix: bool
    #: The destination of output; None is the terminal.
    log: TextIO | None

    def everything(self, *commands: Sequence[str | Path], **changes: str) -> None:
        """Runs all, then fails if one of them has failed."""
        failures = []
        for command in commands:
            try:
                run(command, env=self.env.variables(**changes), log=self.log)
            except Failed as failure:
                failures.append(str(failure))
        if failures:
            raise Failed("; ".join(failures))

    def log_end(self) -> int:
        return os.stat(self.log.name).st_size if self.log else 0

    def log_since(self, begin: int) -> str:
        """The lines that were added to the log since then; "" for a terminal."""
        if not self.log:
            return ""
        whole = Path(self.log.name).read_bytes()
        return whole[begin:].decode("utf-8", "replace")

    def say(self, text: str) -> None:
        if self.log:
            self.log.write(text + "\n")
            self.log.flush()
        else:
            say(text)


def sources(folders: Iterable[str], *suffixes: str) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        found += [
            path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes
        ]
    return sorted(found)


def check_format(here: Check) -> None:
    """Checks the layout with clang-format and ruff."""
    mode = ["-i"] if here.fix else ["--dry-run", "-Werror"]
    files = sources(C_FOLDERS, ".c", ".h", ".hpp", ".cpp")
    style = [] if here.fix else ["--diff", "-q"]
    here.everything(
        [here.env.tool("clang-format"), *mode, *files],
        [here.env.tool("ruff"), "format", *style, *pythons()],
    )


def pythons() -> list[str]:
    return [folder for folder in PYTHON_FOLDERS if (ROOT / folder).exists()]


def check_lint(here: Check) -> None:
    """Runs ruff's rules, and clang-tidy over the files of a build with the package."""
    option = ["--fix"] if here.fix else []
    here.everything([here.env.tool("ruff"), "check", "-q", *option, *pythons()])
    folder = build_for_tidy(here.env)
    names = ("libboc/src", "python/bocpy/csrc")
    command: Command = [here.env.tool("clang-tidy"), "--quiet", "-p", folder]
    command += ["--warnings-as-errors=*", "--extra-arg=-Wno-unknown-warning-option"]
    built = (folder / "compile_commands.json").read_text()
    files = [path for path in sources(names, ".c") if path.name in built]

    def tidy(path: Path) -> str:
        done = subprocess.run(
            [*command, path],
            env=here.env.variables(),
            text=True,
            check=False,
            capture_output=True,
            cwd=ROOT,
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
        # It needs generated headers, too; an up-to-date list of files comes with them.
        run(
            [env.tool("ninja"), "-C", folder, "build.ninja"],
            log=log,
            env=env.variables(),
        )
    return folder


#: Where Python packages are.
SOURCES = ("tools", "python", "bindings/libboc")


def check_types(here: Check) -> None:
    """Runs strict mypy on the packages, on the modules of `./dev`, and on programs that
    use the packages; and pyright, which infers types in its own way, on the package
    bocpy and those programs."""
    cache = f"--cache-dir={WORK / 'mypy'}"
    mypy: Command = [here.env.python, "-m", "mypy", cache, "--strict"]
    here.everything(
        [*mypy, "-p", "devtool"],
        [*mypy, "-p", "bocpy"],
        [*mypy, "-p", "libboc"],
        [*mypy, *sources(["tests/typed"], ".py")],
        [here.env.tool("basedpyright"), "--level", "error", "-p", ROOT],
        MYPYPATH=os.pathsep.join(str(ROOT / name) for name in SOURCES),
    )


def check_layers(here: Check) -> None:
    """Checks rules about includes and sizes; the compiler checks the layers of
    libboc/src."""
    here.everything([here.env.python, ROOT / "tools" / "check_layers.py"])


def check_sizes(here: Check) -> None:
    """Functions have at most 60 lines, files 600."""
    here.everything([here.env.python, ROOT / "tools" / "check_sizes.py"])


def check_comments(here: Check) -> None:
    """Checks banners, tables and heads of files, which a formatter can damage."""
    mode = ["--fix"] if here.fix else []
    here.everything([here.env.python, ROOT / "tools" / "check_comments.py", *mode])


def check_statics(here: Check) -> None:
    here.everything([here.env.python, ROOT / "tools" / "check_statics.py"])


def check_orders(here: Check) -> None:
    """The tags of atomic operations, the two pages that explain them, and whether the
    mutants of the models still apply."""
    mutants = ROOT / "tests" / "models" / "mutants.py"
    here.everything(
        [here.env.python, ROOT / "tools" / "check_orders.py"],
        [here.env.python, mutants, "check"],
    )


def check_headers(here: Check) -> None:
    """Every public header compiles alone, as C11 and as C++17."""
    compiler = (compilers.default() or "cl").split()
    if compiler[0] == "cl":
        say("  headers: left to the C tests, which compile them with MSVC")
        return
    build_for_tidy(here.env)
    generated = WORK / "build" / "tidy" / "libboc" / "include"
    includes = [f"-I{ROOT / 'libboc' / 'include'}", f"-I{generated}"]
    includes += ["-isystem", sysconfig.get_path("include")]
    flags = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", *includes]
    commands: list[Command] = []
    for header in sources(["libboc/include", "python/bocpy/include"], ".h", ".hpp"):
        source = f"-include{header}"
        if header.suffix == ".h":
            commands.append(
                [*compiler, "-std=c11", "-pedantic", *flags, source, "-xc", os.devnull]
            )
        commands.append([*compiler, "-std=c++17", *flags, source, "-xc++", os.devnull])
    here.everything(*commands)


def check_reference(here: Check) -> None:
    """Checks that generated pages and pictures are up to date."""
    mode = [] if here.fix else ["--check"]
    made = ("diagrams.py", "pictures.py", "plots.py", "pypi_readme.py")
    commands: list[Command] = [
        [here.env.python, ROOT / "tools" / name, *mode] for name in made
    ]
    here.everything(*commands)


def check_workflows(here: Check) -> None:
    """Checks the workflows' schema, zizmor's rules on them, and the CI script with
    bash. Runs actionlint if it is installed: its package on PyPI downloads it from
    elsewhere."""
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    schema = "--builtin-schema=vendor.github-workflows"
    here.everything(
        [here.env.tool("check-jsonschema"), "-q", schema, *workflows],
        [here.env.tool("zizmor"), "--offline", "--no-progress", "-q", *workflows],
    )
    if shutil.which("actionlint"):
        here.everything(["actionlint", *workflows])
    if not WINDOWS:
        here.everything(["bash", "-n", ROOT / ".ci" / "run"])


CHECKS: dict[str, Callable[[Check], None]] = {
    "format": check_format,
    "lint": check_lint,
    "types": check_types,
    "layers": check_layers,
    "sizes": check_sizes,
    "comments": check_comments,
    "orders": check_orders,
    "statics": check_statics,
    "headers": check_headers,
    "reference": check_reference,
    "workflows": check_workflows,
}


def run_checks(
    interpreter: Interpreter, names: Iterable[str], fix: bool, log: TextIO | None
) -> Tally:
    """Runs the checks of those names; each counts as one test."""
    files = environments.requirements("build", "test", "check")
    name = f"check-{interpreter.name}"
    env = environments.make(name, interpreter, files, log=log)
    here = Check(env, fix, log)
    tally = Tally()
    for name in names:
        began = here.log_end()
        try:
            CHECKS[name](here)
        except (Failed, Problem) as error:
            here.say(f"FAIL {name}: {error}")
            said = here.log_since(began) or str(error)
            failure = Failure(name, failure_summary.lines_of(said))
            tally += Tally(failed=1, failures=(failure,))
        else:
            here.say(f"ok   {name}")
            tally += Tally(passed=1)
    return tally


def check(interpreter: Interpreter, only: list[str], fix: bool) -> int:
    for name in only:
        if name not in CHECKS:
            raise Problem(f"no check {name}: there are {', '.join(CHECKS)}")
    return 1 if run_checks(interpreter, only or CHECKS, fix, None).failed else 0
