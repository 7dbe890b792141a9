"""The value codec: what comes back is what went in, whatever way it took.

Values are checked against the original: types, equality, sharing and cycles, by walking both
at once. What pickle would make of the same value is the reference where that is subtle.
"""

import abc
import array
import collections
import copy
import copyreg
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import importlib.util
import pickle
import sys
import threading
import tracemalloc
import types
import typing
import uuid
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bocpy import _core

Cown = _core.Cown


def there_and_back(value):
    return _core._codec_decode(_core._codec_encode(value))


# ---- sameness --------------------------------------------------------------------------

LEAVES = (type(None), bool, int, float, complex, str, bytes, range)


class Sameness:
    """Whether two values are the same graph: one-to-one on everything with parts."""

    def __init__(self):
        self.there, self.back, self.kept = {}, {}, []

    def check(self, one, two, path="value"):
        assert type(one) is type(two), path
        if type(one) in LEAVES:
            assert one == two, path
            assert type(one) is int or repr(one) == repr(two), path
            return
        if id(one) in self.there or id(two) in self.back:
            assert self.there.get(id(one)) == id(two), f"{path}: shared differently"
            assert self.back.get(id(two)) == id(one), f"{path}: shared differently"
            return
        self.kept.append((one, two))
        if one != ():
            self.there[id(one)], self.back[id(two)] = id(two), id(one)
        self.parts(one, two, path)

    def parts(self, one, two, path):
        if type(one) in (list, tuple):
            assert len(one) == len(two), path
            for index, pair in enumerate(zip(one, two)):
                self.check(*pair, f"{path}[{index}]")
        elif type(one) is dict:
            assert len(one) == len(two), path
            for left, right in zip(one.items(), two.items()):
                self.check(left[0], right[0], f"{path} key")
                self.check(left[1], right[1], f"{path}[{left[0]!r}]")
        elif type(one) is slice:
            for name in ("start", "stop", "step"):
                self.check(getattr(one, name), getattr(two, name), f"{path}.{name}")
        elif isinstance(one, Plain):
            self.check(vars(one), vars(two), f"vars({path})")
            self.forget_dict(one, two)
        else:
            assert one == two, path

    def forget_dict(self, one, two):
        """The dict of an instance is not a part that can be shared."""
        self.there.pop(id(vars(one)), None)
        self.back.pop(id(vars(two)), None)


def assert_same(value):
    copied = there_and_back(value)
    Sameness().check(value, copied)
    return copied


# ---- classes of all kinds --------------------------------------------------------------


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Child(Plain):
    pass


class Outer:
    class Inner(Plain):
        pass


class Abstract(abc.ABC):
    @abc.abstractmethod
    def work(self): ...


class Concrete(Plain, Abstract):
    def work(self):
        return self.x


T = typing.TypeVar("T")


class Generic(Plain, typing.Generic[T]):
    pass


@dataclasses.dataclass
class Record:
    number: int
    text: str
    items: list = dataclasses.field(default_factory=list)
    ratio: float = 0.5


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int
    y: object


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int
    y: object


class WithProperty(Plain):
    @property
    def x(self):
        return -self.__dict__["x"]

    @x.setter
    def x(self, value):
        raise AssertionError("stored through the property")


class WithSetattr(Plain):
    def __setattr__(self, name, value):
        raise AssertionError("stored through __setattr__")


class WithCached(Plain):
    @functools.cached_property
    def twice(self):
        return 2 * self.x


class WithState(Plain):
    def __getstate__(self):
        return {"kept": self.__dict__.get("x")}


class WithSetstate(Plain):
    def __setstate__(self, state):
        self.__dict__.update(state, restored=True)


class WithNew(Plain):
    def __new__(cls, **attributes):
        self = super().__new__(cls)
        self.__dict__["made_by"] = "new"
        return self


class WithArguments:
    def __new__(cls, x):
        self = super().__new__(cls)
        self.x = x
        return self

    def __getnewargs__(self):
        return (self.x,)


