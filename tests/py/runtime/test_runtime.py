"""Starting, waiting, quiescing and closing the runtime."""

import os
import subprocess
import sys
import threading
import time

import bocpy
import pytest
from bocpy import Behaviors, Cown, quiesce, start, wait, when
from harness import LIMIT, child_environment, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

WORKER_COUNT_OF = "import bocpy; print(bocpy.WORKER_COUNT)"


def worker_count_with(**environment):
    done = subprocess.run(
        [sys.executable, "-c", WORKER_COUNT_OF],
        env=child_environment(None, environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_wait_finishes_everything():
    c = Cown(0)
    for _ in range(100):

        @when(c)
        def _(c):
            c.value += 1

    assert wait() is None
    assert c.unwrap() == 100


def test_wait_counts_nested_behaviors():
    c = Cown(0)

    def spread(depth):
        @when()
        def _():
            if depth:
                spread(depth - 1)
                spread(depth - 1)
            else:

                @when(c)
                def _(c):
                    c.value += 1

    spread(6)
    wait()
    assert c.unwrap() == 64


def test_a_second_wait_returns_at_once():
    wait()
    assert wait() is None


def test_wait_without_anything_scheduled():
    assert wait(timeout=0) is None


def test_cowns_survive_wait_wherever_they_are():
    c, inside = Cown([1, 2]), Cown("deep")
    held = {"list": [inside], "outer": Cown([Cown("deeper")])}
    results = [when(c)(lambda c: list(c.value)) for _ in range(3)]
    wait()
    assert [r.unwrap() for r in results] == [[1, 2]] * 3
    assert held["list"][0].unwrap() == "deep"
    assert held["outer"].unwrap()[0].unwrap() == "deeper"
    assert c.unwrap() == [1, 2]


def test_cowns_can_be_used_again_after_wait():
    c = Cown({"n": 0})
    for n in range(3):

        @when(c)
        def _(c):
            c.value["n"] += 1

        wait()
        with c as value:
            assert value == {"n": n + 1}


def test_wait_is_bounded_by_its_timeout(gate):
    door = gate.door

    @when()
    def late():
        pass_through(door)
        return "done"

    began = time.monotonic()
    assert wait(timeout=0.05) is None
    assert 0.04 < time.monotonic() - began < LIMIT / 2
    gate.open()
    assert late.unwrap(timeout=LIMIT) == "done"


def test_quiesce_leaves_the_runtime_running():
    c = Cown(0)
    when(c)(lambda c: setattr(c, "value", 1))
    assert quiesce() is None
    assert c.unwrap() == 1
    when(c)(lambda c: setattr(c, "value", 2))
    assert quiesce(timeout=LIMIT) is None
    assert c.unwrap() == 2


def test_quiesce_raises_on_expiry(gate):
    door = gate.door
    late = when()(lambda: pass_through(door))
    with pytest.raises(TimeoutError):
        quiesce(timeout=0.01)
    with pytest.raises(TimeoutError):
        quiesce(timeout=0)
    gate.open()
    quiesce(timeout=LIMIT)
    assert late.unwrap() is None


def test_quiesce_when_nothing_runs():
    assert quiesce(0) is None


@pytest.mark.parametrize("call", ["wait", "quiesce"])
def test_waiting_inside_a_behavior_is_refused(call):
    @when()
    def caught():
        try:
            getattr(bocpy, call)()
        except RuntimeError as error:
            return str(error)
        return None

    assert call in caught.unwrap(timeout=LIMIT)


def test_start_inside_a_behavior_of_a_worker_interpreter(backend):
    @when()
    def caught():
        try:
            bocpy.start()
        except RuntimeError as error:
            return str(error)
        return None

    text = caught.unwrap(timeout=LIMIT)
    if backend == "interpreters":
        assert "main interpreter" in text


def test_start_is_idempotent():
    start()
    start(worker_count=2)
    start(2)


def test_another_count_while_running_is_refused():
    with pytest.raises(RuntimeError, match=r"3.*2|2.*3"):
        start(worker_count=3)


def test_the_worker_count_can_change_after_wait():
    wait()
    start(worker_count=1)
    c = Cown(0)
    when(c)(lambda c: setattr(c, "value", 1))
    wait()
    start(worker_count=3)
    when(c)(lambda c: setattr(c, "value", c.value + 1))
    wait()
    assert c.unwrap() == 2


def test_each_worker_count_has_that_many_at_once():
    for count in (1, 2, 4):
        wait()
        start(worker_count=count)
        (hear, enter), (door, leave) = os.pipe(), os.pipe()
        for _ in range(count):

            @when()
            def _(enter=enter, door=door):
                os.write(enter, b"x")
                os.read(door, 1)

        assert b"".join(os.read(hear, 1) for _ in range(count)) == b"x" * count
        os.write(leave, b"." * count)
        quiesce(timeout=LIMIT)
        for end in (hear, enter, door, leave):
            os.close(end)


def test_an_unknown_backend_is_refused():
    wait()
    with pytest.raises(ValueError, match="threads"):
        start(backend="processes")


def test_another_backend_while_running_is_refused(backend):
    other = {"threads": "interpreters", "interpreters": "threads"}[backend]
    with pytest.raises((RuntimeError, ValueError), match=other):
        start(backend=other)


def test_behaviors_is_a_context_manager():
    wait()
    c = Cown(0)
    with Behaviors(2):
        when(c)(lambda c: setattr(c, "value", 7))
    assert c.unwrap() == 7


def test_behaviors_in_a_running_runtime():
    c = Cown(0)
    with Behaviors(2):
        when(c)(lambda c: setattr(c, "value", 7))
    assert c.unwrap() == 7


def test_behaviors_lets_exceptions_out():
    wait()
    c = Cown(0)

    def leave():
        with Behaviors(2):
            when(c)(lambda c: setattr(c, "value", 7))
            raise KeyError("out")

    with pytest.raises(KeyError):
        leave()
    assert c.unwrap() == 7


def test_stats_are_a_list_of_dicts_one_a_worker():
    when()(lambda: None)
    stats = quiesce(stats=True)
    assert len(stats) == 2
    assert all(isinstance(entry, dict) for entry in stats)
    assert [entry["worker_index"] for entry in stats] == [0, 1]


def test_wait_can_return_stats():
    for _ in range(10):
        when()(lambda: None)
    stats = wait(stats=True)
    assert isinstance(stats, list)
    assert len(stats) == 2


def test_the_worker_count_is_a_positive_int():
    assert isinstance(bocpy.WORKER_COUNT, int)
    assert bocpy.WORKER_COUNT >= 1


def test_the_environment_sets_the_worker_count():
    assert worker_count_with(BOCPY_WORKERS="7") == 7


@pytest.mark.parametrize("junk", ["", "0", "-3", "many", "1.5"])
def test_a_worker_count_that_is_none_is_ignored(junk):
    assert worker_count_with(BOCPY_WORKERS=junk) == worker_count_with()


if hasattr(os, "sched_setaffinity"):

    def test_the_worker_count_respects_affinity():
        cpu = min(os.sched_getaffinity(0))
        source = f"import os; os.sched_setaffinity(0, [{cpu}]); {WORKER_COUNT_OF}"
        done = subprocess.run(
            [sys.executable, "-c", source],
            env=child_environment(None),
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout) == 1


def test_start_without_a_count_uses_worker_count(program, backend):
    program(
        """
        import bocpy
        bocpy.start()
        assert len(bocpy.wait(stats=True)) == 3 == bocpy.WORKER_COUNT
        """,
        how="-c",
        env={"BOCPY_WORKERS": "3"},
    )


# Threads


def in_thread(function):
    result = []

    def run():
        try:
            result.append(function())
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LIMIT)
    assert not thread.is_alive()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def test_scheduling_from_another_thread():
    c = Cown(1)

    def use():
        @when(c)
        def result(c):
            return c.value + 1

        return result.unwrap(timeout=LIMIT)

    assert in_thread(use) == 2


def test_waiting_on_another_thread():
    c = Cown(0)
    for _ in range(10):
        when(c)(lambda c: setattr(c, "value", c.value + 1))
    in_thread(quiesce)
    with c as value:
        assert value == 10
    when(c)(lambda c: setattr(c, "value", c.value + 1))
    in_thread(wait)
    assert c.unwrap() == 11


def test_cowns_made_on_one_thread_and_used_on_another():
    c = in_thread(lambda: Cown([1]))
    with c as value:
        value.append(2)
    assert in_thread(c.unwrap) == [1, 2]


def test_many_threads_schedule_at_once():
    total = Cown(0)

    def work():
        for _ in range(250):
            when(total)(lambda c: setattr(c, "value", c.value + 1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quiesce(timeout=LIMIT)
    assert total.unwrap() == 2000


def test_several_threads_wait_at_once(gate):
    door = gate.door
    late = when()(lambda: pass_through(door))
    done = []
    threads = [
        threading.Thread(target=lambda: done.append(quiesce(timeout=LIMIT)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    gate.open()
    for thread in threads:
        thread.join(LIMIT)
    assert done == [None] * 4
    assert late.unwrap() is None


@pytest.mark.parametrize(
    "use",
    [
        "when(Cown(1))(lambda c: c.value + 1).unwrap(timeout=60) == 2",
        "whencall(lambda: 2, [], []).unwrap(timeout=60) == 2",
        "Cown([1]).unwrap() == [1]",
        "bocpy.wait() is None",
        "bocpy.quiesce() is None",
        "bocpy.start() is None",
        "bocpy.Behaviors(1).__enter__() is not None",
    ],
)
def test_the_first_use_of_the_module_on_another_thread(program, backend, use):
    program(
        f"""
        import threading
        import bocpy
        from bocpy import Cown, when, whencall
        seen = []
        thread = threading.Thread(target=lambda: seen.append({use}))
        thread.start()
        thread.join()
        assert seen == [True], seen
        bocpy.wait()
        print("ok")
        """
    )


def test_the_first_uses_on_several_threads_at_once(program, backend):
    """What the module finds out once is then known to all threads."""
    done = program(
        """
        import threading
        from bocpy import Cown, noticeboard, start, wait, when

        start(2)
        barrier = threading.Barrier(8)
        total = Cown(0)

        def use(n):
            barrier.wait()
            when(total)(lambda c, n=n: setattr(c, "value", c.value + n))
            noticeboard()
            failed = when()(lambda: 1 / 0)
            try:
                failed.unwrap(timeout=60)
            except ZeroDivisionError:
                raised.append(n)

        raised = []
        threads = [threading.Thread(target=use, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait()
        print(total.unwrap(), sorted(raised))
        """
    )
    assert done.out == "28 [0, 1, 2, 3, 4, 5, 6, 7]\n"


def test_the_import_on_another_thread(program, backend):
    done = program(
        """
        import threading

        def work():
            import bocpy
            result = bocpy.when(bocpy.Cown(1))(lambda c: c.value)
            print(result.unwrap(timeout=60))
            bocpy.wait()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )
    assert done.out == "1\n"


def test_a_thread_that_has_ended_leaves_its_cowns_usable(program, backend):
    done = program(
        """
        import threading
        from bocpy import Cown, when, wait

        cowns = []

        def work(n):
            c = Cown([n])
            when(c)(lambda c: c.value.append("x"))
            cowns.append(c)

        for n in range(20):
            thread = threading.Thread(target=work, args=(n,))
            thread.start()
            thread.join()
        wait()
        print(sum(len(c.unwrap()) for c in cowns))
        """
    )
    assert done.out == "40\n"


def test_stats_of_a_closed_runtime():
    bocpy.start()
    assert bocpy.wait(stats=True)
    assert bocpy.wait(stats=True) == []
    assert bocpy.wait(stats=True, noticeboard=True) == ([], {})
