"""Finds the installed Pythons, and chooses the best one.

It searches in this order: the one that runs `./dev`, those on PATH, pyenv's and uv's
versions (active or not), the usual places of macOS and Windows, the ones that `./dev
python` prepared, and last those inside its Debian chroot. One is *suitable* if it is
CPython 3.10 or newer, can make virtual environments and has its C headers. The newest
suitable one is the default: final releases before previews, with a GIL before without.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from devtool import chroot
from devtool.base import WINDOWS, Problem, ask_to_install, cache_directory, output

OLDEST = (3, 10)
#: The versions that `./dev python` can prepare: one from its source, others in a
#: chroot.
CAN_BE_PREPARED = ("3.13t", *chroot.VERSIONS, "pypy3.11")
#: The oldest PyPy: the generated C needs its own cffi.
OLDEST_PYPY = (3, 11)

PROBE = """
import importlib.util, json, os, sys, sysconfig
base = getattr(sys, "_base_executable", None) or sys.executable
include = sysconfig.get_path("include", vars={"base": sys.base_prefix,
    "installed_base": sys.base_prefix, "platbase": sys.base_prefix})
print(json.dumps({
    "executable": base,
    "prefix": sys.base_prefix,
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:3]),
    "final": sys.version_info.releaselevel == "final",
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "headers": os.path.exists(os.path.join(include, "Python.h")),
    "venv": all(importlib.util.find_spec(n) for n in ("venv", "ensurepip")),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    executable: Path
    version: tuple[int, int, int]
    final: bool = True
    free_threaded: bool = False
    headers: bool = True
    venv: bool = True
    implementation: str = "cpython"
    #: The root directory of its chroot, if it is in one.
    chroot: Path | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Its name on the command line and in file names, such as 3.13t."""
        major, minor, _ = self.version
        return f"{self.prefix}{major}.{minor}" + ("t" if self.free_threaded else "")

    @property
    def prefix(self) -> str:
        return "" if self.implementation == "cpython" else self.implementation

    @property
    def is_cpython(self) -> bool:
        return self.implementation == "cpython"

    @property
    def label(self) -> str:
        version = ".".join(map(str, self.version))
        return self.prefix + version + ("t" if self.free_threaded else "")

    def faults(self) -> list[str]:
        """The reasons why it is not suitable; none if it is."""
        found = []
        if self.implementation not in ("cpython", "pypy"):
            found.append("is not CPython or PyPy")
        if self.implementation == "pypy" and self.version < OLDEST_PYPY:
            found.append("is older than PyPy 3.11")
        if self.version < OLDEST:
            found.append("is older than 3.10")
        if not self.headers:
            found.append("lacks its C headers")
        if not self.venv:
            found.append("lacks the venv and ensurepip modules")
        return found

    def rank(self) -> tuple[bool, bool, tuple[int, ...], bool, int]:
        return (
            self.chroot is None,
            self.final,
            self.version[:2],
            not self.free_threaded,
            self.version[2],
        )


def probe(executable: Path) -> Interpreter | None:
    text = output([executable, "-I", "-c", PROBE])
    try:
        facts = json.loads(text or "")
    except ValueError:
        return None
    major, minor, micro = facts["version"]
    return Interpreter(
        executable=Path(facts["executable"]),
        version=(major, minor, micro),
        final=facts["final"],
        free_threaded=facts["free_threaded"],
        headers=facts["headers"],
        venv=facts["venv"],
        implementation=facts["implementation"],
    )


def on_path() -> Iterator[Path]:
    names = ["python3", "python"]
    names += [f"python3.{minor}{t}" for minor in range(10, 20) for t in ("", "t")]
    names += [f"pypy3.{minor}" for minor in range(11, 20)]
    for name in names:
        found = shutil.which(name)
        if found:
            yield Path(found)


def in_versions(folder: Path) -> Iterator[Path]:
    """The interpreters in a folder with one installation in each subfolder."""
    if folder.is_dir():
        for version in sorted(folder.iterdir()):
            for name in ("bin/python3", "python.exe", "bin/python3t"):
                if (version / name).exists():
                    yield version / name
                    break


def candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    yield from on_path()
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    yield from in_versions(pyenv / "versions")
    yield from in_versions(home / ".pyenv" / "pyenv-win" / "versions")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield from in_versions(data / "uv" / "python")
    if sys.platform == "darwin":
        for framework in ("Python", "PythonT"):
            place = f"/Library/Frameworks/{framework}.framework/Versions"
            yield from in_versions(Path(place))
    if WINDOWS:
        for line in (output(["py", "-0p"]) or "").splitlines():
            found = re.search(r"[A-Za-z]:\\.*\.exe", line)
            if found:
                yield Path(found.group())
    yield from in_versions(cache_directory() / "python")


def in_chroot() -> Iterator[Interpreter]:
    """Interpreters of the chroot that `./dev python` makes, found by their names."""
    root = cache_directory() / "sid"
    for path in sorted((root / "usr" / "bin").glob("python3.*")):
        found = re.fullmatch(r"python3\.(\d+)", path.name)
        if found:
            minor = int(found.group(1))
            headers = root / f"usr/include/python3.{minor}/Python.h"
            yield Interpreter(
                executable=Path("/usr/bin") / path.name,
                version=(3, minor, 0),
                headers=headers.exists(),
                chroot=root,
            )
    for path in sorted((root / "usr" / "bin").glob("pypy3.*")):
        found = re.fullmatch(r"pypy3\.(\d+)", path.name)
        if found:
            yield Interpreter(
                executable=Path("/usr/bin") / path.name,
                version=(3, int(found.group(1)), 0),
                implementation="pypy",
                chroot=root,
            )


def distinct(found: Iterable[Interpreter | None]) -> list[Interpreter]:
    """The best first, each once."""
    seen: dict[Path, Interpreter] = {}
    for interpreter in found:
        if interpreter is not None and interpreter.chroot is None:
            seen.setdefault(interpreter.executable.resolve(), interpreter)
    return sorted(seen.values(), key=Interpreter.rank, reverse=True)


def discover() -> list[Interpreter]:
    """All interpreters, the best first; the unsuitable ones too."""
    paths = list(dict.fromkeys(candidates()))
    return distinct(map(probe, paths)) + list(in_chroot())


def newest(found: Iterable[Interpreter] | None = None) -> Interpreter:
    """The newest suitable interpreter outside the chroot."""
    everything = list(discover() if found is None else found)
    for interpreter in everything:
        suitable = not interpreter.faults() and interpreter.is_cpython
        if suitable and interpreter.chroot is None:
            return interpreter
    seen = "; ".join(
        f"{found.label} at {found.executable} {' and '.join(found.faults())}"
        for found in everything
    )
    raise Problem(
        f"no Python 3.10 or newer with headers and venv: {how_to_install('3')}"
        + (f" (seen: {seen})" if seen else "")
    )


def choose(spec: str, found: Iterable[Interpreter] | None = None) -> Interpreter:
    """The interpreter that `3.13`, `3.13t`, `3.13.1` or a path means."""
    if os.sep in spec or Path(spec).is_file():
        interpreter = probe(Path(spec))
        if interpreter is None:
            raise Problem(f"{spec} is not a Python interpreter")
        matching = [interpreter]
    else:
        everything = discover() if found is None else found
        matching = [each for each in everything if spec in (each.name, each.label)]
    for interpreter in matching:
        if not interpreter.faults():
            return interpreter
    if matching:
        raise Problem(what_is_wrong(matching[0]))
    if spec in CAN_BE_PREPARED:
        raise Problem(f"no Python {spec} here: ./dev python {spec} prepares it")
    raise Problem(f"no Python {spec} here: {how_to_install(spec)}")


def what_is_wrong(interpreter: Interpreter) -> str:
    """What is wrong with an interpreter, in one line, and what to install if that
    helps."""
    text = f"Python {interpreter.label} at {interpreter.executable}"
    text += " " + " and ".join(interpreter.faults())
    if interpreter.version < OLDEST or not interpreter.is_cpython:
        return text
    return f"{text}: {how_to_install(interpreter.name)}"


def how_to_install(version: str) -> str:
    """The command that installs a complete Python; `version` may be just "3"."""
    if version.startswith("pypy"):
        return "install PyPy 3.11 or newer, with its headers and venv, from pypy.org"
    if version.endswith("t"):
        return f"install a free-threaded Python {version[:-1]}, with pyenv or uv"
    newest = "3.14" if version == "3" else version
    return ask_to_install(
        f"python{version}-dev python{version}-venv",
        f"python{version}-devel",
        "brew install python" + (f"@{version}" if version != "3" else ""),
        f"winget install Python.Python.{newest}",
    )