class WithReduce(Plain):
    def __reduce__(self):
        return (make_reduced, (self.x,))


def make_reduced(x):
    return WithReduce(x=x, reduced=True)


class WithGetattr(Plain):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class Registered(Plain):
    pass


copyreg.pickle(Registered, lambda value: (make_registered, (value.x,)))


def make_registered(x):
    return Registered(x=x, registered=True)


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyStr(str):
    pass


class MyInt(int):
    pass


class MyTuple(tuple):
    pass


class MyError(Exception):
    pass


class Color(enum.Enum):
    RED = 1
    BLUE = 2


Point = collections.namedtuple("Point", "x y")


# ---- values ----------------------------------------------------------------------------

NUMBERS = [0, 1, -1, 127, 128, -128, -129, 255, 256, 257, 2**15, 2**31 - 1, 2**31, -(2**31)]
NUMBERS += [2**30, 2**60 - 1, 2**60, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64]
NUMBERS += [2**200, -(2**200), 10**5000, -(10**5000)]
TEXTS = ["", "a", "\x00", "é", "ÿ", "Ā", "日本", "\U0001f600", "\ud800", "a\udfffb", "ab\0cd"]
TEXTS += ["x" * n for n in (63, 64, 254, 255, 256, 70_000)]
TEXTS += ["é" * 300, "日" * 300, "\U0001f600" * 300]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: f"{n.bit_length()}-bit-{n < 0}")
def test_an_int_of_any_size(number):
    assert_same(number)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{ascii(text)[:16]}-{len(text)}")
def test_a_str_of_any_kind(text):
    assert_same(text)
    assert_same([text, {text: text}])


@pytest.mark.parametrize("size", [0, 1, 63, 64, 254, 255, 256, 511, 512, 513, 1 << 20])
def test_bytes_of_any_size(size):
    data = bytes(i & 255 for i in range(size))
    assert_same(data)
    assert_same(bytearray(data))


def test_floats_keep_every_bit():
    import struct

    for bits in (0, 1 << 63, 0x7FF8000000000001, 0xFFF0000000000000, 1):
        value = struct.unpack("<d", struct.pack("<Q", bits))[0]
        assert struct.pack("<d", there_and_back(value)) == struct.pack("<d", value)
    assert_same(complex(-0.0, 1e300))


@pytest.mark.parametrize("value", [None, True, False, ..., NotImplemented, ()])
def test_singletons_stay_what_they_are(value):
    assert there_and_back(value) is value
    assert there_and_back([value])[0] is value


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        set(),
        frozenset(),
        bytearray(),
        list(range(1000)),
        tuple(range(1000)),
        {i: str(i) for i in range(1000)},
        set(range(1000)),
        frozenset("abc"),
        {(1, 2): {frozenset({3}): [4]}},
        range(0),
        range(1, 10**30, 7),
        slice(None),
        slice(1, [2], "three"),
        [[[]], [()], ({},)],
    ],
    ids=lambda value: f"{type(value).__name__}-{len(repr(value))}",
)
def test_containers(value):
    assert_same(value)


def test_the_order_of_a_dict_is_kept():
    order = ["z", "a", 3, "m", (1,), None]
    assert list(there_and_back(dict.fromkeys(order))) == order


def test_many_dicts_with_the_same_keys_share_them():
    rows = [{"name": i, "size": i} for i in range(100)]
    copied = assert_same(rows)
    assert all(list(row)[0] is list(copied[0])[0] for row in copied)


def test_more_keys_than_the_key_table_has_slots():
    assert_same([{f"key{i}": i for i in range(n)} for n in range(1, 200, 7)] * 2)


def test_a_big_string_that_is_used_often_is_written_once():
    text = "".join(map(str, range(100_000)))
    size = _core._codec_size(_core._codec_encode([text] * 50))
    assert size < len(text) + 2_000
    copied = there_and_back([text] * 50)
    assert copied == [text] * 50 and copied[0] is copied[49]


