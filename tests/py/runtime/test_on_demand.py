"""Workers with interpreters start when there is work for them; at first one starts. On
CPython 3.12 all start at once."""

import sys

import pytest

ON_DEMAND = sys.version_info >= (3, 13)

pytestmark = pytest.mark.backends("interpreters")

HEAD = """\
import sys, time
import bocpy
from bocpy import Cown, quiesce, receive, send, start, wait, when

try:
    from _interpreters import list_all
except ImportError:
    from _xxsubinterpreters import list_all

def workers():
    return len(list_all()) - 1

def meet(_):
    send("here", None)
    receive("go", 60)

def together(count):
    results = [when(Cown(i))(meet) for i in range(count)]
    for _ in range(count):
        assert receive("here", 60)[0] == "here"
    for _ in range(count):
        send("go", None)
    for result in results:
        result.unwrap(timeout=60)

def alone(times=20):
    for i in range(times):
        assert when(Cown(i))(lambda c: c.value).unwrap(timeout=60) == i
        quiesce(60)
"""


def test_workers_start_as_bodies_run_beside_each_other(program, backend):
    """Workers that have not started are counted like the others."""
    done = program(
        HEAD
        + """
start(3)
print(workers())
alone(1)
print(workers(), len(wait(stats=True)))
start(3)
together(2)
print(workers() >= 2)
together(3)  # each blocks in receive(), so that others may stand in
print(workers() >= 3)
"""
    )
    first = 1 if ON_DEMAND else 3
    assert done.lines == [f"{first}", f"{first} 3", "True", "True"]


def test_a_long_body_does_not_keep_others_from_running(program, backend):
    """The second worker starts while the first is busy."""
    done = program(
        HEAD
        + """
start(2)
long = when(Cown(0))(meet)
receive("here", 60)
print(when(Cown(5))(lambda c: c.value).unwrap(timeout=60))
send("go", None)
long.unwrap(timeout=60)
"""
    )
    assert done.lines == ["5"]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_another_number_before_all_have_started(program, backend, count):
    done = program(
        HEAD
        + f"""
start(3)
alone()
wait()
start({count})
together({count})
print(workers() >= {count}, len(wait(stats=True)) >= {count})
"""
    )
    assert done.lines == ["True True"]


def test_forks_before_all_have_started(program, backend):
    done = program(
        HEAD
        + """
import os
start(3)
for _ in range(3):
    alone(2)
    if os.fork() == 0:
        together(3)
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
together(3)
"""
    )
    assert done.lines == ["7"] * 3


def test_a_worker_that_cannot_start_is_a_warning(program, backend, tmp_path):
    """It imports a module that was broken after the first worker had started."""
    done = program(
        HEAD
        + """
import pathlib, warnings
start(2)
alone()
pathlib.Path(sys.path[0], "threading.py").write_text("raise OSError('broken')")
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    long = when(Cown(0))(meet)
    receive("here", 60)
    other = when(Cown(1))(lambda c: c.value)
    end = time.monotonic() + 60
    while not seen and time.monotonic() < end:
        time.sleep(0.001)  # pending calls of C run between instructions of Python
send("go", None)
print(other.unwrap(timeout=60))
for each in seen:
    print(each.category.__name__, each.message)
alone()
wait()
"""
    )
    assert done.lines[0] == "1"
    (warned,) = done.lines[1:]
    assert warned.startswith("RuntimeWarning bocpy: a further worker could not")
    assert "broken" in warned


def test_many_starts_and_ends(program, backend):
    """With workers that have started, that are starting, and that never start."""
    done = program(
        HEAD
        + """
for i in range(12):
    start(1 + i % 4)
    results = [when(Cown(j))(lambda c: c.value) for j in range(i * 5)]
    if i % 3:
        quiesce(60)
    wait()
    assert [r.unwrap() for r in results] == list(range(i * 5))
    if i % 4 == 3:
        import os
        if os.fork() == 0:
            os._exit(0)
        os.wait()
print("done")
"""
    )
    assert done.lines == ["done"]


def test_what_workers_load_the_main_interpreter_has_loaded(program, backend):
    """Before 3.13 an extension module belongs to the interpreter that loads it
    first. What a worker's guards do not see yet, the main interpreter loads before."""
    done = program(
        HEAD
        + """
from bocpy import _worker
from importlib.machinery import BuiltinImporter, ExtensionFileLoader
from importlib.util import find_spec

_worker.facts()  # all that the main interpreter loads before a worker loads anything
here = set(sys.modules)

@when()
def there():
    import sys
    return [name for name, module in sys.modules.items() if module is not None]

def is_extension(name):
    loader = find_spec(name).loader
    return loader is BuiltinImporter or isinstance(loader, ExtensionFileLoader)

there = set(there.unwrap(timeout=60)) - {"__main__"}
print(sorted(filter(is_extension, there - here)), "bocpy._core" in there)
"""
    )
    assert done.lines == ["[] True"]


def test_an_interrupt_while_workers_start(program, backend):
    """It is raised once the workers have ended; the next start() starts others."""
    done = program(
        HEAD
        + """
from bocpy import _worker

def interrupted(prepare=_worker.prepare):
    _worker.prepare.count += 1
    if _worker.prepare.count == 1:
        raise KeyboardInterrupt
    prepare()

_worker.prepare = interrupted
interrupted.count = 0
try:
    start(2)
except KeyboardInterrupt:
    print("interrupted", workers())
start(2)
alone(1)
print(workers(), interrupted.count)
"""
    )
    assert done.lines == ["interrupted 0", "1 2" if ON_DEMAND else "2 2"]
