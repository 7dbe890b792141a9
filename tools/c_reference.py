#!/usr/bin/env python3
"""Makes docs/c/reference.md, the C API reference, from the public headers.

    tools/c_reference.py             write the page
    tools/c_reference.py --check     say what lacks a comment, or that the page is old

A header is its first comment, then entries: a comment and the code up to the next one.
What the code declares is what the entry is called. An X-macro becomes a table. In
boc.hpp, classes are shown without bodies and private parts, and `detail` not at all.

The headers are laid out by clang-format; that is what makes so small a parser enough.
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
PAGE = ROOT / "docs" / "c" / "reference.md"

#: In the order in which they are read best.
HEADERS = (
    "base.h",
    "cown.h",
    "behavior.h",
    "runtime.h",
    "scope.h",
    "lane.h",
    "message.h",
    "noticeboard.h",
    "stats.h",
    "trace.h",
    "boc.hpp",
    "cown.hpp",
)
NAME = r"(?:boc_\w+|BOC_\w+)"
DECLARES = re.compile(
    r"^BOC_API\b[^;(]*?\b(boc_\w+)\("  # a function
    rf"|^\#define ({NAME})"
    rf"|^\}} ({NAME});"  # the end of a struct or enum
    rf"|^typedef (?:struct|enum) \w+ (\w+);"
    rf"|^typedef (?:struct|enum) \w+ \{{[^}}\n]*\}} ({NAME});"
    r"|^(?:template <.*>\s)?(?:class|struct)(?: \[\[.*?\]\])? (\w+)"
    r"|^(?:template <.*>\s)?\w[\w:<>., ]*? (\w+)\(.*\)(?: noexcept)?;",
    re.MULTILINE,
)
#: The macros that expand an X-macro, undefined again after it.
EXPANDER = re.compile(r"_(ENUM|FIELD)$")
CLASS = re.compile(r"(?:template <.*>\s)?(?:class|struct)\b")
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
    body = comment.removeprefix("/*").removesuffix("*/")
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


def member(statement: str) -> str:
    """A function without its body and initializers; anything else as it is."""
    head = re.split(r"\s*\{|\n +: ", statement, maxsplit=1)[0]
    if "(" not in head or head == statement:
        return statement
    return re.sub(r"(\)(?: const)?(?: noexcept)?) : .*$", r"\1", head) + ";"


def statements(code: str) -> Iterator[str]:
    """The statements of some C++ code, each with all of its lines."""
    held: list[str] = []
    depth = 0
    for line in code.split("\n"):
        if not held and not line.strip():
            continue
        held.append(line)
        depth += line.count("{") - line.count("}")
        text = line.strip()
        ends = text.endswith((";", "}", "public:", "private:"))
        inside_comment = text.startswith(("/*", "* "))
        if depth == 0 and (text.endswith("*/") or (ends and not inside_comment)):
            yield "\n".join(held)
            held = []


def outline(code: str) -> str:
    """C++ declarations without bodies: classes keep their public members."""
    result = []
    for statement in statements(code):
        head, brace, rest = statement.partition("{\n")
        if not CLASS.match(head) or not brace:
            result.append(member(statement))
            continue
        inside = rest.rpartition("}")[0].partition("private:")[0]
        members = [member(each) for each in statements(inside)]
        result.append("\n".join([head + "{", *members, "};"]))
    return "\n".join(result)


def read_cpp(text: str) -> list[Entry]:
    text = re.sub(r"^namespace detail \{.*?^\} // namespace detail\n", "", text,
                  flags=re.MULTILINE | re.DOTALL)  # fmt: skip
    text = re.sub(r"^(namespace boc \{|\} // namespace boc)\n", "", text, flags=re.M)
    return [
        Entry(plain(comment), [outline(code)])
        for comment, code in pieces(text)
        if code.strip()
    ]


def read(path: Path) -> Header:
    text = path.read_text(encoding="utf-8")
    first = re.match(r"/\*.*?\*/", text, re.DOTALL)
    if not first:
        sys.exit(f"{path.name} does not begin with a comment")
    rest = without_conditionals(text[first.end() :])
    if path.suffix == ".hpp":
        return Header(path.name, plain(first.group()), read_cpp(rest))
    start = re.search(r"^/\*", rest, re.MULTILINE)
    opaque = simplify(rest[: start.start()] if start else rest)
    opaque = re.sub(r"^#define \w+_H$", "", opaque, flags=re.MULTILINE).strip()
    entries = [Entry("Opaque.", [opaque])] if opaque else []
    for comment, code in pieces(rest):
        entries.append(Entry(plain(comment), [simplify(code)]))
    return Header(path.name, plain(first.group()), entries)


def marked(text: str) -> str:
    """Prose for Markdown: names in code font, blocks that are indented as code."""
    result = []
    for block in re.split(r"\n\n", text):
        lines = block.split("\n")
        if all(line.startswith("  ") for line in lines):
            result.append("\n".join(["```cpp", *(line[2:] for line in lines), "```"]))
            continue
        block = re.sub(
            r"(?<![`\w])((?:boc_|BOC_)\w+)(?:\(\))?(?![`\w])", r"`\1`", block
        )
        result.append(re.sub(r"(?m)^ (- | {2}(?=\S))", r"\1", block))
    return "\n\n".join(result).replace("```\n\n```cpp", "")


def table(rows: list[tuple[str, str, str]], prefix: str) -> Iterator[str]:
    with_kind = any(kind for _, kind, _ in rows)
    yield "| name | kind | text |" if with_kind else "| name | text |"
    yield "|---|---|---|" if with_kind else "|---|---|"
    for name, kind, text in rows:
        middle = f" {kind} |" if with_kind else ""
        yield f"| `{prefix}{name}` |{middle} {text} |"


#: What an X-macro's names become.
PREFIXES = {"BOC_STATUS_MAP": "BOC_", "BOC_TRACE_MAP": "BOC_TRACE_"}


def fenced(code: str, language: str) -> Iterator[str]:
    yield f"```{language}"
    yield code
    yield "```"
    yield ""


def entry_lines(entry: Entry, language: str) -> Iterator[str]:
    names = entry.names
    yield "### " + (", ".join(f"`{name}`" for name in names) or "Conventions")
    yield ""
    if entry.rows:
        yield marked(entry.text)
        yield ""
        yield from table(entry.rows, PREFIXES.get(names[0], ""))
        yield ""
        if entry.rest:
            yield from fenced(entry.rest, language)
        return
    yield from fenced("\n".join(entry.code), language)
    yield marked(entry.text)
    yield ""


def page(headers: list[Header]) -> str:
    lines = ["# API reference", ""]
    lines += ["One section for each public header, from which `./dev check --fix`"]
    lines += ["makes this page. The [guide](guide.md) is where to begin.", ""]
    for header in headers:
        language = "cpp" if header.name.endswith(".hpp") else "c"
        lines += [f"## {header.title}", "", marked(header.text), ""]
        for entry in header.entries:
            lines += entry_lines(entry, language)
    return "\n".join(lines).rstrip() + "\n"


def lacking(headers: list[Header]) -> list[str]:
    """Public functions that no entry shows, and entries that say nothing."""
    shown = {name for header in headers for entry in header.entries
             for name in entry.names}  # fmt: skip
    found = []
    for header in headers:
        text = (INCLUDE / header.name).read_text(encoding="utf-8")
        declared = re.findall(r"^BOC_API\b[^;(]*?\b(boc_\w+)\(", text, re.MULTILINE)
        found += [f"{header.title}: {name}" for name in declared if name not in shown]
        found += [f"{header.title}: an empty comment" for entry in header.entries
                  if not entry.text]  # fmt: skip
    public = {path.name for path in INCLUDE.glob("*.h*")} - {"boc.h", "version.h.in"}
    found += [f"boc/{name}: not in HEADERS" for name in sorted(public - set(HEADERS))]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    headers = [read(INCLUDE / name) for name in HEADERS]
    wrong = lacking(headers)
    if wrong:
        sys.exit("\n".join(wrong))
    text = page(headers)
    if not arguments.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/c/reference.md is older than the headers: ./dev check --fix")


if __name__ == "__main__":
    main()
