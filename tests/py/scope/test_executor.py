"""BocExecutor: tests of what only it has; CPython's own tests of executors are run by
test_executor_cpython.py."""

import asyncio
import concurrent.futures
import importlib.util
import signal
import sys
import threading
import traceback

import bocpy
import pytest
from bocpy import BocExecutor, Cown, PinnedCown, read
from bocpy._future import BocFuture
from harness import LIMIT, Gate, pass_through


def test_programs_end_what_they_submitted(program, backend):
    done = program(
        """
        import bocpy, time
        executor = bocpy.BocExecutor(2)
        def task(n):
            time.sleep(0.05)
            return n
        futures = [executor.submit(task, n) for n in range(4)]
        futures[-1].add_done_callback(lambda f: print("last", f.result()))
        executor.shutdown(wait=False)
        """
    )
    assert done.lines == ["last 3"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="setitimer")
def test_handlers_of_signals_submit(program, backend):
    """One that interrupts a thread in submit_over finds the executor's lock taken."""
    done = program(
        """
        import faulthandler, random, signal, time
        from bocpy import BocExecutor

        faulthandler.dump_traceback_later(40, exit=True)
        chance = random.Random(1)
        futures, of_handlers = [], []

        def task():
            return 1

        def handler(*_):
            of_handlers.append(executor.submit_over([], task))

        signal.signal(signal.SIGALRM, handler)
        with BocExecutor(2) as executor:
            end = time.monotonic() + 1
            while time.monotonic() < end:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 1e-4))
                futures.append(executor.submit_over([], task))
            signal.setitimer(signal.ITIMER_REAL, 0)
        results = {future.result() for future in futures + of_handlers}
        print(results, len(of_handlers) > 10)
        """
    )
    assert done.lines == ["{1} True"]


@pytest.fixture
def executor(runtime):
    with BocExecutor(2) as made:
        yield made


def test_results_and_failures(executor):
    assert executor.submit(pow, 2, 5).result() == 32

    def broken():
        return {}["missing"]

    future = executor.submit(broken)
    with pytest.raises(KeyError, match="missing"):
        future.result()
    assert isinstance(future.exception(), KeyError)


def test_at_most_so_many_run_at_a_time(executor, gate):
    door = gate.door
    futures = [executor.submit(pass_through, door) for _ in range(2)]
    third = executor.submit(int)
    with pytest.raises(concurrent.futures.TimeoutError):
        third.result(timeout=0.05)
    assert third.cancel()
    gate.open(2)
    assert [future.result(LIMIT) for future in futures] == [None, None]
    assert third.cancelled()


def test_what_cannot_travel_fails_its_future(executor, chosen_backend):
    future = executor.submit(repr, threading.Lock())
    good = executor.submit(repr, 1)
    if chosen_backend == "threads":
        assert "lock" in future.result()
    else:
        with pytest.raises(TypeError, match="lock"):
            future.result()
    assert good.result() == "1"


def test_many_tiny_tasks(executor):
    futures = [executor.submit(abs, -n) for n in range(3000)]
    assert [future.result() for future in futures] == list(range(3000))


@pytest.mark.parametrize("arguments", [{"chunksize": 7}, {"buffersize": 5}, {}])
def test_map(executor, arguments):
    assert list(executor.map(abs, range(-20, 0), **arguments)) == [*range(20, 0, -1)]
    assert list(executor.map(pow, [2, 3], [3, 2], **arguments)) == [8, 9]


def test_map_takes_items_as_far_as_results_are_fetched(executor):
    taken = []

    def items():
        for n in range(100):
            taken.append(n)
            yield n

    results = executor.map(abs, items(), buffersize=3)
    assert len(taken) == 3
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    assert len(taken) == 7


def test_map_in_time(executor, gate):
    door = gate.door
    with pytest.raises(concurrent.futures.TimeoutError):
        list(executor.map(pass_through, [door], timeout=0.05, buffersize=1))
    gate.open()


