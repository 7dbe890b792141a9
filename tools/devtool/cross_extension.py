"""Builds the extension for other systems: compiles and links it, but does not run it.

`./dev wheels --foreign` builds bocpy._core and bocpy._math, from all sources that the
target takes, with the compiler that ziglang brings, for macOS and Windows. The headers
are those of the Python at hand; Windows has a pyconfig.h of its own, which comes with
CPython's source (Debian's package). What the modules need of Python is looked up: on
macOS when they are loaded, so that is not checked; for Windows in an import library
made from the symbols that the Python at hand exports.
"""

from __future__ import annotations

import re
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from devtool import environments, install_pythons
from devtool.base import (
    ROOT,
    WORK,
    Command,
    Failed,
    Problem,
    cache_directory,
    need,
    output,
    remove_tree,
    run,
)
from devtool.environments import Environment
from devtool.interpreters import Interpreter
from devtool.progress import Progress

CROSS = ROOT / "tools" / "cross"
MODULES = ("_core", "_math")
LOG = WORK / "logs" / "foreign.log"


@dataclass(frozen=True)
class Target:
    name: str
    system: str
    #: The cross file, and what to put for its processor if that is another.
    file: str
    processor: str = ""
    #: The name that dlltool has for the processor.
    machine: str = ""

    def cross_file(self) -> str:
        text = (CROSS / f"{self.file}.ini").read_text(encoding="utf-8")
        return text.replace("aarch64", self.processor) if self.processor else text


TARGETS = (
    Target("macos-arm64", "macos", "macos-arm64"),
    Target("macos-x86_64", "macos", "macos-x86_64"),
    Target("windows-x86_64", "windows", "windows-arm64", "x86_64", "i386:x86-64"),
    Target("windows-arm64", "windows", "windows-arm64", machine="arm64"),
)


def windows_config(interpreter: Interpreter) -> Path:
    """PC/pyconfig.h of CPython's source, kept in the user's cache."""
    version = ".".join(map(str, interpreter.version[:2]))
    kept = cache_directory() / "headers" / version / "pyconfig.h"
    if not kept.exists():
        place = WORK / "python" / f"source-{version}"
        remove_tree(place)
        place.mkdir(parents=True)
        source = install_pythons.fetch(
            f"python{version}", "forky", place, place / "log"
        )
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / "PC" / "pyconfig.h.in", kept)
        remove_tree(place)
    return kept


def query(interpreter: Interpreter, expression: str) -> str:
    code = f"import sysconfig; print({expression})"
    return (output([interpreter.executable, "-c", code]) or "").strip()


def headers(target: Target, interpreter: Interpreter, place: Path) -> Path:
    """The folder of headers for the target."""
    here = Path(query(interpreter, "sysconfig.get_path('include')"))
    there = place / "include"
    shutil.copytree(here, there)
    if target.system == "windows":
        shutil.copy(windows_config(interpreter), there / "pyconfig.h")
    return there


def exported(interpreter: Interpreter) -> list[str]:
    """The lines of a .def file: functions, and data marked as such."""
    shared = query(interpreter, "sysconfig.get_config_var('INSTSONAME')")
    folder = query(interpreter, "sysconfig.get_config_var('LIBDIR')")
    library = Path(folder) / shared
    binary = library if library.suffix != ".a" else interpreter.executable
    need("nm", "apt-get install binutils")
    listed = output(["nm", "-D", "--defined-only", binary.resolve()]) or ""
    found = re.findall(r"^\w+ (\w) (_?Py\w+)$", listed, re.MULTILINE)
    if not found:
        raise Problem(f"{binary} exports nothing of Python: take another --python")
    return [f"{name}{'' if kind == 'T' else ' DATA'}" for kind, name in found]


def import_library(
    target: Target, interpreter: Interpreter, tools: Environment, place: Path
) -> Path:
    """An import library for python3XY.dll."""
    short = "".join(map(str, interpreter.version[:2]))
    definition = place / "python.def"
    lines = "\n  ".join(["EXPORTS", *exported(interpreter)])
    definition.write_text(f"LIBRARY python{short}.dll\n{lines}\n", encoding="ascii")
    library = place / "libpython.a"
    command: Command = [tools.python, "-m", "ziglang", "dlltool", "-m", target.machine]
    with LOG.open("a", encoding="utf-8") as log:
        tools.run([*command, "-d", definition, "-l", library], log=log)
    return library


def target_python(target: Target, include: Path, tools: Environment) -> Path:
    """A program that Meson takes for the target's Python: it is one file, so this
    writes a script."""
    script = include.parent / "python"
    words = [tools.python, CROSS / "target_python.py", target.name, include]
    line = " ".join(f"'{word}'" for word in words)
    script.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def set_up(
    target: Target, interpreter: Interpreter, tools: Environment, log: TextIO
) -> Path:
    place = WORK / "foreign" / target.name
    remove_tree(place)
    place.mkdir(parents=True)
    python = target_python(target, headers(target, interpreter, place), tools)
    if target.system == "windows":
        link = str(import_library(target, interpreter, tools, place))
    else:
        link = "-Wl,-undefined,dynamic_lookup"
    more = f"python = '{python}'\n"
    cross = place / "cross.ini"
    text = target.cross_file().replace("[binaries]\n", f"[binaries]\n{more}")
    cross.write_text(f"{text}\n[built-in options]\nc_link_args = ['{link}']\n")
    command: Command = [tools.tool("meson"), "setup", place / "build", ROOT]
    command += ["--cross-file", cross, "--buildtype=release", "-Dwerror=true"]
    command += ["-Dpython=enabled", "-Dtests=disabled", "-Ddefault_library=static"]
    # The compiler leaves files in the folder in which it is probed.
    run(command, log=log, env=tools.variables(), cwd=place)
    return place / "build"


def build(target: Target, tools: Environment, folder: Path, log: TextIO) -> list[Path]:
    """Compiles and links the modules."""
    tools.run([tools.tool("ninja"), "-C", folder], log=log)
    ending = {"macos": "-darwin.so", "windows": ".pyd"}[target.system]
    made = [p for p in folder.rglob(f"*{ending}") if p.is_file()]
    if sorted(path.name.split(".")[0] for path in made) != list(MODULES):
        raise Failed(f"{target.name}: {', '.join(MODULES)} are not there; see {LOG}")
    return sorted(made)


def check(interpreter: Interpreter) -> int:
    """Builds the extension for each target; returns the exit code."""
    if not interpreter.is_cpython or interpreter.free_threaded:
        raise Problem("--foreign wants a CPython with a GIL: its headers are copied")
    if sysconfig.get_platform().startswith("win"):
        raise Problem("--foreign is for Linux and macOS, where ziglang's cc is a word")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log, Progress() as progress:
        files = environments.requirements("build", "cross")
        tools = environments.make("foreign", interpreter, files, log=log)
        for target in TARGETS:
            with progress.step(f"building for {target.name}"):
                folder = set_up(target, interpreter, tools, log)
                made = build(target, tools, folder, log)
            sizes = ", ".join(f"{p.name} {p.stat().st_size:,} bytes" for p in made)
            progress.say(f"{target.name}: compiled and linked, not run: {sizes}")
    return 0
