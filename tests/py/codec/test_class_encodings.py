"""Values that are encoded without pickle: slots, named tuples, dates, Decimals,
containers of collections, arrays, memory views."""

import array
import collections
import copyreg
import datetime
import decimal
import functools
import typing
import weakref

import bocpy
import pytest
from bocpy import Cown, _core, when
from bocpy._codec import class_encodings
from codec_values import there_and_back
from harness import LIMIT


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left=None, right=None):
        self.left, self.right = left, right


class MoreSlots(Slots):
    __slots__ = ("__weakref__", "more")


class Meta(type):
    @property
    def left(cls):
        return Other.right


class Other:
    __slots__ = ("before", "left", "right")


class OfMeta(metaclass=Meta):
    __slots__ = ("left",)


class Private:
    __slots__ = ("__hidden",)

    def __init__(self, hidden):
        self.__hidden = hidden

    def reveal(self):
        return self.__hidden


class SlotsAndDict(Slots):
    pass


class Guarded(Slots):
    __slots__ = ()

    def __setattr__(self, name, value):
        object.__setattr__(self, name, ("set", value))


class Stateful(Slots):
    __slots__ = ()

    def __getstate__(self):
        return "state"

    def __setstate__(self, state):
        self.left = state


class Registered(Slots):
    __slots__ = ()


def make_registered():
    return Registered("registered")


copyreg.pickle(Registered, lambda _: (make_registered, ()))


class Ends(Slots):
    __slots__ = ()

    def __del__(self):
        pass


class Shadowed(Slots):
    __slots__ = ("left",)


Pair = collections.namedtuple("Pair", "left right")


class Typed(typing.NamedTuple):
    left: object
    right: int = 7


class Bare(Pair):
    __slots__ = ()

    def total(self):
        return self.left + self.right


class WithDict(Pair):
    pass


class Counted(Pair):
    __slots__ = ()

    def __new__(cls, left, right):
        return Pair.__new__(cls, left, right)


class Day(datetime.date):
    """Its instances may have attributes, which `date.__reduce__` leaves out."""


class BareDay(datetime.date):
    __slots__ = ()


class Dated(datetime.datetime):
    def __init__(self, *_):
        self.made = True


class Refused(Exception):
    def __init__(self, why, amount=0):
        super().__init__(why)
        self.amount = amount


class RefusedMore(Refused, ValueError):
    pass


class Undecoded(UnicodeDecodeError):
    def __init__(self, why):
        self.args = (why,)


class Reduced(Exception):
    def __reduce__(self):
        return Reduced, ("reduced",)


class System(OSError):
    pass


class Slotted(Exception):
    __slots__ = ("amount",)


class ArgsChanged(Exception):
    args = ()


def way(cls):
    return class_encodings.encoding_of(cls)[0]


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Slots, class_encodings.SLOTTED),
        (MoreSlots, class_encodings.SLOTTED),
        (Private, class_encodings.SLOTTED),
        (SlotsAndDict, class_encodings.PICKLED),
        (Guarded, class_encodings.PICKLED),
        (Stateful, class_encodings.PICKLED),
        (Registered, class_encodings.PICKLED),
        (Ends, class_encodings.PICKLED),
        (Shadowed, class_encodings.PICKLED),
        (Pair, class_encodings.NAMED),
        (Typed, class_encodings.NAMED),
        (Bare, class_encodings.NAMED),
        (WithDict, class_encodings.PICKLED),
        (Counted, class_encodings.PICKLED),
        (datetime.date, class_encodings.REDUCED),
        (datetime.datetime, class_encodings.REDUCED),
        (datetime.timedelta, class_encodings.REDUCED),
        (datetime.timezone, class_encodings.REDUCED),
        (Day, class_encodings.PICKLED),
        (BareDay, class_encodings.REDUCED),
        (collections.deque, class_encodings.REDUCED),
        (collections.OrderedDict, class_encodings.REDUCED),
        (array.array, class_encodings.ARRAY),
        (type("Array", (array.array,), {}), class_encodings.PICKLED),
        (weakref.finalize, class_encodings.PICKLED),
        (functools.partial, class_encodings.PICKLED),
        (Refused, class_encodings.EXCEPTION),
        (RefusedMore, class_encodings.EXCEPTION),
        (Undecoded, class_encodings.EXCEPTION),
        (Reduced, class_encodings.PICKLED),
        (System, class_encodings.PICKLED),
        (Slotted, class_encodings.PICKLED),
        (ArgsChanged, class_encodings.PICKLED),
        (ValueError, class_encodings.PICKLED),
        (OSError, class_encodings.PICKLED),
        (object, class_encodings.PICKLED),
        (type, class_encodings.PICKLED),
    ],
)
def test_classes_have_the_encoding_that_equals_pickle(cls, expected):
    assert way(cls) == expected