def test_submit_over(executor):
    log, n = Cown([]), Cown(5)

    def add(log, n, more):
        log.value.append(n.value + more)
        return len(log.value)

    futures = [executor.submit_over([log, read(n)], add, i) for i in range(3)]
    assert [future.result(LIMIT) for future in futures] == [1, 2, 3]
    assert log.result() == [5, 6, 7]
    future = executor.submit_over([log, read(n)], add, more=3)
    assert future.result(LIMIT) == 4
    with pytest.raises(TypeError):
        executor.submit_over([3], add)
    write = r"write submit_over\(\[cown\], function, \*args\)"
    with pytest.raises(
        TypeError, match=rf"must be a list of cowns, not 'Cown': {write}"
    ):
        executor.submit_over(n, add)
    with pytest.raises(TypeError, match=rf"must be a callable, not 'Cown': {write}"):
        executor.submit_over([log], n)


def test_a_task_that_waits_for_another_does_not_starve(runtime, chosen_backend):
    if chosen_backend == "interpreters":
        return  # futures do not travel there
    with BocExecutor(1) as executor:

        def outer(depth):
            if depth == 0:
                return 0
            return 1 + executor.submit(outer, depth - 1).result(LIMIT)

        assert executor.submit(outer, 8).result(LIMIT) == 8


def test_initializer(runtime):
    with BocExecutor(2, initializer=remember, initargs=("set up",)) as executor:
        futures = [executor.submit(recall) for _ in range(10)]
        assert {future.result() for future in futures} == {"set up"}


def test_an_initializer_that_raises_breaks_it(runtime, caplog):
    with BocExecutor(2, initializer=int, initargs=("no number",)) as executor:
        with pytest.raises(bocpy._executor.BrokenPool) as caught:
            # submit() itself raises if the initializer has failed meanwhile
            executor.submit(abs, -1).result(LIMIT)
        assert isinstance(caught.value.__cause__, ValueError)
        with pytest.raises(bocpy._executor.BrokenPool) as caught:
            executor.submit(abs, -1)
        assert "no number" in str(caught.value.__cause__)
    (logged,) = caplog.records
    assert (logged.name, logged.levelname) == ("concurrent.futures", "CRITICAL")
    assert "no number" in str(logged.exc_info[1])


def raise_with_a_lock():
    raise OSError(threading.Lock())


def test_an_initializer_that_raises_what_cannot_travel_breaks_it(runtime):
    with BocExecutor(1, initializer=raise_with_a_lock) as executor:
        with pytest.raises(bocpy._executor.BrokenPool) as caught:
            executor.submit(abs, -1).result(LIMIT)
        assert "_thread.lock" in "".join(traceback.format_exception(caught.value))
        with pytest.raises(bocpy._executor.BrokenPool):
            executor.submit(abs, -1)


def test_a_failure_shows_the_line_of_the_task(executor):
    future = executor.submit(int, "x")
    other = executor.submit(broken_task)
    with pytest.raises(ValueError, match="invalid literal"):
        future.result(LIMIT)
    with pytest.raises(RuntimeError) as caught:
        other.result(LIMIT)
    text = "".join(traceback.format_exception(caught.value))
    assert "raise RuntimeError(123)  # of the task" in text


def broken_task():
    raise RuntimeError(123)  # of the task


def remember(what):
    import builtins

    builtins.remembered = what


def recall():
    import builtins

    return builtins.remembered


def test_shutdown_pumps(runtime):
    drawn = PinnedCown([])
    executor = BocExecutor(1)
    future = executor.submit_over([drawn], lambda drawn: drawn.value.append(1))
    executor.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(int)


def test_in_asyncio(executor):
    async def main():
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(executor, pow, 2, 8) == 256
        many = [loop.run_in_executor(executor, abs, -n) for n in range(50)]
        assert await asyncio.gather(*many) == list(range(50))

    asyncio.run(main())


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_workers": 0}, ValueError),
        ({"max_workers": "2"}, TypeError),
        ({"initializer": 3}, TypeError),
        ({"backend": "fibers"}, ValueError),
    ],
)
def test_bad_arguments(runtime, arguments, error):
    with pytest.raises(error):
        BocExecutor(**arguments)


