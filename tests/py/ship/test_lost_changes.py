"""Changes that stay in a worker cause a warning, and other changes do not."""

from __future__ import annotations

HEAD = """
import array, bisect, heapq, logging, operator, os, random, sys, unittest, warnings
from heapq import heappush
from collections import Counter, OrderedDict, defaultdict, deque
from bocpy import PinnedCown, wait, when

def show(message, *rest): print(str(message).partition(":")[0])
warnings.simplefilter("always")
warnings.showwarning = show

class Stats:
    def __init__(self): self.n, self.items = 0, []
    def record(self, x): self.n += x
    def store(self, x): self.items.append(x)
    def plus(self, x): return self.n + x

class Slots:
    __slots__ = ("n",)
    def __init__(self): self.n = 0

class Config:
    count, items = 0, []

def remember(x): seen.append(x)
def relay(x): remember(x)
def bump():
    global total
    total += 1

def memo(x):
    if x not in cache: cache[x] = x * x
    return cache[x]

def lazy():
    global late
    if late is None: late = 1
    return late

counter, default, ordered = Counter(), defaultdict(list), OrderedDict()
queue, numbers, nested = deque(), array.array("i"), {"a": []}
stats, slots, seen, cache, total, late = Stats(), Slots(), [1], {}, 0, None
holder, outcome = {"a": 1}, unittest.TestResult()
accounts, words = [Stats(), Stats()], {"a": Stats()}
"""

LOST = {
    "counter.update([1])": "global 'counter', a 'Counter'",
    "counter['x'] += 1": "global 'counter', a 'Counter'",
    "default['x'].append(1)": "global 'default', a 'defaultdict'",
    "ordered['x'] = 1": "global 'ordered', an 'OrderedDict'",
    "del holder['a']": "global 'holder', a 'dict'",
    "nested['a'].append(1)": "global 'nested', a 'dict'",
    "queue.append(1)": "global 'queue', a 'deque'",
    "numbers.append(1)": "global 'numbers', an 'array'",
    "stats.n += 1": "global 'stats', a 'Stats'",
    "stats.n = 1": "global 'stats', a 'Stats'",
    "slots.n = 1": "global 'slots', a 'Slots'",
    "stats.items.append(1)": "global 'stats', a 'Stats'",
    "stats.record(1)": "global 'stats', a 'Stats'",
    "stats.store(1)": "global 'stats', a 'Stats'",
    "outcome.startTest(1)": "global 'outcome', a 'TestResult'",
    "seen[:] = [2]": "global 'seen', a 'list'",
    "del seen[:]": "global 'seen', a 'list'",
    "seen[0:1] += [2]": "global 'seen', a 'list'",
    "stats.items[:] = []": "global 'stats', a 'Stats'",
    "stats.items += [1]": "global 'stats', a 'Stats'",
    "counter[len(seen) + 1] += 1": "global 'counter', a 'Counter'",
    "cache[1, str(2)] = 3": "global 'cache', a 'dict'",
    "cache[seen[0] if seen else 2] = 3": "global 'cache', a 'dict'",
    "heapq.heappush(seen, 1)": "global 'seen', a 'list'",
    "heappush(seen, 1)": "global 'seen', a 'list'",
    "random.shuffle(seen)": "global 'seen', a 'list'",
    "bisect.insort(nested['a'], 1)": "global 'nested', a 'dict'",
    "operator.setitem(cache, 1, 2)": "global 'cache', a 'dict'",
    "setattr(stats, 'n', 1)": "global 'stats', a 'Stats'",
    "list.append(seen, 1)": "global 'seen', a 'list'",
    "any(map(seen.append, (1, 2)))": "global 'seen', a 'list'",
    "items = stats.items; items.append(1)": "global 'stats', a 'Stats'",
    "for account in accounts: account.n += 1": "global 'accounts', a 'list'",
    "for word in words.values(): word.n += 1": "global 'words', a 'dict'",
    "words.get('a').n = 1": "global 'words', a 'dict'",
    "[queue.append(i) for i in range(3)]": "global 'queue', a 'deque'",
    "Config.count += 1": "global 'Config', a class",
    "Config.items.append(1)": "global 'Config', a class",
}
CALLED = {
    "remember(1)": "function 'remember', which behavior 'body' calls, changes the "
    "global 'seen', a 'list'",
    "relay(1)": "function 'remember', which behavior 'body' calls, changes the "
    "global 'seen', a 'list'",
    "bump()": "function 'bump', which behavior 'body' calls, assigns the global "
    "'total'",
}
EXPECTED = {
    **{text: f"behavior 'body' changes the {what}" for text, what in LOST.items()},
    **CALLED,
}
KEPT = [
    "return stats.plus(1)",
    "return memo(2)",
    "return outcome.wasSuccessful(), outcome.stop()",
    "return lazy()",
    "os.environ['BOCPY_TEST'] = '1'",
    "logging.getLogger('x').setLevel(10)",
    "return seen[:1], cache.get(1), len(stats.items)",
    "mine = dict(cache); mine['a'] = 1; return mine",
    "mine = seen[:]; mine.append(1); heapq.heapify(mine); return mine",
    "first, *rest = seen; rest.append(1)",
    "mine = sorted(seen, reverse=True); mine[0] = 1; return mine",
    "mine = seen; mine = []; mine.append(1)",
    "for i in seen: mine = [i]; mine.append(i)",
    "with warnings.catch_warnings(): mine = [seen]; mine[0] = 1",
    "try: return cache[7]\n    except KeyError as error: error.seen = 1",
    "stats = Stats(); stats.n = 1",
]


