"""Leaks: objects are freed when they should be, and memory does not grow."""

import gc
import itertools
import os
import re
import sys
import weakref

import bocpy
import pytest
from bocpy import Cown, when, whencall
from harness import FREE_THREADED, LIMIT, rss

pytestmark = pytest.mark.usefixtures("runtime")

MIB = 2**20

#: CPython's first free-threaded release never frees a code object.
IMMORTAL_CODE = FREE_THREADED and sys.version_info < (3, 14)


class Tracked:
    """An object of which a test can see that it was freed."""

    def __init__(self, *parts):
        self.parts = parts


class Failure(Exception):
    pass


def add_one(c):
    c.value += 1


def fail(c):
    local = Tracked(c.value)
    raise Failure(len(local.parts))


def count(kind):
    gc.collect()
    return sum(type(o) is kind for o in gc.get_objects())


def settle():
    bocpy.quiesce(timeout=LIMIT)
    gc.collect()


def test_a_dropped_cown_drops_its_value():
    before = count(Tracked)
    for _ in range(20):
        Cown(Tracked())
    assert count(Tracked) == before


def test_a_replaced_value_is_dropped(backend):
    if backend == "threads":
        value = Tracked()
        seen = weakref.ref(value)
        c = Cown(value)
        del value
        with c:
            c.value = None
        gc.collect()
        assert seen() is None


def test_values_captures_and_results_are_dropped():
    before = count(Tracked)
    for _ in range(50):
        c = Cown(Tracked())
        result = whencall(lambda c, t: [c.value, t, Tracked()], [c], [Tracked()])
        result.unwrap(timeout=LIMIT)
    del c, result
    settle()
    bocpy.wait()
    assert count(Tracked) == before


def test_the_function_and_its_cells_are_dropped():
    class Watched:
        pass

    def schedule():
        cell = Tracked()
        watched = Watched()

        def body():
            return cell.parts

        body.watched = watched
        when()(body)
        return weakref.ref(watched), weakref.ref(cell)

    refs = [schedule() for _ in range(20)]
    settle()
    bocpy.wait()
    gc.collect()
    assert [ref() for pair in refs for ref in pair] == [None] * 40


def test_exceptions_and_their_frames_are_dropped():
    before = count(Tracked), count(Failure)
    for _ in range(50):
        with pytest.raises(Failure):
            when(Cown(1))(fail).unwrap(timeout=LIMIT)
    settle()
    bocpy.wait()
    assert (count(Tracked), count(Failure)) == before


def test_exceptions_are_dropped_where_they_were_raised():
    for _ in range(50):
        with pytest.raises(Failure):
            when(Cown(1))(fail).unwrap(timeout=LIMIT)
    for _ in range(10):
        assert when()(lambda: count(Failure)).unwrap(timeout=LIMIT) == 0


def test_handles_do_not_pile_up():
    c = Cown(0)
    before = count(Cown)
    for _ in range(2_000):
        when(c)(add_one)
    settle()
    assert count(Cown) <= before + 10


def test_records_of_freed_functions_are_reused(backend):
    """Its record is used again, also while calls of many other functions are
    pending."""
    gate, seen = Cown(0), Cown([])
    for turn in range(5):
        with gate:
            for n in range(300):
                body = eval(f"lambda gate, seen: seen.value.append({n} + {turn})")
                when(gate, seen)(body)
                del body
            gc.collect()
        bocpy.quiesce(timeout=LIMIT)
        with seen:
            assert seen.value == [n + turn for n in range(300)]
            seen.value = []


def test_functions_shared_by_calls_are_dropped_with_the_workers():
    """Calls of a function that is scheduled often do not each keep it alive."""
    bocpy.wait()
    bocpy.start(worker_count=1, backend="threads")
    space = {"watched": Tracked()}
    exec("def body(c): c.value += 1", space)
    body = space.pop("body")
    watched, code = weakref.ref(space["watched"]), weakref.ref(body.__code__)
    c = Cown(0)
    for _ in range(3_000):
        when(c)(body)
    assert c.unwrap(timeout=LIMIT) == 3_000
    body = space = None
    settle()
    if not IMMORTAL_CODE:
        assert code() is None
        assert watched() is not None
        bocpy.wait()
        bocpy.start(worker_count=2, backend="threads")
        gc.collect()
        assert watched() is None


def test_a_failure_names_its_function_after_that_is_freed(monkeypatch):
    told = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda seen: told.append(repr(seen.object))
    )
    for n in range(20):
        space = {}
        exec(f"def gone_{n}(c):\n    raise ValueError({n})", space)
        when(Cown(1))(space.pop(f"gone_{n}"))
    bocpy.quiesce(timeout=LIMIT)
    names = {name for text in told for name in re.findall(r"gone_\d+", text)}
    assert names == {f"gone_{n}" for n in range(20)}


