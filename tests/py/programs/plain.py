"""What plain Python does: small programs whose result must be the same on a plain
thread, in a spawned process and in a behavior. Run as a script: prints a line for each
program in which they differ, and how many there are.

Most are made from what users reported of joblib, loky, cloudpickle, dask, ray,
multiprocessing and concurrent.futures. A program is a function without arguments."""

import abc
import array
import base64
import bisect
import collections
import collections.abc
import contextlib
import copy
import csv
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import hashlib
import heapq
import io
import itertools
import json
import logging
import math
import operator
import os
import pathlib
import pickle
import random
import re
import statistics
import string
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import types
import typing
import unicodedata
import uuid
import warnings
import weakref
import zlib
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from functools import partial, reduce, total_ordering, wraps
from operator import attrgetter, itemgetter, methodcaller

PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def each(**functions):
    PROGRAMS.update(functions)


# ---- names, closures, classes --------------------------------------------------------

LIMIT = 10
CONFIG = {"a": 1, "b": [1, 2]}
TABLE = tuple(range(100))
PATTERN = re.compile(r"(\w+)-(\d+)")
POINT = namedtuple("POINT", "x y")
MISSING = object()
EPOCH = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)
MONEY = decimal.Decimal("1.10")
HALF = fractions.Fraction(1, 2)
HERE = pathlib.PurePosixPath("/a/b")


class Color(enum.Enum):
    RED = 1
    GREEN = "g"

    @property
    def shout(self):
        return self.name + "!"


class Flag(enum.IntFlag):
    R = 1
    W = 2


@dataclasses.dataclass(order=True)
class Car:
    name: str
    wheels: int = 4
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int = 1
    b: tuple = (1, 2)


class Base:
    registry = []  # noqa: RUF012
    made = 0

    def __init_subclass__(cls, **options):
        Base.registry.append(cls.__name__)
        cls.options = options

    def hello(self):
        return "base"


class Left(Base, side="left"):
    def hello(self):
        return "left " + super().hello()


class Right(Base):
    def hello(self):
        return "right " + super().hello()


class Both(Left, Right):
    __slots__ = ("extra",)

    def hello(self):
        return "both " + super().hello()


class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.by = cls.__name__
        return made

    def __len__(cls):
        return 7


class Made(metaclass=Meta):
    pass


class Descriptor:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, obj, owner):
        return self.name if obj is None else obj.__dict__.get(self.name, 0)

    def __set__(self, obj, value):
        obj.__dict__[self.name] = value * 2


class Described:
    size = Descriptor()

    @functools.cached_property
    def slow(self):
        return [1]

    @staticmethod
    def static(a):
        return a + 1

    @classmethod
    def build(cls, n):
        made = cls()
        made.size = n
        return made


@total_ordering
class Version:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n

    def __hash__(self):
        return hash(self.n)


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

    @property
    @abc.abstractmethod
    def sides(self): ...


class Square(Shape):
    sides = 4

    def area(self):
        return 9


class Vector(collections.abc.Sequence):
    def __init__(self, *parts):
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, i):
        return self.parts[i]


class Box(typing.Generic[typing.TypeVar("T")]):
    def __init__(self, value):
        self.value = value


class Proto(typing.Protocol):
    def area(self) -> int: ...


class Typed(typing.TypedDict, total=False):
    a: int


class Named(typing.NamedTuple):
    a: int = 1
    b: str = "b"


class Reduced:
    def __init__(self, n):
        self.n = n

    def __reduce__(self):
        return Reduced, (self.n + 1,)


class Stated:
    def __init__(self):
        self.a, self.lock = 1, threading.Lock()

    def __getstate__(self):
        return {"a": self.a}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.lock = threading.Lock()


class WithNew:
    def __new__(cls, n=5):
        made = super().__new__(cls)
        made.n = n
        return made


class Context:
    def __enter__(self):
        return 5

    def __exit__(self, *_):
        return True


