"""An object that only its identity tells from others is the same object in a body."""

from __future__ import annotations

import pytest
from harness import BACKENDS

by_copy = pytest.mark.skipif("interpreters" not in BACKENDS, reason="nothing is copied")

MODULE = """
import dataclasses
import functools
from bocpy import Cown

class Missing:
    pass

class Slotted:
    __slots__ = ()

%s
MISSING = Missing()
SLOTTED = Slotted()
TABLE = {"only": Missing(), 2: MISSING}
LIST = [Missing()]

class Holder:
    UNSET = Missing()
    pair = MISSING

@dataclasses.dataclass
class Record:
    value: object = MISSING

def same(value, other=MISSING):
    return value is MISSING and value is other

def closure():
    kept = MISSING
    return lambda: kept is MISSING
closure = closure()

bound = functools.partial(same, MISSING)
"""

CHECKS = """
from bocpy import Cown, send, receive, start, wait, when

start(2)
given = {
    "as it is": (MISSING, lambda v: v is MISSING),
    "to its module's code": (MISSING, lambda v: same(v)),
    "without a dict": (SLOTTED, lambda v: v is SLOTTED),
    "in containers": ([MISSING, {1: (MISSING,)}],
                      lambda v: v[0] is MISSING and v[1][1][0] is MISSING),
    "in an instance": (Record(), lambda v: v.value is MISSING),
    "of a class": (Holder.UNSET, lambda v: v is Holder.UNSET),
    "of a table": (TABLE["only"], lambda v: v is TABLE["only"]),
    "of a list": (LIST[0], lambda v: v is LIST[0]),
    "in a partial": (functools.partial(same, MISSING), lambda v: v()),
    "reached": (None, lambda v: bound() and closure() and Holder.pair is MISSING
                and TABLE[2] is MISSING and Record().value is MISSING),
}

def captured(value, test):
    return lambda: test(value)

def keyword(value, test):
    def body(*, value=value):
        return test(value)
    return body

for name, (value, test) in given.items():
    ways = {
        "captured": when()(captured(value, test)),
        "default": when()(lambda value=value, test=test: test(value)),
        "keyword": when()(keyword(value, test)),
        "cown": when(Cown(value))(lambda c, test=test: test(c.value)),
    }
    for way, found in ways.items():
        if not found.result(timeout=60):
            print("another object:", name, way)

found = when(Cown(MISSING))(lambda c: (c.value, [MISSING], Record(), SLOTTED))
given, listed, record, slotted = found.result(timeout=60)
for each in (given, listed[0], record.value):
    if each is not MISSING:
        print("another object: returned")
if slotted is not SLOTTED:
    print("another object: returned, without a dict")
"""

MODULES = {
    "imported": MODULE % "",
    "with a cown": MODULE % "COWN = Cown(0)",
    "with a cown inside": MODULE % "COWNS = [Cown(0)]",
}


@pytest.mark.parametrize("module", MODULES)
def test_a_sentinel_of_a_module(module, program, backend, tmp_path):
    (tmp_path / "lib.py").write_text(MODULES[module])
    done = program("import functools\nfrom lib import *\n" + CHECKS)
    assert done.out == ""


def test_a_sentinel_of_the_script(program, backend):
    done = program(MODULE % "" + CHECKS)
    assert done.out == ""


def test_a_captured_sentinel_and_the_module_that_a_body_imports(
    program, backend, tmp_path
):
    (tmp_path / "lib.py").write_text(MODULES["with a cown"])
    (tmp_path / "other.py").write_text(MODULES["imported"])
    done = program(
        """
        import lib, other
        from bocpy import start, when

        start(1)

        def schedule(one, two):
            def body():
                import lib, other
                return one is lib.MISSING, two is other.MISSING
            return when()(body)

        print(schedule(lib.MISSING, other.MISSING).result(timeout=60))
        """
    )
    assert done.lines == ["(True, True)"]


@by_copy
def test_what_a_body_gives_a_sentinel_stays_in_its_copy(program, tmp_path):
    done = program(
        """
        from bocpy import start, when

        start(1)

        class Options:
            pass

        EMPTY = Options()

        def fill(options=EMPTY):
            options.verbose = True

        def see(options=EMPTY):
            return vars(options)

        when()(fill).result(timeout=60)
        print(when()(see).result(timeout=60), vars(EMPTY))
        """,
        backend="interpreters",
    )
    assert done.lines == ["{} {}"]


def test_two_objects_without_attributes_stay_two(program, backend):
    done = program(
        """
        from bocpy import Cown, start, when

        start(1)

        class Node:
            pass

        p, q = Node(), Node()

        def compare(c):
            p, q, r = c.value
            return p is q, p is r

        print(when(Cown([p, q, p]))(compare).result(timeout=60))
        """
    )
    assert done.lines == ["(False, True)"]


@by_copy
def test_the_tokens_of_sentinels_that_are_gone_are_forgotten(program):
    done = program(
        """
        import gc
        from bocpy import Cown, start, wait, when
        from bocpy._ship import definition_log as log

        start(1)

        class Node:
            pass

        for _ in range(500):
            node = Node()
            when(Cown(node))(lambda c: None)
        del node
        wait()
        gc.collect()
        print(len(log._sentinels), len(log._sentinel_tokens), len(log.token_objects))
        """,
        backend="interpreters",
    )
    assert done.lines == ["0 0 0"]


def test_an_object_that_is_pickled_by_its_name(program, backend):
    done = program(
        """
        from bocpy import Cown, start, wait, when

        start(1)

        class Named:
            def __init__(self, name):
                self.name = name
                self.level = 0

            def __reduce__(self):
                return self.name

        ONE = Named("ONE")

        class Holder:
            TWO = Named("Holder.TWO")

        def schedule(one, two):
            return when()(lambda: (one is ONE, two is Holder.TWO, one.name, two.name))

        print(schedule(ONE, Holder.TWO).result(timeout=60))
        print(when(Cown([ONE]))(lambda c: c.value[0] is ONE).result(timeout=60))
        print(when()(lambda: [ONE]).result(timeout=60)[0] is ONE)
        wait()
        ONE.level = 3
        print(when()(lambda: ONE.level).result(timeout=60))
        print(when()(lambda one=ONE: (one.level, one is ONE)).result(timeout=60))
        """
    )
    assert done.lines == [
        "(True, True, 'ONE', 'Holder.TWO')",
        "True",
        "True",
        "3",
        "(3, True)",
    ]


THREAD_LOCAL = """
import threading
from bocpy import Cown, when

place = threading.local()
place.x = "main"

class Store:
    def __init__(self):
        self.local = threading.local()

    def fresh(self):
        known = hasattr(self.local, "c")
        self.local.c = 1
        return not known

store = Store()
store.local.c = 0

def count():
    place.n = getattr(place, "n", 0) + 1
    return place.n

def in_a_thread(function):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(function()))
    thread.start()
    thread.join()
    return seen[0]

@when()
def used():
    first = not hasattr(place, "x"), store.fresh(), count()
    return *first, count(), in_a_thread(count), in_a_thread(store.fresh)

@when(Cown([place, place]))
def same(c):
    return c.value[0] is c.value[1] is place

print(used.result(30), same.result(30), place.x, store.local.c)
"""


def test_an_object_with_attributes_of_each_thread(program, backend):
    """A `threading.local` of a script: it is empty in a worker, as in any thread."""
    assert program(THREAD_LOCAL).lines == ["(True, True, 1, 2, 1, True) True main 0"]
