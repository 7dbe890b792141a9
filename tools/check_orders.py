#!/usr/bin/env python3
"""Compares docs/protocol.md and docs/memory-model.md with the sources.

Of libboc/src: each acquire, release and fence has a tag ([R1], [A1], [F1]), each
relaxed operation one of four reasons, each tag a partner and a place in the head of a
file. Of the pages: each pair has a row with exactly the files that it stands in, and
what exercises it; the table of a request is that of request.h; stop has as many steps
as in runtime.c; every file, test case and name between backticks exists.

Where a comment belongs: on the lines of the operation that it explains. What follows an
`if` with an operation is another statement, and a tag there explains nothing.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODEL_PAGE = "docs/memory-model.md"
PROTOCOL_PAGE = "docs/protocol.md"

#: They define the operations, or do not belong to the library.
NOT_CHECKED = ("atomic", "perturb", "systematic", "fiber")
MODELS = "tests/models"
FOLDERS = ("libboc/src", "libboc/include/boc", "tests/c", MODELS)
OPERATION = re.compile(
    r"\bboci_(?:load|store|swap|add|sub|or|and|cas_strong|cas_weak)"
    r"_(relaxed|acquire|release|acq_rel)\(|\bboci_(fence)_\w+\("
)
TAG = re.compile(r"\[([RAF])(\d+)\]")
REASON = re.compile(r"\b(?:owner|hint|count|assert)\b")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
#: The kinds of tags of which one must stand beside an operation of that order.
WANTED = {"acquire": "AF", "release": "R", "acq_rel": "RAF", "fence": "FRA"}
CITED = re.compile(r"`([\w.]+\.(?:c|h|hpp|pml))(?::\s+(\w+))?`")
NAME = re.compile(r"`([A-Za-z_]\w{2,})`")
TABLE = "<!-- table of request.h -->"


@dataclass(frozen=True)
class Site:
    """An atomic operation and its own comments."""

    file: str
    line: int
    order: str
    comment: str

    @property
    def tags(self) -> list[str]:
        """The tags of an operation. A relaxed one has none: a tag that it names is what
        it relies on."""
        found = [] if self.order == "relaxed" else TAG.findall(self.comment)
        return [kind + number for kind, number in found]

    @property
    def wrong(self) -> str | None:
        if self.order == "relaxed":
            missing = "" if REASON.search(self.comment) else "reason"
        else:
            kinds = {tag[0] for tag in self.tags}
            missing = "" if kinds & set(WANTED[self.order]) else "tag"
        if not missing:
            return None
        return f"{self.file}:{self.line}: {self.order} without {missing}"


def without_comments(text: str) -> str:
    return COMMENT.sub(lambda found: "\n" * found.group().count("\n"), text)


def comments(text: str) -> dict[int, str]:
    """The comments that stand on each line."""
    found: dict[int, str] = defaultdict(str)
    for each in COMMENT.finditer(text):
        first = text.count("\n", 0, each.start())
        for line in range(first, first + each.group().count("\n") + 1):
            found[line] += each.group()
    return found


def end_of_call(code: list[str], line: int, column: int) -> int:
    """The line on which the call that begins at `column` is closed."""
    depth = 0
    for at in range(line, min(line + 8, len(code))):
        for letter in code[at][column if at == line else 0 :]:
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if letter == ")" and depth == 0:
                return at
    return line


def own_comments(code: list[str], notes: dict[int, str], line: int, column: int) -> str:
    """Those beside an operation: on the lines of its call.

    If there are none: on the last line of its statement, provided that no other
    operation begins in between; or alone on the line above.
    """
    last = end_of_call(code, line, column)
    beside = " ".join(notes.get(each, "") for each in range(line, last + 1)).strip()
    if beside:
        return beside
    end = last
    if re.match(r"\s*(?:\} else )?(?:if|while|for)\b", code[line]):
        return "" if code[line - 1].strip() else notes.get(line - 1, "")
    while not re.search(r"[;{}]\s*$", code[end]) and end < last + 4:
        end += 1
        if OPERATION.search(code[end]):
            end = last
            break
    if end > last and notes.get(end):
        return notes[end]
    return "" if code[line - 1].strip() else notes.get(line - 1, "")


def sites(path: Path) -> Iterator[Site]:
    text = path.read_text(encoding="utf-8")
    code, notes = without_comments(text).split("\n"), comments(text)
    for line, statement in enumerate(code):
        for found in OPERATION.finditer(statement):
            comment = own_comments(code, notes, line, found.start())
            yield Site(path.name, line + 1, found[1] or found[2], comment)


def sources(root: Path) -> list[Path]:
    found = sorted((root / "libboc" / "src").rglob("*.[ch]"))
    return [path for path in found if not path.name.startswith(NOT_CHECKED)]


def head(path: Path) -> str:
    found = COMMENT.match(path.read_text(encoding="utf-8"))
    return found.group() if found else ""


def tagged(all_sites: list[Site]) -> dict[str, set[str]]:
    """The files in which each tag stands beside an operation."""
    files: dict[str, set[str]] = defaultdict(set)
    for site in all_sites:
        for tag in site.tags:
            files[tag].add(site.file)
    return files


def partner(tag: str) -> str:
    return {"R": "A", "A": "R", "F": "F"}[tag[0]] + tag[1:]


def check_sources(root: Path, all_sites: list[Site]) -> Iterator[str]:
    yield from (site.wrong for site in all_sites if site.wrong)
    heads = " ".join(head(path) for path in sources(root))
    uses = [tag for site in all_sites for tag in set(site.tags)]
    for tag in sorted(set(uses)):
        if partner(tag) not in uses or (tag[0] == "F" and uses.count(tag) < 2):
            yield f"[{tag}] has no partner"
        if f"[{tag}]" not in heads:
            yield f"[{tag}] is in no file's head"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(text: str, first: str) -> Iterator[list[str]]:
    """The rows of tables with such a first cell."""
    for line in text.split("\n"):
        if line.startswith("|") and re.fullmatch(first, cells(line)[0]):
            yield cells(line)


def files_in(cell: str) -> set[str]:
    return {name for name, _ in CITED.findall(cell)}


def check_row(tag: str, there: set[str], cell: str) -> Iterator[str]:
    listed = files_in(cell)
    if listed != there:
        names = ", ".join(sorted(there)) or "nowhere"
        yield f"{MODEL_PAGE}: [{tag}] stands in {names}, not in {cell or 'nothing'}"


def check_pairs(page: str, files: dict[str, set[str]]) -> Iterator[str]:
    listed: list[str] = []
    for row in rows(page, r"R\d+ A\d+"):
        release, acquire = row[0].split()
        listed += [release, acquire]
        yield from check_row(release, files.get(release, set()), row[2])
        yield from check_row(acquire, files.get(acquire, set()), row[3])
    for row in rows(page, r"F\d+"):
        listed.append(row[0])
        yield from check_row(row[0], files.get(row[0], set()), row[3])
    for row in rows(page, r"(?:R|F)\d+(?: A\d+)?"):
        if not files_in(row[4]):
            yield f"{MODEL_PAGE}: nothing exercises {row[0]}"
    for tag in sorted(set(files) - set(listed)):
        yield f"{MODEL_PAGE}: [{tag}] has no row"
    for tag in sorted({tag for tag in listed if listed.count(tag) > 1}):
        yield f"{MODEL_PAGE}: [{tag}] has two rows"


def find(root: Path, name: str) -> list[Path]:
    return [path for folder in FOLDERS for path in (root / folder).rglob(name)]


def mutants(root: Path) -> set[str]:
    """Their names: each is a string of its own, of Spin's models in capitals."""
    paths = sorted((root / MODELS).glob("mutants*.py"))
    of_sources = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    of_models = (root / MODELS / "run_spin.py").read_text(encoding="utf-8")
    found = re.findall(r'"([a-z_]+)",', of_sources)
    return {*found, *re.findall(r'"([A-Z_]+)":', of_models)}


