"""Examples in docstrings; the programs of the README and of docs/c/bindings.md."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import libboc

ROOT = Path(__file__).resolve().parents[2]
MODULES = ["libboc"] + [
    f"libboc.{found.name}"
    for found in pkgutil.iter_modules(libboc.__path__)
    if found.name != "_libboc"
]
PAGES = (
    ROOT / "bindings" / "libboc" / "README.md",
    ROOT / "docs" / "c" / "bindings.md",
)
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.M | re.S)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def blocks():
    for page in PAGES:
        for number, found in enumerate(
            BLOCK.finditer(page.read_text(encoding="utf-8"))
        ):
            yield pytest.param(*found.groups(), id=f"{page.stem}-{number}")


@pytest.mark.parametrize(("source", "printed"), list(blocks()))
def test_page(program, source, printed):
    done = program(source)
    assert done.code == 0, done.err
    assert done.out == (printed or "")
    assert done.err == ""
