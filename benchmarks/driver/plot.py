"""Pictures of the C table: ratios to the peers, cost over the number of cowns, and
throughput over the number of workers. As SVG, for light pages and for dark ones.

matplotlib draws them; nothing else of the benchmarks needs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .tables import Samples, figure, markdown, ratio

if TYPE_CHECKING:
    from .c import Program

Axes = Any
"""matplotlib's, which need not be installed."""

COWNS = (1, 2, 10, 100, 1000, 10000, 100000)
SCALED = ("zero", "rr64", "fanout", "ring2", "group8", "spawn8")

THEMES = {
    "light": {"ink": "#1f2328", "grid": "#d0d7de"},
    "dark": {"ink": "#e6edf3", "grid": "#3d444d"},
}
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8f98")
"""Okabe and Ito's, which most people with other color vision tell apart on both."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw(
    samples: Samples,
    found: list[Program],
    workloads: list[str],
    built: dict[str, Path],
    options: Any,
) -> None:
    """Measures what the table lacks, and writes all pictures to `options.plot`."""
    scale = measure_cowns(built, options)
    workers = measure_workers(found, options)
    options.plot.mkdir(parents=True, exist_ok=True)
    pictures = {
        "ratios": lambda axes: draw_ratios(axes, samples, found, workloads),
        "cowns": lambda axes: draw_cowns(axes, scale),
        "workers": lambda axes: draw_workers(axes, workers, found[0].name),
    }
    for name, fill in pictures.items():
        for theme in THEMES:
            save(options.plot / f"bench-{name}-{theme}.svg", theme, fill)
    print(f"\n{cowns_table(scale)}\n\n{workers_table(workers, found[0].name)}")
    print(f"\nPictures are in {options.plot}. {workers.other_load()}")


def measure_cowns(built: dict[str, Path], options: Any) -> Samples:
    """Nanoseconds of a behavior over each number of cowns, by compiler."""
    samples = Samples()
    for _ in range(options.rounds):
        for compiler, folder in built.items():
            for count in COWNS:
                command = [folder / "scale_bench", "--json", "--workers", 1]
                command += ["--repeat", options.repeat, "--workload", f"cowns{count}"]
                samples.measure(f"boc {compiler}", command)
    return samples


def measure_workers(found: list[Program], options: Any) -> Samples:
    """Measures libboc with one worker and more, up to twice the number of
    processors."""
    samples = Samples()
    most = 2 * (os.cpu_count() or 1)
    for _ in range(options.rounds):
        for workload in SCALED:
            for workers in range(1, most + 1):
                command = [found[0].path, "--json", "--workers", workers]
                command += ["--repeat", options.repeat, "--workload", workload]
                samples.measure(found[0].name, command)
    return samples


def cowns_table(samples: Samples) -> str:
    """The values of the picture over the number of cowns."""
    columns = list(dict.fromkeys(key[0] for key in samples.values))
    rows = []
    for count in COWNS:
        medians = [samples.median(each, f"cowns{count}", 1) for each in columns]
        cells = [figure(value and value / count, 1) for value in medians]
        rows.append([f"{count:,}", *cells])
    return markdown(["ns for each cown", *columns], rows)


def workers_table(samples: Samples, column: str) -> str:
    """The values of the picture over the number of workers."""
    more = sorted({key[2] for key in samples.values})[1:]
    rows = []
    for workload in SCALED:
        alone = samples.median(column, workload, 1)
        values = [samples.median(column, workload, workers) for workers in more]
        rows.append([workload, *(ratio(alone, value) for value in values)])
    return markdown(["beside one worker", *(f"{n} workers" for n in more)], rows)


def save(
    path: Path, theme: str, fill: Callable[[Axes], None], height: float = 4.2
) -> None:
    """One picture in the colors of one theme, on no background."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    ink, grid = THEMES[theme]["ink"], THEMES[theme]["grid"]
    settings = {
        "svg.hashsalt": "boc",
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": grid,
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": grid,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
    with pyplot.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(7.2, height), layout="constrained")
        fill(axes)
        metadata = {"Date": None, "Creator": None}
        figure.savefig(path, transparent=True, metadata=metadata)
        pyplot.close(figure)


def peers_with_ratios(
    samples: Samples, found: list[Program], workload: str
) -> list[tuple[str, float]]:
    """The ratio of each peer's time to that of libboc, with as many workers."""
    ratios = []
    for peer in found:
        if peer.ours or peer.name == "floor":
            continue
        workers = peer.workers[-1]
        theirs = samples.median(peer.name, workload, workers)
        ours = samples.median(found[0].name, workload, workers)
        if theirs and ours:
            ratios.append((peer.name, theirs / ours))
    return ratios


def label_twos_and_fives(value: float, _: Any) -> str:
    """Between powers of ten: more labels would run into each other."""
    text = f"{value:g}x"
    return text if text.strip("0.x") in ("2", "5") else ""


def draw_ratios(
    axes: Axes, samples: Samples, found: list[Program], workloads: list[str]
) -> None:
    """A row for each workload, a mark for each peer; right of 1 libboc is faster."""
    names = [each.name for each in found if not each.ours and each.name != "floor"]
    for i, name in enumerate(names):
        points = [
            (value, row)
            for row, workload in enumerate(workloads)
            for peer, value in peers_with_ratios(samples, found, workload)
            if peer == name
        ]
        if points:
            axes.scatter(
                *zip(*points, strict=True),
                color=COLORS[i % len(COLORS)],
                marker=MARKERS[i % len(MARKERS)],
                label=name,
                zorder=3,
            )
    axes.axvline(1, color=axes.xaxis.label.get_color(), linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.xaxis.set_minor_formatter(label_twos_and_fives)
    axes.set_yticks(range(len(workloads)), workloads)
    axes.invert_yaxis()
    workers = found[0].workers[-1]
    axes.set_xlabel(f"time of the peer beside {found[0].name}, {workers} workers")
    if names:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=len(names))


def draw_cowns(axes: Axes, samples: Samples) -> None:
    """Nanoseconds for each cown of a behavior, over how many it has."""
    columns = list(dict.fromkeys(key[0] for key in samples.values))
    for i, column in enumerate(columns):
        points = [
            (count, value / count)
            for count in COWNS
            if (value := samples.median(column, f"cowns{count}", 1))
        ]
        axes.plot(
            *zip(*points, strict=True),
            color=COLORS[i],
            marker=MARKERS[i],
            label=column,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("cowns of the behavior")
    axes.set_ylabel("ns for each cown")
    axes.legend()


def draw_workers(axes: Axes, samples: Samples, column: str) -> None:
    """Throughput beside one worker, over the number of workers."""
    counts = sorted({key[2] for key in samples.values})
    for i, workload in enumerate(SCALED):
        alone = samples.median(column, workload, 1)
        points = [
            (workers, alone / value)
            for workers in counts
            if alone and (value := samples.median(column, workload, workers))
        ]
        if points:
            axes.plot(
                *zip(*points, strict=True),
                color=COLORS[i],
                marker=MARKERS[i],
                label=workload,
            )
    axes.axhline(1, color=axes.xaxis.label.get_color(), linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_xticks(counts)
    axes.set_xlabel(f"workers ({os.cpu_count()} processors)")
    axes.set_ylabel("throughput beside one worker")
    axes.legend(ncols=3)
