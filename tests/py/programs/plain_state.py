"""Programs that set or change what is outside of their functions: run on a plain
thread, in a spawned process and in a behavior.

Each consists of what the main thread does first (not in the spawned process), a
function without arguments, and what the main thread sees afterwards. A behavior on
`threads` does what a plain thread does. On `interpreters` it does so too, but where the
program says otherwise:

| the program says | then |
|---|---|
| WARNED | what the behavior changes is not seen, and a RuntimeWarning says so |
| OWN | a worker has its own, as a spawned process does: docs/guide/workers.md |
| REFUSED | the behavior fails with an error that names the thing |
"""

import argparse
import builtins
import codecs
import collections
import collections.abc
import configparser
import csv
import dataclasses
import decimal
import functools
import gc
import io
import logging
import mimetypes
import multiprocessing
import numbers
import random
import socket
import struct
import sys
import threading
import types
import warnings
import xml.etree.ElementTree as ElementTree

SAME, WARNED, OWN, REFUSED = "same", "warned", "own", "refused"
PROGRAMS = {}


def nothing():
    return None


def program(otherwise=SAME, *, imported=None, first=nothing, after=nothing, report=""):
    """imported: in place of `otherwise` where this file is an imported module."""

    def keep(function):
        kind = otherwise if __name__ == "__main__" else imported or otherwise
        PROGRAMS[function.__name__] = (kind, first, function, after, report)
        return function

    return keep


# ---- what the main thread has set ----------------------------------------------------


def precise():
    decimal.DefaultContext.prec = 40
    decimal.getcontext().prec = 40


@program(OWN, first=precise, report="vyperlang/vyper#5105")
def the_precision_of_decimal():
    return str(decimal.Decimal(1) / 3)


@program(OWN, first=lambda: csv.field_size_limit(3), report="medialab/minet#326")
def the_limit_of_fields():
    try:
        return list(csv.reader(["abcdef"]))
    except csv.Error:
        return "too large"


@program(REFUSED, first=lambda: csv.register_dialect("pipes", delimiter="|"))
def a_dialect():
    return next(csv.reader(["a|b"], "pipes"))


@program(first=lambda: sys.setrecursionlimit(4321))
def the_recursion_limit():
    return sys.getrecursionlimit()


@program(OWN, first=lambda: mimetypes.add_type("text/x-boc", ".boc"))
def a_mime_type():
    return mimetypes.guess_type("a.boc")


@program(REFUSED, first=lambda: codecs.register_error("dots", lambda e: (".", e.end)))
def a_handler_of_encoding_errors():
    return "a\u00e9".encode("ascii", "dots")


@program(OWN, first=lambda: socket.setdefaulttimeout(7))
def the_timeout_of_sockets():
    with socket.socket() as made:
        return made.gettimeout()


@program(OWN, first=lambda: random.seed(42))
def a_seed():
    return random.random() == random.Random(42).random()


@program(first=lambda: logging.addLevelName(25, "NOTICE"))
def the_name_of_a_level():
    return logging.getLevelName(25), logging.getLevelName("NOTICE")


def quiet():
    logging.getLogger("plain.state").setLevel(logging.ERROR)


@program(first=quiet, report="neuroinformatics-unit/fancylog#34")
def the_level_of_a_logger():
    return logging.getLogger("plain.state").isEnabledFor(logging.WARNING)


@program(REFUSED, first=lambda: setattr(builtins, "profile", abs))
def a_builtin_of_a_tool():
    return profile(-1)  # noqa: F821


@program(OWN, first=lambda: ElementTree.register_namespace("boc", "http://boc"))
def the_prefix_of_a_namespace():
    return ElementTree.tostring(ElementTree.Element("{http://boc}a"))


@program(OWN, first=gc.disable)
def whether_the_collector_is_on():
    return gc.isenabled()


@program(first=lambda: sys.argv.__setitem__(slice(1, None), ["--flag"]))
def the_arguments():
    return sys.argv[1:]


@program(first=lambda: warnings.simplefilter("error", FutureWarning))
def a_warning_that_is_an_error():
    try:
        warnings.warn("old", FutureWarning, stacklevel=1)
    except FutureWarning:
        return "raised"
    return "passed"


class Meters:
    pass


def register():
    numbers.Number.register(Meters)
    collections.abc.Sized.register(Meters)


