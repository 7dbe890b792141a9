"""Clusters for the tests, and which tests are collected: those that need an engine only
where one is installed."""

import importlib.util

import engines
import pytest

if not importlib.util.find_spec("distributed"):
    collect_ignore = [
        "test_driver_exit.py",
        "test_engines.py",
        "test_distributed_examples.py",
        "test_recovery.py",
    ]
ENGINES = [
    name
    for name, module in (("dask", "distributed"), ("ray", "ray"))
    if importlib.util.find_spec(module)
]


@pytest.fixture(scope="module", params=ENGINES)
def cluster(request):
    with getattr(engines, request.param)() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def d(cluster):
    with cluster.connect() as connection:
        yield connection


@pytest.fixture
def mortal(cluster):
    """A connection of a test that kills workers."""
    connection = cluster.connect()
    engines.until(lambda: len(connection.stats()["workers"]) == 2)
    yield connection
    connection.close(timeout=engines.LIMIT)
    if cluster.name == "dask":
        engines.until(lambda: len(cluster.client.nthreads()) == 2)
