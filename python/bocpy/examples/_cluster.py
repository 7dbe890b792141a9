"""What the command lines of the examples over clusters share."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Generator
from typing import Any

from bocpy._demo.cluster import LOCAL, connected
from bocpy.examples._command import count, parser


def cluster_parser(text: str | None) -> argparse.ArgumentParser:
    """A parser with `--dask`, `--ray` and `--workers`."""
    made = parser(text, workers=False, backend=False)
    either = made.add_mutually_exclusive_group()
    for engine in ("dask", "ray"):
        either.add_argument(
            f"--{engine}",
            nargs="?",
            const=LOCAL,
            metavar="ADDRESS",
            help="default: Dask, with workers on this machine",
        )
    made.add_argument(
        "--workers", type=count, default=2, help="of this machine (default: 2)"
    )
    return made


@contextlib.contextmanager
def cluster(options: argparse.Namespace) -> Generator[Any, None, None]:
    """The connection that the command line asks for."""
    engine = "ray" if options.ray is not None else "dask"
    with connected(engine, getattr(options, engine) or LOCAL, options.workers) as found:
        yield found
