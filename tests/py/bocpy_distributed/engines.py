"""Clusters on this machine, for the tests: on loopback, small, quiet.

with engines.dask(workers=2) as cluster: cluster.connect(), cluster.pids()
"""

import contextlib
import os
import signal
import time

LIMIT = 30


class Dask:
    """A scheduler in this process, and each worker in a process of its own."""

    name = "dask"

    def __init__(self, cluster, client):
        self.cluster, self.client = cluster, client

    def connect(self, **options):
        from bocpy.distributed import connect

        return connect(self.client, **options)

    def pids(self, d):
        return dict(self.client.run(os.getpid))

    def bare(self, count):
        """Seconds of each of `count` empty tasks of the engine itself."""
        began = time.perf_counter()
        tasks = [self.client.submit(int, i, pure=False) for i in range(count)]
        self.client.gather(tasks)
        return (time.perf_counter() - began) / count

    def tasks(self):
        """How many tasks the scheduler has."""
        return self.client.run_on_scheduler(
            lambda dask_scheduler: len(dask_scheduler.tasks)
        )


class Ray:
    name = "ray"

    def connect(self, **options):
        from bocpy.distributed import connect

        return connect("auto", **options)

    def pids(self, d):
        nodes = [row["node"] for row in d.stats()["workers"]]
        return {node: int(node.rpartition(":")[2]) for node in nodes}

    def bare(self, count):
        import ray

        remote = ray.remote(lambda number: number)
        ray.get([remote.remote(i) for i in range(20)])
        began = time.perf_counter()
        ray.get([remote.remote(i) for i in range(count)])
        return (time.perf_counter() - began) / count


@contextlib.contextmanager
def dask(workers=2, threads=1):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            silence_logs=60,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield Dask(cluster, client)


@contextlib.contextmanager
def ray(workers=2):
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray as module

    module.init(
        "local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        object_store_memory=200 << 20,
        _node_ip_address="127.0.0.1",
    )
    try:
        yield Ray()
    finally:
        module.shutdown()


def until(condition, timeout=LIMIT):
    """Waits for a condition; AssertionError if it does not come true."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} s"
        time.sleep(0.02)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