class Mine(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def decorated(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return ("inner", function(*args, **kwargs))

    return inner


@decorated
def named(a, /, b=2, *rest, c=3, **more):
    """Text."""
    return a, b, rest, c, sorted(more)


@functools.cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def counting():
    n = 0

    def step():
        nonlocal n
        n += 1
        return n

    return step


def numbers():
    got = yield 1
    yield got


@contextlib.contextmanager
def managed(log):
    log.append("in")
    try:
        yield 3
    finally:
        log.append("out")


ADD = partial(operator.add, 5)
KEY = itemgetter(1)
LAMBDA = lambda a, b=LIMIT: a * b  # noqa: E731
COMPOSED = reduce(lambda f, g: lambda x: g(f(x)), [abs, math.sqrt])

each(
    constant=lambda: LIMIT,
    config=lambda: (CONFIG["a"], CONFIG["b"]),
    table=lambda: sum(TABLE),
    pattern=lambda: PATTERN.match("ab-12").groups(),
    point=lambda: (POINT(1, 2).x, POINT(1, 2)._asdict(), repr(POINT(1, 2))),
    missing=lambda: CONFIG.get("zz", MISSING) is MISSING,
    epoch=lambda: (EPOCH.isoformat(), EPOCH + datetime.timedelta(days=1)),
    money=lambda: MONEY * 3,
    half=lambda: HALF + 1,
    here=lambda: (HERE / "c").name,
    color=lambda: (Color(1) is Color.RED, Color["GREEN"].value, Color.RED.shout),
    colors=lambda: [c.name for c in Color],
    flags=lambda: (Flag.R | Flag.W, Flag(3), Flag.R in Flag(3)),
    car=lambda: (Car("a"), Car("b") > Car("a"), dataclasses.asdict(Car("c"))),
    replaced=lambda: dataclasses.replace(Car("a", 3), name="z"),
    frozen=lambda: (hash(Frozen()) == hash(Frozen()), Frozen() == Frozen()),
    fields=lambda: [f.name for f in dataclasses.fields(Car)],
    mro=lambda: Both().hello(),
    subclasses=lambda: (Left.options, {"Left", "Right"} <= set(Base.registry)),
    resolution=lambda: [c.__name__ for c in Both.__mro__],
    meta=lambda: (Made().by, len(Made), type(Made).__name__),
    descriptor=lambda: (Described.size, Described.build(4).size),
    cached=lambda: (lambda d: d.slow is d.slow)(Described()),
    static=lambda: Described.static(1),
    ordering=lambda: Version(1) <= Version(2) and len({Version(1), Version(1)}),
    abstract=lambda: (Square().area(), Square.sides, isinstance(Square(), Shape)),
    sequence=lambda: (list(Vector(1, 2)), 2 in Vector(1, 2), Vector(3).index(3)),
    generic=lambda: (Box[int](3).value, Box[int].__origin__ is Box),
    protocol=lambda: Proto.__name__,
    typed=lambda: (Typed(a=1), Typed.__total__),
    namedtuple=lambda: (Named(), Named(2)._replace(b="c"), Named._fields),
    reduced=lambda: copy.copy(Reduced(1)).n,
    stated=lambda: (copy.deepcopy(Stated()).a, pickle.loads(pickle.dumps(Stated())).a),
    with_new=lambda: (WithNew().n, WithNew(3).n),
    suppressed=lambda: [1 for _ in [0] if Context().__enter__() == 5],
    decorated=lambda: (named(1, d=4), named.__name__, named.__doc__),
    wrapped=lambda: named.__wrapped__(1, 5, 6)[1:3],
    memo=lambda: (fib(30), fib.cache_info().maxsize),
    mutual=lambda: (even(10), odd(7)),
    closure=lambda: [counting()() for _ in range(2)],
    partial=lambda: ADD(3),
    getter=lambda: KEY([1, 2]),
    default=lambda: LAMBDA(2),
    composed=lambda: COMPOSED(-16),
    own_names=lambda: (__name__ in ("__main__", "__mp_main__"), __doc__[:4]),
    file_name=lambda: os.path.basename(__file__),
    annotations=lambda: list(typing.get_type_hints(Car)),
    introspection=lambda: named.__wrapped__.__code__.co_varnames[:2],
    subscript=lambda: (list[int], dict[str, int] == dict[str, int]),
    union=lambda: isinstance(3, (int, str)),
)


@program
def nonlocal_state():
    step = counting()
    return step(), step(), step()


@program
def generators():
    running = numbers()
    return next(running), running.send(9), list(map(abs, [-1]))


@program
def contexts():
    log = []
    with managed(log) as n, contextlib.suppress(KeyError):
        raise KeyError
    return log, n


@program
def own_exception():
    try:
        raise Mine(3, "text") from ValueError("cause")
    except Mine as error:
        return error.code, str(error), repr(error.__cause__)


@program
def caught():
    try:
        {}["k"]
    except LookupError as error:
        return type(error).__name__, error.args


@program
def finally_runs():
    log = []
    for i in range(3):
        try:
            if i == 1:
                continue
            log.append(i)
        finally:
            log.append("f")
    else:
        log.append("else")
    return log


@program
def classes_inside():
    class Inner(Base):
        value = LIMIT

        def get(self):
            return self.value, __class__.__name__

    return Inner().get()


@program
def dynamic_class():
    made = type("Dynamic", (Left,), {"x": 1})
    return made().hello(), made.x


@program
def dynamic_names():
    return eval("LIMIT + 1"), globals()["LIMIT"], getattr(Color, "RED").value  # noqa: B009


@program
def executed():
    names = {}
    exec("def f(a): return a + 1", names)
    return names["f"](2)


@program
def matched():
    return [PATTERN.sub(r"\2", text) for text in ("a-1", "b-2")]


@program
def weak():
    class Node:
        pass

    node = Node()
    seen = weakref.ref(node)
    held = weakref.WeakValueDictionary(n=node)
    size = len(held)
    del node
    gc.collect()
    return size, seen() is None


@program
def pickled():
    values = [Car("a"), Color.RED, Frozen(), Named(), MONEY, EPOCH, {1: (2,)}]
    return pickle.loads(pickle.dumps(values)) == values


@program
def copied():
    car = Car("a", tags=[[1]])
    deep, flat = copy.deepcopy(car), copy.copy(car)
    car.tags[0].append(2)
    return deep.tags, flat.tags


@program
def recursion():
    def deep(n):
        return n and 1 + deep(n - 1)

    return deep(300)


@program
def recursion_limit():
    def endless():
        return endless()

    try:
        endless()
    except RecursionError:
        return "stopped"


# ---- the standard library ------------------------------------------------------------

each(
    arrays=lambda: array.array("i", [1, 2]).tobytes(),
    base64s=lambda: base64.b64encode(b"abc"),
    bisected=lambda: bisect.bisect([1, 3, 5], 4),
    counter=lambda: Counter("banana").most_common(1),
    ordered=lambda: list(OrderedDict(a=1, b=2)),
    defaults=lambda: dict(defaultdict(int, a=1)),
    deques=lambda: list(deque([1, 2, 3], maxlen=2)),
    chained=lambda: collections.ChainMap({"a": 1}, {"b": 2})["b"],
    csvs=lambda: list(csv.reader(io.StringIO("a,b\n1,2"))),
    dates=lambda: datetime.date(2024, 2, 28) + datetime.timedelta(days=2),
    decimals=lambda: decimal.Decimal(1) / decimal.Decimal(7),
    hashes=lambda: hashlib.sha256(b"x").hexdigest(),
    heaps=lambda: heapq.nsmallest(2, [3, 1, 2]),
    texts=lambda: io.StringIO("a\nb").readlines(),
    products=lambda: list(itertools.product("ab", repeat=2)),
    grouped=lambda: [(k, list(g)) for k, g in itertools.groupby("aab")],
    jsons=lambda: json.loads(json.dumps({"a": [1, None, 2.5]})),
    maths=lambda: (math.gcd(12, 18), math.comb(5, 2), round(math.pi, 3)),
    callers=lambda: methodcaller("upper")("a"),
    getters=lambda: attrgetter("wheels")(Car("a")),
    paths=lambda: os.path.join("a", "b"),
    seeded=lambda: random.Random(3).random(),
    means=lambda: statistics.mean([1, 2, 3]),
    templates=lambda: string.Template("$a").substitute(a=1),
    structs=lambda: struct.unpack("<I", struct.pack("<I", 7)),
    dedented=lambda: textwrap.dedent("  a\n  b"),
    namespaces=lambda: types.SimpleNamespace(a=1),
    proxies=lambda: dict(types.MappingProxyType({"a": 1})),
    unicodes=lambda: unicodedata.name("a"),
    uuids=lambda: uuid.UUID(int=5).hex,
    zipped=lambda: zlib.decompress(zlib.compress(b"abc" * 10)),
    sorted_by=lambda: sorted([(2, "a"), (1, "b")], key=KEY),
    formatted=lambda: f"{3.14159:.2f} {LIMIT:>4} {MISSING is MISSING!r}",
    bigs=lambda: 2**200 % 97,
    complexes=lambda: (1 + 2j) * (3 - 1j),
    sliced=lambda: list(range(10))[slice(2, 8, 3)],
    walrus=lambda: [y for x in range(4) if (y := x * 2) > 2],
    stars=lambda: (lambda *a, **k: (a, sorted(k)))(*[1], 2, z=3),
    frozen_sets=lambda: frozenset([1, 2]) & {2},
    memory=lambda: bytes(memoryview(b"abcd")[1:3]),
    rounding=lambda: (round(2.5), round(-7, -1), divmod(-7, 2)),
    encoded=lambda: "héllo €".encode().decode(),
    surrogate=lambda: "\udcff".encode("utf-8", "surrogateescape"),
    translated=lambda: "abc".translate({97: "x"}),
    environment=lambda: os.environ.get("PLAIN_TEST"),
    argv=lambda: len(sys.argv),
    flags_of_sys=lambda: (sys.flags.optimize, sys.flags.utf8_mode),
    platform=lambda: (sys.platform, sys.byteorder, sys.maxsize),
    directory=lambda: os.getcwd(),
    process=lambda: os.getpid() > 0,
    cpu=lambda: os.cpu_count(),
    hash_seed=lambda: hash("a") == hash("a"),
    warned=lambda: warnings.filters is not None,
    logger=lambda: logging.getLogger("plain").name,
    level=lambda: logging.getLevelName(logging.WARNING),
    locale=lambda: f"{1.5:.1f}",
    stdout=lambda: sys.stdout.writable(),
    truth=lambda: bool(NotImplemented is NotImplemented),
    ellipsis=lambda: ... is Ellipsis,
    builtins_of=lambda: (len, print, int) is not None,
    infinite=lambda: (float("inf") > 1, math.isnan(float("nan"))),
    deep_tuple=lambda: ((((1,),),),),
    chained_calls=lambda: ["a", "b"][1].upper().zfill(3),
    compared=lambda: (1 < 2 < 3, [1, 2] < [1, 3], {1} <= {1, 2}),
    unpacked=lambda: (lambda a, *b: (a, b))(*range(3)),
    conditional=lambda: [x if x % 2 else -x for x in range(4)],
)


@program
def child():
    done = subprocess.run(
        [sys.executable, "-c", "print(1 + 1)"], capture_output=True, check=True
    )
    return done.stdout.strip()


@program
def child_that_is_ended():
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    running.terminate()
    return running.wait(30) != 0


@program
def files():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "f")
        path.write_text("abc")
        return path.read_text(), [p.name for p in path.parent.iterdir()]


@program
def temporary():
    with tempfile.TemporaryFile() as file:
        file.write(b"ab")
        file.seek(0)
        return file.read()


@program
def threads():
    found = []
    thread = threading.Thread(target=found.append, args=(1,))
    thread.start()
    thread.join()
    return found, thread.daemon


@program
def locks():
    lock = threading.RLock()
    with lock, lock:
        return lock.acquire(blocking=False)


@program
def events():
    event = threading.Event()
    timer = threading.Timer(0.001, event.set)
    timer.start()
    return event.wait(30)


@program
def thread_locals():
    local = threading.local()
    local.a = 1
    return local.a


@program
def clock():
    before = time.monotonic()
    time.sleep(0.001)
    return time.monotonic() > before


@program
def collected():
    class Cycle:
        pass

    one = Cycle()
    one.me = one
    seen = weakref.ref(one)
    del one
    gc.collect()
    return seen() is None


@program
def warnings_caught():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("w", UserWarning, stacklevel=1)
    return [str(w.message) for w in caught]


@program
def redirected():
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        print("a")
    return stream.getvalue()


@program
def imported_inside():
    import bz2
    import colorsys

    return colorsys.rgb_to_hsv(0, 0, 1), bz2.decompress(bz2.compress(b"a")).decode()


@program
def executor():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(abs, [-1, -2]))


