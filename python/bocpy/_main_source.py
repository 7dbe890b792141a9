"""Source lines that the main interpreter alone has: those of cells of notebooks, of
`python -c`, of examples in docstrings, of what a program has compiled itself.

Such code has no file. Whoever compiles it puts its lines into `linecache`, or has that
find them. So for code that arrives in a worker, and whose file does not exist, the
`linecache` of the worker gets lines that ask the main interpreter when somebody looks:
a traceback, `inspect.getsource`.

`linecache` is imported where it is needed: that costs each worker of CPython 3.12 2 ms.

Threads: `lines_of` and `from_here` in the main interpreter, also in the name of a
worker; the rest in a worker.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from types import CodeType
from typing import Any

from . import _core


def from_here(file: str) -> str | None:
    """The text of a file that workers do not have; None if nobody knows it."""
    return "".join(lines_of(file)) or None


def lines_of(file: str) -> list[str]:
    import linecache

    try:
        return linecache.getlines(file) or interactive_lines(file)
    except Exception:  # who replaced linecache.getlines
        return []


def interactive_lines(file: str) -> list[str]:
    """Lines that Python 3.14 and newer keep by code object, if those of the file are
    all of one text: `python -c`."""
    import linecache

    texts: dict[Any, Any] = getattr(linecache, "_interactive_cache", {})
    found = [
        entry[2]
        for key, entry in list(texts.items())
        if isinstance(key, tuple) and key[0] == file and len(entry) != 1
    ]
    return found[0] if found and all(each == found[0] for each in found) else []


# ---- in a worker ---------------------------------------------------------------------


class Lines(Sequence[str]):
    """The lines of a file, once somebody looks at them."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __len__(self) -> int:
        return len(self.known)

    def __getitem__(self, index: Any) -> Any:
        return self.known[index]

    @cached_property
    def known(self) -> list[str]:
        try:
            text = _core._ask_main(f"source {self.file}")
        except Exception:  # the main interpreter ends
            text = None
        return text.splitlines(keepends=True) if text else []


_noted: set[str] = set()


def note(code: CodeType) -> None:
    """Has the lines of the code found in this interpreter, if it has no file."""
    file = code.co_filename
    if file in _noted:
        return
    _noted.add(file)
    if not os.path.exists(file):
        import linecache

        lines: Any = Lines(file)
        linecache.cache.setdefault(file, (1, None, lines, file))
