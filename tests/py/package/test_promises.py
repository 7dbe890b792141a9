"""The page docs/promises.md names tests that exist."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "promises.md"
NAMED = re.compile(r"`((?:tests|tools)/[\w/.]+\.(?:py|c))(?:::(\w+))?`")
#: How a name is defined in Python, and in C.
DEFINED = r"^\s*(?:def |class |static \w+ )?{}\b\s*(?:\(|:|=)"


def named():
    return NAMED.findall(PAGE.read_text(encoding="utf-8"))


def test_what_the_page_of_promises_names_exists():
    gone = []
    for path, name in named():
        file = ROOT / path
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        defined = re.search(DEFINED.format(name), text, re.MULTILINE) if name else text
        if not defined:
            gone.append(f"{path}::{name}")
    assert not gone


def test_each_row_names_a_test():
    rows = [
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| promise")
    ]
    assert len(rows) > 30
    assert [row for row in rows if not NAMED.search(row)] == []
