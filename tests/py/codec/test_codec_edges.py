"""The value codec: cowns, refusals, buffers, and the inline form."""

import array
import contextlib
import copy
import datetime
import gc
import pickle
import sys
import threading

import pytest
from bocpy import _core
from codec_values import (
    OTHERS,
    Cown,
    Frozen,
    Plain,
    Record,
    Sameness,
    Slotted,
    WithReduce,
    there_and_back,
)

# ---- cowns ---------------------------------------------------------------------------


def test_a_cown_is_a_reference():
    cown = Cown(1)
    for value in (cown, [cown, cown], {"c": cown}, Plain(cown=cown)):
        copied = there_and_back(value)
        assert type(copied) is type(value)
    copied = there_and_back([cown, cown, (cown,)])
    assert copied[0] == cown
    assert copied[0] is copied[1] is copied[2][0]


def test_a_cown_within_a_pickled_value():
    cown = Cown(1)
    copied = there_and_back({"when": datetime.date(2020, 1, 1), "cowns": [cown, cown]})
    assert copied["cowns"][0] == cown
    assert copied["cowns"][0] is copied["cowns"][1]


def test_a_buffer_can_be_decoded_repeatedly():
    cown = Cown(1)
    for value in ([cown, [1]], [cown, datetime.date(2020, 1, 1)]):
        flat = _core._codec_encode(value)
        first, second = _core._codec_decode(flat), _core._codec_decode(flat)
        assert first[0] == second[0] == cown
        assert first[1] == second[1]


def test_a_buffer_keeps_its_cowns_alive():
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


# ---- refusals ------------------------------------------------------------------------


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
            blamed = str(caught.value).partition("; keep it in a PinnedCown")[0]
            assert blamed == f"{path}: cannot ship a '_io.TextIOWrapper'"
            assert isinstance(caught.value.__cause__, TypeError)


def test_a_refusal_begins_with_the_root_that_was_given():
    with pytest.raises(
        TypeError, match=r"^c\.value\[0\]: cannot ship a '_thread.lock'"
    ):
        _core._codec_encode([threading.Lock()], "c.value")


def test_the_exception_of_a_reduction_is_raised():
    with pytest.raises(LookupError, match="not today") as caught:
        _core._codec_encode({"a": [Refusing()]})
    if sys.version_info >= (3, 11):
        assert caught.value.__notes__[-1] == "while shipping value['a'][0]"


def test_a_refusal_in_a_cycle_and_in_a_large_value():
    loop = [list(range(1000)) for _ in range(1000)]
    loop.append(loop)
    loop.append(Holder(threading.Lock()))
    with pytest.raises(TypeError, match=r"^value\[1001\].handlers\[0\]: cannot ship"):
        _core._codec_encode(loop)


@pytest.mark.parametrize("depth", [100, 1000, 1022, 1023])
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


class Link:
    def __init__(self, following):
        self.following = following


@pytest.mark.parametrize("wrap", [Link, lambda part: {"part": part}])
def test_a_deep_value_of_instances_or_dicts_survives(wrap):
    value = 1
    for _ in range(1000):
        value = wrap(value)
    copied = there_and_back(value)
    for _ in range(1000):
        (copied,) = getattr(copied, "__dict__", copied).values()
    assert copied == 1


@pytest.mark.parametrize("depth", [1024, 1025, 1200, 2000])
def test_a_deeper_value_survives_or_is_refused(depth):
    refused = None
    try:
        assert len(there_and_back(nest(depth))) == 1
    except RecursionError as error:
        refused = str(error)
    assert refused in (None, "value is nested too deeply to be shipped")


def test_a_value_that_is_too_deep_is_refused():
    with pytest.raises(RecursionError, match="nested too deeply"):
        _core._codec_encode(nest(100_000))


def test_a_check_finds_nothing_wrong_with_what_ships():
    for value in [
        *OTHERS,
        Plain(x=1),
        Record(1, "a"),
        [Cown(1)],
        nest(1000),
        WithReduce(x=1),
    ]:
        assert _core._codec_check(value) is None
        assert _core._codec_check({"inside": [value]}) is None


def test_a_cown_value_changed_by_a_reduction_while_it_is_shipped():
    whole = []

    class Vandal:
        def __reduce__(self):
            whole.clear()
            return (int, ())

    whole.extend([Vandal(), [1], {"a": 1}] * 10)
    with contextlib.suppress(RuntimeError, IndexError):
        there_and_back(whole)
    assert whole == []


# ---- buffers -------------------------------------------------------------------------


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


# ---- inline --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [None, True, 5, 2**40, 1.5, "text", b"data", (), (1, "a", (None, 2.0)), "é", 1j],
)
def test_small_values_are_encoded_inline(value):
    size, copied = _core._codec_inline(value, 48)
    Sameness().check(value, copied)
    assert _core._codec_inline(value, size)[0] == size
    assert _core._codec_inline(value, size - 1) is None


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {},
        "x" * 100,
        2**200,
        (1, [2]),
        tuple(range(100)),
        ((((((),),),),),),
        Plain(),
    ],
)
def test_other_values_are_not(value):
    assert _core._codec_inline(value, 48) is None
