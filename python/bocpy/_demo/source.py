"""One source file in, its facts out: the work of the demo, with no behaviors in it.

Both the sequential and the parallel run call `facts_of`. It reads only its file and
returns only builtin types, so that little travels between workers.
"""

from __future__ import annotations

import ast
import io
import os
import tokenize
import warnings
from collections.abc import Iterator
from typing import TypedDict

# Old sources contain escapes of which the compiler warns; each interpreter has filters
# of its own.
warnings.simplefilter("ignore", SyntaxWarning)

TOP = 12
"""How many of the longest functions a file reports and a ranking keeps."""

SKIPPED_FOLDERS = frozenset({"site-packages", "dist-packages", "__pycache__"})

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The fields in which a statement holds further statements."""

Span = tuple[int, str, int]
"""A function: lines, `file:qualified name`, first line."""


class Facts(TypedDict):
    """What the demo knows of one file."""

    name: str
    lines: int
    tokens: int
    functions: int
    classes: int
    imports: list[str]
    longest: list[Span]
    problem: str


def find_sources(root: str) -> list[str]:
    """The Python files below `root`, the largest first, installed packages left out."""
    if os.path.isfile(root):
        return [root]
    found = []
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(set(subfolders) - SKIPPED_FOLDERS)
        found += [os.path.join(folder, name) for name in files if name.endswith(".py")]
    found = [path for path in found if os.path.isfile(path)]
    return sorted(found, key=lambda path: (-os.path.getsize(path), path))


def facts_of(path: str, name: str) -> Facts:
    """Reads, tokenizes and parses the file at `path`, called `name` in the results."""
    facts: Facts = {
        "name": name,
        "lines": 0,
        "tokens": 0,
        "functions": 0,
        "classes": 0,
        "imports": [],
        "longest": [],
        "problem": "",
    }
    try:
        text = read_text(path)
        facts["lines"] = text.count("\n") + (not text.endswith("\n") and text != "")
        facts["tokens"] = count_tokens(text)
        survey(ast.parse(text, name), facts)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError) as error:
        facts["problem"] = type(error).__name__
    except (MemoryError, OSError) as error:
        facts["problem"] = type(error).__name__
    return facts


def read_text(path: str) -> str:
    """The file's text, in the encoding that the file declares."""
    with open(path, "rb") as file:
        data = file.read()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return io.TextIOWrapper(io.BytesIO(data), encoding).read()


def count_tokens(text: str) -> int:
    """How many tokens the text has, comments and line ends included."""
    return sum(1 for _ in tokenize.generate_tokens(io.StringIO(text).readline))


def survey(tree: ast.Module, facts: Facts) -> None:
    """Walks the tree's statements and records functions, classes and imports."""
    imports: set[str] = set()
    spans: list[Span] = []
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, scope = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            scope = f"{scope}.{node.name}" if scope else node.name
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            spans.append((lines, f"{facts['name']}:{scope}", node.lineno))
        elif isinstance(node, ast.ClassDef):
            scope = f"{scope}.{node.name}" if scope else node.name
            facts["classes"] += 1
        else:
            imports.update(imported(node))
        for field in BLOCKS:
            pending.extend((child, scope) for child in getattr(node, field, ()))
    facts["functions"] = len(spans)
    facts["imports"] = sorted(imports)
    facts["longest"] = ranked(spans)


def imported(node: ast.AST) -> Iterator[str]:
    """The top-level names of the modules that `node` imports, if it is an import."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name.partition(".")[0]
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield node.module.partition(".")[0]


def ranked(spans: list[Span]) -> list[Span]:
    """The `TOP` longest of `spans`, longest first, in an order that is total."""
    return sorted(spans, key=lambda span: (-span[0], span[1], span[2]))[:TOP]
