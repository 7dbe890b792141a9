"""What a cluster does when a worker dies: which values survive, and what runs again."""

import contextlib
import os
import tempfile
from pathlib import Path

import engines
import fault_injection
import pytest
from bocpy.distributed import CownLost, read

pytestmark = pytest.mark.filterwarnings("default")
LIMIT = engines.LIMIT


def add(cown, amount=1):
    cown.value += amount


def move(one, other):
    one.value -= 1
    other.value += 1


def test_durable_values_outlive_their_worker(cluster, mortal, tmp_path):
    d = mortal
    kept, gone = d.Cown(0, durable=tmp_path), d.Cown(0)
    for _ in range(5):
        d.when(kept, gone)(move)
    where = d.when(kept, gone)(lambda kept, gone: os.getpid())
    engines.kill(where.unwrap(LIMIT))
    assert kept.unwrap(LIMIT) == -5
    with pytest.raises(CownLost) as caught:
        gone.unwrap(LIMIT)
    assert caught.value.node


def test_a_url_of_fsspec_is_a_store(cluster, mortal, tmp_path):
    d = mortal
    cown = d.Cown(0, durable=f"file://{tmp_path}/store")
    for _ in range(5):
        d.when(cown)(add)
    engines.kill(d.when(cown)(lambda cown: os.getpid()).unwrap(LIMIT))
    assert cown.unwrap(LIMIT) == 5
    assert list((tmp_path / "store").iterdir())


def test_a_restart_of_the_client_is_the_death_of_all_workers():
    with engines.dask() as cluster, cluster.connect() as d:
        cown = d.Cown(0)
        d.when(cown)(add).unwrap(LIMIT)
        cluster.client.restart()
        with pytest.raises(CownLost):
            cown.unwrap(LIMIT)
        fresh = d.Cown(1)
        assert d.when(fresh)(lambda fresh: fresh.value + 1).unwrap(LIMIT) == 2


@pytest.mark.parametrize("seed", range(3))
def test_killed_workers(cluster, mortal, tmp_path, seed):
    fault_injection.kill_one(cluster, mortal, tmp_path / "log", seed)


def test_a_body_that_kills_its_process_costs_one_worker(cluster, mortal):
    d = mortal
    bad = d.Cown(0)
    d.when(bad)(lambda bad: None).unwrap(LIMIT)
    poison = d.when(bad)(lambda bad: os._exit(1))
    with pytest.raises(CownLost, match="interrupted"):
        poison.unwrap(LIMIT)
    # The value came to that worker for this behavior, or was there before.
    with contextlib.suppress(CownLost):
        assert bad.unwrap(LIMIT) == 0
    lost = d.stats()["lost"]
    fresh = d.Cown(2)
    d.when(fresh)(add)
    assert fresh.unwrap(LIMIT) == 3
    assert lost == d.stats()["lost"] == 1


def spill_folders():
    return set(Path(tempfile.gettempdir()).glob("bocpy-spill-*"))


def test_idle_values_are_spilled_and_come_back(cluster):
    before = spill_folders()
    with cluster.connect(spill=3_000_000) as d:
        cowns = [d.Cown(bytearray(1_000_000)) for _ in range(20)]
        for cown in cowns:

            @d.when(cown)
            def _(cown):
                cown.value[0] = 7

        d.wait(LIMIT)
        for cown in cowns:

            @d.when(cown)
            def first(cown):
                return cown.value[0], len(cown.value)

            assert first.unwrap(LIMIT) == (7, 1_000_000)
    engines.until(lambda: not spill_folders() - before)


def test_retries_run_again_elsewhere(cluster, mortal, tmp_path):
    """Behaviors that were not reported when their worker died run again, if retries are
    given."""
    mark = tmp_path / "mark"

    def once(cown, mark=str(mark)):
        if not os.path.exists(mark):
            open(mark, "w").close()
            os._exit(1)
        cown.value += 1
        return "again"

    cown = mortal.Cown(1)
    assert mortal.when(cown, retries=2)(once).unwrap(LIMIT) == "again"
    assert cown.unwrap(LIMIT) == 2


def test_recompute(cluster):
    with cluster.connect(recover="recompute") as d:
        one, other = d.Cown(10), d.Cown([1])
        d.when(one, read(other))(lambda one, other: setattr(one, "value", 11))

        @d.when(one, other)
        def total(one, other):
            other.value.append(one.value)
            return sum(other.value)

        assert total.result(LIMIT) == 12
        assert other.unwrap(LIMIT) == [1, 11]
        with pytest.raises(ZeroDivisionError):
            d.when(one)(lambda one: 1 / 0).unwrap(LIMIT)
        with pytest.raises(RuntimeError, match="recompute"):
            d.scope()
        assert d.wait(LIMIT)


def test_recompute_survives_a_worker(cluster):
    with cluster.connect(recover="recompute") as d:
        cowns = [d.Cown(i) for i in range(4)]
        where = d.when(cowns[0])(lambda cown: os.getpid())
        for _ in range(10):
            for cown in cowns:
                d.when(cown)(add)
        engines.kill(where.result(LIMIT))
        assert [cown.unwrap(2 * LIMIT) for cown in cowns] == [10, 11, 12, 13]
    if cluster.name == "dask":
        engines.until(lambda: len(cluster.client.nthreads()) == 2)
