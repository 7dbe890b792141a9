"""Source lines that only the main interpreter has: of cells of notebooks, of `python
-c`, of examples in docstrings, of code that a program has compiled itself.

Such code has no file. The one who compiles it puts its lines into `linecache`, or a
function there that finds them. For code that arrives in a worker and whose file does
not exist, this module gives the `linecache` of the worker an entry that asks the main
interpreter when somebody reads the lines: a traceback, or `inspect.getsource`.

`linecache` is imported in the functions that use it: on CPython 3.12 the import takes 2
ms of each worker's start.

Threads: `lines_of` and `from_here` in the main interpreter, also called by a worker;
the rest in a worker.
"""

from __future__ import annotations

import os

# os has loaded this module; collections.abc would load collections, too.
from _collections_abc import Sequence

from .. import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any


def from_here(file: str) -> str | None:
    """The text of a file that workers do not have; None if it is not known here
    either."""
    return "".join(lines_of(file)) or None


def lines_of(file: str) -> list[str]:
    import linecache

    try:
        return linecache.getlines(file) or interactive_lines(file)
    except Exception:  # a function of the program in place of linecache.getlines
        return []


def interactive_lines(file: str) -> list[str]:
    """Lines that Python 3.14 and newer keep by code object, as of `python -c`.

    Only if all code objects of the file share one text.
    """
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
    """The lines of a file, which the main interpreter is asked for when they are
    read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.known: list[str] | None = None

    def __len__(self) -> int:
        return len(self.asked())

    def __getitem__(self, index: Any) -> Any:
        return self.asked()[index]

    def asked(self) -> list[str]:
        if self.known is None:
            try:
                text = _core._ask_main(f"source {self.file}")
            except Exception:  # the main interpreter is about to end
                text = None
            self.known = text.splitlines(keepends=True) if text else []
        return self.known


_noted: set[str] = set()


def note(code: CodeType) -> None:
    """Makes the source lines of the code available here, if it has no file."""
    file = code.co_filename
    if file in _noted:
        return
    _noted.add(file)
    if not os.path.exists(file):
        import linecache

        lines: Any = Lines(file)
        linecache.cache.setdefault(file, (1, None, lines, file))
