"""Makes the page that package indexes show, README.md with absolute links.

    python tools/pypi_readme.py            writes docs/pypi.md
    python tools/pypi_readme.py --check    fails if that would change anything

The address is `Source` of [project.urls] in pyproject.toml, the one place that has it:
files are below `blob/main/`, pictures below `raw/main/`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "pypi.md"
NOTE = "<!-- Made from README.md by tools/pypi_readme.py: do not edit. -->\n"
BLOCK = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)


def address() -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^Source = "([^"]+)"$', text, re.MULTILINE)
    if not found:
        raise SystemExit("pyproject.toml: no Source in [project.urls]")
    return found[1]


def absolute(text: str, source: str) -> str:
    """Outside of code, whatever leads to a file of the tree leads to `source`."""

    def prose(part: str) -> str:
        part = re.sub(r"\]\((?!https?:)([^)]+)\)", rf"]({source}/blob/main/\1)", part)
        return re.sub(
            r'(src|srcset)="(?!https?:)([^"]+)"', rf'\1="{source}/raw/main/\2"', part
        )

    parts = BLOCK.split(text)
    return "".join(
        part if BLOCK.fullmatch(part) else prose(part) for part in parts if part
    )


def main() -> int:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    made = NOTE + absolute(text, address())
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == made:
        return 0
    if "--check" in sys.argv:
        print("docs/pypi.md: is stale: python tools/pypi_readme.py")
        return 1
    TARGET.write_text(made, encoding="utf-8")
    print("docs/pypi.md: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