OTHERS = [
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc),
    decimal.Decimal("1.50"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=5),
    collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.Counter("abca"),
    collections.deque([1, 2], maxlen=3),
    collections.defaultdict(list, {"a": [1]}),
    array.array("d", [1.0, 2.0]),
    types.SimpleNamespace(a=1),
    Color.BLUE,
    Point(1, [2]),
    MyList([1, 2]),
    MyDict(a=1),
    MyStr("text"),
    MyInt(5),
    MyTuple((1, 2)),
    int,
    Plain,
    len,
    make_reduced,
    functools.partial(make_reduced, 3),
]


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_what_only_pickle_knows(value):
    for whole in (value, {"inside": [value, 1]}):
        copied = there_and_back(whole)
        assert copied == whole if not isinstance(value, functools.partial) else True
        assert type(copied) is type(whole)


def test_exceptions_keep_type_and_arguments():
    for error in (ValueError("text", 3), MyError("mine"), OSError(2, "gone", "file")):
        copied = there_and_back(error)
        assert type(copied) is type(error) and copied.args == error.args


# ---- sharing and cycles ----------------------------------------------------------------


def test_what_is_shared_stays_shared():
    inner = [1]
    assert_same([inner, inner, (inner, inner), {"a": inner}])
    pair = (inner, 2)
    copied = assert_same([pair, pair, {"p": pair}])
    assert copied[0] is copied[1] is copied[2]["p"]
    assert_same([value := frozenset({1, 2}), value])
    assert_same([value := bytearray(b"ab"), value])
    assert_same([value := slice(1, 2), value])


def test_a_list_and_a_dict_that_contain_themselves():
    loop = []
    loop.append(loop)
    copied = there_and_back(loop)
    assert copied[0] is copied and len(copied) == 1
    ring = {}
    ring["self"] = ring
    copied = there_and_back(ring)
    assert copied["self"] is copied


def test_a_tuple_in_a_cycle():
    for make in (lambda inner: (inner,), lambda inner: (inner, 1, inner)):
        inner = []
        value = make(inner)
        inner.append(value)
        copied = assert_same(value)
        assert copied[0][0] is copied
        copied = assert_same(inner)
        assert copied[0][0] is copied


def test_a_tuple_in_a_cycle_through_a_dict_key():
    node = Plain()
    pair = (node, 1)
    node.table = {pair: "found"}
    copied = there_and_back(pair)
    assert copied[0].table[copied] == "found"
    assert next(iter(copied[0].table)) is copied


def test_a_frozenset_and_a_set_in_cycles():
    node = Plain()
    node.group = frozenset({node})
    copied = there_and_back(node)
    assert copied.group == frozenset({copied})
    copied = there_and_back(node.group)
    assert next(iter(copied)).group is copied
    node.group = {node}
    copied = there_and_back(node)
    assert copied.group == {copied}


def test_an_instance_in_a_cycle_with_itself_and_others():
    one, two = Plain(), Child()
    one.me, one.other, two.other = one, two, one
    copied = assert_same([one, two, one])
    assert copied[0].me is copied[0] is copied[2] is copied[1].other


def test_a_slice_in_a_cycle():
    inner = []
    value = slice(inner, 1)
    inner.append(value)
    copied = there_and_back(value)
    assert copied.start[0] is copied


def test_a_key_whose_hash_looks_at_the_unfinished_whole():
    whole = []
    key = Nosy(whole)
    whole.extend([1, {key: 2}, 3])
    copied = there_and_back(whole)
    (found,) = copied[1]
    assert found.whole is copied and copied[2] == 3


class Nosy:
    def __init__(self, whole):
        self.whole = whole

    def __hash__(self):
        repr(self.whole)
        return 1

    def __repr__(self):
        return "Nosy"


