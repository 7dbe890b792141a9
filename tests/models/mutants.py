#!/usr/bin/env python3
"""Sources of libboc with one thing wrong each, which the models have to find.

    mutants.py list                    a line for each: NAME | MODEL | FILE | SOURCE ...
    mutants.py make NAME SOURCE OUT    writes the changed source
    mutants.py check                   each change applies to the present sources

A change is to a source, or to a header that some sources include; then each of those is
written with the changed header in front, so that its guard keeps the other one out.
Here are the mutants of the models' own backend; mutants_*.py have those of the library.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mutants_mailbox
import mutants_protocol
import mutants_scheduler
from mutant import Mutant, weaker

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("libboc/src", "tests/models")


MUTANTS = (
    Mutant(
        "without_fence", "litmus", "model_litmus.c", "  boci_fence_seq_cst();\n", ""
    ),
    weaker(
        "without_release",
        "litmus",
        "model_litmus.c",
        "boci_store_release(&flag, 1)",
        "relaxed",
    ),
    weaker(
        "without_acquire",
        "litmus",
        "model_litmus.c",
        "boci_load_acquire(&flag)",
        "relaxed",
    ),
    Mutant(
        "without_signal",
        "litmus",
        "model_litmus.c",
        "    boci_cond_signal(&cond);\n",
        "",
    ),
    Mutant(
        "without_lock",
        "litmus",
        "model_litmus.c",
        "  boci_mutex_lock(&mutex);\n  locked++;\n",
        "  locked++;\n  boci_mutex_lock(&mutex);\n",
    ),
    *mutants_scheduler.MUTANTS,
    *mutants_protocol.MUTANTS,
    *mutants_mailbox.MUTANTS,
)


def path_of(name: str) -> str:
    """Where a file is, from the root of the tree."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob(name)]
    if len(found) != 1:
        sys.exit(f"{len(found)} files have the name {name}")
    return found[0].relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (ROOT / path_of(name)).read_text(encoding="utf-8")


def changed(mutant: Mutant, source: str) -> str:
    """The text of `source` as the mutant has it."""
    text = text_of(mutant.file)
    if text.count(mutant.old) != 1:
        found = text.count(mutant.old)
        sys.exit(f"mutant {mutant.name}: {mutant.file} has {found} of: {mutant.old}")
    text = text.replace(mutant.old, mutant.new)
    text = f'#line 1 "{mutant.file}"\n' + text
    if source != mutant.file:
        text += f'#line 1 "{source}"\n' + text_of(source)
    return text


def by_name(name: str) -> Mutant:
    return next(mutant for mutant in MUTANTS if mutant.name == name)


def main(words: list[str]) -> None:
    match words:
        case ["list"]:
            for mutant in MUTANTS:
                sources = " ".join(path_of(source) for source in mutant.sources)
                words = mutant.name, mutant.model, path_of(mutant.file), sources
                print(*words, sep=" | ")
        case ["make", name, source, out]:
            text = changed(by_name(name), Path(source).name)
            Path(out).write_text(text, encoding="utf-8")
        case ["check"]:
            for mutant in MUTANTS:
                for source in mutant.sources:
                    changed(mutant, source)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
