"""The C programs: builds them, runs them in turn, prints libboc beside its peers.

A round runs every workload in every program, each in a process of its own, before the
next round begins: what else the machine does meanwhile hits all of them alike.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .tables import HERE, Samples, figure, markdown, ratio, reference, run_json

MEMORY = ("mem_cown", "mem_pending", "mem_worker")


@dataclass(frozen=True)
class Program:
    """A column of the table."""

    name: str
    path: Path
    workloads: frozenset[str]
    workers: tuple[int, ...]


def build(folder: Path) -> Path:
    """Builds all that this machine can build; returns where the programs are."""
    if not (folder / "build.ninja").exists():
        options = ["-Dbenchmarks=true", "-Dtests=disabled", "-Ddefault_library=static"]
        command = ["meson", "setup", "--buildtype=release", *options]
        subprocess.run([*command, str(folder), str(HERE.parent)], check=True)
    subprocess.run(["meson", "compile", "-C", str(folder)], check=True)
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


def programs(built: Path, many: int) -> list[Program]:
    """What there is to run, libboc first."""
    found = [
        ("boc", built / "boc_bench", (1, many)),
        ("floor", built / "floor_bench", (1,)),
        ("GCC OpenMP", built / "omp_bench", (many,)),
        ("LLVM OpenMP", build_llvm_peer(built), (many,)),
        ("oneTBB", built / "tbb_bench", (1, many)),
        ("Taskflow", built / "taskflow_bench", (1, many)),
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
        if program.name == "boc":
            command += ["--from", options.scheduler]
        for line in run_json(command):
            samples.add(program.name, line)


def instructions(program: Program, workload: str, n: int = 20_000) -> float | None:
    """Instructions per behavior with one worker: what `n` more behaviors cost more."""
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
    """Nanoseconds per behavior beside the aims."""
    known = reference("c")
    boc = found[0]
    one, many = boc.workers
    peers = [(each.name, workers) for each in found[1:] for workers in each.workers]
    head = ["workload", f"boc {one}", f"boc {many}", f"boc {one}/{many}"]
    head += [name if name == "floor" else f"{name} {count}" for name, count in peers]
    head += ["verona-rt", "aim", f"boc/aim {one}", f"boc/aim {many}"]
    rows = []
    for workload in workloads:
        ours = [samples.median("boc", workload, workers) for workers in (one, many)]
        aims = known[workload]["aim"] or [None, None]
        row = [workload, *map(figure, ours), ratio(*ours)]
        row += [figure(samples.median(name, workload, count)) for name, count in peers]
        row += [pair(known[workload]["verona-rt"]), pair(known[workload]["aim"])]
        rows.append(row + [ratio(*each) for each in zip(ours, aims, strict=True)])
    return markdown(head, rows)


def pair(values: list[float | None] | None) -> str:
    return " / ".join(map(figure, values)) if values else "-"


def memory_table(samples: Samples, workers: int) -> str:
    """Bytes of a cown, a pending behavior, a worker."""
    known = reference("c")
    rows = []
    for workload in MEMORY:
        aims = known[workload]["aim"] or [None]
        ours = samples.median("boc", workload, workers)
        rows.append([workload, figure(ours), figure(aims[0])])
    return markdown(["bytes of one", "boc", "aim"], rows)


def instruction_table(found: list[Program], workloads: list[str]) -> str:
    """Instructions per behavior of libboc and of the floor."""
    chosen = [each for each in found if each.name in ("boc", "floor")]
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


def main(options) -> Samples:
    """Builds, measures, prints."""
    scratch = tempfile.mkdtemp(prefix="boc-bench-")
    built = options.built or build(options.build or Path(scratch))
    found = programs(built, options.workers)
    workloads = [each for each in reference("c") if each not in MEMORY]
    if options.workload:
        workloads = options.workload
    if options.instructions:
        print(instruction_table(found, workloads), end="\n\n")
    samples = measure(found, [*MEMORY, *workloads], options)
    print(f"Nanoseconds per behavior; medians of {options.rounds} rounds.\n")
    print(time_table(samples, found, workloads), end="\n\n")
    print(memory_table(samples, found[0].workers[0]))
    shutil.rmtree(scratch)
    return samples
