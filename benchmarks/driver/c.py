"""The C programs: builds them, runs them in turn, prints libboc beside its peers.

A round runs every workload in every program, each in a process of its own, before the
next round begins: so other load affects all of them alike. Only programs of the same
rounds are compared: a peer that cannot be built here has no column.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import plot
from .tables import HERE, Samples, figure, markdown, ratio

COMPILERS = (("gcc", "g++"), ("clang", "clang++"))
MEMORY = ("mem_cown", "mem_pending", "mem_worker")
WORKLOADS = (
    "chain1",
    "fanout",
    "fanout_alloc",
    "zero",
    "rr64",
    "ring2",
    "hot2",
    "group8",
    "capture3",
    "spawn1",
    "spawn8",
)


@dataclass(frozen=True)
class Program:
    """A column of the table."""

    name: str
    path: Path
    workloads: frozenset[str]
    workers: tuple[int, ...]

    @property
    def ours(self) -> bool:
        return self.name.startswith("boc")


def compilers() -> list[tuple[str, str]]:
    """The installed compilers of C and of C++; otherwise the one that Meson finds."""
    return [pair for pair in COMPILERS if all(map(shutil.which, pair))]


def build(folder: Path, pair: tuple[str, str]) -> Path:
    """Builds everything that one compiler can build here; returns the folder of the
    programs."""
    env = {**os.environ, "CC": pair[0], "CXX": pair[1]}
    if not (folder / "build.ninja").exists():
        options = ["-Dbenchmarks=true", "-Dtests=disabled", "-Ddefault_library=static"]
        command = ["meson", "setup", "--buildtype=release", *options]
        subprocess.run([*command, str(folder), str(HERE.parent)], check=True, env=env)
    subprocess.run(["meson", "compile", "-C", str(folder)], check=True, env=env)
    return folder / "benchmarks"


def build_llvm_peer(folder: Path) -> Path | None:
    """The OpenMP program with clang, whose runtime is not GCC's; None without it."""
    clang = shutil.which("clang")
    if not clang:
        return None
    target = folder / "omp_bench_llvm"
    sources = [str(HERE / "c" / name) for name in ("omp_bench.c", "bench.c")]
    command = [clang, "-std=c11", "-O3", "-fopenmp", *sources, "-o", str(target)]
    built = subprocess.run(command, capture_output=True)
    return None if built.returncode else target


def build_verona(clone: Path | None, folder: Path) -> Path | None:
    """verona-rt as its authors build it, of a clone; None without one."""
    if clone is None:
        return None
    target = folder / "verona"
    settings = [f"-DVERONA_RT={clone.resolve()}", "-DCMAKE_BUILD_TYPE=Release"]
    settings += os.environ.get("VERONA_CMAKE_ARGS", "").split()
    commands = [
        ["cmake", "-S", HERE / "peers", "-B", target, *settings],
        ["cmake", "--build", target, "--target", "verona_bench"],
    ]
    for command in commands:
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        if done.returncode:
            print(f"verona-rt is left out:\n{done.stderr[-2000:]}", file=sys.stderr)
            return None
    return target / "verona_bench"


def programs(built: dict[str, Path], verona: Path | None, many: int) -> list[Program]:
    """The programs to run, libboc first; peers come from the first compiler's
    folder."""
    peers = next(iter(built.values()))
    found = [
        (f"boc {name}", path / "boc_bench", (1, many)) for name, path in built.items()
    ]
    found += [
        ("floor", peers / "floor_bench", (1,)),
        ("verona-rt", verona, (1, many)),
        ("oneTBB", peers / "tbb_bench", (1, many)),
        ("Taskflow", peers / "taskflow_bench", (1, many)),
        ("GCC OpenMP", peers / "omp_bench", (many,)),
        ("LLVM OpenMP", build_llvm_peer(peers), (many,)),
    ]
    return [
        Program(name, path, workloads_of(path), workers)
        for name, path, workers in found
        if path and path.exists()
    ]


def workloads_of(path: Path) -> frozenset[str]:
    """The names that the program's --help lists."""
    text = subprocess.run([str(path), "--help"], capture_output=True, text=True).stdout
    return frozenset(text.partition("workloads:")[2].split())


