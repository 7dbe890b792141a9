"""Tracebacks as plain values: the worker records them, and the reader writes them out.

Writing a traceback out reads source files and costs a tenth of a millisecond, for a
text that few programs read. So a worker sends the parts of which it consists: for each
exception, from the one that was raised to its first cause,

    (link, text, names, places)

where `link` is what stands between the exception and the one before it, `text` is its
last line, with the notes, and `names` has the names of files and functions. `places`
has six C ints for each frame: the index of its file, the line, the index of its
function, end line, column, end column; -1 for what Python has not recorded.

What travels is bytes: for each exception four C ints (the index of the link in `LINKS`,
and how many bytes the other three take), then these: texts in UTF-8, each name with a
NUL behind it. The codec copies one object, and only a reader of the text makes more.

Threads: any.
"""

from __future__ import annotations

import sys
from itertools import islice
from types import CodeType, TracebackType

from .. import _core
from .._late_imports import traceback_module
from .._main_interpreter import source_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Frames = tuple[tuple[str, ...], bytes]
Entry = tuple[str, str, tuple[str, ...], bytes]

#: For these `traceback` writes more than one line: suggestions, the source, members.
_SPECIAL: tuple[type[BaseException], ...] = (
    SyntaxError,
    NameError,
    AttributeError,
    ImportError,
)
if sys.version_info >= (3, 11):
    _SPECIAL += (BaseExceptionGroup,)  # noqa: F821
#: The size of the four ints before an entry.
_HEAD = 16
_HAS_POSITIONS = sys.version_info >= (3, 11)
#: A longer chain of exceptions is written out as a text instead.
_CHAIN_MAX = 20

NONE, CAUSE, CONTEXT = range(3)
#: What stands between an exception and the one before it.
LINKS = (
    "",
    "\nThe above exception was the direct cause of the following exception:\n\n",
    "\nDuring handling of the above exception, another exception occurred:\n\n",
)


def take_read(exception: BaseException, skip: type[BaseException]) -> bytes | None:
    """The trace of an exception.

    None if only `traceback` can write it out, or if one of its causes is a `skip`,
    which is a text already.
    """
    entries: list[bytes] = []
    special = (*_SPECIAL, skip)
    link, one = NONE, exception
    while len(entries) < 4 * _CHAIN_MAX:
        if isinstance(one, special):
            return None
        names, places = frames(one.__traceback__)
        text = last_line(one).encode()
        files = "".join(f"{name}\0" for name in names).encode()
        sizes = (link, len(text), len(files), len(places))
        entries += b"".join(map(int_bytes, sizes)), text, files, places
        if one.__cause__ is not None:
            link, one = CAUSE, one.__cause__
        elif one.__context__ is not None and not one.__suppress_context__:
            link, one = CONTEXT, one.__context__
        else:
            return b"".join(entries)
    return None


def last_line(exception: BaseException) -> str:
    """The line that ends the exception's part of a traceback, and its notes."""
    cls = type(exception)
    name = cls.__qualname__
    if cls.__module__ not in ("__main__", "builtins"):
        name = f"{cls.__module__}.{name}"
    text = str(exception)
    lines = [f"{name}: {text}" if text else name]
    notes = getattr(exception, "__notes__", None)
    if isinstance(notes, list):
        lines += [str(note) for note in notes]
    return "\n".join(lines)


def frames(trace: TracebackType | None) -> Frames:
    names: dict[str, int] = {}
    places: list[int | None] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        file = names.setdefault(code.co_filename, len(names))
        name = names.setdefault(code.co_name, len(names))
        places += file, trace.tb_lineno, name, *position(code, trace.tb_lasti)
        trace = trace.tb_next
    return tuple(names), b"".join(map(int_bytes, places))


def int_bytes(number: int | None) -> bytes:
    return (-1 if number is None else number).to_bytes(4, sys.byteorder, signed=True)


def position(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    """End line, first and last column of an instruction, if Python has recorded
    them."""
    if sys.version_info < (3, 11) or instruction < 0:
        return None, None, None
    at = next(islice(code.co_positions(), instruction // 2, None), None)
    return (at[1], at[2], at[3]) if at else (None, None, None)


#: The same, written in C, if the core has it.
take = getattr(_core, "_trace_take", take_read)


def entries_of(trace: bytes) -> list[Entry]:
    """The entries of a trace, from the exception that was raised to its first cause."""
    entries = []
    while trace:
        link, *sizes = memoryview(trace[:_HEAD]).cast("I").tolist()
        trace = trace[_HEAD:]
        parts = []
        for size in sizes:
            parts.append(trace[:size])
            trace = trace[size:]
        text, names, places = parts
        separate = tuple(names.decode().split("\0")[:-1])
        entries.append((LINKS[link], text.decode(), separate, places))
    return entries


def written(trace: bytes) -> str:
    """The text of a trace, as `traceback.format_exception` writes it."""
    traceback = traceback_module()  # few workers need it, and it imports much
    parts = []
    for link, text, names, places in reversed(entries_of(trace)):
        if places:
            parts.append("Traceback (most recent call last):\n")
            parts += traceback.StackSummary.from_list(summaries(names, places)).format()
        parts.append(text + "\n")
        parts.append(link)
    return "".join(parts)


def summaries(names: tuple[str, ...], places: bytes) -> list[Any]:
    numbers = iter(memoryview(places).cast("i").tolist())
    return [
        summary(names[file], line, names[name], *map(known, position))
        for file, line, name, *position in zip(*[numbers] * 6, strict=True)
    ]


def known(number: int) -> int | None:
    return None if number < 0 else number


def summary(
    file: str,
    line: int,
    name: str,
    end_line: int | None,
    column: int | None,
    end_column: int | None,
) -> Any:
    options: dict[str, Any] = {}
    if _HAS_POSITIONS:
        options = {"end_lineno": end_line, "colno": column, "end_colno": end_column}
    if file.startswith("<") and (text := interactive_line(file, line)):
        options["line"] = text
    traceback = traceback_module()
    return traceback.FrameSummary(file, line, name, lookup_line=False, **options)


def interactive_line(file: str, line: int) -> str:
    """The line of code without a file, which `traceback` does not find."""
    lines = source_lines.interactive_lines(file)
    return lines[line - 1] if 0 < line <= len(lines) else ""