def bodies(texts):
    return HEAD + "".join(
        f"@when()\ndef body():\n    {text}\nbody.result(timeout=30)\nprint('-')\n"
        for text in texts
    )


def warned(lines):
    """The texts of the warnings, for each body."""
    return [part.strip() for part in "\n".join(lines).split("-")[:-1]]


def test_changes_of_globals(program, backend):
    found = warned(program(bodies(EXPECTED)).lines)
    if backend == "threads":
        assert found == [""] * len(EXPECTED)
    else:
        assert dict(zip(EXPECTED, found, strict=True)) == EXPECTED


def test_changes_without_a_warning(program):
    assert warned(program(bodies(KEPT)).lines) == [""] * len(KEPT)


MODULE = """
count, names, known = 0, [], {}
def bump():
    global count
    count += 1
def note(name): names.append(name)
def memo(key):
    if key not in known: known[key] = 1
    return known[key]
"""


def test_modules_of_a_program(program, backend, tmp_path):
    (tmp_path / "counts.py").write_text(MODULE)
    lost = [
        "counts.count += 1",
        "counts.names.append(1)",
        "counts.known['a'] = 1",
        "setattr(counts, 'count', 2)",
        "del counts.names[:]",
    ]
    kept = ["return counts.count, counts.names[:]", "os.added = 1"]
    found = warned(program("import counts, os\n" + bodies([*lost, *kept])).lines)
    warning = "behavior 'body' changes the global 'counts', a module"
    expected = [warning if backend == "interpreters" else ""] * len(lost)
    assert found == [*expected, "", ""]


def test_functions_of_the_modules_of_a_program(program, backend, tmp_path):
    (tmp_path / "counts.py").write_text(MODULE)
    (tmp_path / "deep.py").write_text("import counts\ndef relay(): counts.bump()\n")
    lost = {
        "counts.bump()": "'bump', which behavior 'body' calls, assigns the global "
        "'count'",
        "counts.note('a')": "'note', which behavior 'body' calls, changes the global "
        "'names', a 'list'",
        "note('a')": "'note', which behavior 'body' calls, changes the global "
        "'names', a 'list'",
        "deep.relay()": "'bump', which behavior 'body' calls, assigns the global "
        "'count'",
    }
    head = "import counts, deep, json\nfrom counts import note\n"
    kept = ["counts.memo('a')", "json.dumps([1])"]
    found = warned(program(head + bodies([*lost, *kept])).lines)
    if backend == "threads":
        assert found == [""] * 6
    else:
        assert found == [*(f"function {text}" for text in lost.values()), "", ""]


