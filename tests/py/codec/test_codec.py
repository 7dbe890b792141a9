"""The value codec: a decoded value equals the encoded one, whichever way it travels."""

import functools
import sys
import types
import weakref

import pytest
from bocpy import _core
from codec_values import (
    OTHERS,
    Child,
    Concrete,
    Frozen,
    Generic,
    MyError,
    Outer,
    Plain,
    Record,
    Registered,
    Slotted,
    WithArguments,
    WithCached,
    WithGetattr,
    WithNew,
    WithProperty,
    WithReduce,
    WithSetattr,
    WithSetstate,
    WithState,
    assert_same,
    there_and_back,
)

# ---- values --------------------------------------------------------------------------

NUMBERS = [
    0,
    1,
    -1,
    127,
    128,
    -128,
    -129,
    255,
    256,
    257,
    2**15,
    2**31 - 1,
    2**31,
    -(2**31),
]
NUMBERS += [2**30, 2**60 - 1, 2**60, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64]
NUMBERS += [2**200, -(2**200), 10**5000, -(10**5000)]
TEXTS = [
    "",
    "a",
    "\x00",
    "é",
    "ÿ",
    "Ā",
    "日本",
    "\U0001f600",
    "\ud800",
    "a\udfffb",
    "ab\0cd",
]
TEXTS += ["x" * n for n in (63, 64, 254, 255, 256, 70_000)]
TEXTS += ["é" * 300, "日" * 300, "\U0001f600" * 300]


@pytest.mark.parametrize(
    "number", NUMBERS, ids=lambda n: f"{n.bit_length()}-bit-{n < 0}"
)
def test_an_int_of_any_size(number):
    assert_same(number)


@pytest.mark.parametrize(
    "text", TEXTS, ids=lambda text: f"{ascii(text)[:16]}-{len(text)}"
)
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
    assert all(next(iter(row)) is next(iter(copied[0])) for row in copied)


def test_more_keys_than_the_key_table_has_slots():
    assert_same([{f"key{i}": i for i in range(n)} for n in range(1, 200, 7)] * 2)


def test_a_big_string_that_is_used_often_is_written_once():
    text = "".join(map(str, range(100_000)))
    size = _core._codec_size(_core._codec_encode([text] * 50))
    assert size < len(text) + 2_000
    copied = there_and_back([text] * 50)
    assert copied == [text] * 50
    assert copied[0] is copied[49]


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_values_that_only_pickle_can_encode(value):
    for whole in (value, {"inside": [value, 1]}):
        copied = there_and_back(whole)
        assert copied == whole if not isinstance(value, functools.partial) else True
        assert type(copied) is type(whole)


def test_exceptions_keep_type_and_arguments():
    for error in (ValueError("text", 3), MyError("mine"), OSError(2, "gone", "file")):
        copied = there_and_back(error)
        assert type(copied) is type(error)
        assert copied.args == error.args


# ---- sharing and cycles --------------------------------------------------------------


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
    assert copied[0] is copied
    assert len(copied) == 1
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


def test_a_key_whose_hash_reads_the_unfinished_value():
    whole = []
    key = Nosy(whole)
    whole.extend([1, {key: 2}, 3])
    copied = there_and_back(whole)
    (found,) = copied[1]
    assert found.whole is copied
    assert copied[2] == 3


class Nosy:
    def __init__(self, whole):
        self.whole = whole

    def __hash__(self):
        repr(self.whole)
        return 1

    def __repr__(self):
        return "Nosy"


# ---- instances -----------------------------------------------------------------------


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
    assert copied == record
    assert type(copied) is Record
    assert copied.items is not record.items
    assert there_and_back(Frozen(1, Frozen(2, None))) == Frozen(1, Frozen(2, None))
    assert there_and_back([Slotted(1, [2])]) == [Slotted(1, [2])]
    records = [Record(i, str(i)) for i in range(100)]
    assert there_and_back(records) == records


def test_classes_with_pickle_methods_are_pickled():
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


COME_AND_GO = """
import gc, threading, weakref
import bocpy._codec.class_encodings, bocpy._explain_unshippable, bocpy._ship.send
from bocpy import _core

class Plain:
    pass

alive = []
for _ in range(100):
    local = type("Local", (Plain,), {"__module__": "nowhere", "__slots__": ("a",)})
    try:
        _core._codec_encode([local(), threading.Lock()])
    except TypeError:
        alive.append(weakref.ref(local))
    del local
gc.collect()
print(len(alive), sum(ref() is not None for ref in alive) < 50)
"""


def test_classes_come_and_go(program):
    """In a process of its own, which imports by itself what the codec needs late:
    CPython 3.13 without a GIL keeps every class for ever once a thread has been
    started, and the package imports late on a thread of its own."""
    assert program(COME_AND_GO).out == "100 True\n"
