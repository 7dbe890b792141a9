#!/usr/bin/env python3
"""Checks the sizes of what people write: a function has at most 60 lines, a file 600.

Every source in C, C++, Python and Rust, every model and every build file counts, tests
and tools, too. Only what a program makes as a whole is left out: GENERATED.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MAX_FUNCTION, MAX_FILE = 60, 600
FOLDERS = (
    "libboc",
    "python",
    "bindings",
    "packaging",
    "tests",
    "tools",
    "benchmarks",
    "examples",
    "docs",
)
C_SUFFIXES = (".c", ".h", ".cpp", ".hpp")
PYTHON_SUFFIXES = (".py", ".pyi")
OTHER_SUFFIXES = (".rs", ".pml", ".build", ".cmake")
#: By cffi, for bindings/libboc.
GENERATED = ("bindings/libboc/libboc/_libboc.c",)
#: Folders in which builds and tools leave files.
LEFT_OUT = re.compile(r"^(\..*|build|dist|__pycache__|.*\.egg-info)$")


def sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if not LEFT_OUT.match(path.name):
                yield from sources(path)
        elif path.suffix in C_SUFFIXES + PYTHON_SUFFIXES + OTHER_SUFFIXES:
            yield path


def all_sources() -> list[Path]:
    found = [ROOT / "dev"]
    for folder in FOLDERS:
        if (ROOT / folder).exists():
            found += sources(ROOT / folder)
    left_out = {ROOT / name for name in GENERATED}
    return [path for path in found if path.is_file() and path not in left_out]


def c_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Functions begin and end in the first column, as clang-format has it."""
    begin = 0
    for number, line in enumerate(lines):
        if line == "}":
            yield f"the function that ends in line {number + 1}", number - begin + 1
        if re.match(r"\w.*\(", line) and not lines[number - 1].endswith(","):
            begin = number


def python_functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def functions(path: Path, text: str) -> Iterator[tuple[str, int]]:
    if path.suffix in C_SUFFIXES:
        yield from c_functions(text.splitlines())
    elif path.suffix in PYTHON_SUFFIXES or path.name == "dev":
        yield from python_functions(text)


def check(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    problems = []
    if count > MAX_FILE:
        problems.append(f"has {count} lines, more than {MAX_FILE}")
    for name, length in functions(path, text):
        if length > MAX_FUNCTION:
            problems.append(f"{name} has {length} lines, more than {MAX_FUNCTION}")
    return problems


def main() -> int:
    problems = [(path, text) for path in all_sources() for text in check(path)]
    for path, text in problems:
        print(f"{path.relative_to(ROOT).as_posix()}: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