CAPTURED = """
def outer():
    only, counted, read, default = [], Counter(), [], []
    @when()
    def a(): only.append(1)
    @when()
    def b(): counted["x"] += 1
    @when()
    def c():
        read.append(1)
        return read
    @when()
    def d(default=default): default.append(1)
    @when()
    def e():
        def inner(): return read
        read.append(1)
        return inner()
    @when(PinnedCown(1))
    def f(p):
        only.append(1)
        seen.append(1)
    wait()
outer()
"""


def test_changes_of_enclosing_functions(program, backend):
    expected = [
        "behavior 'outer.<locals>.a' changes 'only' of the enclosing function, a "
        "'list'",
        "behavior 'outer.<locals>.b' changes 'counted' of the enclosing function, a "
        "'Counter'",
    ]
    lines = program(HEAD + CAPTURED).lines
    assert lines == (expected if backend == "interpreters" else [])


REPLACED = """
import json, warnings
from bocpy import when
def show(message, *rest): print(str(message).partition(":")[0])
warnings.showwarning = show
def test():
    calls = []
    json.dumps = lambda value: calls.append(value) or "fake"
    @when()
    def body(): return json.dumps(1)
    return body.result(timeout=30), calls
print(test())
"""


def test_changes_by_a_replaced_function(program, backend):
    lines = program(REPLACED).lines
    if backend == "threads":
        assert lines == ["('fake', [1])"]
        return
    assert lines == [
        "the function that replaces json.dumps changes 'calls' of the enclosing "
        "function, a 'list'",
        "('fake', [])",
    ]


DRAWN = """
import itertools, random, warnings
from bocpy import when
def show(message, *rest): print(str(message).partition(":")[0])
warnings.showwarning = show
dice, items, names = random.Random(42), iter([1, 2, 3]), enumerate("ab")
def roll(): return dice.random()
@when()
def body(): return next(items), roll()
body.result(timeout=30)
@when()
def harmless():
    mine = random.Random(1)
    return mine.random(), random.random(), next(iter([1]))
harmless.result(timeout=30)
def outer(seed):
    own = random.Random(seed)
    return when()(lambda: own.random()).result(timeout=30)
assert outer(1) == random.Random(1).random()
"""


DRAWN_INSIDE = """
import itertools, random, warnings
from bocpy import when
def show(message, *rest): print(str(message).partition(":")[0])
warnings.showwarning = show
class Ids:
    known = iter([1, 2, 3])
    other = iter([4, 5, 6])
    def __init__(self): self.own = iter([7, 8])
    def draw(self): return next(self.known)
class More(Ids): pass
ids, table, row = Ids(), {"a": iter([1])}, [1, enumerate("a")]
def of_class(): return next(Ids.known)
def of_instance(): return next(ids.own)
def by_method(): return ids.draw()
def of_base(): return next(More.other)
def of_items(): return next(table["a"]), next(row[1])
def harmless(): return More.__name__, type(ids).__name__
for body in (of_class, of_instance, by_method, of_base, of_items, harmless):
    when()(body).result(timeout=30)
"""


def test_iterators_that_are_parts_of_globals(program, backend):
    expected = [
        "behavior 'of_class' reads the attribute 'known' of the global 'Ids', a "
        "'list_iterator'",
        "behavior 'of_instance' reads the attribute 'own' of the global 'ids', a "
        "'list_iterator'",
        "behavior 'by_method' reads the attribute 'known' of the global 'ids', a "
        "'list_iterator'",
        "behavior 'of_base' reads the attribute 'other' of the global 'More', a "
        "'list_iterator'",
        "behavior 'of_items' reads the part of the global 'row', an 'enumerate'",
        "behavior 'of_items' reads the part of the global 'table', a 'list_iterator'",
    ]
    lines = program(DRAWN_INSIDE).lines
    assert sorted(lines) == (sorted(expected) if backend == "interpreters" else [])


