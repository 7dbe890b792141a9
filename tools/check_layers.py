#!/usr/bin/env python3
"""Checks the arrows of docs/architecture.md against the sources.

Every file of libboc/src belongs to a layer, and includes only files of its own layer or
of one below; neighbors that must not know each other do not. Below the line between L5
and L6 nothing includes Python.h, prints, or reads the environment; headers of an
operating system stand in the platform files alone, Python version conditionals in
compat.h alone; the binding never reaches into libboc/src.

A file that no pattern below names is an error: a new file is a new word in its layer.
"""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: From the bottom up; the stems of the files in libboc/src, as shell patterns.
LAYERS: dict[str, tuple[str, ...]] = {
    "L0": ("atomic*", "compiler", "perturb*"),
    "L1": (
        "park*",
        "os*",
        "bell*",
        "systematic*",
        "fiber*",
        "spin",
        "context",
        "status",
    ),
    "L2": (
        "list*",
        "memory*",
        "pool*",
        "queue*",
        "mpmc*",
        "mpsc*",
        "ring*",
        "tag*",
        "random*",
        "waiters",
        "gate",
    ),
    "L3": ("behavior*", "cown*", "request*", "executor*", "sort"),
    "L4": (
        "run_queue",
        "overflow",
        "shared_queue",
        "worker*",
        "search",
        "steal*",
        "idle*",
        "pace",
        "rundown*",
        "spare",
        "scope",
        "extras",
        "trace*",
        "message*",
        "notice*",
    ),
    "L5": ("runtime*", "schedule*", "lane", "stats*"),
}
#: Within L4: files that do not know each other, nor the scheduler that all the rest is.
NEIGHBORS = (("message*",), ("notice*",))
#: Includes against the arrows that are meant, each with its reason.
ALLOWED = {
    ("perturb", "os"): "a perturbed build yields the processor",
    ("rundown", "runtime"): "the struct that holds all workers",
    ("pace", "runtime"): "the struct that holds all workers",
    ("worker", "runtime"): "the struct that holds all workers",
    ("search", "runtime"): "the struct that holds all workers",
    ("spare", "runtime"): "the struct that holds all workers",
    ("trace", "runtime"): "the struct that holds all workers",
}
PLATFORM_FILES = ("park*", "os*", "bell*", "atomic*", "compiler", "fiber*")
#: They run in test builds alone, and say which seed they run with.
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


def layer_of(stem: str) -> int | None:
    for level, patterns in enumerate(LAYERS.values()):
        if matches(stem, patterns):
            return level
    return None


def neighbor_of(stem: str) -> int | None:
    for group, patterns in enumerate(NEIGHBORS):
        if matches(stem, patterns):
            return group
    return None


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
    target = Path(name).stem
    ours, theirs = layer_of(stem), layer_of(target)
    if ours is None or theirs is None or (stem, target) in ALLOWED:
        return None
    if theirs > ours:
        names = list(LAYERS)
        return f"is {names[ours]} and includes {name} of {names[theirs]}"
    groups = neighbor_of(stem), neighbor_of(target)
    if theirs == list(LAYERS).index("L4") == ours and groups[0] != groups[1]:
        return f"includes {name}, a neighbor that it must not know"
    return None


def check_library_file(path: Path) -> list[str]:
    text = code_of(path.read_text(encoding="utf-8"))
    problems = []
    if path.parent.name == "src" and layer_of(path.stem) is None:
        problems.append("belongs to no layer: name it in tools/check_layers.py")
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
    conditionals = "\n".join(CONDITIONAL.findall(text))
    if path.name != "compat.h" and PYTHON_VERSION.search(conditionals):
        problems.append("has a Python version conditional: it belongs in compat.h")
    return problems


def c_files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.[ch]")]
    return sorted(found)


def main() -> int:
    problems = []
    for path in c_files("libboc/src", "libboc/include"):
        problems += [(path, text) for text in check_library_file(path)]
    for path in c_files("python/bocpy/csrc"):
        problems += [(path, text) for text in check_binding_file(path)]
    for path, text in problems:
        print(f"{path.relative_to(ROOT).as_posix()}: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
