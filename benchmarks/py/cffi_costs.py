"""What a behavior costs through the package `libboc`: microseconds per behavior.

    python benchmarks/py/cffi_costs.py
    pypy3 benchmarks/py/cffi_costs.py --save costs.json

Rows: a Python body scheduled from Python, over one cown (each hands over to the next)
and over many (the workers and the main thread take turns with the interpreter); a body
in C scheduled from Python; the same scheduled in a loop in C, which needs a C compiler.
Each figure is the median of some rounds, and beside it the least; the clock runs from
the first schedule to quiescence. The aims: a Python body 5 us on CPython and 3 us on
PyPy, a loop in C 0.2 us.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import libboc
from libboc import Cown, Runtime, ffi, lib

#: A body, and a loop that schedules it by a pointer to boc_when: compiled here, so that
#: libboc needs no such thing.
LOOP = """
#include <stddef.h>
typedef int (*when)(void *, void *const *, size_t, void (*)(void *, void *), void *);
void body(void *self, void *arg) { (void)self; ++*(long *)arg; }
int loop(when schedule, void *runtime, void *const *cowns, void *arg, size_t times) {
  int status = 0;
  while (times-- && !status)
    status = schedule(runtime, cowns, 1, body, arg);
  return status;
}
"""
DECLARED = """
    void body(void *, void *);
    int loop(void *, void *, void *const *, void *, size_t);
"""


def increment(cown: Cown[int]) -> None:
    cown.value += 1


def python_one_cown(runtime: Runtime, n: int) -> None:
    cown = Cown(0)
    for _ in range(n):
        runtime.when(cown)(increment)
    runtime.quiesce()
    assert cown.value == n


def python_many_cowns(runtime: Runtime, n: int) -> None:
    cowns = [Cown(0) for _ in range(100)]
    for i in range(n):
        runtime.when(cowns[i % 100])(increment)
    runtime.quiesce()
    assert sum(cown.value for cown in cowns) == n


class InC:
    """The functions of LOOP."""

    def __init__(self, folder: Path) -> None:
        compiler = next(filter(shutil.which, ("cc", "gcc", "clang")), None)
        if compiler is None:
            raise SystemExit("cffi_costs.py: bodies in C need a C compiler on PATH")
        source, library = folder / "loop.c", folder / "loop.so"
        source.write_text(LOOP)
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", library, source]
        subprocess.run(command, check=True)
        from cffi import FFI

        self.ffi = FFI()
        self.ffi.cdef(DECLARED)
        self.functions = self.ffi.dlopen(str(library))
        self.count = self.ffi.new("long *")

    def foreign(self, pointer: object) -> object:
        """A pointer of libboc's module as one of this module."""
        return self.ffi.cast("void *", int(ffi.cast("uintptr_t", pointer)))

    def from_python(self, runtime: Runtime, n: int) -> None:
        self.count[0] = 0
        cown = Cown(0)
        cowns = ffi.new("boc_cown *[]", [cown.core])
        address = int(self.ffi.cast("uintptr_t", self.functions.body))
        body = ffi.cast("void (*)(boc_behavior *, void *)", address)
        argument = ffi.cast("void *", int(self.ffi.cast("uintptr_t", self.count)))
        core, when = runtime.core, lib.boc_when
        for _ in range(n):
            assert when(core, cowns, 1, body, argument) == lib.BOC_OK
        runtime.quiesce()
        assert self.count[0] == n

    def from_c(self, runtime: Runtime, n: int) -> None:
        self.count[0] = 0
        cown = Cown(0)
        cowns = ffi.new("boc_cown *[]", [cown.core])
        when = ffi.addressof(lib, "boc_when")
        status = self.functions.loop(
            self.foreign(when),
            self.foreign(runtime.core),
            self.ffi.cast("void *const *", self.foreign(cowns)),
            self.count,
            n,
        )
        assert status == 0
        runtime.quiesce()
        assert self.count[0] == n


def measure(work: Callable[[Runtime, int], None], n: int, rounds: int) -> list[float]:
    """Microseconds per behavior of each round, after one to warm up."""
    samples = []
    with Runtime(2) as runtime:
        work(runtime, n)
        for _ in range(rounds):
            begin = time.perf_counter()
            work(runtime, n)
            samples.append((time.perf_counter() - begin) / n * 1e6)
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--n", type=int, default=20_000, help="behaviors in a round")
    parser.add_argument("--save", type=Path, help="write all samples as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        c = InC(Path(folder))
        rows = {
            "Python body, one cown": python_one_cown,
            "Python body, 100 cowns": python_many_cowns,
            "C body, from Python": c.from_python,
            "C body, loop in C": c.from_c,
        }
        found = {
            name: measure(work, given.n, given.rounds) for name, work in rows.items()
        }
    name = f"{platform.python_implementation()} {sys.version.split()[0]}"
    print(f"libboc {libboc.version()} on {name}, us per behavior")
    for row, samples in found.items():
        print(f"  {row:24}{statistics.median(samples):8.2f}{min(samples):8.2f}")
    if given.save:
        given.save.write_text(json.dumps({name: found}, indent=2))


if __name__ == "__main__":
    main()