SUBCLASSES = """
import warnings
from bocpy import when
def show(message, *rest): print(str(message).partition(":")[0])
warnings.showwarning = show
class Base:
    known = []
    def __init_subclass__(cls): Base.known.append(cls)
    @classmethod
    def every(cls): return cls.__subclasses__()
class First(Base): pass
def direct(): return [each.__name__ for each in Base.__subclasses__()]
def by_method(): return len(Base.every())
def by_list(): return [each.__name__ for each in Base.known]
print(when()(direct).result(timeout=30), when()(by_method).result(timeout=30))
class Second(Base): pass
print(when()(by_list).result(timeout=30))
"""


def test_subclasses_that_a_worker_may_lack(program, backend):
    expected = [
        "behavior 'direct' asks for __subclasses__",
        "function 'Base.every', which behavior 'by_method' calls, asks for "
        "__subclasses__",
    ]
    lines = program(SUBCLASSES).lines
    assert lines[-2:] == ["['First'] 1", "['First', 'Second']"]
    assert lines[:-2] == (expected if backend == "interpreters" else [])


OF_THREADS = """
import threading, warnings
from bocpy import when
def show(message, *rest): print(str(message).partition(":")[0])
warnings.showwarning = show
class Store:
    def __init__(self): self.local, self.n = threading.local(), 0
    def put(self, x): self.local.x = x
    def add(self, x):
        self.local.__dict__.setdefault("items", []).append(x)
        self.local.items.append(x)
    def both(self, x):
        self.local.x = x
        self.n = x
class Shared:
    local = threading.local()
    def put(self, x): self.local.x = x
store, shared = Store(), Shared()
def put(): store.put(1); shared.put(1)
def add(): store.add(1)
def both(): store.both(1)
for body in (put, add, both):
    when()(body).result(timeout=30)
"""


def test_attributes_of_each_thread_may_change(program, backend):
    expected = ["behavior 'both' changes the global 'store', a 'Store'"]
    lines = program(OF_THREADS).lines
    assert lines == (expected if backend == "interpreters" else [])


def test_iterators_and_random_generators_of_the_program(program, backend):
    expected = [
        "behavior 'body' reads the global 'items', a 'list_iterator'",
        "function 'roll', which behavior 'body' calls, reads the global 'dice', a "
        "'Random'",
    ]
    lines = program(DRAWN).lines
    assert lines == (expected if backend == "interpreters" else [])


RECORDS = """
import sys
sys.path.insert(0, "site-packages")
import warnings
import records
from bocpy import when

class Point(records.Record):
    def set(self, **changed): return self.update(changed)

class Tally(records.Counted):
    def set(self): self.update()

point, tally = Point(x=1), Tally()
warnings.showwarning = lambda text, *rest: print(str(text).partition(":")[0])
print(when()(lambda: point.set(x=2).x).result(60))
print(when()(lambda: tally.set()).result(60))
"""

RECORDS_MODULE = """
class Record:
    def __init__(self, **parts): self.__dict__.update(parts)
    def update(self, parts): return type(self)(**{**vars(self), **parts})

class Counted:
    def __init__(self): self.n = 0
    def update(self): self.n += 1
"""


def test_methods_of_libraries_are_not_judged_by_their_names(program, backend, tmp_path):
    (tmp_path / "site-packages").mkdir()
    path = tmp_path / "site-packages" / "records.py"
    path.write_text(RECORDS_MODULE, encoding="utf-8")
    told = "behavior '<lambda>' changes the global 'tally', a 'Tally'"
    lost = [told] if backend == "interpreters" else []
    assert program(RECORDS).lines == ["2", *lost, "None"]