def test_a_refused_schedule_leaves_no_references():
    c = Cown(0)
    before = sys.getrefcount(c)
    for _ in range(20):
        with pytest.raises(TypeError):
            when(c, c, 3)(add_one)
        with pytest.raises(TypeError):
            whencall(add_one, [c, 3], [])
        with pytest.raises(TypeError):
            when(c)(3)
        with pytest.raises(TypeError):
            when(c)(lambda: 0)
    gc.collect()
    assert sys.getrefcount(c) == before


def test_a_cown_that_holds_itself_lives_until_it_is_emptied():
    """Cowns do not take part in cycle collection between interpreters."""
    c = Cown(None)
    with c:
        c.value = [c]
    with c:
        c.value = None
    assert c.unwrap() is None


if sys.platform == "linux":
    WORKLOADS = {
        "counting": lambda c: when(c)(add_one),
        "fresh cowns": lambda c: when(Cown(0))(add_one),
        "results": lambda c: when(c)(lambda c: [c.value] * 100),
        "failures": lambda c: swallow(when(c)(fail)),
        "captures": lambda c: whencall(lambda c, x: None, [c], ["x" * 1000]),
        "closures": lambda c: closure(c, ["x"] * 100),
        "nested": lambda c: when(c)(lambda c: when(c)(add_one) and None),
        "large values": lambda c: when(Cown(bytearray(50_000)))(lambda c: c.value[:9]),
        "cowns in values": lambda c: when(Cown([Cown(1)]))(lambda c: c.value),
        "fresh functions": lambda c: when(c)(eval(f"lambda c: {next(NUMBERS)}")),
    }
    NUMBERS = itertools.count()

    def swallow(result):
        when(result)(lambda result: (result.exception, str(result.value))[1])

    def closure(c, value):
        @when(c)
        def _(c):
            return value

    @pytest.mark.stress
    @pytest.mark.parametrize("workload", WORKLOADS)
    def test_memory_does_not_grow(workload):
        """Three equal rounds after a first one; the last must not grow memory."""
        schedule = WORKLOADS[workload]
        c = Cown(0)
        sizes = []
        for _ in range(4):
            for n in range(3_000):
                schedule(c)
                if n % 300 == 0:
                    bocpy.quiesce(timeout=LIMIT)
            settle()
            sizes.append(rss())
        allowed = 3 * MIB
        if workload == "fresh functions" and IMMORTAL_CODE:
            allowed = 3_000 * 2_500
        assert min(sizes[2:]) - sizes[1] < allowed, [s // MIB for s in sizes]

    ROUNDS = """
        import gc
        from bocpy import Cown, notice_write, quiesce, receive, send, start, when
        from harness import rss, start_workers

        start(2)
        start_workers(2)
        c = Cown(0)

        def add_one(c):
            c.value += 1

        def fail(c):
            raise ValueError(c.value)

        def behavior(n):
            when(c)(add_one)

        def message(n):
            send("tag", [n])
            assert receive("tag")[1] == [n]

        def notice(n):
            notice_write(f"key{n % 8}", [n])

        def look(failed):
            assert failed.value.args == (0,)

        def exception(n):
            when(when(c)(fail))(look)

        def rounds(count):
            for n in range(count):
                WHAT(n)
                if n % 1000 == 0:
                    quiesce()
            quiesce()
            gc.collect()
            return rss(), len(gc.get_objects())

        memory, objects = rounds(COUNT // 10)
        more_memory, more_objects = rounds(COUNT)
        print((more_memory - memory) / 2**20, more_objects - objects)
        """

    @pytest.mark.stress
    @pytest.mark.parametrize(
        ("what", "count"),
        [
            ("behavior", 100_000),
            ("message", 100_000),
            ("notice", 100_000),
            ("exception", 10_000),
            pytest.param("exception", 100_000, marks=pytest.mark.slow),
        ],
    )
    def test_a_hundred_thousand_leave_nothing(program, backend, what, count):
        source = ROUNDS.replace("WHAT", what).replace("COUNT", str(count))
        done = program(source, timeout=5 * LIMIT)
        grown, objects = map(float, done.out.split())
        assert grown < 3
        assert objects < 100

    @pytest.mark.stress
    def test_open_files_do_not_pile_up():
        def files():
            return len(os.listdir("/proc/self/fd"))

        bocpy.wait()
        before = files()
        for _ in range(20):
            when(Cown(0))(add_one)
            bocpy.wait()
        assert files() <= before + 2
