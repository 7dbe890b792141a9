#!/usr/bin/env python3
"""Checks what the compiler does not: where things stand in the sources.

The layers of libboc/src are its folders. libboc/meson.build lists what each may include
and gives the compiler no other path, so an include that points upward does not compile.
Here: a header is included by its bare name, which no other header has, so that nobody
goes around that list; nothing below the public headers includes Python.h, prints, or
reads the environment; headers of an operating system stand in the platform files
alone, Python version conditionals in compat.h alone; the binding never reaches into
libboc/src. And names: a static function's is more than one bare word, and no other
file's.
"""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PLATFORM_FILES = ("park*", "os*", "wakeup_fd*", "atomic*", "compiler", "fiber*")
#: They run in test builds only, and print the seed with which they run.
SPEAKING_FILES = ("os*", "systematic*")
STANDARD = {
    "assert.h",
    "ctype.h",
    "errno.h",
    "inttypes.h",
    "limits.h",
    "math.h",
    "stdalign.h",
    "stdarg.h",
    "stdatomic.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
PRINTS = re.compile(r"\b(?:printf|puts|putchar|vprintf|perror|fputs|fprintf)\s*\(")
ENVIRONMENT = re.compile(r"\b(?:getenv|secure_getenv|setenv|putenv)\s*\(")
SYSTEM = re.compile(r"\b(?:_WIN32|__linux__|__APPLE__|__FreeBSD__|__unix__|_MSC_VER)\b")
CONDITIONAL = re.compile(r"^\s*#\s*(?:el)?if.*$", re.MULTILINE)
PYTHON_VERSION = re.compile(r"\b(?:PY_VERSION_HEX|PY_(?:MAJOR|MINOR)_VERSION)\b")


def matches(stem: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(stem, pattern) for pattern in patterns)


def code_of(text: str) -> str:
    """The text without comments, lines kept in their places."""
    return COMMENT.sub(lambda found: "\n" * found.group().count("\n"), text)


def includes(text: str) -> list[tuple[bool, str]]:
    """(in angle brackets, name) for each include."""
    return [(mark == "<", name) for mark, name in INCLUDE.findall(text)]


def check_include(stem: str, angled: bool, name: str) -> str | None:
    """What is wrong with an include in libboc/src, if anything is."""
    if name == "Python.h":
        return "includes Python.h"
    if angled:
        if name.startswith("boc/") or name in STANDARD:
            return None
        if not matches(stem, PLATFORM_FILES):
            return f"includes <{name}>: system headers belong in park_*, os_*, atomic*"
        return None
    if "/" in name:
        return f"includes {name}: a header is included by its bare name"
    return None


def check_library_file(path: Path) -> list[str]:
    text = code_of(path.read_text(encoding="utf-8"))
    problems = []
    for angled, name in includes(text):
        problem = check_include(path.stem, angled, name)
        if problem:
            problems.append(problem)
    bare = STRING.sub('""', text)
    platform = matches(path.stem, PLATFORM_FILES)
    if PRINTS.search(bare) and not matches(path.stem, SPEAKING_FILES):
        problems.append("prints")
    if ENVIRONMENT.search(bare):
        problems.append("reads the environment")
    public = path.stem == "base" and path.parent.name == "boc"
    conditionals = "\n".join(CONDITIONAL.findall(bare))
    if SYSTEM.search(conditionals) and not platform and not public:
        problems.append("has a conditional on the operating system or compiler")
    return problems


def check_binding_file(path: Path) -> list[str]:
    text = code_of(path.read_text(encoding="utf-8"))
    problems = []
    for _, name in includes(text):
        if "libboc/" in name or "/src/" in name or name.startswith("internal/"):
            problems.append(f"includes {name}")
    if re.search(r"\bPy_BUILD_CORE|\b_PyXI", text):
        problems.append("uses CPython's private API")
    if "PyImport_ImportModule" in text and path.stem != "python_calls":
        problems.append("calls Python by name: that goes through python_calls.h")
    conditionals = "\n".join(CONDITIONAL.findall(text))
    if path.name != "compat.h" and PYTHON_VERSION.search(conditionals):
        problems.append("has a Python version conditional: it belongs in compat.h")
    return problems


def c_files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.[ch]")]
    return sorted(found)


def check_names(paths: list[Path]) -> list[tuple[Path, str]]:
    """A static name that two files have: a search would find it in the wrong folder."""
    first: dict[str, Path] = {}
    return [
        (path, f"has the name of {there.relative_to(ROOT).as_posix()}")
        for path in paths
        if (there := first.setdefault(path.name, path)) is not path
    ]


#: Files of which a build has only one of several: they may use the same names.
ALTERNATIVES = re.compile(r"^(atomic|os|park|wakeup_fd|waiting)_\w+\.[ch]$")
STATIC = re.compile(r"^static [\w ]*?[ *](\w+)\(", re.MULTILINE)


def check_statics(paths: list[Path]) -> list[tuple[Path, str]]:
    """A debugger and a profile show a static function by its name alone."""
    first: dict[str, Path] = {}
    problems = []
    for path in paths:
        for name in STATIC.findall(code_of(path.read_text("utf-8"))):
            if "_" not in name:
                problems.append((path, f"`{name}` does not say of what: name the noun"))
            there = first.setdefault(name, path)
            if there is not path and not ALTERNATIVES.match(path.name):
                place = there.relative_to(ROOT).as_posix()
                problems.append((path, f"`{name}` is a function of {place}, too"))
    return problems


def main() -> int:
    problems = check_names(c_files("libboc/src"))
    problems += check_names(c_files("python/bocpy/csrc"))
    for folders in (
        ("libboc/src",),
        ("python/bocpy/csrc",),
        ("python/bocpy/csrc_math",),
    ):
        problems += check_statics(c_files(*folders))
    for path in c_files("libboc/src", "libboc/include"):
        problems += [(path, text) for text in check_library_file(path)]
    for path in c_files("python/bocpy/csrc"):
        problems += [(path, text) for text in check_binding_file(path)]
    for path, text in problems:
        print(f"{path.relative_to(ROOT).as_posix()}: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
