#!/usr/bin/env python3
"""Makes the manual pages of libboc's C API from the public headers.

    tools/man_pages.py --list            the names of the pages, one a line
    tools/man_pages.py OUT               writes them into the folder OUT
    man ./OUT/boc_cown_new.3

A page for each entry of the headers, named after the first thing that it declares; the
others lead to it (`.so`). boc.3 is an overview of all. Meson installs them with the
library, unless -Dman=disabled.

A header is its first comment, then entries: a comment that begins with two stars and
the code up to the next comment. The headers are laid out by clang-format; that is what
makes so small a reader enough. It needs nothing but Python, where the library is built;
the reference in HTML comes from Clang (docs/_extensions/c_headers.py).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = ROOT / "libboc" / "include" / "boc"
PREFACE = '.\\" Made from the public headers by tools/man_pages.py.'

#: In the order in which they are read best.
HEADERS = (
    "base.h",
    "cown.h",
    "behavior.h",
    "runtime.h",
    "scope.h",
    "timer.h",
    "lane.h",
    "message.h",
    "noticeboard.h",
    "stats.h",
    "trace.h",
)
#: What an X-macro's names become.
PREFIXES = {"BOC_STATUS_MAP": "BOC_", "BOC_TRACE_MAP": "BOC_TRACE_"}
NAME = r"(?:boc_\w+|BOC_\w+)"
DECLARES = re.compile(
    r"^BOC_API\b[^;(]*?\b(boc_\w+)\("  # a function
    rf"|^\#define ({NAME})"
    rf"|^\}} ({NAME});"  # the end of a struct or enum
    rf"|^typedef (?:struct|enum) \w+ (\w+);",
    re.MULTILINE,
)
#: The macros that expand an X-macro, undefined again after it.
EXPANDER = re.compile(r"_(ENUM|FIELD)$")
ROW = re.compile(r"X\((\w+), (?:(\w+), )?\"([^\"]*)\"\)")


@dataclass
class Entry:
    """A comment and what it is about."""

    text: str
    code: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        found = DECLARES.finditer("\n".join(self.code))
        names = (next(filter(None, each.groups())) for each in found)
        return [name for name in dict.fromkeys(names) if not EXPANDER.search(name)]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        return ROW.findall("\n".join(self.code))

    @property
    def rest(self) -> str:
        """What an entry with a table declares beside what the table says."""
        blocks = "\n".join(self.code).split("\n\n")
        return "\n\n".join(block for block in blocks if "_MAP(" not in block)


@dataclass
class Header:
    name: str
    text: str
    entries: list[Entry]

    @property
    def title(self) -> str:
        return f"boc/{self.name}"


def plain(comment: str) -> str:
    """A C comment's text: without its marks, empty lines as they are."""
    body = comment.removeprefix("/**").removeprefix("/*").removesuffix("*/")
    lines = [re.sub(r"^ ?\* ?", "", line) for line in body.split("\n")]
    return "\n".join(line.rstrip() for line in lines).strip()


def without_conditionals(text: str) -> str:
    """Without what stands in #if ... #endif inside the include guard, and the guard."""
    kept, depth = [], 0
    for line in text.split("\n"):
        if line.startswith(("#if", "#ifdef", "#ifndef")):
            depth += 1
        if depth < 2 and not re.match(r"#(if|else|elif|endif|include|undef)", line):
            kept.append(line)
        if line.startswith("#endif"):
            depth -= 1
    return "\n".join(kept)


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """Top-level comments, each with the code up to the next one."""
    parts = re.split(r"^(/\*.*?\*/)\n", text, flags=re.MULTILINE | re.DOTALL)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def simplify(code: str) -> str:
    code = re.sub(r"^BOC_API (?=\w)", "BOC_API ", code, flags=re.MULTILINE)
    code = re.sub(r"#define BOC_(\w*)GUARD.*\n", "", code)
    return re.sub(r"\n{3,}", "\n\n", code).strip("\n")


def read(path: Path) -> Header:
    text = path.read_text(encoding="utf-8")
    first = re.match(r"/\*.*?\*/", text, re.DOTALL)
    if not first:
        sys.exit(f"{path.name} does not begin with a comment")
    entries = [
        Entry(plain(comment), [simplify(code)])
        for comment, code in pieces(without_conditionals(text[first.end() :]))
        if comment.startswith("/**")
    ]
    return Header(path.name, plain(first.group()), entries)


