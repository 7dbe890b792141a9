"""The demo's job over the workers of a cluster that Dask or Ray runs.

The behaviors are those of `job`. Every worker must be able to read the files: the
cluster runs on one machine, or the files are on a shared file system.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Generator
from typing import Any

from .._command_line import keep_sockets
from .job import TIMEOUT, Progress, Run, add, collect, name_of
from .ledger import AGGREGATES, Ledger
from .source import facts_of

#: Seconds between two updates of the progress bar.
LOOK = 0.1

LOCAL = "local"
"""The address that stands for a cluster of this machine's own, for the demo alone."""


@contextlib.contextmanager
def connected(engine: str, address: str, workers: int) -> Generator[Any, None, None]:
    """A connection; if the address is LOCAL, to a cluster of workers on this
    machine."""
    keep_sockets()
    clusters: Any = importlib.import_module("bocpy.distributed")
    if engine == "ray":
        with ray_started(address, workers), clusters.connect("auto") as connection:
            yield connection
        return
    distributed: Any = importlib.import_module("distributed")
    where: Any = address
    with contextlib.ExitStack() as stack:
        if address == LOCAL:
            where = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=None,
                    silence_logs=60,
                )
            )
        client = stack.enter_context(distributed.Client(where))
        yield stack.enter_context(clusters.connect(client))


@contextlib.contextmanager
def ray_started(address: str, workers: int) -> Generator[None, None, None]:
    ray: Any = importlib.import_module("ray")
    if address == LOCAL:
        ray.init(LOCAL, num_cpus=workers, include_dashboard=False, log_to_driver=False)
    else:
        ray.init(address)
    try:
        yield
    finally:
        ray.shutdown()


def run_cluster(
    paths: list[str],
    root: str,
    progress: Progress,
    workers: int,
    cluster: tuple[str, str],
) -> Run:
    """Runs the job on a cluster; measures the start of the cluster separately."""
    begin = time.perf_counter()
    with connected(*cluster, workers) as d:
        d.whencall(facts_of, [], [paths[-1], "warm-up"]).unwrap(TIMEOUT)
        progress(0)
        ready = time.perf_counter()
        cowns = {field: d.Cown(empty) for field, empty in vars(Ledger()).items()}
        for path in paths:
            facts = d.whencall(facts_of, [], [path, name_of(path, root)])
            for field in AGGREGATES:
                d.whencall(add, [cowns[field], facts], [field])
        each = 1 + len(AGGREGATES)
        while not d.wait(LOOK):
            progress(len(paths) - d.stats()["pending"] // each)
        progress(len(paths))
        summary = d.whencall(collect, list(cowns.values()))
        ledger = Ledger(**summary.unwrap(TIMEOUT))
        seconds = time.perf_counter() - ready
    return Run(ledger, seconds, ready - begin, len(paths) * each + 1)
