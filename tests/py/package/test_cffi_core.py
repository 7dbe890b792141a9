"""What the core by cffi leaves out is a row of the page on backends, and the list of
tests that are left out names tests that there are."""

import ast
import importlib.util
import re
from fnmatch import fnmatch
from pathlib import Path

import cffi_core
import pytest

TESTS = Path(cffi_core.__file__).parent
PACKAGE = Path(importlib.util.find_spec("bocpy._cffi").origin).parent
PAGE = TESTS.parents[1] / "docs" / "guide" / "backends.md"
REASONS = {
    *cffi_core.FILES.values(),
    *cffi_core.TESTS.values(),
    *cffi_core.TESTS_ON_PYPY.values(),
}

if PAGE.exists():  # the page is not in the source distribution's tests

    def test_each_reason_is_a_row_of_the_page():
        text = PAGE.read_text(encoding="utf-8")
        table = text[text.index("| on the cffi core |") :]
        rows = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
        assert cffi_core.ROWS.keys() == REASONS
        for begin in filter(None, cffi_core.ROWS.values()):
            assert any(row.startswith(begin) for row in rows), begin


@pytest.mark.parametrize("name", cffi_core.FILES)
def test_each_file_of_the_list_is_there(name):
    assert any(fnmatch(path.name, name) for path in TESTS.rglob("*"))


@pytest.mark.parametrize("name", [*cffi_core.TESTS, *cffi_core.TESTS_ON_PYPY])
def test_each_test_of_the_list_is_there(name):
    file, *_, function = name.partition("[")[0].split("::")
    (path,) = TESTS.rglob(file)
    assert re.search(rf"def {function}", path.read_text(encoding="utf-8"))


def test_a_new_type_is_parsed_when_the_package_is_imported():
    """Two threads of PyPy that parse at the same time may get each other's type."""
    named = set()
    for path in PACKAGE.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'ffi\.(?:new|cast|typeof|sizeof)\(\s*"([^"]*)"', text))
    text = (PACKAGE / "base.py").read_text(encoding="utf-8")
    (parsed,) = re.findall(r"^C_TYPES = (\(.*?^\))", text, re.DOTALL | re.MULTILINE)
    assert set(ast.literal_eval(parsed)) == named
