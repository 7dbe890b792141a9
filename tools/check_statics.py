"""Variables that outlive a function: each is listed in docs/architecture.md with what
guards it.

On builds of CPython with a GIL each worker's interpreter has a GIL of its own: none of
them guards what the whole process shares. So no such variable comes in unnoticed: this
check finds all that are not constant, at file level and in functions, and compares them
with the table "Variables of the process".

A constant table that CPython declares without `const` (method tables, slots) is known
by its type.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("libboc/src", "python/bocpy/csrc", "python/bocpy/csrc_math")
#: The "file" of locks, which have names of their own.
ANYWHERE = "each of these"
PAGE = ROOT / "docs" / "architecture.md"
TITLE = "Variables of the process"

#: Types of tables that are never written.
TABLES = re.compile(
    r"\b(PyMethodDef|PyGetSetDef|PyMemberDef|PyType_Slot|PyType_Spec|PyModuleDef_Slot"
    r"|PyModuleDef|PyStructSequence_Field|PyStructSequence_Desc)\b"
)
NAMES = re.compile(r"char \*(const )?\w+\[\] = \{")  # keyword names
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')
#: A declaration at file level, or a static one in a function: up to its end or value.
DECLARATION = re.compile(
    r"^(?P<indent>[ ]*)(?P<text>(?:static |extern |_Thread_local |[A-Za-z_][\w ]*?"
    r"[ *])[^;{}=#]*?)(?P<end>;|=|\{)",
    re.MULTILINE,
)
#: Parentheses that are part of a type.
ATOMIC = re.compile(r"__attribute__\s*\(\(.*?\)\)|_(?:Atomic|Alignas)\s*\([^)]*\)")
NOT_VARIABLES = re.compile(
    r"^(typedef|struct|union|enum|extern|return|goto|case|else|do|_Static_assert|using)\b"
)


def without_comments(text: str) -> str:
    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    return LITERAL.sub('""', COMMENT.sub(blank, text))


def declared_name(text: str) -> str | None:
    """The name that a declaration declares, or None if it declares no variable."""
    flat = ATOMIC.sub("atomic ", text.strip())
    if NOT_VARIABLES.match(flat):
        return None
    pointer = re.fullmatch(r"[\w\s*]+\(\*\s*(\w+)\)\s*\([^()]*\)", flat)
    if pointer:
        return pointer.group(1)
    if "(" in flat:
        return None
    flat = re.sub(r"\[[^\]]*\]", "", flat).strip()
    words = re.findall(r"\w+", flat)
    return words[-1] if len(words) >= 2 else None


def is_constant(text: str) -> bool:
    if TABLES.search(text):
        return True
    declarator = re.sub(r"\[[^\]]*\]", "", text)
    last = declarator.rpartition("*")[2] if "*" in declarator else declarator
    return bool(re.search(r"\bconst\b", last))


def variables(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the name of each variable of a file that is not constant."""
    text = without_comments(path.read_text(encoding="utf-8"))
    for match in DECLARATION.finditer(text):
        inside = bool(match["indent"])
        words = match["text"]
        if inside and not words.startswith("static "):
            continue
        if match["end"] == "{" or is_constant(words):
            continue
        if match["end"] == "=" and NAMES.search(words + "= {"):
            continue
        if "(" in ATOMIC.sub("", words) and declared_name(words) is None:
            continue
        for part in split(words):
            name = declared_name(part)
            if name:
                yield text.count("\n", 0, match.start()) + 1, name


def split(words: str) -> list[str]:
    """`static int a, *b` as two declarations."""
    first, *others = re.split(r",(?![^(\[]*[)\]])", words)
    return [first, *(f"static int {other.strip(' *')}" for other in others)]


def sources() -> Iterator[Path]:
    for folder in SOURCES:
        for pattern in ("*.c", "*.h"):
            yield from sorted((ROOT / folder).rglob(pattern))


def listed() -> dict[tuple[str, str], str]:
    """The contents of the table: the guard of each variable of a file."""
    text = PAGE.read_text(encoding="utf-8")
    _, _, rest = text.partition(f"## {TITLE}\n")
    table = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    found = {}
    for row in re.findall(r"^\| (.*) \|$", table, re.MULTILINE):
        cells = [cell.strip() for cell in row.split(" | ")]
        if len(cells) != 3:
            continue
        for name in re.findall(r"`(\w+)`", cells[1]):
            found[cells[0].strip("`"), name] = cells[2]
    return found


def problems() -> Iterator[str]:
    table = listed()
    seen = set()
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        for line, name in variables(path):
            key = next(
                (
                    (file, known)
                    for file, known in table
                    if known == name and (file == ANYWHERE or place.endswith(file))
                ),
                None,
            )
            if key is None:
                yield (
                    f"{place}:{line}: `{name}` is a variable of the process without a "
                    f"guard: list it in docs/architecture.md, {TITLE}"
                )
            else:
                seen.add(key)
    for file, name in table.keys() - seen:
        yield f"docs/architecture.md: there is no variable `{name}` in {file}"


def main() -> int:
    found = sorted(problems())
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