def vocabulary(root: Path) -> set[str]:
    """All words of the code without comments, and the mutants' names."""
    files = [
        path
        for folder in FOLDERS
        for path in (root / folder).rglob("*")
        if path.suffix in (".c", ".h", ".cpp", ".hpp")
    ]
    texts = (without_comments(path.read_text(encoding="utf-8")) for path in files)
    return {word for text in texts for word in re.findall(r"\w+", text)} | mutants(root)


def check_citations(root: Path, name: str, page: str) -> Iterator[str]:
    for file, case in CITED.findall(page):
        found = find(root, file)
        if not found:
            yield f"{name}: there is no {file}"
        elif case and not any(
            re.search(rf"\b{case}\b", without_comments(path.read_text("utf-8")))
            for path in found
        ):
            yield f"{name}: {file} has no {case}"
    words = vocabulary(root)
    for word in sorted(set(NAME.findall(page)) - words):
        if f"BOCI_{word}" not in words:
            yield f"{name}: no code has the name {word}"


def picture(comment: str) -> list[list[str]]:
    """The table in a comment. Columns begin where those of the first line do."""
    lines = [re.sub(r"^ \* ?", "", line) for line in comment.split("\n")]
    top = next(at for at, line in enumerate(lines) if re.match(r"\s+part\s", line))
    starts = [found.start() for found in re.finditer(r"\S+(?: \S+)*", lines[top])]
    result: list[list[str]] = []
    for line in lines[top + 1 :]:
        if not line.strip():
            break
        ends = [*starts[1:], len(line)]
        parts = [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]
        if parts[0]:
            result.append(parts)
        else:
            result[-1] = [
                f"{old} {new}".strip()
                for old, new in zip(result[-1], parts, strict=True)
            ]
    return result


def check_table(root: Path, page: str) -> Iterator[str]:
    comment = head(root / "libboc/src/protocol/request.h")
    lines = page.partition(TABLE)[2].strip().split("\n")
    shown = []
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        shown.append([cell.replace("`", "") for cell in cells(line)])
    there = picture(comment)
    for row in [row for row in there if row not in shown]:
        yield f"{PROTOCOL_PAGE}: request.h has the row {' | '.join(row)}"
    for row in [row for row in shown if row not in there]:
        yield f"{PROTOCOL_PAGE}: request.h has no row {' | '.join(row)}"


def check_stop(root: Path, page: str) -> Iterator[str]:
    text = head(root / "libboc/src/runtime/runtime.c").partition("Stop:")[2]
    steps = re.findall(r"(?<![\w.])(\d)\. ", text.partition("Ordering")[0])
    section = page.partition("## Stop")[2].partition("\n## ")[0]
    shown = re.findall(r"^(\d)\. ", section, re.MULTILINE)
    if steps != shown:
        yield f"{PROTOCOL_PAGE}: stop has steps {shown}, in runtime.c {steps}"


def check(root: Path) -> list[str]:
    """All faults."""
    all_sites = [site for path in sources(root) for site in sites(path)]
    model = (root / MODEL_PAGE).read_text(encoding="utf-8")
    protocol = (root / PROTOCOL_PAGE).read_text(encoding="utf-8")
    return [
        *check_sources(root, all_sites),
        *check_pairs(model, tagged(all_sites)),
        *check_citations(root, MODEL_PAGE, model),
        *check_citations(root, PROTOCOL_PAGE, protocol),
        *check_table(root, protocol),
        *check_stop(root, protocol),
    ]


def main() -> None:
    problems = check(ROOT)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