def c_headers() -> list[Header]:
    return [read(INCLUDE / name) for name in HEADERS]


def escaped(text: str) -> str:
    """Text for roff: no escapes, no lines that look like requests."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def prose(text: str) -> Iterator[str]:
    """Paragraphs; lines that begin with a dash are items, indented blocks are code."""
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if all(line.startswith("  ") for line in lines):
            yield from (".PP", ".EX", escaped(block), ".EE")
            continue
        yield ".PP"
        for line in lines:
            if line.lstrip().startswith("- "):
                yield ".IP \\(bu 2"
                line = line.lstrip()[2:]
            yield bold_names(escaped(line.strip()))


def bold_names(text: str) -> str:
    """The API's names in bold, as manual pages have them."""
    return re.sub(r"(?<!\w)((?:boc|BOC)_\w+)", r"\\fB\1\\fR", text).replace("`", "")


def summary(entry: Entry) -> str:
    first = re.split(r"(?<=[.;:])\s", " ".join(entry.text.split()), maxsplit=1)[0]
    return escaped(first.rstrip(".;:")).replace("`", "")


def declaration(code: str) -> str:
    """The code without the export mark; its lines are where that leaves them."""
    parts = []
    for part in re.split(r"(?m)^(?=BOC_API )", code.replace("/**", "/*")):
        if part.startswith("BOC_API "):
            part = part.replace("BOC_API ", "", 1).replace("\n        ", "\n")
        parts.append(part)
    return "".join(parts)


def entry_page(header: Header, entry: Entry) -> str:
    names = entry.names
    lines = [PREFACE, f'.TH {names[0].upper()} 3 "" libboc "libboc manual"', ".SH NAME"]
    lines += [f"{', '.join(names)} \\- {summary(entry)}", ".SH SYNOPSIS", ".nf"]
    lines += [f"#include <{header.title}>", ".PP"]
    code = entry.rest if entry.rows else "\n".join(entry.code)
    lines += [escaped(declaration(code)), ".fi", ".SH DESCRIPTION"]
    lines += list(prose(entry.text))[1:]
    if entry.rows:
        prefix = PREFIXES.get(names[0], "")
        for name, kind, text in entry.rows:
            lines += [".TP", f"\\fB{prefix}{name}\\fR" + (f" ({kind})" if kind else "")]
            lines += [escaped(text)]
    lines += [".SH CONVENTIONS", ".PP"]
    lines += ["Out\\-parameters are untouched unless the answer is \\fBBOC_OK\\fR; no"]
    lines += ["pointer may be NULL unless it is said; times are nanoseconds. Link with"]
    lines += [".BR pkg\\-config (1),", '"\\-\\-libs boc".', ".SH SEE ALSO"]
    near = [n for e in header.entries if e.names for n in e.names[:1] if n != names[0]]
    also = [f".BR {name} (3)," for name in ["boc", *near[:12]]]
    return "\n".join([*lines, *also]).removesuffix(",") + "\n"


def overview(headers: list[Header]) -> str:
    lines = [PREFACE, '.TH BOC 3 "" libboc "libboc manual"', ".SH NAME"]
    lines += ["boc \\- behavior\\-oriented concurrency in C", ".SH SYNOPSIS", ".nf"]
    lines += ["#include <boc/boc.h>", ".fi", ".SH DESCRIPTION"]
    for header in headers:
        lines += [f".SS {header.title}", *list(prose(header.text))[1:]]
        for entry in header.entries:
            if entry.names:
                lines += [".TP", f".BR {entry.names[0]} (3)", summary(entry)]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """File names and their text."""
    headers = c_headers()
    made = {"boc.3": overview(headers)}
    for header in headers:
        for entry in header.entries:
            if not entry.names:
                continue
            first, *others = (f"{name}.3" for name in entry.names)
            made.setdefault(first, entry_page(header, entry))
            for other in others:
                made.setdefault(other, f".so man3/{first}\n")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--list", action="store_true", help="only the names")
    parser.add_argument("out", nargs="?", type=Path)
    arguments = parser.parse_args()
    made = pages()
    if arguments.list:
        print("\n".join(made))
    elif arguments.out is None:
        parser.error("a folder is needed")
    else:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (arguments.out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
