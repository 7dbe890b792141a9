"""Shared reads: consecutive behaviors that only read run in parallel, and may not
write."""

import gc
import threading
import weakref

import pytest
from bocpy import Cown, quiesce, read, start, wait, when, whencall
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

ADVICE = "only reads the cown.*without read"


class Refusing:
    """An object that cannot leave its interpreter."""

    def __reduce__(self):
        raise TypeError("stays at home")


def look(c):
    return c.value


def raise_key_error(c):
    raise KeyError("missing")


def test_a_reader_sees_the_value():
    c = Cown([1, 2, 3])
    result = when(read(c))(look)
    assert result.unwrap(timeout=LIMIT) == [1, 2, 3]


@pytest.mark.parametrize(
    "value", [None, True, 7, 1 << 100, 1.5, "text", b"bytes", (1, 2), [1], {"a": {}}]
)
def test_values_of_all_kinds(value):
    c = Cown(value)
    results = [when(read(c))(look) for _ in range(8)]
    quiesce(timeout=LIMIT)
    assert [result.unwrap() for result in results] == [value] * 8
    assert c.unwrap() == value


def test_readers_run_in_parallel(gate):
    """Each reader waits for the other: one after the other they would never finish."""
    here, there = gate, type(gate)()
    c = Cown({"k": 1})

    def meet(c, mine, other):
        import os

        os.write(other, b".")
        pass_through(mine)
        return c.value["k"]

    first = whencall(meet, [read(c)], [here.door, there._handle])
    second = whencall(meet, [read(c)], [there.door, here._handle])
    assert first.unwrap(timeout=LIMIT) == second.unwrap(timeout=LIMIT) == 1
    there.close()


def test_readers_of_a_value_from_a_worker_run_in_parallel(gate):
    """The value lives in one worker's interpreter when the readers come."""
    there = type(gate)()
    c = Cown(None)

    @when(c)
    def _(c):
        c.value = {"k": [2]}

    def meet(c, mine, other):
        import os

        os.write(other, b".")
        pass_through(mine)
        return c.value["k"][0]

    first = whencall(meet, [read(c)], [gate.door, there._handle])
    second = whencall(meet, [read(c)], [there.door, gate._handle])
    assert first.unwrap(timeout=LIMIT) == second.unwrap(timeout=LIMIT) == 2
    there.close()


def test_writers_and_readers_keep_their_order():
    c = Cown([])
    seen = []
    for n in range(40):

        @when(c)
        def _(c, n=n):
            c.value.append(n)

        seen += [(n, when(read(c))(lambda c: list(c.value))) for _ in range(3)]
    quiesce(timeout=LIMIT)
    for n, result in seen:
        assert result.unwrap() == list(range(n + 1))


def test_a_read_after_each_write_is_fresh():
    c = Cown({"n": 0})

    def increase(c):
        c.value["n"] += 1

    for n in range(1, 30):
        when(c)(increase)
        results = [when(read(c))(lambda c: c.value["n"]) for _ in range(4)]
        assert [r.unwrap(timeout=LIMIT) for r in results] == [n] * 4


def test_a_reader_sees_one_object():
    c = Cown([1])

    @when(read(c))
    def same(c):
        return c.value is c.value

    assert same.unwrap(timeout=LIMIT)


def test_readers_share_the_object_on_threads(backend):
    value = [1, 2]
    c = Cown(value)
    ids = [when(read(c))(lambda c: id(c.value)) for _ in range(20)]
    quiesce(timeout=LIMIT)
    found = {result.unwrap() for result in ids}
    if backend == "threads":
        assert found == {id(value)}
    else:
        assert len(found) <= 2
        assert id(value) not in found


def test_an_interpreter_decodes_once_until_the_next_write(backend):
    c = Cown(["decoded"])

    def identity(c):
        import threading

        return threading.get_ident(), id(c.value)

    def ids():
        results = [when(read(c))(identity) for _ in range(20)]
        quiesce(timeout=LIMIT)
        return {result.unwrap() for result in results}

    pairs = ids() | ids()
    assert len(pairs) == len({thread for thread, _ in pairs})


def test_a_reader_may_not_set():
    c = Cown(1)

    @when(read(c))
    def refused(c):
        c.value = 2

    with pytest.raises(RuntimeError, match=ADVICE):
        refused.unwrap(timeout=LIMIT)
    assert c.unwrap() == 1


@pytest.mark.parametrize("name", ["exception", "disown", "unwrap"])
def test_a_reader_may_not_change_anything(name):
    def change(c, name):
        if name == "exception":
            c.exception = True
        elif name == "disown":
            c.impl.disown()
        else:
            c.unwrap()

    c = Cown([1])
    with pytest.raises(RuntimeError, match=ADVICE):
        whencall(change, [read(c)], [name]).unwrap(timeout=LIMIT)
    assert c.unwrap() == [1]


def test_a_reader_holds_the_cown():
    c = Cown([1])

    @when(read(c))
    def told(c):
        c.acquire()
        with c as value:
            inside = value == [1]
        c.release()
        return inside, c.acquired, "read here" in repr(c), c.value

    assert told.unwrap(timeout=LIMIT) == (True, True, True, [1])


def test_a_reader_keeps_nothing():
    leaked = when(read(Cown(1)))(lambda c: [c]).unwrap(timeout=LIMIT)[0]
    assert not leaked.acquired
    with pytest.raises(RuntimeError, match="not held here"):
        _ = leaked.value