def test_slots_come_back_set_or_unset():
    slots = there_and_back(Slots([1], "x"))
    assert (type(slots), slots.left, slots.right) == (Slots, [1], "x")
    del slots.right
    again = there_and_back(slots)
    assert again.left == [1]
    assert not hasattr(again, "right")
    more = MoreSlots(1, 2)
    more.more = 3
    copy = there_and_back(more)
    assert (copy.left, copy.right, copy.more) == (1, 2, 3)
    assert there_and_back(Private("seen")).reveal() == "seen"


def test_slots_that_the_class_shows_as_something_else_are_read_by_name():
    value = OfMeta()
    value.left = "slot"
    copy = there_and_back([value, value])
    assert copy[0] is copy[1]
    assert copy[0].left == "slot"
    assert way(OfMeta) == class_encodings.SLOTTED


def test_slots_may_hold_objects_that_are_shared_or_unset():
    inner = Slots("inner")
    outer = [Slots(inner, inner), inner, MoreSlots(inner)]
    del outer[2].right
    first, second, third = there_and_back(outer)
    assert first.left is first.right is second is third.left
    assert second.left == "inner"
    assert not hasattr(third, "right")
    assert not hasattr(third, "more")


def test_classes_with_pickle_methods_are_pickled():
    assert there_and_back(Guarded(1, 2)).left == ("set", ("set", 1))
    assert there_and_back(Stateful(1, 2)).left == "state"
    assert there_and_back(Registered(1)).left == "registered"
    kept = SlotsAndDict(1, 2)
    kept.extra = 3
    assert there_and_back(kept).extra == 3
    with pytest.raises(TypeError, match="finalizer"):
        _core._codec_encode(Ends(1))


def test_slots_may_refer_to_themselves():
    slots = Slots()
    slots.left = slots.right = slots
    copy = there_and_back(slots)
    assert copy.left is copy is copy.right


@pytest.mark.parametrize(
    "value",
    [
        Pair(1, [2]),
        Typed("a"),
        Bare(3, 4),
        WithDict(1, 2),
        Counted(1, 2),
        (Pair(1, 2), Pair(Pair(3, 4), None)),
    ],
    ids=repr,
)
def test_named_tuples(value):
    copy = there_and_back(value)
    assert copy == value
    assert type(copy) is type(value)


def test_named_tuples_keep_what_they_share():
    part = [1]
    pair = Pair(part, part)
    copy, other = there_and_back((pair, pair))
    assert copy is other
    assert copy.left is copy.right
    part.append(pair)
    cyclic = there_and_back(pair)
    assert cyclic.left[1].left is cyclic.left


AWARE = datetime.datetime(
    2024, 2, 29, 12, 30, fold=1, tzinfo=datetime.timezone(datetime.timedelta(hours=2))
)


@pytest.mark.parametrize(
    "value",
    [
        datetime.date(2024, 2, 29),
        datetime.time(23, 59, 59, 999999),
        datetime.datetime(1, 1, 1),
        AWARE,
        datetime.timedelta(days=-1, microseconds=5),
        Day(2024, 2, 29),
        BareDay(2024, 2, 29),
        Dated(2024, 2, 29),
        decimal.Decimal("-1.50E+7"),
        decimal.Decimal("sNaN123"),
        collections.deque([1, [2], "x"], maxlen=5),
        collections.deque(),
        collections.OrderedDict([("b", 1), ("a", [2])]),
        collections.defaultdict(list, {"a": [1]}),
        collections.Counter("abca"),
    ],
    ids=repr,
)
def test_reduced_values(value):
    copy = there_and_back(value)
    assert type(copy) is type(value)
    assert repr(copy) == repr(value)


def test_details_of_reduced_values():
    assert there_and_back(datetime.timezone.utc) is datetime.timezone.utc
    assert there_and_back(AWARE).fold == 1
    assert there_and_back(AWARE).utcoffset() == datetime.timedelta(hours=2)
    assert there_and_back(Dated(2024, 1, 1)).made
    queue = collections.deque([1], maxlen=3)
    copy, other = there_and_back([queue, queue])
    assert copy is other
    assert copy.maxlen == 3
    ring = collections.deque()
    ring.append([ring])
    around = there_and_back(ring)
    assert around[0][0] is around or around[0][0][0] is around[0]
    cown = Cown(1)
    assert there_and_back(collections.deque([cown]))[0] == cown


def test_an_error_names_the_part_that_is_refused():
    with pytest.raises(TypeError, match=r"left.*generator|generator"):
        _core._codec_encode([Pair((i for i in ()), 1)])
    with pytest.raises(TypeError, match="deque"):
        _core._codec_encode(collections.deque([(i for i in ())]))


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_arrays(code):
    values = array.array(code, [1, 2, 100])
    copy, other = there_and_back([values, values])
    assert copy is other
    assert copy == values
    assert copy.typecode == code
    copy.append(4)