def measure(found: list[Program], workloads: list[str], options) -> Samples:
    """All rounds of all programs."""
    samples = Samples()
    for _ in range(options.rounds):
        for workload in workloads:
            for program in found:
                if workload in program.workloads:
                    run_one(samples, program, workload, options)
    return samples


def run_one(samples: Samples, program: Program, workload: str, options) -> None:
    """One workload in one program, for each number of workers."""
    for workers in program.workers:
        command = [program.path, "--json", "--repeat", options.repeat]
        command += ["--workload", workload, "--workers", workers]
        if options.n and workload not in MEMORY:
            command += ["--n", options.n]
        if program.ours:
            command += ["--from", options.scheduler]
        samples.measure(program.name, command)


def instructions(program: Program, workload: str, n: int = 20_000) -> float | None:
    """Instructions per behavior with one worker: the difference that `n` more behaviors
    make."""
    counts = [count_instructions(program, workload, some) for some in (n, 2 * n)]
    if None in counts:
        return None
    return (counts[1] - counts[0]) / n


def count_instructions(program: Program, workload: str, n: int) -> int | None:
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
    command += ["--cachegrind-out-file=/dev/null", str(program.path), "--cold"]
    command += [
        "--repeat",
        "1",
        "--workers",
        "1",
        "--workload",
        workload,
        "--n",
        str(n),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    match = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    return int(match[1].replace(",", "")) if match and not done.returncode else None


def time_table(samples: Samples, found: list[Program], workloads: list[str]) -> str:
    """Nanoseconds per behavior, of libboc and of the peers that ran beside it."""
    head = ["workload"]
    for program in found:
        head += [f"{program.name} {workers}" for workers in program.workers]
        head += [f"{program.name} 1/{program.workers[-1]}"] if program.ours else []
    rows = []
    for workload in workloads:
        row = [workload]
        for program in found:
            values = [
                samples.median(program.name, workload, workers)
                for workers in program.workers
            ]
            row += map(figure, values)
            row += [ratio(values[0], values[-1])] if program.ours else []
        rows.append(row)
    return markdown(head, rows)


def memory_table(samples: Samples, ours: list[Program]) -> str:
    """Bytes of a cown, a pending behavior, a worker."""
    rows = [
        [what, *(figure(samples.median(each.name, what, 1)) for each in ours)]
        for what in MEMORY
    ]
    return markdown(["bytes of one", *(each.name for each in ours)], rows)


def instruction_table(found: list[Program], workloads: list[str]) -> str:
    """Instructions per behavior of libboc and of the floor."""
    chosen = [each for each in found if each.ours or each.name == "floor"]
    rows = [
        [workload]
        + [
            figure(instructions(each, workload) if workload in each.workloads else None)
            for each in chosen
        ]
        for workload in workloads
    ]
    return markdown(
        ["instructions per behavior", *(each.name for each in chosen)], rows
    )


def all_built(options, scratch: Path) -> dict[str, Path]:
    """The folders with programs, by compiler."""
    if options.built:
        return {"as built": options.built}
    root = options.build or scratch
    found = compilers() or [("cc", "c++")]
    return {pair[0]: build(root / pair[0], pair) for pair in found}


def main(options) -> Samples:
    """Builds, measures, prints."""
    with tempfile.TemporaryDirectory(prefix="boc-bench-") as name:
        built = all_built(options, Path(name))
        verona = build_verona(options.verona, options.build or Path(name))
        found = programs(built, verona, options.workers)
        workloads = options.workload or [*WORKLOADS]
        if options.instructions:
            print(instruction_table(found, workloads), end="\n\n")
        samples = measure(found, [*MEMORY, *workloads], options)
        print(f"Nanoseconds per behavior; medians of {options.rounds} rounds.\n")
        print(time_table(samples, found, workloads), end="\n\n")
        print(samples.other_load(), end="\n\n")
        print(memory_table(samples, [each for each in found if each.ours]))
        if options.plot:
            plot.draw(samples, found, workloads, built, options)
    return samples
