"""Matrix beside NumPy, and beside the Matrix of bocpy 0.14, in one process on one core.

Each line is one operation. The figures are the median processor time of Matrix and its
ratio to that of the others; calls of each are interleaved. Below 1 Matrix is faster.
`at most` is the aim. All run on one thread, so that its processor time is what a call
takes on a free core, whatever else runs on the machine.

    python benchmarks/py/matrix.py --peer PYTHON-WITH-0.14 --plot FOLDER
    python benchmarks/py/matrix.py --only "matmul|sum"

0.14's extension module is loaded from that Python's environment, under another name; it
has to be of the same version.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[variable] = "1"

import bocpy  # noqa: E402
import numpy as np  # noqa: E402
from bocpy import _math  # noqa: E402

MILLION = 10**6
#: At most this ratio to the time of NumPy, where a row has no aim of its own.
AIM = 1.1


def load_peer(python):
    """The Matrix of 0.14, from the environment of that Python."""
    found = subprocess.run(
        [python, "-c", "import bocpy._math as m; print(m.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    ).stdout.strip()
    loader = importlib.machinery.ExtensionFileLoader("peer._math", found)
    spec = importlib.util.spec_from_file_location("peer._math", found, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module.Matrix


class Row:
    """One operation: a call for each of the kinds, and the aim."""

    def __init__(self, name, ours, numpy=None, peer=None, aim=None, peer_aim=None):
        self.name, self.aim, self.peer_aim = name, aim, peer_aim
        self.calls = {"ours": ours, "numpy": numpy, "0.14": peer}
        self.calls = {kind: call for kind, call in self.calls.items() if call}


class Operands:
    """The same numbers as an array and as a matrix of both kinds.

    The array is the matrix's own memory. What a million numbers cost to read depends on
    the pages that they have got, by up to a quarter, and so would the ratio.
    """

    def __init__(self, peer):
        self.peer, self.random = peer, np.random.default_rng(0)

    def make(self, rows, columns, low=-1.0, high=1.0):
        matrix = bocpy.Matrix(self.random.uniform(low, high, (rows, columns)))
        array = np.asarray(matrix)
        peer = self.peer(rows, columns, array.ravel().tolist()) if self.peer else None
        return [matrix, array, peer]


def assign(key, value):
    def run(target):
        target[key] = value

    return run


def small_rows(operands):
    for rows, columns in ((1, 3), (2, 2), (3, 3), (4, 4), (8, 8), (16, 16)):
        (m, a, p), (m2, a2, p2) = (operands.make(rows, columns) for _ in range(2))
        size = f"{rows}x{columns}"
        has = p is not None
        yield both(f"add {size}", m, a, p, lambda x, y: x + y, m2, a2, p2, None, 1.0)
        yield one(f"sum {size}", m, a, p, lambda x: x.sum(), None, 1.0)
        yield one(f"get {size}", m, a, p, lambda x: x[0, 1], None, 1.0)
        yield one(f"set {size}", m, a, p, assign((0, 1), 2.0), None, 1.0)
        if rows == columns:
            yield both(
                f"matmul {size}", m, a, p, lambda x, y: x @ y, m2, a2, p2, None, 1.0
            )
        else:
            yield Row(
                f"normalize {size}",
                m.normalize,
                lambda a=a: a / np.linalg.norm(a),
                p.normalize if has else None,
                None,
                1.0,
            )
            yield Row(
                f"cross {size}",
                lambda m=m, m2=m2: m.cross(m2),
                None,
                (lambda p=p, p2=p2: p.cross(p2)) if has else None,
                None,
                1.0,
            )


def one(name, m, a, p, call, aim=None, peer_aim=None, numpy=None):
    """An operation that is written alike for all kinds."""
    return Row(
        name,
        lambda: call(m),
        lambda: (numpy or call)(a),
        (lambda: call(p)) if p is not None else None,
        aim,
        peer_aim,
    )


def both(name, m, a, p, call, m2, a2, p2, aim=None, peer_aim=None, numpy=None):
    return Row(
        name,
        lambda: call(m, m2),
        lambda: (numpy or call)(a, a2),
        (lambda: call(p, p2)) if p is not None else None,
        aim,
        peer_aim,
    )


def product_rows(operands):
    for size, aim, peer_aim in ((64, 1.3, 1.05), (256, 1.3, 0.3), (1024, 1.3, 1.05)):
        (m, a, p), (m2, a2, p2) = (operands.make(size, size) for _ in range(2))
        yield both(
            f"matmul {size}", m, a, p, lambda x, y: x @ y, m2, a2, p2, aim, peer_aim
        )


def arithmetic_rows(operands, row, row2):
    (m, a, p), (m2, a2, p2) = row, row2
    out, out_array, out_peer = operands.make(1, MILLION)
    yield both("add", m, a, p, lambda x, y: x + y, m2, a2, p2, AIM, 1.05)
    yield Row(
        "add, out",
        lambda: m.add(m2, out=out),
        lambda: np.add(a, a2, out=out_array),
        (lambda: p.add(p2, out=out_peer)) if p is not None else None,
        AIM,
        1.05,
    )
    yield both("divide", m, a, p, lambda x, y: x / y, m2, a2, p2, AIM, 1.05)


def copying_rows(operands, row, row2, square):
    (m, a, p), (m2, a2, p2) = row, row2
    square2, array2, peer2 = operands.make(1000, 1000)
    whole, array, peer = square
    full = slice(None)
    mask, mask_array = m.less(0), a < 0
    mask_peer = p.less(0) if p is not None else None
    yield one("copy", m, a, p, lambda x: x.copy(), AIM, 1.05)
    part, copied = (lambda x: x[1:, 1:]), (lambda x: x[1:, 1:].copy())
    yield one("slice", whole, array, peer, part, AIM, 1.05, copied)
    yield Row(
        "assign",
        lambda: whole.__setitem__(full, square2),
        lambda: array.__setitem__(full, array2),
        (lambda: peer.__setitem__(full, peer2)) if peer is not None else None,
        AIM,
        1.05,
    )
    yield Row(
        "where",
        lambda: bocpy.Matrix.where(mask, m, m2),
        lambda: np.where(mask_array, a, a2),
        (lambda: operands.peer.where(mask_peer, p, p2)) if p is not None else None,
        AIM,
        1.05,
    )
    yield one("clip", m, a, p, lambda x: x.clip(-0.5, 0.5), AIM, 1.05)
    turned, copied = (lambda x: x.transpose()), (lambda x: x.T.copy())
    yield one("transpose", whole, array, peer, turned, AIM, 1.05, copied)


def function_rows(operands, row):
    positive = operands.make(1, MILLION, 0.5, 2.0)
    for name in ("floor", "sqrt", "sin", "cos", "exp", "log", "tanh"):
        m, a, p = positive if name in ("sqrt", "log") else row
        call = lambda x, name=name: getattr(x, name)()  # noqa: E731
        numpy = lambda x, name=name: getattr(np, name)(x)  # noqa: E731
        limit = 0.5 if name in ("sin", "cos") else AIM
        known = p if hasattr(p, name) else None
        yield one(name, m, a, known, call, limit, 1.05, numpy)
    yield one("round", *row, lambda x: x.round(), AIM, 1.05)


def reduction_rows(row, row2, square):
    (m, a, p), (m2, a2, p2) = row, row2
    for name in ("sum", "mean", "min", "max"):
        call = lambda x, name=name: getattr(x, name)()  # noqa: E731
        yield one(name, m, a, p, call, AIM, 1.05)
        for axis in (0, 1):
            along = lambda x, name=name, axis=axis: getattr(x, name)(axis)  # noqa: E731
            yield one(f"{name} axis {axis}", *square, along, AIM, 1.05)
    yield one("std", m, a, None, lambda x: x.std(), AIM)
    yield one("argmin", m, a, p, lambda x: x.argmin(), 1.0, 1.05)
    dot, flat, flat2 = (lambda x, y: x.vecdot(y)), a.ravel(), a2.ravel()
    yield both("vecdot", m, flat, p, dot, m2, flat2, p2, AIM, 1.05, np.dot)
    norm = np.linalg.norm
    yield one("norm", m, flat, p, lambda x: x.magnitude(), AIM, 1.05, norm)


def order_rows(row):
    m, a, p = row

    def ten(x):
        best = np.argpartition(x, MILLION - 10)[MILLION - 10 :]
        return best[np.argsort(-x[best])]

    yield one("topk(10)", m, a.ravel(), p, lambda x: x.topk(10), 0.05, 1.05, ten)
    yield one("sort", m, a, None, lambda x: x.sort(), None, None, np.sort)
    yield one("argsort", m, a, None, lambda x: x.argsort(), None, None, np.argsort)


def million_rows(operands):
    row, row2 = operands.make(1, MILLION), operands.make(1, MILLION)
    square = operands.make(1000, 1000)
    yield from arithmetic_rows(operands, row, row2)
    yield from copying_rows(operands, row, row2, square)
    yield from function_rows(operands, row)
    yield from reduction_rows(row, row2, square)
    yield from order_rows(row)
    _, a, _ = row
    yield Row("from NumPy", lambda: bocpy.Matrix(a), a.copy, None, AIM)


def rows(peer):
    operands = Operands(peer)
    yield from small_rows(operands)
    yield from product_rows(operands)
    yield from million_rows(operands)


# ---- measuring -----------------------------------------------------------------------


def repeats(call, seconds):
    """How many calls take about that long. They are counted in larger and larger runs:
    a single call that is interrupted says nothing about the others."""
    call()
    count = 1
    while (once(call, count) * count < seconds / 2) and count < 200_000:
        count *= 2
    return count


def once(call, count):
    begin = time.thread_time()
    for _ in range(count):
        call()
    return (time.thread_time() - begin) / count


def measure(row, rounds, seconds, middle=statistics.median):
    """Seconds of a call of each kind; the kinds take turns."""
    counts = {kind: repeats(call, seconds) for kind, call in row.calls.items()}
    samples = {kind: [] for kind in row.calls}
    for _ in range(rounds):
        for kind, call in row.calls.items():
            samples[kind].append(once(call, counts[kind]))
    return {kind: middle(values) for kind, values in samples.items()}


def ratio(figures, kind):
    return figures["ours"] / figures[kind] if kind in figures else None


def cell(value, aim):
    if value is None:
        return f"{'':>16}"
    limit = "" if aim is None else f" (<= {aim})"
    mark = " " if aim is None or value <= aim else "!"
    return f"{value:7.2f}{mark}{limit:<8}"


def draw(axes, table):
    """A row for each operation, a mark for each peer; left of 1 ours is faster."""
    rows = range(len(table))
    for kind, color, marker in (("numpy", "#0072b2", "o"), ("0.14", "#e69f00", "s")):
        points = [(row[kind], i) for i, row in enumerate(table) if row[kind]]
        if points:
            label = "beside NumPy" if kind == "numpy" else "beside 0.14"
            x, y = zip(*points, strict=True)
            axes.scatter(x, y, color=color, marker=marker, s=16, label=label, zorder=3)
    axes.axvline(1, color=axes.xaxis.label.get_color(), linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks(rows, [row["name"] for row in table], fontsize=7)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel("time of Matrix, as a part of the other's")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.05), ncols=2)


def plot(folder, table):
    """For light pages and for dark ones."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from pathlib import Path

    from driver.plot import THEMES, save

    height = 0.15 * len(table) + 1
    for theme in THEMES:
        path = Path(folder) / f"bench-matrix-{theme}.svg"
        save(path, theme, lambda axes: draw(axes, table), height)


