#!/usr/bin/env python3
"""Makes python/bocpy/_cffi/docs.py: the extension's docstrings, for the core by cffi.

    core_docs.py            writes it; bocpy with its extension must be importable
    core_docs.py --check    says whether it is old

So each docstring has one place: the C that it belongs to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "python" / "bocpy" / "_cffi" / "docs.py"

HEAD = '''\
"""The public docstrings, as the extension has them.

Made by tools/core_docs.py: do not edit.
"""

from __future__ import annotations

from typing import Any

'''

TAIL = '''

def put_on(names: dict[str, Any]) -> None:
    """Gives them to what has those names: functions, classes, and their members."""
    for path, text in DOCS.items():
        first, *rest = path.split(".")
        target = names[first]
        for name in rest:
            target = vars(target)[name]
        target.__doc__ = text
'''


def documented() -> Iterator[tuple[str, str]]:
    from bocpy import _core

    for name, value in sorted(vars(_core).items()):
        if name.startswith("_") or not getattr(value, "__doc__", None):
            continue
        yield name, value.__doc__
        if isinstance(value, type):
            for member, inner in sorted(vars(value).items()):
                if not member.startswith("_") and getattr(inner, "__doc__", None):
                    yield f"{name}.{member}", inner.__doc__


def literal(text: str) -> str:
    """A literal whose lines are as they are in the source."""
    quoted = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""\\\n{quoted}"""'


def page() -> str:
    rows = [f"    {path!r}: {literal(text)},\n" for path, text in documented()]
    return HEAD + "DOCS = {\n" + "".join(rows) + "}\n" + TAIL


def main() -> None:
    text = page()
    if "--check" in sys.argv[1:]:
        if normal(PAGE.read_text(encoding="utf-8")) != normal(text):
            raise SystemExit(f"{PAGE.name} is old: run tools/core_docs.py")
        return
    PAGE.write_text(text, encoding="utf-8")


def normal(text: str) -> dict[str, str]:
    """The text of a page without its layout."""
    names: dict[str, dict[str, str]] = {}
    exec(compile(text, "docs.py", "exec"), names)
    return names["DOCS"]


if __name__ == "__main__":
    main()
