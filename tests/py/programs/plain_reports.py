"""Programs made from what users have reported of cloudpickle, joblib, dask, ray,
multiprocessing and concurrent.futures, each with its report and the right result: run
on a plain thread, in a spawned process and in a behavior. A program is a function
without arguments; an exception counts as its result, too."""

import abc
import enum
import functools
import operator
import pickle
import sys
import threading
import typing
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass

import reported
from reported import report

# ---- globals and functions -----------------------------------------------------------

VARIABLE = "uninitialized"
FOO = {}
COUNT = 123


def assign():
    global VARIABLE
    VARIABLE = "initialized"


@report("cloudpipe/cloudpickle#187", "initialized")
def a_global_that_a_function_assigns():
    assign()
    return VARIABLE


def add_to_foo(x):
    FOO["x"] = x


@report("cloudpipe/cloudpickle#275", {"x": 66})
def a_global_dict_that_a_function_fills():
    add_to_foo(66)
    return FOO


@report("cloudpipe/cloudpickle#452", [124, 125])
def a_global_that_is_counted_up():
    global COUNT
    COUNT = 123
    found = []
    for _ in range(2):
        COUNT += 1
        found.append(COUNT)
    return found


def closure():
    s = {1, 2}

    def g():
        return len(s)

    return g


COUNTS = closure()


@report("cloudpipe/cloudpickle#86", 2)
def a_closure_over_a_set():
    return COUNTS()


def identity(function):
    def call(*args):
        return function(*args)

    return call


@identity
def decorated(x):
    return x + 1


@report("mrocklin/multipledispatch#19", 3)
def a_decorated_function():
    return decorated(2)


ADD_ONE = functools.partial(operator.add, 1)


@report("uqfoundation/dill#95", 3)
def a_partial_of_a_builtin():
    return ADD_ONE(2)


@functools.lru_cache
def cached(x):
    return x * 2


@report("cloudpipe/cloudpickle#178", (4, 4, 1))
def a_cached_function():
    cached.cache_clear()
    return cached(2), cached(2), cached.cache_info().hits


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@report("python/cpython#136603", 55)
def a_recursive_function_of_the_script():
    return fib(10)


TEN = lambda: 10  # noqa: E731


@report("python/cpython#125865", 10)
def a_lambda():
    return TEN()


# ---- classes -------------------------------------------------------------------------

X = namedtuple("X", ["a", "b"], defaults=[7])
Other = namedtuple("Example", ["x", "y"])


@report("cloudpipe/cloudpickle#111", (1, 7, ("a", "b")))
def a_namedtuple_with_defaults():
    return (*X(1), X._fields)


@report("numba/numba#6388", (3, "Example"))
def a_namedtuple_by_another_name():
    return sum(Other(1, 2)), type(Other(1, 2)).__name__


class T(typing.NamedTuple):
    a: str
    b: int = 2

    def both(self):
        return self.a * self.b


@report("ray-project/ray#25951", "aa")
def a_typed_namedtuple():
    return T("a").both()


class Outer:
    class Inner(typing.NamedTuple):
        a: int


@report("python/cpython#82586", (True, 1))
def a_nested_namedtuple():
    inner = pickle.loads(pickle.dumps(Outer.Inner(1)))
    return type(inner) is Outer.Inner, inner.a


class A:
    def method(self):
        return "a"


class E(A, enum.Enum):
    x = 1
    y = 2


class Spam(enum.IntEnum):
    EGGS = 1


@report("cloudpipe/cloudpickle#246", ("a", True, True))
def enums_that_inherit():
    return E.x.method(), E(1) is E.x, Spam["EGGS"] is Spam(1)


class Plain:
    pass


@report("cloudpipe/cloudpickle#195", (True, True))
def instances_of_the_scripts_classes():
    obj = pickle.loads(pickle.dumps(PLAIN))
    return isinstance(PLAIN, Plain), type(obj) is Plain


PLAIN = Plain()


LOCK_TYPE = type(threading.Lock())


@report("cloudpipe/cloudpickle#117", (True, False))
def the_type_of_a_lock():
    return isinstance(threading.Lock(), LOCK_TYPE), isinstance(1, LOCK_TYPE)


class Base:
    def __init__(self, field1):
        self.field1 = field1


class Child(Base):
    def __init__(self, field2, field1):
        super().__init__(field1)
        self.field2 = field2


class Old(Base):
    def __init__(self):
        super().__init__("old")


@report("cloudpipe/cloudpickle#99", ("one", "two", "old"))
def classes_that_call_super():
    child = Child("two", "one")
    return child.field1, child.field2, Old().field1


class Item(metaclass=abc.ABCMeta):  # noqa: B024
    pass


MyItem = type("MyItem", (Item,), {"id": 1})


@report("cloudpipe/cloudpickle#302", (False, 1))
def a_class_made_by_calling_type():
    isinstance({}.values(), MyItem)
    return isinstance({}, MyItem), MyItem().id


class Self:
    def test(self):
        return type(Self()) is type(self)


@report("dask/distributed#622", True)
def a_class_that_makes_itself():
    return Self().test()


class NoSlots:
    __slots__ = ()


class Inherited(NoSlots):
    def __init__(self, v):
        self.v = v


INHERITED = Inherited(1)


@report("cloudpipe/cloudpickle#311", 1)
def attributes_below_empty_slots():
    return INHERITED.v


class Parent:
    version = 1


class Override(Parent):
    version = 1


