"""Programs for whose functions the main thread sets something: outside.py."""

import abc
import argparse
import array
import builtins
import codecs
import collections
import collections.abc
import csv
import decimal
import functools
import gc
import logging
import math
import mimetypes
import numbers
import random
import socket
import sys
import warnings
import xml.etree.ElementTree as ElementTree

import side_effects
from side_effects import OWN, REFUSED, program


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


@program(first=register)
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


@program(first=configure, report="argonne-lcf/dlio_benchmark#116")
def a_singleton_that_was_configured():
    return Options.get_instance().batch


class ReadOnly(dict):
    read_only = False


LOCKED = ReadOnly(a=1)


@program(
    first=lambda: setattr(LOCKED, "read_only", True),
    report="elifesciences/builder#586",
)
def a_dict_that_is_locked():
    return LOCKED.read_only, dict(LOCKED)


ARGUMENTS = argparse.Namespace(size=1)


@program(first=lambda: setattr(ARGUMENTS, "size", 3), report="drscotthawley/panotti#15")
def parsed_arguments():
    return ARGUMENTS.size


class Shape(abc.ABC):  # noqa: B024
    pass


class Disk:
    pass


@program(first=lambda: Shape.register(Disk), report="cloudpipe/cloudpickle#302")
def a_class_that_an_abc_of_the_program_has_registered():
    return isinstance(Disk(), Shape), issubclass(Disk, Shape)


@functools.singledispatch
def show(_):
    return "any"


@program(first=lambda: show.register(Disk, lambda _: "disk"))
def a_function_registered_for_a_class():
    return show(Disk())


class Application:
    options = Options()


@program(first=lambda: setattr(Application.options, "batch", 16))
def an_object_that_is_an_attribute_of_a_class():
    return Application.options.batch


class Parent:
    pass


class Child(Parent):
    pass


@program(first=lambda: setattr(Parent, "extra", 5))
def an_attribute_of_a_parent_class():
    return getattr(Child, "extra", None)


class Attributes(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


RATES = Attributes(rate=1)


@program(first=lambda: setattr(RATES, "rate", 5), report="joblib/joblib#923")
def a_dict_with_its_items_as_attributes():
    return RATES.rate


class Rows(list):
    pass


class Names(set):
    pass


ROWS, KNOWN = Rows([1]), Names("a")


def fill():
    ROWS.append(2)
    KNOWN.add("b")


@program(first=fill)
def a_list_and_a_set_of_classes_of_the_program():
    return list(ROWS), sorted(KNOWN)


SETTINGS, LAYERS = collections.UserDict(a=1), collections.ChainMap({}, {"z": 1})


def set_layers():
    SETTINGS["b"] = 2
    LAYERS["y"] = 3


@program(first=set_layers)
def dicts_of_collections():
    return dict(SETTINGS), dict(LAYERS)


SAMPLES = array.array("i", [1, 2])


@program(first=lambda: SAMPLES.append(9))
def an_array():
    return list(SAMPLES)


PAIR = ([1], {})


@program(first=lambda: PAIR[0].append(2))
def a_list_in_a_tuple():
    return PAIR


def leveled():
    return leveled.level


leveled.level = 1


@program(first=lambda: setattr(leveled, "level", 2))
def an_attribute_of_a_function_that_was_set():
    return leveled()


def make_cell():
    value = 1

    def get():
        return value

    def put(x):
        nonlocal value
        value = x

    return get, put


GET, PUT = make_cell()


@program(first=lambda: PUT(9))
def a_variable_of_an_enclosing_function():
    return GET()


class Plugin:
    pass


class Zip(Plugin):
    pass


@program()
def the_subclasses_of_a_class():
    return [each.__name__ for each in Plugin.__subclasses__()]


NAN = float("nan")
NANS = [NAN]
LOOP = [1]
LOOP.append(LOOP)


@program(first=lambda: KNOWN.add("c"))
def lists_that_are_not_equal_to_their_copies():
    return len(NANS), LOOP[1] is LOOP, math.isnan(NANS[0])


def main():
    side_effects.main(__name__)


if __name__ == "__main__":
    main()
