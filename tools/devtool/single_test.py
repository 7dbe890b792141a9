"""`./dev test --only NAME`: one test, built incrementally, in seconds.

The Meson folder `.dev/build/only-VERSION` is kept; only what the test needs is built
again. A name is looked up in this order:

| NAME | is |
|---|---|
| `request`, `test_request`, `tests/c/protocol/test_request.c` | a C test |
| `when`, `test_when.py`, `tests/py/test_when.py::test_x` | a file of tests in Python |
| anything else | what pytest's `-k` takes, over tests/py |
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtool import compilers, environments, failure_summary
from devtool.base import ROOT, WORK, Command, Failed, Problem, run, say
from devtool.interpreters import Interpreter

C_TESTS = ROOT / "tests" / "c"
PY_TESTS = ROOT / "tests" / "py"
OPTIONS = (
    "-Dpython=enabled",
    "-Dtests=enabled",
    "-Dtest_hooks=enabled",
    "-Ddefault_library=static",
    "-Dpython.install_env=prefix",
    "-Dpython.bytecompile=-1",
)


@dataclass(frozen=True)
class Target:
    """What a name stands for: a C test, a path for pytest, or a word for its -k."""

    kind: str
    name: str


def stem(name: str) -> str:
    return Path(name).stem.removeprefix("test_")


def find(name: str) -> Target:
    file, colons, test = name.partition("::")
    c = sorted(C_TESTS.rglob(f"test_{stem(file)}.c"))
    python = sorted(PY_TESTS.rglob(f"test_{stem(file)}.py"))
    # An ending says which of the two is meant; without one, a C test comes first.
    if c and not colons and Path(file).suffix in ("", ".c"):
        return Target("c", f"test_{stem(file)}")
    if python and Path(file).suffix in ("", ".py"):
        return Target("file", f"{python[0]}{colons}{test}")
    if Path(file).suffix in (".c", ".py"):
        raise Problem(f"there is no test {file} in tests/c or tests/py")
    return Target("word", name)


def for_pytest(name: str) -> list[str]:
    """What the name is for pytest, from the root of the tree: for an interpreter in a
    chroot, which sees the tree at another place."""
    target = find(name)
    if target.kind == "c":
        raise Problem(f"{name} is a test in C, which runs outside of a chroot only")
    if target.kind == "word":
        return ["-k", target.name]
    return [Path(target.name).relative_to(ROOT).as_posix()]


class Build:
    """The folder, and the environment whose Meson and Python it uses."""

    def __init__(self, interpreter: Interpreter) -> None:
        compilers.default()
        files = environments.requirements("build", "test")
        self.env = environments.make(f"only-{interpreter.name}", interpreter, files)
        self.folder = WORK / "build" / f"only-{interpreter.name}"
        self.root = self.folder / "root"
        if not (self.folder / "build.ninja").exists():
            say("configuring, the first time")
            command: Command = ["setup", self.folder, ROOT, f"--prefix={self.root}"]
            self.quietly("meson", *command, *OPTIONS)

    def quietly(self, tool: str, *arguments: str | Path) -> None:
        """Runs Meson or ninja; prints the output only if that fails."""
        path = WORK / "logs" / "only.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as log:
            try:
                self.env.run([self.env.tool(tool), *arguments], log=log)
                return
            except Failed:
                log.flush()
        said = failure_summary.of_log(
            path.read_text(errors="replace"), "the build failed"
        )
        raise Failed(f"{said.shown(failure_summary.FULL).strip()}\nlog: {path}")

    def introspect(self, what: str) -> Any:
        command: list[str | Path] = [self.env.tool("meson"), "introspect"]
        command += [self.folder, f"--{what}"]
        text = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(text.stdout)

    def target(self, name: str) -> str:
        """The name of the target for ninja."""
        for target in self.introspect("targets"):
            if target["name"] == name and target["filename"]:
                file = Path(target["filename"][0])
                return file.relative_to(self.folder).as_posix()
        raise Problem(f"Meson knows no target {name}: is it in a meson.build?")

    def make(self, *targets: str) -> None:
        self.quietly("ninja", "-C", self.folder, *targets)

    def package(self) -> Path:
        """Builds and installs the package; returns the folder from which to import
        it."""
        wanted = [
            Path(target["filename"][0]).relative_to(self.folder).as_posix()
            for target in self.introspect("targets")
            if target["installed"]
        ]
        self.make(*wanted)
        self.quietly("meson", "install", "-C", self.folder, "--no-rebuild", "--quiet")
        (package,) = self.root.rglob("site-packages/bocpy/__init__.py")
        return package.parents[1]


def test_c(build: Build, name: str) -> int:
    target = build.target(name)
    build.make(target)
    command: Command = [build.folder / target]
    return run(command, env=build.env.variables(), ok_codes=range(256))


def test_python(build: Build, target: Target, rest: Sequence[str]) -> int:
    env = build.env
    command: Command = [env.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    if target.kind == "file":
        command += [target.name]
    else:
        command += [PY_TESTS, "-k", target.name]
    variables = env.variables(PYTHONPATH=str(build.package()))
    return run([*command, *rest], env=variables, ok_codes=range(256))


def test(name: str, interpreter: Interpreter, rest: Sequence[str]) -> int:
    """Builds what the test needs and runs it; arguments after -- go to pytest."""
    begin = time.monotonic()
    target = find(name)
    build = Build(interpreter)
    if target.kind == "c":
        code = test_c(build, target.name)
    else:
        code = test_python(build, target, rest)
    say(f"{'failed' if code else 'passed'} in {time.monotonic() - begin:.1f} s")
    return 1 if code else 0
