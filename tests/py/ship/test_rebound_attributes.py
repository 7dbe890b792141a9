"""A program binds an attribute of a module to another object: bodies see the new one
there, and the first one wherever the program still has that."""

import sys

import pytest

CONFIG = """
class Sql:
    def __init__(self, n="sql"):
        self.n = n

    def go(self):
        return "Sql " + self.n


class Mem(Sql):
    def go(self):
        return "Mem " + self.n


class Holder:
    part = None


def named():
    return "first"


backend = Sql()
table = {"a": 1}
handler = None
Holder.part = backend


def use():
    return backend.go()
"""

HEAD = """
import collections, functools, threading
import config
from config import Holder, Mem, Sql, backend, named, table
from bocpy import Cown, start, wait, when

start(2)

def body(function):
    @when()
    def run():
        return function()
    return run.result(30)

def check(function):
    assert body(function) == function(), (body(function), function())
"""


@pytest.fixture(autouse=True)
def _config(tmp_path):
    (tmp_path / "config.py").write_text(CONFIG, encoding="utf-8")


def run(program, text):
    done = program(HEAD + text + "\nwait()\nprint('right')\n")
    assert done.lines == ["right"]
    return done


def test_names_and_objects_keep_the_first_object(program, backend):
    run(
        program,
        """
bound = backend.go
things = {"backend": backend, "table": table}
class Mine:
    part = backend
    def __init__(self, c=backend): self.c = c
def default(c=backend): return c.go()
mine = Mine()
def look():
    return (
        backend.go(), bound(), things["backend"].go(), things["table"], Mine.part.go(),
        mine.c.go(), default(), table, named(), Holder.part.go(),
        config.backend.go(), config.use(), config.table, config.named(),
        config.Holder.part is config.backend,
    )
check(look)
config.backend = Sql("second")
check(look)
config.table = {"b": 2}
config.named = lambda: "second"
check(look)
backend.n = "changed"
config.backend.n = "changed, too"
check(look)
config.backend, config.table, config.named = backend, table, named
check(look)
def captured():
    first = backend
    config.backend = Sql("third")
    @when()
    def both(): return first.go(), config.backend.go()
    return both.result(30)
assert captured() == ("Sql changed", "Sql third")
""",
    )


def test_the_new_object_may_be_of_another_class(program, backend):
    run(
        program,
        """
class Own(Sql):
    def go(self): return "Own " + self.n
class Numbers(list):
    def first(self): return self[0]
check(config.use)
for made in (Mem(), Own(), Sql("again"), Own()):
    config.backend = made
    check(config.use)
config.handler = Mem()
check(lambda: config.handler.go())
config.handler = Own()
check(lambda: config.handler.go())
config.handler = Numbers([5])
check(lambda: config.handler.first())
config.handler = collections.defaultdict(list, x=[1])
check(lambda: (config.handler["x"], config.handler["new"]))
config.handler = collections.deque([1, 2, 3], maxlen=3)
config.handler.append(4)
check(lambda: (list(config.handler), config.handler.maxlen))
config.handler = functools.partial(int, base=2)
check(lambda: config.handler("11"))
config.handler = collections
check(lambda: config.handler.__name__)
config.handler = None
check(lambda: config.handler)
""",
    )


def test_the_new_object_may_refer_to_itself(program, backend):
    run(
        program,
        """
class Node:
    def __init__(self, up=None): self.me, self.up, self.kids = self, up, []
def made():
    top = Node()
    top.kids.append(Node(top))
    return top
def look():
    top = config.handler
    return top.me is top, top.kids[0].up is top
for _ in range(2):
    config.handler = made()
    check(look)
""",
    )


def test_an_object_that_cannot_follow_is_named(program, backend):
    done = run(
        program,
        """
check(lambda: config.handler)
config.handler = threading.Lock()
body(lambda: config.handler)
""",
    )
    named = "config.handler was replaced, and workers have the module's own" in done.err
    assert named == (backend == "interpreters")


FLAGS = """
import enum
from bocpy import Cown, start, wait, when

class Perm(enum.FLAG):
    R = 4
    W = 2
    X = 1

    def rest(self): return ~self

start(2)
rest = ~Perm.R
Perm.BOTH = Perm.R | Perm.W

@when()
def body():
    return rest == Perm.W | Perm.X, Perm.BOTH is Perm.R | Perm.W, ~Perm.R is rest

c = Cown({rest: [~Perm.W, Perm(0)]})

@when(c)
def moved(c):
    assert c.value[Perm.X | Perm.W] == [Perm.R | Perm.X, Perm(0)]
    return Perm.X.rest()

wait()
assert body.unwrap() == (True, True, True)
assert moved.unwrap() is Perm.BOTH
print("right")
"""


# Before Python 3.11 the complement of an IntFlag is another number.
KINDS = ["Flag", "IntFlag"] if sys.version_info >= (3, 11) else ["Flag"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_of_flags_may_have_combinations(program, backend, kind):
    """`~Perm.R` is kept in Perm.R, and comes before the class is complete."""
    assert program(FLAGS.replace("FLAG", kind)).lines == ["right"]


GENERIC = """
from bocpy import when

def first[T](items: list[T]) -> T: return items[0]

class Box[T]:
    def get[U](self, item: U) -> U: return item

@when()
def body():
    parts = first.__type_params__, Box.get.__type_params__, Box.__type_params__
    return [str(part) for (part,) in parts], first([3])

print(body.result(30))
"""


if sys.version_info >= (3, 12):

    def test_functions_keep_their_type_parameters(program, backend):
        assert program(GENERIC).lines == ["(['T', 'U', 'T'], 3)"]
