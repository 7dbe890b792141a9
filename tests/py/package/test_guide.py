"""Every program in the documentation, run as a reader would: pasted into a file.

A block of Python is a program of its own. A block of text right below it is what it
prints; without one it prints nothing. A comment `<!-- only: BACKEND -->` above it says
that it shows what is true of one backend, and `<!-- needs: MODULE -->` that it uses a
package of somebody else's: it runs where that is installed, which it has to be where
BOCPY_TEST_RECIPES is set (the job `recipes` of the matrix).
"""

import importlib.util
import os
import re
from pathlib import Path

import bocpy
import harness
import pytest

ROOT = Path(__file__).resolve().parents[3]
PYPI = ROOT / "docs" / "pypi.md"  # has the text of README.md
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - {PYPI})]
PROGRAM = re.compile(
    r"(?:^<!-- only: (?P<only>\w+) -->\n)?"
    r"(?:^<!-- needs: (?P<needs>\w+) -->\n)?"
    r"^```python\n(?P<source>.*?)^```\n"
    r"(?:^```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)


def is_installed(module):
    found = importlib.util.find_spec(module) is not None
    if not found and os.environ.get("BOCPY_TEST_RECIPES"):
        raise RuntimeError(f"the recipes need {module}: tools/requirements/recipes.txt")
    return found


def programs():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in PROGRAM.finditer(text):
            if found["needs"] and not is_installed(found["needs"]):
                continue
            line = text.count("\n", 0, found.start("source")) + 1
            backends = [found["only"]] if found["only"] else harness.BACKENDS
            for backend in backends:
                if backend in harness.BACKENDS:
                    name = f"{page.relative_to(ROOT)}:{line}-{backend}"
                    yield pytest.param(found, backend, id=name)


@pytest.mark.parametrize(("found", "choice"), list(programs()))
def test_program(found, choice, tmp_path):
    process = harness.start_program(found["source"], tmp_path, backend=choice)
    done = harness.finish_program(process)
    assert (done.out, done.err) == (found["output"] or "", "")


def test_the_reference_has_every_public_name():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE)
    # `from bocpy import *` leaves Python's own `map` alone.
    public = (set(bocpy.__all__) - {"__version__"}) | {"map"}
    assert sorted(listed) == sorted(public)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert "://" in target or (page.parent / target).exists(), target


def test_no_block_is_forgotten():
    """Everything that looks like Python in the guide is a program that the suite
    runs."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"^ +```|^```(py|pycon|python .*)$", text, re.MULTILINE)
        blocks = len(re.findall(r"^```python$", text, re.MULTILINE))
        assert blocks == len(PROGRAM.findall(text)), page
