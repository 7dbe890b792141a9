"""What the standard library does: small programs whose result must be the same in a
behavior, on a plain thread and in a spawned process: see three_ways.py.

A program is a function without arguments."""

import array
import base64
import bisect
import collections
import contextlib
import csv
import datetime
import decimal
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
import random
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
import unicodedata
import uuid
import warnings
import weakref
import zlib
from collections import Counter, OrderedDict, defaultdict, deque
from operator import attrgetter, methodcaller

import three_ways

PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def each(**functions):
    PROGRAMS.update(functions)


LIMIT = 10
MISSING = object()
KEY = operator.itemgetter(1)


class Car:
    wheels = 4


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
    getters=lambda: attrgetter("wheels")(Car()),
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


def outcome(name):
    return three_ways.outcome(PROGRAMS[name])


def main():
    three_ways.compare(PROGRAMS, outcome)


if __name__ == "__main__":
    main()