# ---- instances -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        Plain(),
        Plain(x=1),
        Child(x=[1], y="two"),
        Outer.Inner(a=1),
        Concrete(x=3),
        Generic(x=3),
        WithSetattr(x=1),
        WithProperty(x=1),
        Plain(**{f"a{i}": i for i in range(200)}),
        Plain(**{"not an identifier": 1, "é": 2, "\ud800": 3}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_instances(value):
    copied = assert_same(value)
    assert list(vars(copied)) == list(vars(value))
    assert_same([value, [value]])


def test_instances_with_keys_that_are_no_strings():
    value = Plain(x=1)
    value.__dict__[5] = 6
    assert there_and_back(value).__dict__ == {"x": 1, 5: 6}


def test_instances_of_one_class_with_many_sets_of_attributes():
    values = [Plain(**{f"k{i}": i, f"k{i + 1}": 0}) for i in range(50)]
    assert_same(values + values)


def test_data_classes():
    record = Record(1, "two", [3])
    copied = there_and_back(record)
    assert copied == record and type(copied) is Record and copied.items is not record.items
    assert there_and_back(Frozen(1, Frozen(2, None))) == Frozen(1, Frozen(2, None))
    assert there_and_back([Slotted(1, [2])]) == [Slotted(1, [2])]
    records = [Record(i, str(i)) for i in range(100)]
    assert there_and_back(records) == records


def test_classes_that_have_a_say_in_it():
    assert vars(there_and_back(WithState(x=1, y=2))) == {"kept": 1}
    assert vars(there_and_back(WithSetstate(x=1))) == {"x": 1, "restored": True}
    assert vars(there_and_back(WithNew(x=1))) == {"made_by": "new", "x": 1}
    assert there_and_back(WithArguments(5)).x == 5
    assert vars(there_and_back(WithReduce(x=1))) == {"x": 1, "reduced": True}
    assert vars(there_and_back(WithGetattr(x=1))) == {"x": 1}
    assert vars(there_and_back(Registered(x=1))) == {"x": 1, "registered": True}
    cached = WithCached(x=2)
    assert cached.twice == 4
    assert vars(there_and_back(cached)) == {"x": 2, "twice": 4}


def test_attribute_names_are_interned():
    copied = there_and_back(Plain(**{"some" + "_name": 1}))
    assert next(iter(vars(copied))) is sys.intern("some_name")


def test_an_instance_keeps_weak_references_possible():
    copied = there_and_back(Plain(x=1))
    assert weakref.ref(copied)() is copied


def test_a_class_that_is_replaced_under_its_name():
    module = types.ModuleType("replaceable")
    sys.modules["replaceable"] = module
    try:
        first = make_class(module)
        assert type(there_and_back(first())) is first
        second = make_class(module)
        assert type(there_and_back(second())) is second
        assert type(there_and_back([second(), second()])[1]) is second
    finally:
        del sys.modules["replaceable"]


def make_class(module):
    module.Thing = type("Thing", (Plain,), {"__module__": "replaceable"})
    return module.Thing


def test_classes_come_and_go():
    alive = []
    for _ in range(100):
        local = type("Local", (Plain,), {"__module__": "nowhere", "__slots__": ("a",)})
        with pytest.raises(TypeError):
            _core._codec_encode([local(), threading.Lock()])
        alive.append(weakref.ref(local))
        del local
    gc.collect()
    assert sum(ref() is not None for ref in alive) < 50


# ---- cowns -----------------------------------------------------------------------------


def test_a_cown_is_a_reference():
    cown = Cown(1)
    for value in (cown, [cown, cown], {"c": cown}, Plain(cown=cown)):
        copied = there_and_back(value)
        assert type(copied) is type(value)
    copied = there_and_back([cown, cown, (cown,)])
    assert copied[0] == cown and copied[0] is copied[1] is copied[2][0]


def test_a_cown_within_a_pickled_value():
    cown = Cown(1)
    copied = there_and_back({"when": datetime.date(2020, 1, 1), "cowns": [cown, cown]})
    assert copied["cowns"][0] == cown and copied["cowns"][0] is copied["cowns"][1]


def test_a_flat_can_be_decoded_again_and_again():
    cown = Cown(1)
    for value in ([cown, [1]], [cown, datetime.date(2020, 1, 1)]):
        flat = _core._codec_encode(value)
        first, second = _core._codec_decode(flat), _core._codec_decode(flat)
        assert first[0] == second[0] == cown and first[1] == second[1]


def test_a_flat_keeps_its_cowns():
    flat = _core._codec_encode([Cown(1), datetime.date(2020, 1, 1)])
    gc.collect()
    assert type(_core._codec_decode(flat)[0]) is Cown


def test_a_cown_can_be_pickled_within_the_process_as_long_as_it_lives():
    cowns = [Cown(i) for i in range(200)]
    pickles = [pickle.dumps(cown) for cown in cowns]
    assert [pickle.loads(data) for data in pickles] == cowns
    assert copy.copy(cowns[0]) == cowns[0]
    assert copy.deepcopy([cowns[0]])[0] == cowns[0]
    del cowns[::2]
    gc.collect()
    for data in pickles[::2]:
        with pytest.raises(RuntimeError, match="gone"):
            pickle.loads(data)
    assert [pickle.loads(data) for data in pickles[1::2]] == cowns


def test_a_cown_from_another_process_is_refused():
    call, (process, *rest) = Cown(1).__reduce__()
    with pytest.raises(RuntimeError, match="another process"):
        call(process + 1, *rest)


# ---- refusals --------------------------------------------------------------------------


class Holder:
    def __init__(self, thing):
        self.handlers = [thing]


class Refusing:
    def __reduce__(self):
        raise LookupError("not today")


REFUSED = {
    "value": lambda bad: bad,
    "value[1]": lambda bad: [1, bad],
    "value[0][2]": lambda bad: [(1, 2, bad)],
    "value['log'].handlers[0]": lambda bad: {"ok": 1, "log": Holder(bad)},
    "value['{x}'][5]": lambda bad: {"{x}": {5: bad}},
    "value.args[0]": lambda bad: ValueError(bad),
    "value.y": lambda bad: Slotted(1, bad),
    "value[0].y.handlers[0]": lambda bad: [Frozen(1, Holder(bad))],
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_refusal_names_the_part(path):
    with open(__file__) as file:
        value = REFUSED[path](file)
        for ship in (_core._codec_encode, _core._codec_check):
            if ship is _core._codec_check and isinstance(value, (Exception, Slotted)):
                continue
            with pytest.raises(TypeError) as caught:
                ship(value)
            assert str(caught.value) == f"{path}: cannot ship a '_io.TextIOWrapper'"
            assert isinstance(caught.value.__cause__, TypeError)


def test_a_refusal_begins_with_the_root_that_was_given():
    with pytest.raises(TypeError, match=r"^c\.value\[0\]: cannot ship a '_thread.lock'"):
        _core._codec_encode([threading.Lock()], "c.value")


def test_what_a_reduction_raises_is_raised():
    with pytest.raises(LookupError, match="not today") as caught:
        _core._codec_encode({"a": [Refusing()]})
    if sys.version_info >= (3, 11):
        assert caught.value.__notes__ == ["while shipping value['a'][0]"]


def test_a_refusal_in_a_cycle_and_in_a_large_value():
    loop = [list(range(1000)) for _ in range(1000)]
    loop.append(loop)
    loop.append(Holder(threading.Lock()))
    with pytest.raises(TypeError, match=r"^value\[1001\].handlers\[0\]: cannot ship"):
        _core._codec_encode(loop)


@pytest.mark.parametrize("depth", [100, 498, 499])
def test_a_deep_value_survives(depth):
    value = nest(depth)
    copied = there_and_back(value)
    for _ in range(depth):
        assert len(copied) == len(value) == 1
        copied, value = copied[0], value[0]
    assert copied == []


def nest(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [500, 501, 600, 2000])
def test_a_deeper_value_survives_or_is_refused(depth):
    try:
        copied = there_and_back(nest(depth))
    except RecursionError as error:
        assert "value is nested too deeply" in str(error)
    else:
        assert len(copied) == 1


def test_a_value_that_is_too_deep_is_refused():
    with pytest.raises(RecursionError, match="nested too deeply"):
        _core._codec_encode(nest(100_000))


def test_a_check_finds_nothing_wrong_with_what_ships():
    for value in OTHERS + [Plain(x=1), Record(1, "a"), [Cown(1)], nest(1000), WithReduce(x=1)]:
        assert _core._codec_check(value) is None
        assert _core._codec_check({"inside": [value]}) is None


def test_a_cown_value_changed_by_a_reduction_while_it_is_shipped():
    whole = []

    class Vandal:
        def __reduce__(self):
            whole.clear()
            return (int, ())

    whole.extend([Vandal(), [1], {"a": 1}] * 10)
    try:
        there_and_back(whole)
    except (RuntimeError, IndexError):
        pass
    assert whole == []


# ---- buffers ---------------------------------------------------------------------------


class Buffered:
    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return (Buffered, (pickle.PickleBuffer(self.data),))


def test_buffers_travel_out_of_band():
    for data in (b"abc" * 1000, bytearray(b"xyz" * 1000), b"", array.array("d", [1.0])):
        copied = there_and_back([Buffered(data), 1])
        view = memoryview(copied[0].data)
        assert bytes(view) == bytes(memoryview(data).cast("B"))
        assert view.readonly == isinstance(data, bytes)


# ---- inline ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, True, 5, 2**40, 1.5, "text", b"data", (), (1, "a", (None, 2.0)), "é", 1j]
)
def test_small_values_are_encoded_inline(value):
    size, copied = _core._codec_inline(value, 48)
    Sameness().check(value, copied)
    assert _core._codec_inline(value, size)[0] == size
    assert _core._codec_inline(value, size - 1) is None


@pytest.mark.parametrize(
    "value", [[1], {}, "x" * 100, 2**200, (1, [2]), tuple(range(100)), ((((((),),),),),), Plain()]
)
def test_other_values_are_not(value):
    assert _core._codec_inline(value, 48) is None


# ---- whatever one can think of ---------------------------------------------------------

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**300), 2**300)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters(exclude_categories=()))
    | st.binary(max_size=100)
)
hashables = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
trees = st.recursive(
    leaves
    | st.sets(hashables, max_size=4)
    | st.frozensets(hashables, max_size=4)
    | st.binary(max_size=80).map(bytearray),
    lambda inner: st.lists(inner, max_size=5)
    | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(hashables, inner, max_size=5)
    | st.dictionaries(st.text(max_size=5), inner, max_size=4).map(lambda d: Plain(**d)),
    max_leaves=30,
)
relaxed = settings(
    max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@relaxed
@given(trees)
def test_any_tree(value):
    assert_same(value)
    assert_same([value, (value, value)])


@relaxed
@given(trees)
def test_any_tree_by_way_of_pickle(value):
    copied = there_and_back([value, datetime.date(2020, 1, 1), value])
    Sameness().check(value, copied[0])
    assert copied[0] is copied[2] or type(value) in LEAVES or value == ()


@relaxed
@given(st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 50), max_size=5)), min_size=1))
def test_any_graph(plan):
    """Nodes of five kinds; those that can change get edges to any node, cycles included."""
    nodes = []
    for kind, edges in plan:
        earlier = tuple(nodes[edge % len(nodes)] for edge in edges) if nodes else ()
        make = [list, dict, Plain, lambda: earlier, lambda: slice(earlier, None)][kind]
        nodes.append(make())
    for node, (_, edges) in zip(nodes, plan):
        for position, edge in enumerate(edges):
            connect(node, position, nodes[(edge * 7 + position) % len(nodes)])
    assert_same(nodes)
    Sameness().check(pickle.loads(pickle.dumps(nodes)), there_and_back(nodes))
    for node in nodes:
        assert_same(node)


