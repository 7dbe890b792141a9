#!/usr/bin/env python3
"""Makes the manual pages of libboc's C API from the public headers.

    tools/man_pages.py --list            the names of the pages, one a line
    tools/man_pages.py OUT               writes them into the folder OUT
    man ./OUT/boc_cown_new.3

A page for each entry of the headers, named after the first thing that it declares; the
others lead to it (`.so`). boc.3 is an overview of all. Meson installs them with the
library, unless -Dman=disabled.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from c_reference import HEADERS, INCLUDE, PREFIXES, Entry, Header, read

PREFACE = '.\\" Made from the public headers by tools/man_pages.py.'


def c_headers() -> list[Header]:
    return [read(INCLUDE / name) for name in HEADERS if name.endswith(".h")]


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
    for part in re.split(r"(?m)^(?=BOC_API )", code):
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