def test_arrays_of_characters_and_of_nothing():
    if "w" in array.typecodes:
        assert there_and_back(array.array("w", "aΩ")).tounicode() == "aΩ"
    assert there_and_back(array.array("d")) == array.array("d")


# ---- memory views --------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        memoryview(b"abcdef"),
        memoryview(b"abcdef")[2:4],
        memoryview(b""),
        memoryview(bytes(range(12))).cast("B", (3, 4)),
        memoryview(bytes(range(16))).cast("I"),
        memoryview(bytearray(b"abc")),
        memoryview(bytearray(b"abc")).toreadonly(),
        memoryview(array.array("d", [1.0, 2.0]))[1:],
        memoryview(b"x" * 200_000),
        memoryview(b"x" * 200_000)[100:],
        memoryview(b"xyz" * 100_000)[30:60],
    ],
    ids=lambda view: f"{view.format}{view.shape}{view.readonly}",
)
def test_views(view):
    copy = there_and_back(view)
    assert type(copy) is memoryview
    assert copy == view
    assert (copy.readonly, copy.format, copy.shape) == (
        view.readonly,
        view.format,
        view.shape,
    )


def test_a_view_and_its_base_stay_together():
    data = bytearray(b"abcd")
    base, view, part = there_and_back([data, memoryview(data), memoryview(data)[1:]])
    part[0] = ord("X")
    assert base == b"aXcd"
    assert view.tobytes() == b"aXcd"


def test_a_small_view_of_large_bytes_is_sent_alone():
    encoded = _core._codec_encode(memoryview(b"x" * 1_000_000)[10:20])
    assert _core._codec_size(encoded) < 200


@pytest.mark.parametrize(
    "view",
    [
        memoryview(bytes(range(10)))[::2],
        memoryview(bocpy.Matrix(1, 4)),
    ],
    ids=["strided", "of a matrix"],
)
def test_views_that_are_refused(view):
    with pytest.raises((TypeError, BufferError), match="memoryview"):
        _core._codec_encode(view)


def test_views_that_were_released_are_refused():
    view = memoryview(b"abc")
    view.release()
    with pytest.raises((TypeError, ValueError)):
        _core._codec_encode(view)


# ---- through workers -----------------------------------------------------------------


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(
    "value",
    [
        [Slots(i, str(i)) for i in range(3)],
        [Pair(1, "a"), Bare(2, 3), Typed(1)],
        [datetime.datetime(2024, 1, 1), decimal.Decimal("1.5"), AWARE],
        [array.array("d", [1.5]), memoryview(b"y" * 100_000)],
    ],
    ids=["slots", "named", "reduced", "buffers"],
)
def test_values_are_the_same_in_bodies(value):
    cown = Cown(value)

    @when(cown)
    def seen(c):
        return [type(one).__name__ for one in c.value], c.value

    names, back = seen.unwrap(timeout=LIMIT)
    assert names == [type(one).__name__ for one in value]
    if not isinstance(value[0], Slots):
        assert back == value
    else:
        assert [(one.left, one.right) for one in back] == [
            (i, str(i)) for i in range(3)
        ]


# ---- exceptions ----------------------------------------------------------------------


def test_exceptions_of_the_program_keep_arguments_attributes_and_cause():
    error = RefusedMore("why", [7])
    error.__cause__ = Refused("cause")
    copy = there_and_back(error)
    assert type(copy) is RefusedMore
    assert (copy.args, copy.amount) == (("why",), [7])
    assert type(copy.__cause__) is Refused
    assert copy.__cause__.args == ("cause",)
    assert copy.__suppress_context__
    bare = there_and_back(Refused("bare"))
    assert bare.__cause__ is None
    assert not bare.__suppress_context__


def test_an_exception_may_refer_to_itself():
    error = Refused("why")
    error.amount = [error]
    copy = there_and_back(error)
    assert copy.amount[0] is copy


def test_arguments_that_the_native_constructor_refuses_are_kept():
    copy = there_and_back(Undecoded("why"))
    assert type(copy) is Undecoded
    assert copy.args == ("why",)


def test_exceptions_of_other_kinds_are_pickled():
    assert there_and_back(Reduced("other")).args == ("reduced",)
    assert there_and_back(System(2, "none")).errno == 2
    with pytest.raises(TypeError):
        _core._codec_encode(Refused(one for one in ()))


class KeyOfItself:
    """Hashed by slots of which one comes after the dict, in the order of Python."""

    __slots__ = ("near", "one", "two")

    def __init__(self):
        self.one, self.two = 1, [2]
        self.near = {self: {self}}

    @property
    def key(self):
        return self.one, *self.two

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


def test_an_object_with_slots_is_a_key_of_its_own_dict():
    made = there_and_back(KeyOfItself())
    assert made.near == {made: {made}}