def connect(node, position, target):
    if type(node) is list:
        node.append(target)
    elif type(node) is dict:
        node[f"edge{position}"] = target
    elif type(node) is Plain:
        setattr(node, f"edge{position}", target)


# ---- out of memory ---------------------------------------------------------------------

if importlib.util.find_spec("_testcapi"):
    import _testcapi

    def failing_values():
        """Values that need no Python code once their classes are known: interpreters
        themselves do not survive that memory runs out anywhere."""
        shared = [Plain(a=1, b="text"), "long " * 100, 2**300]
        cowns = [Cown(i) for i in range(10)]
        many = [[shared] for _ in range(100)]
        yield {"shared": shared, "again": (shared, shared), "cowns": cowns, "many": many}
        yield [Plain(x=1), {"k": frozenset({1, (2, 3)}), "b": bytearray(1000)}, slice(1)]
        yield [range(3), {f"key{i}": [i] for i in range(50)}, [()] * 300]

    def out_of_memory_at(step, call, *args):
        """Whether the call came to its end although one allocation failed."""
        _testcapi.set_nomemory(step, step + 1)
        try:
            result = call(*args)
        except MemoryError:
            return False
        finally:
            _testcapi.remove_mem_hooks()
        del result
        return True

    @pytest.mark.parametrize("index", range(3))
    def test_no_allocation_may_fail_without_a_memory_error(index):
        value = list(failing_values())[index]
        flat = _core._codec_encode(value)
        _core._codec_decode(flat)
        before = sys.getrefcount(value), [sys.getrefcount(part) for part in parts_of(value)]
        for step in range(400):
            out_of_memory_at(step, _core._codec_encode, value)
        for step in range(400):
            out_of_memory_at(step, _core._codec_decode, flat)
        assert_equal_shape(_core._codec_decode(flat), value)
        gc.collect()
        after = sys.getrefcount(value), [sys.getrefcount(part) for part in parts_of(value)]
        assert after == before

    def parts_of(value):
        return list(value.values()) if isinstance(value, dict) else value

    def assert_equal_shape(copied, value):
        assert len(copied) == len(value) and type(copied) is type(value)

    def test_failed_encodings_leak_nothing():
        value = next(failing_values())
        flat = _core._codec_encode(value)
        _core._codec_decode(flat)

        def rounds():
            for step in range(120):
                out_of_memory_at(step, _core._codec_encode, value)
                out_of_memory_at(step, _core._codec_decode, flat)
            gc.collect()

        rounds()
        tracemalloc.start()
        try:
            rounds()
            start = tracemalloc.get_traced_memory()[0]
            for _ in range(5):
                rounds()
            grown = tracemalloc.get_traced_memory()[0] - start
        finally:
            tracemalloc.stop()
        assert grown < 20_000


# ---- threads ---------------------------------------------------------------------------


def test_threads_ship_what_another_is_changing():
    shared = {"list": list(range(50)), "set": {1, 2}, "plain": Plain(a=1), "rows": [Plain(b=2)]}
    stop, failures = threading.Event(), []

    def change():
        while not stop.is_set():
            for i in range(20):
                shared["list"].append([i])
                shared[f"key{i}"] = i
                shared["set"].add(i)
                setattr(shared["plain"], f"name{i}", i)
            shared["list"].clear()
            shared["set"].clear()
            shared["plain"].__dict__.clear()
            for i in range(20):
                del shared[f"key{i}"]

    def ship():
        for _ in range(300):
            try:
                copied = there_and_back(shared)
                _core._codec_check(shared)
                assert type(copied["plain"]) is Plain and copied["rows"][0].b == 2
            except RuntimeError as error:
                assert "chang" in str(error)
            except BaseException as error:
                failures.append(error)
                return

    shippers = [threading.Thread(target=ship) for _ in range(3)]
    changer = threading.Thread(target=change)
    for thread in [changer, *shippers]:
        thread.start()
    for thread in shippers:
        thread.join()
    stop.set()
    changer.join()
    assert not failures
