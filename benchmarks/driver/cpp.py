"""The Savina programs on boc.hpp: builds and runs them with each compiler there is.

A round runs every program with one worker and with several, built by each compiler, in
processes of their own. Each program checks its own result. Four of them are written for
verona-rt, too, and run beside it where a clone of that is given.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from .c import build_verona, compilers
from .tables import HERE, Samples, figure, markdown, ratio


def build(folder: Path, pair: tuple[str, str]) -> Path:
    """Builds the program with one compiler; returns where it is."""
    env = {**os.environ, "CC": pair[0], "CXX": pair[1]}
    if not (folder / "build.ninja").exists():
        options = ["-Dbenchmarks=true", "-Dtests=disabled", "-Ddefault_library=static"]
        command = ["meson", "setup", "--buildtype=release", *options]
        subprocess.run([*command, str(folder), str(HERE.parent)], check=True, env=env)
    program = folder / "benchmarks" / "savina_bench"
    command = ["meson", "compile", "-C", str(folder), "savina_bench"]
    subprocess.run(command, check=True, env=env)
    return program


def workloads_of(program: Path) -> list[str]:
    """The names that the program's --help lists."""
    command = [str(program), "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return text.partition("workloads: all")[2].split()


def measure(programs: dict[str, Path], workloads: list[str], options) -> Samples:
    """All rounds of all programs."""
    samples = Samples()
    for _ in range(options.rounds):
        for workload in workloads:
            for name, path in programs.items():
                if workload not in workloads_of(path):
                    continue
                for workers in (1, options.workers):
                    command = [path, "--json", "--repeat", options.repeat]
                    command += ["--workload", workload, "--workers", workers]
                    command += ["--from", options.scheduler]
                    command += ["--n", options.n] if options.n else []
                    samples.measure(name, command)
    return samples


def table(samples: Samples, names: list[str], workloads: list[str], many: int) -> str:
    """Milliseconds of each program, and the speedup with more workers."""
    head = ["program"]
    for name in names:
        head += [f"{name} 1", f"{name} {many}", f"{name} 1/{many}"]
    rows = []
    for workload in workloads:
        row = [workload]
        for name in names:
            pair = [samples.median(name, workload, workers) for workers in (1, many)]
            row += [*(figure(value, 1) for value in pair), ratio(*pair)]
        rows.append(row)
    return markdown(head, rows)


def main(options) -> Samples:
    """Builds, measures, prints."""
    with tempfile.TemporaryDirectory(prefix="boc-bench-") as scratch:
        root = options.build or Path(scratch)
        programs = {pair[0]: build(root / pair[0], pair) for pair in compilers()}
        if not programs:
            raise SystemExit("no compiler: install gcc and g++, or clang")
        workloads = options.workload or workloads_of(next(iter(programs.values())))
        verona = build_verona(options.verona, root)
        programs |= {"verona-rt": verona} if verona else {}
        samples = measure(programs, workloads, options)
    print(f"Milliseconds of the whole program; medians of {options.rounds} rounds.\n")
    print(table(samples, list(programs), workloads, options.workers), end="\n\n")
    print(samples.other_load())
    return samples
