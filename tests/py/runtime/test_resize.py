"""start() with another number of workers keeps the workers that exist."""

import sys
import threading
import time

import bocpy
import pytest
from bocpy import Cown, start, wait, when
from harness import LIMIT, rss, start_workers

pytestmark = pytest.mark.usefixtures("closed")


@pytest.fixture
def closed(runtime):
    """Nothing runs, so that a test may start any number of workers."""
    wait()


def interpreter_of_body():
    """Counts its calls in the interpreter of the worker that runs it."""
    sys.bocpy_test_calls = getattr(sys, "bocpy_test_calls", 0) + 1
    return threading.current_thread().name, sys.bocpy_test_calls


def together(count):
    """Runs `count` bodies at the same time; returns their results."""

    def meet(_):
        bocpy.send("here", None)
        bocpy.receive("go", LIMIT)
        return interpreter_of_body()

    results = [when(Cown(i))(meet) for i in range(count)]
    for _ in range(count):
        bocpy.receive("here", LIMIT)
    for _ in range(count):
        bocpy.send("go", None)
    bocpy.quiesce(LIMIT)
    return [result.unwrap() for result in results]


def test_the_count_is_what_was_asked_for():
    # each number differs from the previous one, so that all count from 0
    for count in (4, 2, 1, 3):
        start(count)
        assert len(wait(stats=True)) == count
        start(count)
        with pytest.raises(RuntimeError, match="workers already"):
            start(count + 1)
        wait()


def test_workers_are_kept():
    """Interpreters keep their state: those of the first start have run bodies
    before."""
    start(2)
    first = dict(together(2))
    wait()
    start(3)
    assert sum(stats["finished"] for stats in bocpy.quiesce(stats=True)) == 0
    again = dict(together(2))
    wait()
    start(2)
    last = dict(together(2))
    wait()
    assert len(first) == 2
    calls = sum(first.values()) + sum(again.values()) + sum(last.values())
    if bocpy._core._backend() == "interpreters":
        # One interpreter each; those that exist always have run 1, 2, 3 bodies.
        assert calls >= 6
    start(1)
    assert [name for name, _ in together(1)] == ["bocpy-worker-1"]


def test_values_in_a_worker_that_rests_are_not_lost():
    start(3)
    cowns = [Cown([i]) for i in range(30)]
    for c in cowns:

        @when(c)
        def _(c):
            c.value.append("there")

    wait()
    start(1)
    for c in cowns:

        @when(c)
        def _(c):
            c.value.append("here")

    wait()
    for i, c in enumerate(cowns):
        assert c.unwrap() == [i, "there", "here"]


def test_only_as_many_run_at_once():
    start(3)
    together(3)
    wait()
    start(1)
    seen = Cown([])

    def slow(_):
        name = threading.current_thread().name
        time.sleep(0.001)
        return name

    names = {r.unwrap(timeout=LIMIT) for r in [when(Cown(i))(slow) for i in range(20)]}
    assert names == {"bocpy-worker-1"}
    assert seen.unwrap() == []


def test_more_workers_than_the_first_start_has_room_for():
    start(1)
    wait()
    start(70)
    assert len(wait(stats=True)) == 70
    start(2)
    assert len(wait(stats=True)) == 2


def test_new_workers_import_modules_made_later(tmp_path, monkeypatch):
    start(1)
    together(1)
    wait()
    (tmp_path / "made_later.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    start(3)

    def ask(_):
        import made_later

        return made_later.ANSWER

    wanted = [when(Cown(i))(ask) for i in range(9)]
    assert {r.unwrap(timeout=LIMIT) for r in wanted} == {42}


def test_resizing_does_not_grow_memory():
    """30 changes; each interpreter that ends would leak 1.7 MB and more."""
    for count in (1, 3):
        start(count)
        start_workers(count)
        wait()
    before = rss()
    for _ in range(15):
        for count in (1, 3):
            start(count)
            assert when(Cown(count))(lambda c: c.value).unwrap(timeout=LIMIT) == count
            wait()
    assert rss() - before < 12 * 2**20


#: Prints how start(6) fails, and that it succeeds once the obstacle is gone.
REFUSED_AT_FIRST = """
import os
import sys
from bocpy import start, wait, when

def refuse():
    if {threads}:  # no room for the stack of a further thread
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 20 * 2**20, before[1]))
    else:
        sys.path[:] = []

def allow():
    if {threads}:
        resource.setrlimit(resource.RLIMIT_AS, before)
    else:
        sys.path[:] = path

if {threads}:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
path = sys.path[:]
start({first})
wait()
refuse()
for _ in range(2):
    try:
        start(6)
    except RuntimeError as error:
        print(error)
allow()
for count in (6, 8, 2):
    start(count)
    (hear, enter), (door, leave) = os.pipe(), os.pipe()

    def meet(enter=enter, door=door):
        os.write(enter, b"x")
        os.read(door, 1)

    for _ in range(count):
        when()(meet)
    for _ in range(count):
        os.read(hear, 1)
    os.write(leave, b"." * count)
    print(len(wait(stats=True)))
"""


@pytest.mark.parametrize("first", [1, 3])
def test_a_failed_start_can_be_repeated(program, backend, first):
    """A start that fails leaves the number of workers as it was, and can be
    repeated."""
    threads = backend == "threads"
    if threads and sys.platform != "linux":
        pytest.skip("only Linux bounds what a process has mapped now")
    done = program(REFUSED_AT_FIRST.format(threads=threads, first=first))
    assert done.lines[-3:] == ["6", "8", "2"]
    assert len(done.lines) == 5
    assert all("could not be started" in line for line in done.lines[:2])
