"""Programs whose functions change what is outside of them: outside.py."""

import argparse
import collections
import configparser
import contextlib
import dataclasses
import functools
import io
import json
import struct
import sys
import threading
import types
import xml.etree.ElementTree as ElementTree

import side_effects
from side_effects import OWN, REFUSED, WARNED, program


class Options:
    def __init__(self):
        self.batch = 1


ARGUMENTS = argparse.Namespace(size=1)


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


KEYWORD, DEEPER, BOUND, PARTIAL, INNER, BODY = [], [], [], [], [], []


@program(WARNED, after=lambda: KEYWORD)
def a_function_that_changes_an_argument_by_name():
    add(item=1, items=KEYWORD)


def add_twice(items, item):
    add(items, item)
    add(items, item)


@program(WARNED, after=lambda: DEEPER)
def a_function_that_passes_its_argument_on():
    add_twice(DEEPER, 1)


def note_inner(item):
    add(INNER, item)


@program(WARNED, after=lambda: INNER)
def a_function_that_passes_a_global_on():
    note_inner(1)


push = BOUND.append


@program(WARNED, after=lambda: BOUND)
def a_method_that_is_a_global():
    push(1)


push_partial = functools.partial(add, PARTIAL)


@program(WARNED, after=lambda: PARTIAL)
def a_partial_function_that_is_a_global():
    push_partial(1)


@program(WARNED, after=lambda: BODY)
def a_function_inside_that_changes_a_global():
    def inner():
        BODY.append(1)

    inner()


class Statistics:
    kinds = []  # noqa: RUF012

    def __init__(self):
        self.count, self.reads = 0, 0

    def bump(self):
        self._add(1)

    def _add(self, n):
        self.count += n

    @property
    def total(self):
        self.reads += 1
        return 7

    @classmethod
    def note(cls, kind):
        cls.kinds.append(kind)


class Derived(Statistics):
    def _add(self, n):
        super()._add(n)


STATISTICS, DERIVED, READ = Statistics(), Derived(), Statistics()


@program(WARNED, after=lambda: STATISTICS.count)
def a_method_that_calls_a_method():
    STATISTICS.bump()


@program(WARNED, after=lambda: DERIVED.count)
def a_method_that_calls_super():
    DERIVED._add(1)


@program(WARNED, after=lambda: READ.reads)
def a_property_that_counts():
    return READ.total


@program(WARNED, after=lambda: Statistics.kinds)
def a_class_method_that_adds():
    Statistics.note("kind")


DEPTH = [0]


@contextlib.contextmanager
def deeper():
    DEPTH[0] += 1
    yield


@program(WARNED, after=lambda: DEPTH)
def a_context_manager_that_counts():
    with deeper():
        pass


NAMED, STORED = types.SimpleNamespace(n=0), Options()


@program(WARNED, after=lambda: vars(STORED))
def the_dict_of_an_object():
    STORED.__dict__["k"] = 1


@program(WARNED, after=lambda: vars(NAMED))
def an_attribute_set_by_object():
    object.__setattr__(NAMED, "k", 1)


DUMPED, REDIRECTED = io.StringIO(), io.StringIO()


@program(WARNED, after=DUMPED.getvalue)
def json_that_is_dumped():
    json.dump([1], DUMPED)


@program(WARNED, after=REDIRECTED.getvalue)
def output_that_is_redirected():
    with contextlib.redirect_stdout(REDIRECTED):
        print("x")


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


def main():
    side_effects.main(__name__)


if __name__ == "__main__":
    main()