def test_reading_and_writing_other_cowns():
    source, target = Cown([1, 2]), Cown(0)

    @when(read(source), target)
    def _(source, target):
        target.value = sum(source.value)

    quiesce(timeout=LIMIT)
    assert target.unwrap() == 3


def test_groups_of_readers():
    cowns = [Cown([n]) for n in range(20)]

    @when([read(c) for c in cowns], (read(cowns[0]), cowns[1]))
    def total(group, pair):
        pair[1].value.append(100)
        return sum(c.value[0] for c in group), pair[0].value

    assert total.unwrap(timeout=LIMIT) == (190, [0])
    assert cowns[1].unwrap() == [1, 100]


def test_a_cown_named_twice_is_written_if_one_mention_writes():
    c = Cown(1)

    @when(read(c), c)
    def _(a, b):
        a.value += 1
        b.value += 1

    quiesce(timeout=LIMIT)
    assert c.unwrap() == 3

    @when(read(c), read(c))
    def refused(a, b):
        a.value = b.value

    with pytest.raises(RuntimeError, match=ADVICE):
        refused.unwrap(timeout=LIMIT)


def test_marks_can_be_kept_and_used_again():
    mark = read(Cown(5))
    assert read(mark) is mark
    assert repr(mark).startswith("read(<Cown at ")
    assert [when(mark)(look).unwrap(timeout=LIMIT) for _ in range(3)] == [5, 5, 5]


def test_marks_are_collected():
    c = Cown(1)
    c.mark = read(c)
    gone = weakref.ref(c)
    del c
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("wrong", [1, None, "c", [Cown(1)], Cown])
def test_only_cowns_can_be_read(wrong):
    with pytest.raises(TypeError, match=r"read\(\) takes one Cown"):
        read(wrong)


def test_a_behavior_schedules_readers():
    c = Cown([3])

    @when(c)
    def nested(c):
        c.value.append(4)
        return when(read(c))(lambda c: sum(c.value))

    assert nested.unwrap(timeout=LIMIT).unwrap(timeout=LIMIT) == 7


def test_failures_can_be_read():
    failed = when(Cown(1))(raise_key_error)

    def told(c):
        return c.exception, type(c.value).__name__

    results = [when(read(failed))(told) for _ in range(6)]
    quiesce(timeout=LIMIT)
    assert {result.unwrap() for result in results} == {(True, "KeyError")}
    with pytest.raises(KeyError):
        failed.unwrap()


def test_what_cannot_leave_its_interpreter(backend, gate):
    """A value turns out to be unmovable when readers elsewhere need it: the readers
    raise, and no thread hangs."""
    c = Cown([])

    @when(c)
    def _(c):
        c.value.append(Refusing())

    results = [when(read(c))(lambda c: str(c.value)) for _ in range(8)]
    quiesce(timeout=LIMIT)
    assert all(isinstance(result.unwrap(), str) for result in results)


def test_cowns_inside_a_value_that_is_read():
    inner = Cown(["inside"])
    c = Cown({"inner": inner})
    results = [when(read(c))(lambda c: c.value["inner"]) for _ in range(4)]
    quiesce(timeout=LIMIT)
    assert {result.unwrap() for result in results} == {inner}


def test_copies_go_with_their_cown():
    """Readers' copies are freed with the cown, and when it is written."""
    cowns = [Cown([n] * 10) for n in range(50)]
    for c in cowns:
        for _ in range(4):
            when(read(c))(look)
    quiesce(timeout=LIMIT)
    for c in cowns[::2]:
        when(c)(lambda c: c.value.append(1))
    quiesce(timeout=LIMIT)
    assert [len(c.unwrap()) for c in cowns] == [11, 10] * 25


def test_copies_survive_a_change_of_workers(chosen_backend):
    c = Cown({"n": [1]})

    def read_it():
        results = [when(read(c))(lambda c: c.value["n"][0]) for _ in range(6)]
        quiesce(timeout=LIMIT)
        return {result.unwrap() for result in results}

    assert read_it() == {1}
    for workers in (3, 1, 2):
        wait()
        start(workers, backend=chosen_backend)
        assert read_it() == {1}
    when(c)(lambda c: c.value["n"].append(2))
    quiesce(timeout=LIMIT)
    assert c.unwrap() == {"n": [1, 2]}


def test_many_readers_and_writers_of_many_cowns():
    cowns = [Cown([0]) for _ in range(5)]

    def increase(c):
        c.value[0] += 1

    def total(group):
        return [c.value[0] for c in group]

    results = []
    for n in range(300):
        when(cowns[n % 5])(increase)
        results.append(when([read(c) for c in cowns])(total))
    quiesce(timeout=LIMIT)
    for n, result in enumerate(results):
        assert sum(result.unwrap()) == n + 1
    assert [c.unwrap() for c in cowns] == [[60]] * 5


def test_threads_of_the_program_schedule_readers():
    c = Cown([1])
    results = []

    def schedule():
        for _ in range(50):
            results.append(when(read(c))(look))

    threads = [threading.Thread(target=schedule) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quiesce(timeout=LIMIT)
    assert [result.unwrap() for result in results] == [[1]] * 200
    assert c.unwrap() == [1]