if importlib.util.find_spec("dask") is not None:

    def test_as_the_pool_of_dask(executor):
        import dask

        with dask.config.set(pool=executor, scheduler="threads"):
            (total,) = dask.compute(
                dask.delayed(sum)([dask.delayed(abs)(-n) for n in range(20)])
            )
        assert total == 190


if importlib.util.find_spec("joblib") is not None:

    def test_as_a_backend_of_joblib(runtime):
        import joblib

        importlib.import_module("bocpy.joblib")  # registers the backend
        with joblib.parallel_backend("bocpy", n_jobs=2):
            squares = joblib.Parallel()(joblib.delayed(pow)(n, 2) for n in range(50))
        assert squares == [n * n for n in range(50)]
        with (
            joblib.parallel_backend("bocpy", n_jobs=2),
            pytest.raises(ValueError, match="invalid literal"),
        ):
            joblib.Parallel()(joblib.delayed(int)(text) for text in ["1", "x"])


def at_once(*calls):
    """Calls all at once, each in a thread; returns what they returned."""
    results = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def call(i):
        barrier.wait(LIMIT)
        results[i] = calls[i]()

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    return results


@pytest.fixture
def switches():
    """Threads switch after a microsecond: between any two steps of a future."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_task_is_cancelled_or_runs_and_never_both(executor, switches):
    for _ in range(300):
        future = BocFuture(executor)
        cancelled, runs = at_once(future.cancel, future.set_running_or_notify_cancel)
        assert cancelled is not runs
        assert future.cancelled() is cancelled
        if runs:
            future.set_result(1)
            assert not future.cancel()


def waits(future):
    return [
        lambda: future.result(LIMIT),
        lambda: len(concurrent.futures.wait([future], LIMIT).done),
        lambda: [f.result() for f in concurrent.futures.as_completed([future], LIMIT)],
        lambda: future.exception(LIMIT),
    ]


@pytest.mark.parametrize("which", range(4))
def test_who_waits_as_the_result_comes_gets_it(executor, switches, which):
    expected = (7, 1, [7], None)[which]
    for _ in range(200):
        future, called = BocFuture(executor), []
        assert future.set_running_or_notify_cancel()
        calls = (
            waits(future)[which],
            lambda: future.set_result(7),  # noqa: B023
            lambda: future.add_done_callback(called.append),  # noqa: B023
        )
        assert at_once(*calls)[0] == expected
        assert called == [future]
        assert future.done()
        assert not future.running()


def test_one_that_is_done_does_not_end_the_wait_for_another(executor, switches):
    for _ in range(200):
        pair = [BocFuture(executor), BocFuture(executor)]
        for future in pair:
            assert future.set_running_or_notify_cancel()

        def finish(pair=pair):
            pair[0].set_result(1)
            pair[1].set_result(2)

        def wait(pair=pair):
            return concurrent.futures.wait(pair, LIMIT).done

        done, _ = at_once(wait, finish)
        assert done == set(pair)


def test_a_future_whose_result_is_there_makes_no_condition(executor):
    future = executor.submit(int)
    while not future.done():
        pass
    assert future.result() == 0
    assert not any(
        isinstance(made, threading.Condition) for made in vars(future).values()
    )
    callbacks = []
    future.add_done_callback(callbacks.append)
    assert callbacks == [future]
    assert "finished" in repr(future)
    with pytest.raises(concurrent.futures.InvalidStateError):
        future.set_result(1)
    assert future.result() == 0


def test_submits_as_the_executor_shuts_down_run_or_are_refused(runtime, switches):
    for _ in range(30):
        executor = BocExecutor(2)
        accepted = []

        def submit(executor=executor, accepted=accepted):
            try:
                while True:
                    accepted.append(executor.submit(int))
            except RuntimeError as error:
                return str(error)

        refused, _ = at_once(submit, executor.shutdown)
        assert "after shutdown" in refused
        assert all(future.result(LIMIT) == 0 for future in accepted)


def test_what_cannot_be_shipped_is_named_as_the_caller_knows_it(program, backend):
    done = program(
        """
        import threading
        from bocpy import BocExecutor

        def f(a, b=None):
            return threading.Lock() if a == "lock" else None

        lock = threading.Lock()
        calls = [((1, lock), {}), ((1,), {"b": lock}), (([lock],), {}), (("lock",), {})]
        with BocExecutor() as executor:
            for args, kwargs in calls:
                error = executor.submit(f, *args, **kwargs).exception(60)
                print(str(error).partition(":")[0])
        """
    )
    if backend == "threads":
        assert done.lines == ["None"] * 4
    else:
        assert done.lines == [
            "argument 2 of f",
            "argument 'b' of f",
            "argument 1 of f, in it [0]",
            "the result of f",
        ]


class Halting(Exception):
    """One that holds what cannot be shipped."""

    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


def lock_or_fail(n, wanted=(3,)):
    if n in wanted:
        return threading.Lock()
    if n == 5:
        raise Halting("number 5")
    return [n]


@pytest.mark.backends("interpreters")
def test_a_result_that_cannot_be_shipped_fails_its_own_task_alone(runtime, backend):
    """The tasks wait for the first, so that they are shipped together."""
    with BocExecutor(1) as executor, Gate() as gate:
        door = gate.door
        first = executor.submit(pass_through, door)
        futures = [executor.submit(lock_or_fail, n) for n in range(64)]
        gate.open()
        first.result(LIMIT)
        errors = {n: each.exception(LIMIT) for n, each in enumerate(futures)}
    failed = {n: error for n, error in errors.items() if error}
    assert sorted(failed) == [3, 5]
    assert str(failed[3]).startswith("the result of lock_or_fail: cannot ship")
    assert type(failed[5]) is Halting
    assert str(failed[5]) == "number 5"
    assert 'raise Halting("number 5")' in "".join(traceback.format_exception(failed[5]))
    assert [futures[n].result() for n in (0, 4, 63)] == [[0], [4], [63]]


@pytest.mark.backends("interpreters")
def test_map_in_chunks_and_submit_over_name_the_callers_function(runtime, backend):
    lock, c = threading.Lock(), Cown(3)
    with BocExecutor(1) as executor:
        with pytest.raises(
            TypeError, match=r"^the result of lock_or_fail: cannot ship"
        ):
            list(executor.map(lock_or_fail, range(4), chunksize=4))
        with pytest.raises(
            TypeError, match=r"^argument 2 of lock_or_fail, in it \[0\]"
        ):
            list(executor.map(lock_or_fail, [1], [(lock,)], chunksize=2))
        with pytest.raises(TypeError, match=r"^argument 'by' of <lambda>: cannot ship"):
            executor.submit_over([c], lambda c, by: 1, by=lock)
        future = executor.submit_over([c], lambda c: lock_or_fail(c.value))
        with pytest.raises(TypeError, match=r"^the result of <lambda>: cannot ship"):
            future.result(LIMIT)


def test_a_callback_may_wait_for_another_task(executor):
    """It hung: on `interpreters` the end of a task is a callback, too."""
    told = []

    def wait_for_another(_):
        with BocExecutor() as other:
            told.extend(other.submit(pow, 2, n).result(LIMIT) for n in range(3))

    with Gate() as gate:
        future = executor.submit(pass_through, gate.door)
        future.add_done_callback(wait_for_another)
        gate.open()
        future.result(LIMIT)
        bocpy.quiesce(LIMIT)
    assert told == [1, 2, 4]


def test_a_users_error_keeps_its_text(executor):
    def f():
        raise TypeError("value: must be a number")

    for _ in range(3):
        future = executor.submit(f)
        assert str(future.exception(LIMIT)) == "value: must be a number"


def test_the_executors_own_modules_are_not_of_the_program(monkeypatch):
    """A warning tells of changes in modules of the program. In an editable installation
    the package is in no site-packages."""
    namespaces = bocpy._global_namespaces
    monkeypatch.setattr(namespaces, "_INSTALLED", frozenset())
    monkeypatch.setattr(namespaces, "_of_program", {})
    assert namespaces.is_of_program(__name__)
    assert not namespaces.is_of_program("bocpy._executor_tasks")
