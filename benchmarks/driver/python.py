"""The Python programs: bocpy of this tree and bocpy 0.14, each in its environments.

`--ours` and `--other` are paths of interpreters; `--make-other` makes an environment
with bocpy 0.14 for each of ours. Rounds are interleaved.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .tables import HERE, Samples, figure, markdown, ratio, run_json

OTHER = "bocpy==0.14.*"
WEIGHTS = ("cown", "pending", "worker")
WORKLOADS = (
    "chain1",
    "fanout",
    "zero",
    "rr64",
    "ring2",
    "hot2",
    "group8",
    "capture3",
    "spawn1",
    "spawn8",
    "payload:int",
    "payload:str_1k",
    "payload:tuple_10",
    "payload:dict_100",
    "payload:bytes_1m",
    "payload:bytearray_1m",
    "payload:list_100k",
)


@dataclass(frozen=True)
class Column:
    """An interpreter with a bocpy in it, and the backend to use."""

    name: str
    python: str
    backend: str | None

    def env(self) -> dict[str, str]:
        """The environment to run programs in."""
        env = dict(os.environ)
        env.pop("BOCPY_BACKEND", None)
        if self.backend:
            env["BOCPY_BACKEND"] = self.backend
        return env


def make_other(python: str, folder: Path) -> str | None:
    """An environment with bocpy 0.14 for the version of `python`: its interpreter.

    None where that release neither has a wheel nor builds.
    """
    scripts = "Scripts" if os.name == "nt" else "bin"
    target = folder / scripts / ("python.exe" if os.name == "nt" else "python")
    if target.exists():
        return str(target)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(target), "-m", "pip", "install", "--quiet", OTHER]
    if subprocess.run(pip, capture_output=True).returncode:
        shutil.rmtree(folder)
        print(f"{OTHER} cannot be installed for {label_of(python)}", file=sys.stderr)
        return None
    return str(target)


def label_of(python: str) -> str:
    """The version, with a `t` if it is free-threaded."""
    code = (
        "import sys, sysconfig; print('%d.%d' % sys.version_info[:2]"
        " + 't' * bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
    )
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def backends_of(label: str) -> list[str]:
    """The backends that an interpreter of this version has."""
    if label.endswith("t") or label in ("3.10", "3.11"):
        return ["threads"]
    return ["interpreters", "threads"]


def columns(options) -> list[Column]:
    """Ours on each backend, then 0.14, by interpreter."""
    found = []
    others = {label_of(path): path for path in options.other}
    for path in options.ours or [sys.executable]:
        label = label_of(path)
        if options.make_other:
            made = make_other(path, options.make_other / label)
            others.update({label: made} if made else {})
        for backend in backends_of(label):
            found.append(Column(f"{label} {backend}", path, backend))
        if label in others:
            found.append(Column(f"{label} 0.14", others[label], None))
    return found


def measure(found: list[Column], workloads: list[str], options) -> Samples:
    """All rounds of all columns."""
    samples = Samples()
    counts = sorted({1, options.workers})
    for _ in range(options.rounds):
        for workload in workloads:
            for column in found:
                for workers in counts:
                    run_one(samples, column, workload, workers, options)
    return samples


def run_one(samples: Samples, column: Column, workload: str, workers: int, options):
    """One workload in one column."""
    command = [column.python, HERE / "py" / "workloads.py", "--json"]
    command += [
        "--workload",
        workload,
        "--workers",
        workers,
        "--repeat",
        options.repeat,
    ]
    if options.n:
        command += ["--n", options.n]
    samples.measure(column.name, command, column.env())


def weigh(found: list[Column], samples: Samples) -> None:
    """Memory: one process for each figure."""
    for column in found:
        for what in WEIGHTS:
            command = [column.python, HERE / "py" / "memory.py", "--what", what]
            for line in run_json(command, column.env()):
                samples.add(column.name, line)


def time_table(samples: Samples, found: list[Column], workloads, workers: int) -> str:
    """Microseconds per behavior, and how many times faster than 0.14."""
    head = ["workload"]
    for column in found:
        head += [column.name] if column.backend is None else [column.name, "0.14/ours"]
    rows = []
    for workload in workloads:
        row = [workload]
        for column in found:
            value = samples.median(column.name, workload, workers)
            row.append(figure(value, 2))
            if column.backend is not None:
                other = f"{column.name.split()[0]} 0.14"
                row.append(ratio(samples.median(other, workload, workers), value))
        rows.append(row)
    return markdown(head, rows)


def memory_table(samples: Samples, found: list[Column]) -> str:
    """Bytes of a cown, a pending behavior, a worker."""
    rows = [
        [what, *(figure(samples.median(each.name, f"mem:{what}", 0)) for each in found)]
        for what in WEIGHTS
    ]
    return markdown(["bytes of one", *(each.name for each in found)], rows)


def main(options) -> Samples:
    """Measures and prints."""
    found = columns(options)
    workloads = options.workload or [*WORKLOADS]
    samples = measure(found, workloads, options)
    for workers in sorted({1, options.workers}):
        print(
            f"Microseconds per behavior, {workers} workers; {options.rounds} rounds.\n"
        )
        print(time_table(samples, found, workloads, workers), end="\n\n")
        print(samples.other_load(), end="\n\n")
    if not options.workload:
        weigh(found, samples)
        print(memory_table(samples, found))
    return samples
