"""The value codec: random values, no memory, several threads."""

import datetime
import gc
import importlib.util
import io
import pickle
import sys
import threading
import tracemalloc

import pytest
from bocpy import _core, _ship
from bocpy._ship import c_pickle
from codec_values import LEAVES, Cown, Plain, Sameness, assert_same, there_and_back
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# ---- random values -------------------------------------------------------------------

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
hashables = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5
)
trees = st.recursive(
    leaves
    | st.sets(hashables, max_size=4)
    | st.frozensets(hashables, max_size=4)
    | st.binary(max_size=80).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashables, inner, max_size=5)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4).map(
            lambda d: Plain(**d)
        )
    ),
    max_leaves=30,
)
relaxed = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
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
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.lists(st.integers(0, 50), max_size=5)),
        min_size=1,
    )
)
def test_any_graph(plan):
    """Nodes of five kinds; mutable ones get edges to any node, in cycles too."""
    nodes = []
    for kind, edges in plan:
        earlier = tuple(nodes[edge % len(nodes)] for edge in edges if nodes)
        nodes.append(make_node(kind, earlier))
    for node, (_, edges) in zip(nodes, plan, strict=False):
        for position, edge in enumerate(edges):
            connect(node, position, nodes[(edge * 7 + position) % len(nodes)])
    assert_same(nodes)
    Sameness().check(pickle.loads(pickle.dumps(nodes)), there_and_back(nodes))
    for node in nodes:
        assert_same(node)


def make_node(kind, earlier):
    if kind == 3:
        return earlier
    return slice(earlier, None) if kind == 4 else [list, dict, Plain][kind]()


def connect(node, position, target):
    if type(node) is list:
        node.append(target)
    elif type(node) is dict:
        node[f"edge{position}"] = target
    elif type(node) is Plain:
        setattr(node, f"edge{position}", target)


# ---- out of memory -------------------------------------------------------------------

if importlib.util.find_spec("_testcapi"):
    import _testcapi

    def failing_values():
        """Values that need no Python code once their classes are known: the interpreter
        itself does not survive if memory runs out at any place."""
        shared = [Plain(a=1, b="text"), "long " * 100, 2**300]
        cowns = [Cown(i) for i in range(10)]
        many = [[shared] for _ in range(100)]
        yield {
            "shared": shared,
            "again": (shared, shared),
            "cowns": cowns,
            "many": many,
        }
        yield [
            Plain(x=1),
            {"k": frozenset({1, (2, 3)}), "b": bytearray(1000)},
            slice(1),
        ]
        yield [range(3), {f"key{i}": [i] for i in range(50)}, [()] * 300]

    def out_of_memory_at(step, call, *args):
        """Whether the call completed although one allocation failed."""
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
        before = (
            sys.getrefcount(value),
            [sys.getrefcount(part) for part in parts_of(value)],
        )
        for step in range(400):
            out_of_memory_at(step, _core._codec_encode, value)
        for step in range(400):
            out_of_memory_at(step, _core._codec_decode, flat)
        assert_equal_shape(_core._codec_decode(flat), value)
        gc.collect()
        after = (
            sys.getrefcount(value),
            [sys.getrefcount(part) for part in parts_of(value)],
        )
        assert after == before

    def parts_of(value):
        return list(value.values()) if isinstance(value, dict) else value

    def assert_equal_shape(copied, value):
        assert len(copied) == len(value)
        assert type(copied) is type(value)

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


# ---- threads -------------------------------------------------------------------------


def ship_while_another_changes(ship, rounds, change):
    """Three threads call `ship`, and another one `change` all the time. An error that
    says that the value was changed is right."""
    ended, failures = threading.Event(), []

    def keep_changing():
        while not ended.is_set():
            change()

    def keep_shipping():
        for _ in range(rounds):
            try:
                ship()
            except RuntimeError as error:
                if "chang" not in str(error):
                    failures.append(error)
            except BaseException as error:
                failures.append(error)
                return

    shippers = [threading.Thread(target=keep_shipping) for _ in range(3)]
    changer = threading.Thread(target=keep_changing)
    for thread in [changer, *shippers]:
        thread.start()
    for thread in shippers:
        thread.join()
    ended.set()
    changer.join()
    assert not failures


def test_threads_ship_what_another_is_changing():
    shared = {
        "list": list(range(50)),
        "set": {1, 2},
        "plain": Plain(a=1),
        "rows": [Plain(b=2)],
    }

    def change():
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
        copied = there_and_back(shared)
        _core._codec_check(shared)
        assert type(copied["plain"]) is Plain
        assert copied["rows"][0].b == 2

    ship_while_another_changes(ship, 300, change)


@pytest.mark.parametrize("kind", [dict, list, Plain])
def test_threads_pickle_what_another_is_changing(kind):
    """Pickle reads dicts and lists in C. On free-threaded Python it crashes if another
    thread changes one meanwhile."""
    shared = kind()

    def change():
        if kind is list:
            shared.extend([n] for n in range(20))
            shared.clear()
            return
        names = shared if kind is dict else shared.__dict__
        names["name"] = [names]
        names.clear()

    def ship():
        assert type(_ship.loads(*_ship.dumps(shared))) is kind

    ship_while_another_changes(ship, 500, change)


def test_copies_of_pickled_dicts_and_lists_keep_their_identity():
    """On any Python: the pickler that free-threaded Python uses, and what it writes."""
    dumped = io.BytesIO()
    rows, table = [1], {"a": 1}
    rows.append(rows)
    table.update(self=table, rows=rows, again=rows)
    c_pickle.copying(pickle.Pickler)(dumped, 5).dump([table, {"rows": rows}])
    got, other = c_pickle.loading_copies(pickle.Unpickler)(dumped.getvalue())
    assert got["self"] is got
    assert got["a"] == 1
    assert got["rows"] is got["again"] is other["rows"]
    assert got["rows"][1] is got["rows"]
