"""Virtual environments with pinned requirements, in .dev/venv.

A file in each environment records from what it was made; it is made anew when the
interpreter or a requirements file has changed.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TextIO

from devtool.base import ROOT, WINDOWS, WORK, environment, remove_tree, run
from devtool.interpreters import Interpreter

REQUIREMENTS = ROOT / "tools" / "requirements"
_locks: dict[str, threading.Lock] = {}


class Environment:
    def __init__(self, path: Path, interpreter: Interpreter) -> None:
        self.path = path
        self.interpreter = interpreter
        self.bin = path / ("Scripts" if WINDOWS else "bin")

    @property
    def python(self) -> Path:
        return self.bin / ("python.exe" if WINDOWS else "python")

    def tool(self, name: str) -> Path:
        return self.bin / (name + (".exe" if WINDOWS else ""))

    def variables(self, **changes: str) -> dict[str, str]:
        return environment(
            first_on_path=[self.bin], VIRTUAL_ENV=str(self.path), **changes
        )

    def run(
        self, command: list[str | Path], *, log: TextIO | None, **changes: str
    ) -> int:
        return run(command, log=log, env=self.variables(**changes))

    def pip(self, *arguments: str | Path, log: TextIO | None) -> None:
        self.run([self.python, "-m", "pip", "-q", *arguments], log=log)


def requirements(*names: str) -> list[Path]:
    return [REQUIREMENTS / f"{name}.txt" for name in names]


def fingerprint(interpreter: Interpreter, files: list[Path]) -> str:
    made_of = hashlib.sha256(
        f"{interpreter.executable.resolve()} {interpreter.label}".encode()
    )
    for file in files:
        made_of.update(file.read_bytes())
    return made_of.hexdigest()


def make(
    name: str,
    interpreter: Interpreter,
    files: list[Path],
    *,
    log: TextIO | None = None,
    fresh: bool = False,
) -> Environment:
    """The environment of that name, with the requirements of `files` installed."""
    result = Environment(WORK / "venv" / name, interpreter)
    mark = result.path / "made-from"
    wanted = fingerprint(interpreter, files)
    with _locks.setdefault(name, threading.Lock()):
        if not fresh and mark.exists() and mark.read_text() == wanted:
            return result
        remove_tree(result.path)
        run([interpreter.executable, "-m", "venv", result.path], log=log)
        for file in files:
            result.pip("install", "-r", file, log=log)
        mark.write_text(wanted)
    return result


def plot_tools(interpreter: Interpreter, log: TextIO | None = None) -> Environment:
    """Meson and ninja, and matplotlib for the pictures of the benchmarks."""
    name = f"plot-{interpreter.name}"
    return make(name, interpreter, requirements("build", "plot"), log=log)


def build_tools(interpreter: Interpreter, log: TextIO | None = None) -> Environment:
    """Meson and ninja, on the interpreter that runs the tools."""
    name = f"tools-{interpreter.name}"
    return make(name, interpreter, requirements("build"), log=log)