@program(first=register, imported=OWN)
def a_class_that_an_abc_of_the_library_has_registered():
    meters = Meters()
    return isinstance(meters, numbers.Number), isinstance(meters, collections.abc.Sized)


class Config:
    some_var = False


@program(first=lambda: setattr(Config, "some_var", True), report="noxdafox/pebble#71")
def a_class_as_configuration():
    return Config.some_var


class Options:
    instance = None

    def __init__(self):
        self.batch = 1

    @classmethod
    def get_instance(cls):
        if cls.instance is None:
            cls.instance = cls()
        return cls.instance


def configure():
    Options.get_instance().batch = 8


@program(first=configure, imported=OWN, report="argonne-lcf/dlio_benchmark#116")
def a_singleton_that_was_configured():
    return Options.get_instance().batch


class ReadOnly(dict):
    read_only = False


LOCKED = ReadOnly(a=1)


@program(
    first=lambda: setattr(LOCKED, "read_only", True),
    imported=OWN,
    report="elifesciences/builder#586",
)
def a_dict_that_is_locked():
    return LOCKED.read_only, dict(LOCKED)


ARGUMENTS = argparse.Namespace(size=1)


@program(first=lambda: setattr(ARGUMENTS, "size", 3), report="drscotthawley/panotti#15")
def parsed_arguments():
    return ARGUMENTS.size


# ---- what the function changes -------------------------------------------------------


@program(WARNED, after=lambda: ARGUMENTS.size)
def parsed_arguments_that_change():
    ARGUMENTS.size = 5


def make_counter():
    count = 0

    def increment():
        nonlocal count
        count += 1
        return count

    return increment


NEXT = make_counter()


@program(WARNED, after=NEXT)
def a_closure_that_counts():
    return NEXT()


def tool():
    return tool.calls


tool.calls = 0


@program(WARNED, after=tool)
def an_attribute_of_a_function():
    tool.calls += 1


def counted(function):
    @functools.wraps(function)
    def call(*args):
        call.count += 1
        return function(*args)

    call.count = 0
    return call


@counted
def square(x):
    return x * x


@program(WARNED, after=lambda: square.count)
def a_decorator_that_counts():
    return square(2)


LOG = []


def recorded(function):
    @functools.wraps(function)
    def call(*args):
        LOG.append(function.__name__)
        return function(*args)

    return call


@recorded
def step(x):
    return x


@program(WARNED, after=lambda: LOG)
def a_decorator_that_records():
    return step(1)


class Ids:
    def __init__(self):
        self.last = 0

    def __call__(self):
        self.last += 1
        return self.last

    def __enter__(self):
        self.last += 10

    def __exit__(self, *raised):
        pass


IDS, ENTERED = Ids(), Ids()


@program(WARNED, after=lambda: IDS.last)
def an_object_that_is_called():
    return IDS()


@program(WARNED, after=lambda: ENTERED.last)
def an_object_that_is_entered():
    with ENTERED:
        return 1


NAMES = types.SimpleNamespace(n=0)


@program(WARNED, after=lambda: NAMES.n)
def a_simple_namespace():
    NAMES.n += 1


WRITTEN, PRINTED = io.StringIO(), io.StringIO()


@program(WARNED, after=WRITTEN.getvalue)
def text_that_is_written():
    WRITTEN.write("x")


@program(WARNED, after=PRINTED.getvalue)
def text_that_is_printed():
    print("x", file=PRINTED)


TREE = ElementTree.Element("a")


@program(WARNED, after=lambda: len(TREE))
def a_tree():
    ElementTree.SubElement(TREE, "b")


PARSER = configparser.ConfigParser()
PARSER["a"] = {"x": "1"}


@program(WARNED, after=lambda: PARSER["a"]["x"])
def a_parsed_file():
    PARSER["a"]["x"] = "2"


USER, CHAIN = collections.UserDict(), collections.ChainMap({})


@program(WARNED, after=lambda: dict(USER))
def a_user_dict():
    USER["a"] = 1


@program(WARNED, after=lambda: dict(CHAIN))
def a_chain_of_dicts():
    CHAIN["a"] = 1


BUFFER = bytearray(4)


@program(WARNED, after=lambda: bytes(BUFFER))
def a_buffer_that_is_packed_into():
    struct.pack_into("<I", BUFFER, 0, 7)


