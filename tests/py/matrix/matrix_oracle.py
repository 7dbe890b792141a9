"""What bocpy 0.14 gives for the programs of matrix_cases, asked live or as recorded.

0.14 is asked where BOCPY_ORACLE names a Python that has it (`./dev` makes that
environment from tools/requirements/oracle.txt); else its recorded answers count. To
record them anew:

    BOCPY_ORACLE=PYTHON-WITH-0.14 python tests/py/matrix/matrix_oracle.py
"""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import matrix_cases

RECORD = Path(__file__).parents[1] / "programs" / "matrix_answers.json"
RECORDED = 4000
#: How many programs are tried where 0.14 can be asked.
ASKED = 20000


def ask(python, programs):
    """The answers of the Python at that path, which has 0.14."""
    done = subprocess.run(
        [python, matrix_cases.__file__],
        input="\n".join(map(json.dumps, programs)),
        capture_output=True,
        text=True,
        timeout=300,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_rounded(program):
    """Whether the answer may differ in the last bits."""
    return any(name in program for name in matrix_cases.ROUNDED)


def digest(answer):
    return "#" + hashlib.sha256(answer.encode()).hexdigest()[:10]


def answers():
    """Pairs of a program and an answer, which may be a digest."""
    python = os.environ.get("BOCPY_ORACLE")
    if python:
        programs = [matrix_cases.program_of(seed) for seed in range(ASKED)]
        return list(zip(programs, ask(python, programs), strict=True))
    recorded = json.loads(RECORD.read_text(encoding="ascii"))
    return [
        (matrix_cases.program_of(seed), answer) for seed, answer in enumerate(recorded)
    ]


def is_close(one, other):
    """Whether two answers are alike but for the rounding of their numbers."""
    parts = [re.split(r"[ ()\[\]]", text) for text in (one, other)]
    if len(parts[0]) != len(parts[1]):
        return False
    for a, b in zip(*parts, strict=True):
        if a == b:
            continue
        try:
            x, y = float.fromhex(a), float.fromhex(b)
        except ValueError:
            return False
        if not abs(x - y) <= 1e-12 * max(1.0, abs(x), abs(y)):
            return False
    return True


def agrees(program, answer, ours):
    if answer == ours or answer == digest(ours):
        return True
    return is_rounded(program) and is_close(answer, ours)


def record():
    programs = [matrix_cases.program_of(seed) for seed in range(RECORDED)]
    found = ask(os.environ["BOCPY_ORACLE"], programs)
    kept = [
        answer if is_rounded(program) or len(answer) < 12 else digest(answer)
        for program, answer in zip(programs, found, strict=True)
    ]
    lines = ",\n".join(map(json.dumps, kept))
    RECORD.write_text(f"[\n{lines}\n]\n", encoding="ascii")


if __name__ == "__main__":
    record()