@program
def loop():
    import asyncio

    async def main():
        await asyncio.sleep(0)
        return await asyncio.gather(one(), one())

    async def one():
        return 1

    return asyncio.run(main())


@program
def queues():
    import queue

    waiting = queue.Queue()
    waiting.put(1)
    return waiting.get(timeout=1)


@program
def database():
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a)")
    connection.execute("insert into t values (3)")
    (row,) = connection.execute("select a from t").fetchall()
    connection.close()
    return row


@program
def zip_files():
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", "b")
    return zipfile.ZipFile(stream).read("a")


@program
def sockets():
    import socket

    a, b = socket.socketpair()
    with a, b:
        a.send(b"x")
        return b.recv(1)


@program
def globals_set():
    names = {"__name__": "made"}
    function = types.FunctionType((lambda: __name__).__code__, names)
    return function()


# ---- the three ways ------------------------------------------------------------------


def outcome(name):
    try:
        return repr(PROGRAMS[name]())
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def by_thread(name):
    found = []
    thread = threading.Thread(target=lambda: found.append(outcome(name)))
    thread.start()
    thread.join()
    return found[0]


def by_behavior(name):
    from bocpy import when

    run = PROGRAMS[name]

    @when()
    def result():
        return repr(run())

    try:
        return result.unwrap(timeout=60)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def main():
    import multiprocessing

    import bocpy

    os.environ["PLAIN_TEST"] = "yes"
    bocpy.start(2)
    behaviors = {name: by_behavior(name) for name in PROGRAMS}
    bocpy.wait()
    on_threads = {name: by_thread(name) for name in PROGRAMS}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        spawned = dict(zip(PROGRAMS, pool.map(outcome, PROGRAMS), strict=True))
    for name in PROGRAMS:
        if not behaviors[name] == on_threads[name] == spawned[name]:
            row = (name, behaviors[name], on_threads[name], spawned[name])
            print(" | ".join(text.replace("\n", " ")[:120] for text in row))
    print(len(PROGRAMS), "programs")


if __name__ == "__main__":
    main()
