"""docs/architecture.md: its layers and its code map name all source files, and no
others.

A file is named by its stem, with or without an ending, or by a pattern like `codec*.c`.
"""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from devtool.base import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MARKED = re.compile(r"^```\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
FOLDERS = ["libboc/src", "python/bocpy/csrc", "python/bocpy"]
#: Names on the page that are no files of the tree.
ELSEWHERE = {"Python.h", "test_X.c", "X.c"}


def marked():
    """The words that the page shows as code, with endings and patterns."""
    text = " ".join(a or b for a, b in MARKED.findall(PAGE))
    return {word.rpartition("/")[2] for word in re.findall(r"[\w*./]+", text)}


def files(folder):
    rooms = folder in ("libboc/src", "python/bocpy/csrc")
    walk = (ROOT / folder).rglob if rooms else (ROOT / folder).glob
    found = (path for path in walk("*.*") if path.is_file())
    return sorted(path.name for path in found if path.suffix in (".c", ".h", ".py"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_on_the_map(folder):
    patterns = {word.partition(".")[0] for word in marked()} - {"", "*"}
    stems = {Path(name).stem for name in files(folder)} - {"__init__"}
    lost = {s for s in stems if not any(fnmatch(s, pattern) for pattern in patterns)}
    assert lost == set()


def test_every_file_on_the_map_is_there():
    tracked = [ROOT / name for name in ("libboc", "python", "tests", "tools", "docs")]
    there = {path.name for folder in tracked for path in folder.rglob("*.*")}
    named = {word for word in marked() if re.fullmatch(r"[\w*]+\.(c|h|py)", word)}
    assert len(named) > 60
    lost = {n for n in named - ELSEWHERE if not any(fnmatch(t, n) for t in there)}
    assert lost == set()


def test_every_python_call_is_in_the_table():
    """`python_calls.h` lists the Python functions that C calls; the page says which
    file calls them, and what for."""
    header = ROOT / "python" / "bocpy" / "csrc" / "base" / "python_calls.h"
    text = header.read_text(encoding="utf-8")
    calls = re.findall(r'X\(\w+, "([\w.]+)", "(\w+)"\)', text)
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    lost = {
        f"{module}.{name}"
        for module, name in calls
        if not any(f"`{module}." in row and name in row for row in rows)
    }
    assert len(calls) > 20
    assert lost == set()