@report("cloudpipe/cloudpickle#600", 1)
def an_override_by_the_same_object():
    Parent.version = 2
    try:
        return Override.version
    finally:
        Parent.version = 1


class Example:
    def __init__(self, foo):
        self.foo = foo

    @functools.cached_property
    def bar(self):
        return self.foo * 3

    def two(self, a, b):
        return a - b

    from_ten = functools.partialmethod(two, 10)


@report("cloudpipe/cloudpickle#438", (6, 6))
def a_cached_property():
    example = Example(2)
    return example.bar, example.bar


@report("jsonpickle/jsonpickle#125", 7)
def a_partial_method():
    return Example(2).from_ten(3)


class Cached:
    def __init__(self):
        self.compute = functools.lru_cache(self.slow)

    def slow(self, x):
        return x + 1


CACHED = Cached()
CACHED.compute(1)


@report("GrahamDumpleton/wrapt#343", 3)
def an_instance_with_a_cache_in_it():
    return CACHED.compute(2)


class State:
    """Reads attributes of a dict that does not exist yet while it is rebuilt."""

    def __init__(self, state):
        self._state = state

    def __getattr__(self, key):
        try:
            return self._state[key]
        except KeyError:
            raise AttributeError(key) from None


STATE = State({"a": 1})


@report("dask/dask#11215", 1)
def attributes_that_a_dict_has():
    return STATE.a


class Delegate:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


DELEGATE = Delegate("text")


@report("connorferster/forallpeople#29", "TEXT")
def a_proxy_with_slots():
    return DELEGATE.upper()


class Unpicklable:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        raise RuntimeError("not this one")


@dataclass
class Custom:
    a: int
    b: Unpicklable

    def __reduce__(self):
        return make_custom, (self.a, self.b.value)


def make_custom(a, value):
    return Custom(a, Unpicklable(value))


CUSTOM = Custom(1, Unpicklable("v"))


@report("dask/dask#6574", (1, "v"))
def a_dataclass_that_says_how_to_pickle_it():
    return CUSTOM.a, CUSTOM.b.value


# ---- typing --------------------------------------------------------------------------

Kind = typing.TypeVar("Kind")


class WorkerBase(typing.Generic[Kind]):
    def __init__(self, data: Kind):
        self.data = data


class Worker(WorkerBase[int]):
    pass


GENERIC = WorkerBase[str]("hello")
LIST = typing.List[int]  # noqa: UP006


@report("python/typing#511", True)
def a_generic_alias():
    return pickle.loads(pickle.dumps(LIST)) == LIST


@report("ray-project/ray#43452", (1, (Kind,)))
def a_subclass_of_a_generic():
    return Worker(1).data, WorkerBase.__parameters__


@report("ray-project/ray#29423", ("hello", True))
def an_instance_of_a_generic_alias():
    return GENERIC.data, GENERIC.__orig_class__ == WorkerBase[str]


NEW = {}
if sys.version_info >= (3, 12):
    exec("class Foo:\n    def twice[**P](self, x): return x(2)", NEW)


@report("ray-project/ray#47842", 3)
def the_new_syntax_of_generics():
    return NEW["Foo"]().twice(lambda x: x + 1) if NEW else 3


# ---- containers ----------------------------------------------------------------------


class DefaultOrderedDict(OrderedDict):
    def __init__(self, factory=None, *args):
        super().__init__(*args)
        self.factory = factory

    def __missing__(self, key):
        self[key] = value = self.factory()
        return value

    def __reduce__(self):
        return type(self), (self.factory,), None, None, iter(self.items())


class Distribution(defaultdict):
    def __missing__(self, key):
        self[key] = key * 2
        return self[key]


ORDERED = DefaultOrderedDict(list)
ORDERED["a"].append(1)
DISTRIBUTION = Distribution()
DISTRIBUTION[1]
SOURCE = {"a": 1}
KEYS, VALUES, ITEMS = SOURCE.keys(), SOURCE.values(), SOURCE.items()


@report("geographika/mappyfile#68", ([1], []))
def an_ordered_dict_with_a_factory():
    return ORDERED["a"], ORDERED["b"]


@report("nltk/nltk#394", (2, 4))
def a_defaultdict_without_a_factory():
    return DISTRIBUTION[1], DISTRIBUTION[2]


@report("uqfoundation/dill#449", (["a"], [1], [("a", 1)]))
def views_of_a_dict():
    return list(KEYS), list(VALUES), list(ITEMS)


# ---- errors --------------------------------------------------------------------------


class Stuff:
    two = 2


class MyExc(Exception):
    def __init__(self, stuff):
        super().__init__(stuff.two)


class Two(Exception):
    def __init__(self, arg1, arg2):
        super().__init__(f"{arg1} and {arg2}")


@report("python/cpython#103061", "MyExc: 2")
def an_error_whose_arguments_differ():
    raise MyExc(Stuff())


@report("agronholm/pythonfutures#30", "Two: a and b")
def an_error_with_two_arguments():
    raise Two("a", "b")


@report("joblib/joblib#1369", "ValueError: low, because of KeyError('missing')")
def an_error_with_a_cause():
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError(f"low, because of {error!r}") from error


@report("uqfoundation/multiprocess#220", "SystemExit: the worker leaves")
def a_system_exit():
    raise SystemExit("the worker leaves")


@report("ericsnowcurrently/multi-core-python#46", True)
def a_pickle_of_a_class_of_the_script():
    return isinstance(pickle.loads(PICKLED), Plain)


PICKLED = pickle.dumps(Plain())


def main():
    reported.main(__name__)


if __name__ == "__main__":
    main()
