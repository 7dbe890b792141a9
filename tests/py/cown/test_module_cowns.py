"""A cown that a module makes is one cown, whichever interpreter imports the module. A
module that schedules while it is imported runs once, and a worker does not wait for it.
"""

import sys

COUNTERS = """
from bocpy import Cown, PinnedCown, when

hits = Cown(0)
box = [Cown(10), {"k": Cown(20)}]
pinned = PinnedCown([])


class Registry:
    total = Cown(0)


class Thing:
    def __init__(self):
        self.n = 1


thing = Cown(Thing())


@when(thing)
def made(thing):
    return thing.value.n


def bump():
    @when(hits, Registry.total, box[0], box[1]["k"])
    def _(hits, total, first, second):
        for cown in (hits, total, first, second):
            cown.value += 1

    @when(pinned)
    def _(pinned):
        pinned.value.append(1)
"""

COUNT = """
from bocpy import start, wait, when
import counters
from counters import Registry, Thing, bump, hits

start(2)
for _ in range(5):
    @when()
    def _():
        bump()

for _ in range(5):
    @when()
    def _():
        import counters
        from counters import Registry as again
        assert again is Registry
        assert counters.hits is not None
        counters.bump()

wait()
print([c.unwrap() for c in (hits, Registry.total, counters.box[0],
                            counters.box[1]["k"])])
with counters.pinned as seen:
    print(len(seen), counters.made.unwrap())

@when(counters.thing)
def same(thing):
    import counters
    return type(thing.value) is counters.Thing is Thing, Thing.__module__

print(same.unwrap(timeout=30))
"""


def test_a_cown_of_a_module_is_one_cown(program, backend, tmp_path):
    (tmp_path / "counters.py").write_text(COUNTERS)
    lines = program(COUNT).lines
    assert lines == ["[10, 10, 20, 30]", "10 1", "(True, 'counters')"]


LAZY = """
from bocpy import start, wait, when

start(2)
results = []
for _ in range(6):
    @when()
    def result():
        import time
        time.sleep(0.01)
        import counters
        return counters.hits
    results.append(result)
wait()
try:
    print(len({r.unwrap() for r in results}))
except RuntimeError as error:
    print(error)
for result in results:
    result.exception
"""


def test_a_cown_that_only_a_worker_makes(program, backend, tmp_path):
    (tmp_path / "counters.py").write_text("from bocpy import Cown\nhits = Cown(0)\n")
    (line,) = program(LAZY).lines
    if backend == "threads":
        assert line == "1"
    else:
        assert "making a cown while a worker imports a module" in line
        assert "Import the module in the main program" in line


STARTS = """
import bocpy
bocpy.start()
bocpy.wait()
bocpy.quiesce()
def f():
    return 5
"""

IMPORTS = """
from bocpy import start, wait, when
start(2)

@when()
def result():
    import starts
    return starts.f()

wait()
print(result.unwrap())
"""


def test_start_and_wait_in_a_module_that_a_body_imports(program, backend, tmp_path):
    (tmp_path / "starts.py").write_text(STARTS)
    source = IMPORTS if backend == "interpreters" else IMPORTS.replace("start(2)", "")
    assert program(source).lines == ["5"]


SCHEDULES = """
from bocpy import Cown, when, wait

class Car:
    def __init__(self, n):
        self.n = n

def once():
    c = Cown(Car(1))
    @when(c)
    def r(c):
        c.value.n += 1
    wait()
    with c as v:
        print("in module:", v.n)

c = Cown(Car(1))
@when(c)
def r(c):
    c.value.n += 1
wait()
once()
with c as v:
    print("in module:", v.n)
"""


def test_a_module_that_schedules_when_it_is_imported(program, backend, tmp_path):
    (tmp_path / "schedules.py").write_text(SCHEDULES)
    expected = ["in module: 2"] * 2
    assert program(SCHEDULES).lines == expected
    assert program("import schedules").lines == expected
    source = """
        import schedules
        from bocpy import when

        @when(schedules.c)
        def r(c):
            import schedules
            return type(c.value) is schedules.Car, c.value.n

        print(r.unwrap(timeout=30))
        """
    assert program(source).lines == [*expected, "(True, 2)"]


def test_timeit_of_a_module_that_schedules(program, backend, tmp_path):
    (tmp_path / "schedules.py").write_text(SCHEDULES)
    source = f"""
        import subprocess, sys
        done = subprocess.run(
            [{sys.executable!r}, "-m", "timeit", "-n", "1", "-r", "1",
             "import schedules"],
            capture_output=True, text=True, timeout=50)
        print(done.stdout.count("in module: 2"), done.returncode)
        """
    assert program(source).lines == ["2 0"]


ONLY_INSIDE = """
from bocpy import Cown, when, wait

class Car:
    def __init__(self, n):
        self.n = n

def main():
    @when(Cown(Car(1)))
    def r(c):
        return c.value.n
    wait()
    return r.unwrap()

print(main())
"""

LATER = """
import inside
from bocpy import Cown, when

@when(Cown(inside.Car(3)))
def r(c):
    import inside
    return type(c.value) is inside.Car, c.value.n

print(r.unwrap(timeout=30), inside.main())
"""


def test_a_module_that_keeps_no_cown(program, backend, tmp_path):
    (tmp_path / "inside.py").write_text(ONLY_INSIDE)
    assert program(LATER).lines == ["1", "(True, 3) 1"]


NOT_FOUND = """
import sys
import inside
from bocpy import Cown, start, when

start(1)
sys.path.clear()

@when()
def r():
    import inside
    return inside.Car(3).n, inside.__name__

print(r.unwrap(timeout=30))
"""


def test_a_module_that_workers_cannot_find(program, backend, tmp_path):
    (tmp_path / "inside.py").write_text(ONLY_INSIDE)
    assert program(NOT_FOUND).lines == ["1", "(3, 'inside')"]


PACKAGE = """
from .store import Store, registry
"""

STORE = """
from bocpy import Cown

registry = {}
shared = Cown(0)


class Store:
    def __init_subclass__(cls):
        registry[cls.__name__] = cls
"""

USE = """
from shop import Store, registry
from bocpy import when


@when()
def first():
    return dict(registry), Store.__name__


print(first.result(timeout=30))


class Named(Store):
    pass


@when()
def second():
    return registry["Named"] is Named, len(registry), issubclass(Named, Store)


print(second.result(timeout=30))
import shop, shop.store


@when()
def third():
    import shop.store as again

    return shop.store.Store is shop.Store, again.Store is Store, len(shop.registry)


print(third.result(timeout=30))
"""


def test_a_package_passes_on_names_of_a_module_with_cowns(program, backend, tmp_path):
    """A worker imports the package; the module with the cowns comes by value."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text(PACKAGE)
    (tmp_path / "shop" / "store.py").write_text(STORE)
    assert program(USE).lines == [
        "({}, 'Store')",
        "(True, 1, True)",
        "(True, True, 1)",
    ]
