"""Faults in a cluster, as many as one likes; the tests inject a few of each.

cd tests/py/bocpy_distributed
python fault_injection.py dask --kills 50 --nested 1000 --dropped 10000
"""

import argparse
import collections
import gc
import os
import random
import tempfile
import time
from pathlib import Path

import engines
from bocpy.distributed import CownLost

LIMIT = engines.LIMIT


def nested_out_of_order(d, rounds):
    """How often an order was wrong. Q sees the changes of P, so the behaviors that Q
    schedules on a third cown must come after those that P scheduled there."""
    wrong = 0
    link = [d.Cown(0) for _ in range(8)]
    for number in range(rounds):
        log = d.Cown([])
        a, b = random.Random(number).sample(link, 2)

        @d.when(a)
        def p(a, log=log):
            a.value += 1

            @d.when(log)
            def _(log):
                log.value.append("p")

        @d.when(a, b)
        def q(a, b, log=log):
            @d.when(log)
            def _(log):
                log.value.append("q")

        q.unwrap(LIMIT)
        wrong += log.unwrap(LIMIT) != ["p", "q"]
    return wrong


def kill_one(cluster, d, log, seed):
    """Kills a worker among behaviors: no body runs twice, all end, sums hold. When each
    CownLost was told, in seconds since the kill."""
    pick = random.Random(seed)
    cowns = [d.Cown(0) for _ in range(12)]

    def step(one, other, key, nap, log=str(log)):
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{key}\n".encode())
        os.close(file)
        time.sleep(nap)
        one.value -= 1
        other.value += 1

    told = []
    results = [
        d.whencall(step, pick.sample(cowns, 2), [key, pick.choice((0, 0.001, 0.003))])
        for key in range(150)
    ]
    for result in results:
        result.add_done_callback(lambda result: told.append((time.monotonic(), result)))
    time.sleep(pick.random() * 0.25)  # the seed chooses the moment of the kill
    victim = pick.choice(list(cluster.pids(d).values()))
    began = time.monotonic()
    engines.kill(victim)
    engines.until(lambda: len(told) == len(results))
    values = [value_or_none(cown) for cown in cowns]
    runs = collections.Counter(log.read_text().split()) if log.exists() else {}
    assert not [key for key, count in runs.items() if count > 1]
    if None not in values:
        assert sum(values) == 0
    return [when - began for when, result in told if is_lost(result)]


def value_or_none(cown):
    try:
        return cown.unwrap(LIMIT)
    except CownLost:
        return None


def is_lost(result):
    try:
        result.result(LIMIT)
        return False
    except CownLost as error:
        return bool(error.node)


def kills(cluster, seeds, folder):
    """Kills a worker for each seed, each in a connection of its own. When the last
    CownLost of each was told, in seconds since its kill."""
    latest = []
    for seed in seeds:
        d = cluster.connect()
        engines.until(lambda d=d: len(d.stats()["workers"]) == 2)
        latest.append(max(kill_one(cluster, d, folder / f"log{seed}", seed), default=0))
        d.close(timeout=LIMIT)
        if cluster.name == "dask":
            engines.until(lambda: len(cluster.client.nthreads()) == 2)
    return latest


def many_kills(engine, count, folder):
    """In several clusters, each with few kills: after some thirty, Dask's nanny no
    longer restarts a worker."""
    latest = []
    for first in range(0, count, 20):
        with engine() as cluster:
            latest += kills(cluster, range(first, min(first + 20, count)), folder)
    lossy = sum(1 for seconds in latest if seconds)
    print(f"{count} kills, {lossy} of them with losses: no body twice, no hang")
    print(f"the last CownLost came {max(latest, default=0):.2f} s after its kill")


def dropped(d, count):
    """Makes, uses and drops as many cowns; how many the driver still knows."""
    d.wait(LIMIT)
    gc.collect()
    before = d.stats()["cowns"]
    cowns = [d.Cown(i) for i in range(count)]
    for cown in cowns:
        d.whencall(abs_of, [cown], [])
    d.wait(LIMIT)
    cowns = cown = None
    engines.until(lambda: d.stats()["cowns"] <= before)


def abs_of(cown):
    cown.value = abs(cown.value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("engine", choices=("dask", "ray"))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--nested", type=int, default=0)
    parser.add_argument("--dropped", type=int, default=0)
    options = parser.parse_args()
    engine = getattr(engines, options.engine)
    with engine() as cluster, cluster.connect() as d:
        wrong = nested_out_of_order(d, options.nested)
        print(f"nested: {wrong} of {options.nested} out of order", flush=True)
        dropped(d, options.dropped)
        print(f"dropped: {options.dropped}, nothing is left", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        many_kills(engine, options.kills, Path(folder))


if __name__ == "__main__":
    main()
