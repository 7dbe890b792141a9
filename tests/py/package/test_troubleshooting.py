"""The page of error messages names messages that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "guide" / "troubleshooting.md"
SOURCES = ROOT / "python" / "bocpy"


def sources() -> str:
    """All strings of the package, with what formats fill in taken out."""
    files = [*SOURCES.rglob("*.c"), *SOURCES.rglob("*.h"), *SOURCES.rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    text = re.sub(r'"\s*\n?\s*(?:f|rf)?"', "", text)  # a string over several lines
    return re.sub(r"%(?:zd|[sdiuR])|\{[^{}\"\n]*\}", "*", text)


def messages() -> list[str]:
    if not PAGE.exists():
        return []
    heads = re.findall(
        r"^## \w+(?:Error|Warning): (.*)$", PAGE.read_text("utf-8"), re.M
    )
    return [head.replace("\\", "") for head in heads]


@pytest.mark.skipif(not PAGE.exists(), reason="only where the pages are")
def test_each_message_of_the_page_is_one_of_the_package():
    said = sources()
    lost = []
    assert len(messages()) > 10
    for message in messages():
        parts = [part.strip(" '") for part in re.split(r"<\w+>|\.\.\.", message)]
        if not all(part in said for part in parts):
            lost.append(message)
    assert not lost, lost