def main():
    line = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    line.add_argument("--peer", help="a Python that has bocpy 0.14")
    line.add_argument("--only", default="", help="operations whose name matches")
    line.add_argument("--rounds", type=int, default=7)
    line.add_argument("--seconds", type=float, default=0.02, help="of one sample")
    line.add_argument("--best", action="store_true", help="of the rounds, not medians")
    line.add_argument(
        "--plot", metavar="FOLDER", help="pictures of the ratios, light and dark"
    )
    line.add_argument("--load", help="take the figures of --save, and measure nothing")
    line.add_argument("--save", help="write the figures as JSON to a file")
    options = line.parse_args()
    if options.load:
        with open(options.load, encoding="ascii") as file:
            plot(options.plot or ".", json.load(file))
        return 0
    peer = load_peer(options.peer) if options.peer else None
    print(f"{platform.python_version()}, NumPy {np.__version__}, {_math.kernels}")
    print(f"{'':<22}{'ours':>12}  {'/ NumPy':<16}  {'/ 0.14':<16}")
    table = []
    for row in rows(peer):
        if not re.search(options.only, row.name):
            continue
        middle = min if options.best else statistics.median
        figures = measure(row, options.rounds, options.seconds, middle)
        numpy, old = ratio(figures, "numpy"), ratio(figures, "0.14")
        table.append(
            {"name": row.name, "seconds": figures, "numpy": numpy, "0.14": old}
        )
        cells = f"{cell(numpy, row.aim)}  {cell(old, row.peer_aim)}"
        print(f"{row.name:<22}{figures['ours'] * 1e6:>9.3f} us  {cells}", flush=True)
    if options.save:
        with open(options.save, "w", encoding="ascii") as file:
            json.dump(table, file, indent=1)
    if options.plot:
        plot(options.plot, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