if sys.version_info >= (3, 13):  # which can import ctypes in workers
    import ctypes

    class Point(ctypes.Structure):
        _fields_ = (("x", ctypes.c_int),)

    POINT, NUMBERS = Point(1), (ctypes.c_int * 3)()

    @program(WARNED, after=lambda: POINT.x)
    def a_structure_of_c():
        POINT.x = 9

    @program(WARNED, after=lambda: list(NUMBERS))
    def an_array_of_c():
        NUMBERS[0] = 9


ITEMS = []


def add(items, item):
    items.append(item)


@program(WARNED, after=lambda: ITEMS, report="cloudpipe/cloudpickle#275")
def a_function_that_changes_its_argument():
    add(ITEMS, 1)


@dataclasses.dataclass
class Batch:
    items: list = dataclasses.field(default_factory=list)

    def extend(self, items):
        self.items.extend(items)
        return self


BATCH = Batch()


@program(WARNED, after=lambda: BATCH.items)
def methods_in_a_chain():
    BATCH.extend([1]).extend([2])


class Meta(type):
    made = []  # noqa: RUF012

    def __call__(cls):
        Meta.made.append(cls.__name__)
        return super().__call__()


class Thing(metaclass=Meta):
    pass


@program(WARNED, after=lambda: Meta.made)
def a_metaclass_that_counts():
    Thing()


class Numbered:
    count = 0

    def __init__(self):
        type(self).count += 1


@program(WARNED, after=lambda: Numbered.count)
def instances_that_are_counted():
    Numbered()


class Registry:
    plugins = {}  # noqa: RUF012

    def __init_subclass__(cls):
        Registry.plugins[cls.__name__] = 1


@program(WARNED, after=lambda: Registry.plugins)
def a_class_that_registers_itself():
    class Plugin(Registry):
        pass

    return Plugin.__name__


def remembered(x, seen=[]):  # noqa: B006
    seen.append(x)
    return len(seen)


@program(OWN, after=lambda: remembered(0))
def a_default_that_is_a_list():
    return remembered(1)


@functools.cache
def cached(x):
    return x


@program(OWN, after=lambda: cached.cache_info().misses)
def a_cache():
    return cached(7)


LOCAL = threading.local()


@program(REFUSED, first=lambda: setattr(LOCAL, "x", 1))
def a_local_of_threads():
    return getattr(LOCAL, "x", None)


# ---- the three ways ------------------------------------------------------------------


def told(run):
    try:
        return repr(run())
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def in_process(name):
    _, _, run, after, _ = PROGRAMS[name]
    return told(run), told(after)


def on_thread(name):
    _, first, run, after, _ = PROGRAMS[name]
    first()
    found = []
    thread = threading.Thread(target=lambda: found.append(told(run)))
    thread.start()
    thread.join()
    return found[0], told(after)


def in_behavior(name):
    """The outcome, and whether there was a warning about a change."""
    from bocpy import when

    _, first, run, after, _ = PROGRAMS[name]
    first()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        result = when()(run)
        outcome = told(lambda: result.result(60)), told(after)
    warned = [str(each.message) for each in caught]
    return outcome, any("is seen in the worker" in text for text in warned)


def is_right(otherwise, found, warned, plain, spawned):
    if otherwise == WARNED:
        return warned
    if otherwise == REFUSED:
        return ("Error" in found[0] or found == plain) and not warned
    if otherwise == OWN:
        return found[0] == spawned[0] and not warned
    return found == plain and not warned


def spawn(run):
    """The results of all programs in a process of their own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(run, PROGRAMS)


def main():
    import bocpy

    bocpy.start(2)
    by_reference = bocpy._core._backend() == "threads"
    behaviors = [in_behavior(name) for name in PROGRAMS]
    plain, spawned = spawn(on_thread), spawn(in_process)
    for i, (name, each) in enumerate(PROGRAMS.items()):
        otherwise = SAME if by_reference else each[0]
        found, warned = behaviors[i]
        if not is_right(otherwise, found, warned, plain[i], spawned[i]):
            print(name, otherwise, found, warned, plain[i], spawned[i], sep=" | ")
    print(len(PROGRAMS), "programs")


if __name__ == "__main__":
    main()
