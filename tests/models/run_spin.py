#!/usr/bin/env python3
"""Runs one model of tests/models/spin through Spin, every interleaving of it.

    run_spin.py list                    a line for each run: NAME | MODEL | WORD ...
    run_spin.py run MODEL WORD ...      passes if nothing is wrong in any interleaving
    run_spin.py find MODEL WORD ...     passes if something is: a mutant

A word is defined for the model's #ifdef. Needs Spin and a C compiler.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "spin"

#: The runs that are searched completely, and their words.
RUNS = {
    "link_one_after_the_other": ("link", "RING", "ONE_AFTER_THE_OTHER"),
    "link_two_as_one": ("link", "RING", "TWO_AS_ONE"),
    "link_three_threads": ("link", "SAME_TWO", "THREE_THREADS"),
    "link_fresh": ("link", "FRESH", "ONE_AFTER_THE_OTHER"),
    "link_fresh_as_one": ("link", "FRESH", "TWO_AS_ONE"),
    "stop_worker_comes_twice": ("stop", "TWO_PAIRS", "POKED"),
    "stop_after_quiet": ("stop", "ASKS_FIRST"),
}
#: What is wrong, and the run that finds it.
MUTANTS = {
    "READY_BEFORE_ALL_ARE_LINKED": "link_one_after_the_other",
    "NOBODY_WAITS_FOR_READY": "link_one_after_the_other",
    "READER_BEHIND_A_GRANTED_ONE_IS_FORGOTTEN": "link_one_after_the_other",
    "RELEASE_DOES_NOT_WAIT_FOR_ITS_SUCCESSOR": "link_one_after_the_other",
    "WRITER_DOES_NOT_LOOK_AGAIN": "link_one_after_the_other",
    "READY_AFTER_THE_ONLY_LINK": "link_three_threads",
    "MARK_COMES_BEFORE_THE_WRITER": "link_three_threads",
    "NEWCOMER_IS_LOOKED_AT_AFTER_ITS_LINK": "link_three_threads",
    "TWO_ARE_READY_COWN_BY_COWN": "link_two_as_one",
    "FRESH_IS_LINKED_AFTER_THE_OTHERS": "link_fresh",
    "FRESH_IS_KNOWN_BEFORE_IT_IS_LINKED": "link_fresh",
    "STOP_DOES_NOT_WAIT_FOR_QUIET": "stop_after_quiet",
    "SCHEDULED_IS_SUMMED_FIRST": "stop_after_quiet",
    "WAITER_DOES_NOT_LOOK_ITSELF": "stop_after_quiet",
    "RETIRED_WORKER_IS_NOT_TOLD_OF_THE_STOP": "stop_after_quiet",
    "WORKER_RETIRES_AFTER_THE_STOP": "stop_worker_comes_twice",
    "THREADS_ARE_JOINED_BEFORE_THE_RETIRED_RETURN": "stop_worker_comes_twice",
    "RETIRING_WORKER_WAKES_NOBODY": "stop_worker_comes_twice",
    "STARTED_IS_NOT_READ_AGAIN": "stop_worker_comes_twice",
    "SCHEDULE_IS_COUNTED_AFTER_ITS_PUSH": "stop_worker_comes_twice",
    "RECALL_IS_NOT_LOOKED_FOR": "stop_worker_comes_twice",
    "TOKEN_OF_A_POKE_IS_LEFT": "stop_worker_comes_twice",
}
#: Steps of one interleaving; if one has more the search is incomplete, and an error.
LONGEST = 10000


def listed() -> list[str]:
    lines = [" | ".join([name, "run", *words]) for name, words in RUNS.items()]
    for mutant, run in MUTANTS.items():
        name = f"spin_{mutant.lower()}"
        lines.append(" | ".join([name, "find", *RUNS[run], mutant]))
    return lines


def execute(place: str, *command: str) -> str:
    done = subprocess.run(
        command, cwd=place, check=False, text=True, stdout=subprocess.PIPE
    )
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}")
    return done.stdout


#: How the searcher is compiled. A complete search visits and keeps millions of states.
#: A search for the first error ends before more optimization would pay, and tries
#: unlikely schedules first.
WHOLE = ("-Og", "-DCOLLAPSE")
FIRST_ERROR = ("-O0", "-DREVERSE", "-DT_REVERSE")


def search(model: str, words: list[str], options: tuple[str, ...]) -> str:
    """What Spin says of all interleavings, or of those up to the first error."""
    with tempfile.TemporaryDirectory() as place:
        defines = [f"-D{word}" for word in words]
        execute(place, "spin", *defines, "-a", str(FOLDER / f"{model}.pml"))
        compiler = os.environ.get("CC", "cc").split()
        execute(place, *compiler, "-w", "-DSAFETY", *options, "-o", "pan", "pan.c")
        return execute(place, "./pan", "-n", f"-m{LONGEST}", "-w22")


def errors(said: str) -> int:
    """How many errors it has found; an incomplete search is an error itself."""
    found = re.search(r"errors: (\d+)", said)
    incomplete = re.search(r"max search depth too small|out of memory|resource", said)
    if not found or incomplete:
        sys.exit(f"no answer:\n{said}")
    return int(found.group(1))


def main(words: list[str]) -> None:
    match words:
        case ["list"]:
            print(*listed(), sep="\n")
        case ["run" | "find" as what, model, *defines]:
            options = WHOLE if what == "run" else FIRST_ERROR
            said = search(model, defines, options)
            print(said)
            if (errors(said) > 0) != (what == "find"):
                sys.exit(f"{what} {model} {defines}: {errors(said)} errors")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
