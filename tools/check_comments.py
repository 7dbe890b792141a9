#!/usr/bin/env python3
"""Checks the shape of comments in the C sources, which a formatter can damage.

    tools/check_comments.py          says what is wrong
    tools/check_comments.py --fix    mends banners and long lines, then says the rest

- A line has at most 88 columns.
- A banner is one line of 88 columns: `/* ---- name ------ */`.
- In a file's head `Threads:`, `Invariants:`, `Ordering:`, `Rejected:` and `Source:`
  begin a line. Numbered invariants, and tags of orders, begin lines of their own.
- A table or a diagram is no prose: no line of it is wrapped. A line with columns (words
  three or more spaces apart) is followed by another one, by a line that is indented, or
  by an empty one.
"""

from __future__ import annotations

import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    "libboc/include",
    "libboc/src",
    "tests/c",
    "tests/fuzz",
    "tests/models",
    "python/bocpy/csrc",
    "python/bocpy/csrc_math",
    "benchmarks",
    "examples",
)
WIDTH = 88
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
BANNER = re.compile(r"^/\* ---- \S.* -+ \*/$")
TITLES = "Threads|Invariants|Ordering|Rejected|Source"
RUN_TOGETHER = re.compile(rf"^ \* +\S.*[.;:] (?:{TITLES}):")
NUMBERED = re.compile(r"^ \* +(?:Invariants:|\d\. ).*[.:] \d\. ")
TAGGED = re.compile(r"^ \* +Ordering: \[|^ \* +\[[RAF]\d+\].*\. \[[RF]\d+\]")
ITEM = r"(?:\d\. |\[[RAF]\d+\] |- )"
COLUMNS = re.compile(r"^ \* {3,}\S+(?: \S+)* {3,}\S")


def code_files() -> list[Path]:
    found = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".c", ".h", ".hpp", ".cpp")
    ]
    return sorted(found)


def check_banner(comment: str) -> str | None:
    first = comment.split("\n", maxsplit=1)[0]
    if not first.startswith("/* --"):
        return None
    if "\n" in comment:
        return "a banner over several lines"
    if not BANNER.match(comment) or len(comment) != WIDTH:
        return f"a banner that is not `/* ---- name --- */` of {WIDTH} columns"
    return None


def check_head(comment: str) -> Iterator[tuple[int, str]]:
    for at, line in enumerate(comment.split("\n")):
        if RUN_TOGETHER.match(line):
            yield at, "titles of a head that are run together"
        elif NUMBERED.match(line):
            yield at, "two invariants in a line"
        elif TAGGED.match(line):
            yield at, "a pair of orders that does not begin its line"


def check_table(comment: str) -> Iterator[tuple[int, str]]:
    lines = comment.split("\n")
    for at, (line, after) in enumerate(itertools.pairwise(lines)):
        if not COLUMNS.match(line) or re.search(r"[.:;] {2,}", line):
            continue
        words = after.lstrip(" *")
        flush = re.match(r"^ \* \S", after)
        if flush and words and words[0].islower():
            yield at + 1, "a line of a table that was wrapped"


def check(text: str) -> Iterator[tuple[int, str]]:
    """The number of a line, and what is wrong with it."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > WIDTH:
            yield number, f"more than {WIDTH} columns"
    for found in COMMENT.finditer(text):
        first = text.count("\n", 0, found.start()) + 1
        comment = found.group()
        problem = check_banner(comment)
        if problem:
            yield first, problem
            continue
        if found.start() == 0:
            yield from ((first + at, what) for at, what in check_head(comment))
        yield from ((first + at, what) for at, what in check_table(comment))


def mended_banner(line: str) -> str:
    found = re.match(r"^/\* -{2,} (.*?) ?-* \*/$", line)
    if not found:
        return line
    head = f"/* ---- {found[1]} "
    return head + "-" * (WIDTH - len(head) - 3) + " */"


def begins_paragraph(line: str, paragraph: list[str]) -> bool:
    """Whether `line` begins a paragraph of its own after `paragraph`."""
    if re.match(rf"\s*(?:{ITEM}|(?:{TITLES})\b)", line):
        return True
    indented = line.startswith("    ")
    return indented and not (paragraph and re.match(rf"\s*{ITEM}", paragraph[0]))


def wrapped(paragraph: list[str], width: int) -> list[str]:
    """The same words in lines of at most `width`, if one of them is longer."""
    if all(len(line) <= width for line in paragraph):
        return paragraph
    indent = re.match(r"\s*", paragraph[0])
    hanging = re.match(rf"\s*(?:{ITEM})?", paragraph[0])
    assert indent
    assert hanging
    further = " " * len(hanging[0]) if len(hanging[0]) < 8 else indent[0] + "  "
    if len(paragraph) > 1:
        further = paragraph[1][: len(paragraph[1]) - len(paragraph[1].lstrip())]
    return textwrap.wrap(
        " ".join(line.strip() for line in paragraph),
        width,
        initial_indent=indent[0],
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def mended_comment(comment: str, column: int) -> str:
    """A comment that stands alone in its lines, rewrapped if a line is too long."""
    lines = comment.split("\n")
    if all(len(line) + (0 if i else column) <= WIDTH for i, line in enumerate(lines)):
        return comment
    text = re.sub(r"\s*\*/$", "", re.sub(r"^/\* ?", "", comment))
    body = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in text.split("\n")]
    result: list[str] = []
    paragraph: list[str] = []
    for line in [*body, ""]:
        table = re.search(r"\S {3,}\S", line) or "-->" in line
        if paragraph and (not line or table or begins_paragraph(line, paragraph)):
            result += wrapped(paragraph, WIDTH - 3 - column)
            paragraph = []
        if line and not table:
            paragraph.append(line)
        else:
            result.append(line)
    result.pop()
    pad = " " * column
    mended = "/* " + f"\n{pad} * ".join(result)
    mended = re.sub(r" +$", "", mended, flags=re.MULTILINE)
    last = len(mended.rsplit("\n", maxsplit=1)[-1]) + (0 if "\n" in mended else column)
    alone = lines[-1].strip() == "*/" or last + 3 > WIDTH
    return mended + (f"\n{pad} */" if alone else " */")


def mend(text: str) -> str:
    text = "\n".join(mended_banner(line) for line in text.split("\n"))

    def replace(found: re.Match[str]) -> str:
        before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        return found[0] if before.strip() else mended_comment(found[0], len(before))

    return COMMENT.sub(replace, text)


def main() -> int:
    if "--fix" in sys.argv:
        for path in code_files():
            text = path.read_text(encoding="utf-8")
            if mend(text) != text:
                path.write_text(mend(text), encoding="utf-8")
    problems = [
        f"{path.relative_to(ROOT).as_posix()}:{number}: {what}"
        for path in code_files()
        for number, what in check(path.read_text(encoding="utf-8"))
    ]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
