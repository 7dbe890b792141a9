"""Product: two matrices, multiplied block by block on all cores.

Both are cut into blocks, each a matrix in a cown, and so is the result. The block in
row i and column j of the result needs row i of the left and column j of the right
matrix: for each pair of blocks there is a behavior that writes the result's block and
reads the pair. Behaviors of different blocks run in parallel; those of one block run in
the order in which they were scheduled, so the sum is the same on any number of workers.

    python -m bocpy.examples.product --size 1024 --blocks 2 --fused --numpy

Each time is the shortest of `--repeat` runs. Runs that are not timed come before: all
but one of the workers start when there is work for them, and each copies the blocks
that it reads. `--fused` lets the products fuse multiply-add, as NumPy's do; it
sets BOCPY_MATH_FUSED=1 in the environment. NumPy runs with one thread.

Source: Cannon, "A cellular computer to implement the Kalman filter algorithm", Montana
State University, 1969 (the blocks; here no block has a place to be moved to).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise

from bocpy import WORKER_COUNT, Cown, Matrix, quiesce, read, wait, when
from bocpy.examples._command import begin, count, parser, run_program

Blocks = list[list[Cown[Matrix]]]

WARM_UP = 0.1  # seconds for each worker: to wait until it is needed, and to start

FUSED = "BOCPY_MATH_FUSED"  # read when Matrix is imported
#: What the libraries that NumPy may be built with call the number of their threads.
NUMPY_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def bounds(size: int, blocks: int) -> list[slice[int, int, None]]:
    """`blocks` slices of nearly the same length."""
    ends = [size * number // blocks for number in range(blocks + 1)]
    return [slice(a, b) for a, b in pairwise(ends)]


def cut(whole: Matrix, blocks: int) -> Blocks:
    """The matrix as blocks x blocks cowns."""
    parts = bounds(whole.rows, blocks)
    return [[Cown(whole[rows, columns]) for columns in parts] for rows in parts]


def join(blocks: Blocks) -> Matrix:
    """The matrix that the blocks make."""
    rows = [Matrix.concat([cown.unwrap() for cown in row], axis=1) for row in blocks]
    return Matrix.concat(rows)


def multiply(left: Blocks, right: Blocks, result: Blocks) -> None:
    """Schedules result += left @ right."""
    for i, row in enumerate(result):
        for j, block in enumerate(row):
            for k in range(len(right)):

                @when(block, read(left[i][k]), read(right[k][j]))
                def _(
                    block: Cown[Matrix], left: Cown[Matrix], right: Cown[Matrix]
                ) -> None:
                    block.value += left.value @ right.value


def warm_up(seconds: float, call: Callable[[], object]) -> int:
    """Calls until so much time has passed; returns how often."""
    end, calls = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        call()
        calls += 1
    return calls


def shortest(repeat: int, call: Callable[[], object]) -> float:
    """The milliseconds of the fastest of so many calls."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def by_numpy(a: Matrix, b: Matrix, repeat: int) -> float:
    """The milliseconds that NumPy takes with one thread; it is not imported before."""
    os.environ.update(dict.fromkeys(NUMPY_THREADS, "1"))
    import numpy as np  # type: ignore[import-not-found, unused-ignore]

    left, right = np.asarray(a), np.asarray(b)
    return shortest(repeat, lambda: left @ right)


def run_fused(arguments: list[str]) -> int:
    """This program again, with products that fuse; returns its exit code."""
    command = [sys.executable, "-m", "bocpy.examples.product", *arguments]
    return subprocess.call(command, env={**os.environ, FUSED: "1"})


def main(arguments: list[str] | None = None) -> int:
    """Multiplies two random matrices; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--size", type=count, default=512, help="rows and columns")
    line.add_argument("--blocks", type=count, default=2, help="in each direction")
    line.add_argument("--seed", type=int, default=1)
    line.add_argument("--repeat", type=count, default=10)
    line.add_argument("--fused", action="store_true", help="fuse multiply-add")
    line.add_argument("--numpy", action="store_true", help="time NumPy as well")
    options = line.parse_args(arguments)
    if options.numpy and importlib.util.find_spec("numpy") is None:
        line.error("--numpy needs NumPy, which is not installed")
    if options.size < options.blocks:
        line.error("a block has one row at least: --size is too small")
    if options.fused and os.environ.get(FUSED) != "1":
        return run_fused(sys.argv[1:] if arguments is None else arguments)
    begin(options)

    Matrix.seed(options.seed)
    size = (options.size, options.size)
    a, b = Matrix.uniform(-1, 1, size), Matrix.uniform(-1, 1, size)
    left, right = cut(a, options.blocks), cut(b, options.blocks)
    result = cut(Matrix.zeros(size), options.blocks)

    def run() -> None:
        multiply(left, right, result)
        quiesce()

    runs = warm_up(WARM_UP * (options.workers or WORKER_COUNT), run)
    together = shortest(options.repeat, run)
    wait()
    runs += options.repeat
    product, expected = join(result), runs * (a @ b)  # the runs add up
    alone = shortest(options.repeat, lambda: a @ b)

    fused = ", fused" if os.environ.get(FUSED) == "1" else ""
    print(f"{options.size} x {options.size}{fused}: {together:.1f} ms in ", end="")
    print(f"{options.blocks**3} behaviors, {alone:.1f} ms in one product", end="")
    if options.numpy:
        print(f", {by_numpy(a, b, options.repeat):.1f} ms by NumPy, one thread", end="")
    print()
    return 0 if Matrix.allclose(product, expected, rtol=1e-9, atol=1e-9) else 1


if __name__ == "__main__":
    run_program(main)
