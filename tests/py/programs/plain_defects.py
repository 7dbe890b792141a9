"""More programs made from what users have reported: exceptions, identity, references,
decorators, and objects of the standard library. Run as in plain_reports.py."""

import asyncio
import contextlib
import dataclasses
import importlib
import pickle
import struct
import subprocess
import sys
import threading
import urllib.error
import weakref

import reported
from reported import report

# ---- exceptions ----------------------------------------------------------------------


class SlotError(Exception):
    __slots__ = ("code",)

    def __init__(self, code):
        self.code = code

    def __str__(self):
        return f"code {self.code}"


@report("cloudpipe/cloudpickle#225", "SlotError: code 5")
def an_error_with_slots():
    raise SlotError(5)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


@report("noxdafox/pebble#125", "Frozen: 3")
def an_error_that_is_frozen():
    raise Frozen(3)


class NoArguments(Exception):
    def __init__(self):
        super().__init__("another exception")


@report("ray-project/ray#31806", "NoArguments: another exception")
def an_error_without_arguments():
    raise NoArguments


class Status(Exception):
    def __init__(self, *, status_code):
        super().__init__("failed")
        self.status_code = status_code

    def __str__(self):
        return f"status {self.status_code}"


@report("ray-project/ray#20830", "Status: status 404")
def an_error_with_a_keyword():
    raise Status(status_code=404)


class Tool(Exception):
    def __init__(self, message, arguments):
        super().__init__(message)
        self.arguments = arguments

    def __str__(self):
        return f"{self.args[0]}: {self.arguments}"


@report("ray-project/ray#52660", "Tool: broken: ['-i']")
def an_error_with_another_attribute():
    raise Tool("broken", ["-i"])


@report("ray-project/ray#21075", "HTTPError: HTTP Error 404: lost")
def an_error_of_urllib():
    raise urllib.error.HTTPError("url", code=404, msg="lost", hdrs=None, fp=None)


# ---- identity and references ---------------------------------------------------------

NO_DEFAULT = "__no__default__"
NOTHING = ("nothing", [])


def get(key, default=NO_DEFAULT, *, other=NOTHING):
    return default is NO_DEFAULT, other is NOTHING


class Getter:
    def get(self, default=NO_DEFAULT):
        return default is NO_DEFAULT


@report("pytoolz/toolz#309", ((True, True), True))
def defaults_that_are_compared_by_identity():
    return get("key"), Getter().get()


class Node:
    def __init__(self, parent=None):
        self.parent = parent and weakref.ref(parent)
        self.children = []
        if parent is not None:
            parent.children.append(self)


ROOT = Node()
CHILD = Node(ROOT)
Node(CHILD)


@report("joblib/joblib#629", (True, True))
def weak_references_to_parents():
    return CHILD.parent() is ROOT, ROOT.children[0].children[0].parent() is CHILD


LOG = []


class Logged:
    def __init__(self):
        LOG.append("made")


@report("cloudpipe/cloudpickle#376", ["made", "made"])
def a_class_that_logs():
    LOG.clear()
    Logged()
    Logged()
    return list(LOG)


# ---- functions -----------------------------------------------------------------------


DEPTH = []


@contextlib.contextmanager
def deeper(by):
    DEPTH.append(by)
    yield
    DEPTH.pop()


@deeper(2)
def decorated():
    return sum(DEPTH)


@contextlib.asynccontextmanager
async def entered():
    yield


@entered()
async def decorated_too():
    await asyncio.sleep(0)
    return 6


@report("cloudpipe/cloudpickle#509", (2, 2))
def a_function_decorated_by_a_context_manager():
    return decorated(), decorated()


@report("uqfoundation/dill#398", 6)
def a_coroutine_function_decorated_by_a_context_manager():
    return asyncio.run(decorated_too())


def with_an_empty_cell():
    if False:
        missing = 1

    def inner():
        return missing

    return inner


EMPTY = with_an_empty_cell()


@report("cloudpipe/cloudpickle#73", "NameError")
def a_closure_whose_variable_is_not_set():
    try:
        return EMPTY()
    except NameError as error:
        return type(error).__name__


def keyword_only(a, *, b=1):
    return a + b


@report("cloudpipe/cloudpickle#263", 2)
def a_default_of_a_keyword():
    return keyword_only(1)


CODE = compile("40 + 2", "<formula>", "eval")


@report("python/cpython#136659", 42)
def compiled_code():
    return eval(CODE)


# ---- classes -------------------------------------------------------------------------


@dataclasses.dataclass
class Data:
    bar: int = 1


@report("joblib/joblib#1212", (["bar"], {"bar": 2}))
def the_fields_of_a_dataclass():
    return [one.name for one in dataclasses.fields(Data)], dataclasses.asdict(Data(2))


class A:
    def foo(self):
        return "A"


class B(A):
    def foo(self):
        return super().foo() + "B"


@report("dask/dask#2643", "AB")
def an_object_made_and_pickled_by_the_body():
    return pickle.loads(pickle.dumps(B())).foo()


class Popping:
    def __init__(self):
        self.lock, self.a = threading.Lock(), 1

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["lock"]
        return state

    def __setstate__(self, state):
        self.__dict__ = {**state, "lock": threading.Lock()}


POPPING = Popping()


@report("dask/dask#6353", (1, False))
def an_object_that_leaves_out_its_lock():
    return POPPING.a, POPPING.lock.locked()


# ---- the standard library ------------------------------------------------------------

HEADER = struct.Struct("<I")
unpack = HEADER.unpack


@report("python/cpython#73814", (4, (1,)))
def a_struct_and_its_method():
    return HEADER.size, unpack(b"\1\0\0\0")


@report("python/cpython#111378", "2020")
def a_module_that_was_single_phase():
    return importlib.import_module("datetime").date(2020, 1, 1).strftime("%Y")


@report(
    "KITPraktomatTeam/Praktomat#312",
    0,
    refused="use start(backend='threads'), or do it outside of behaviors",
)
def a_function_before_exec():
    command = [sys.executable, "-c", ""]
    return subprocess.run(command, preexec_fn=dict, check=False).returncode


def main():
    reported.main(__name__)


if __name__ == "__main__":
    main()
