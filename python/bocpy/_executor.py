"""Futures over the runtime: `concurrent.futures.Executor` for programs that use pools.

A *place* is a behavior that runs tasks of one executor, one after the other; an
executor has at most `max_workers` of them. With backend `threads` a place takes tasks
from the queue itself. With `interpreters` the executor gives it as many tasks as take
about a millisecond, and the result of the place contains their results.

Threads: any of the main interpreter.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, TypeVar

from . import _core
from ._core import Cown, start, when
from ._durations import check_duration
from ._executor_errors import in_terms_of
from ._executor_tasks import (
    BrokenPool,
    Call,
    InitializerError,
    call_over,
    run_chunk,
    run_shipped,
)
from ._failure import exception_codec
from ._future import BocFuture
from ._late_imports import late_import
from ._runtime import leave_interrupted

T = TypeVar("T")

#: Tasks that a place runs at least before it lets other behaviors of the runtime run.
TURN = 64
#: Seconds for which a place runs tasks at least, if it has some.
TURN_SECONDS = 0.0005
#: Seconds that the tasks of one shipment should take together.
SHIPMENT = 0.001
#: Seconds of one wait for the last callback of a place.
BRIEFLY = 0.0005


#: What `submit` was given; run by one place.
Task = tuple["BocFuture[Any]", Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class BocExecutor(Executor):
    """An executor whose tasks are behaviors of the runtime.

    `max_workers` is how many of its tasks run at a time, by default as many as there
    are workers. The workers are the runtime's; the executor starts the runtime (on
    `backend`) if nobody has. `initializer(*initargs)` runs once in each worker that
    runs tasks of the executor.

    With backend 'threads' a task gets the objects themselves. With 'interpreters'
    functions, arguments and results are shipped as those of behaviors are; if one
    cannot be shipped, the future fails with TypeError. `cancel()` of a future works
    until its task is handed to a worker. A task may wait for another's `result()`: its
    worker runs other tasks meanwhile. `shutdown` waits, and runs pinned behaviors
    meanwhile.

    Raises ValueError or TypeError for wrong arguments, RuntimeError if the runtime runs
    on another backend.

    >>> from bocpy import BocExecutor
    >>> with BocExecutor() as executor:
    ...     future = executor.submit(pow, 2, 10)
    ...     list(executor.map(abs, [-1, -2])), future.result()
    ([1, 2], 1024)
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        backend: str | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if max_workers is not None and not isinstance(max_workers, int):
            kind = type(max_workers).__name__
            raise TypeError(
                f"BocExecutor(): max_workers must be an int or None, not {kind!r}"
            )
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if backend is not None or not _core._running():
            start(backend=backend)
        self._max_workers = max_workers or len(_core._stats())
        self._initializer = (initializer, initargs) if initializer else None
        self._local = _core._backend() == "threads"
        self._initialized = weakref.WeakSet[threading.Thread]()
        self._key = (os.getpid(), next(_keys))
        # A handler of a signal may submit while the thread that it interrupts has it.
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._tasks: deque[Task] = deque()
        self._places = 0
        self._aside = 0  # tasks that wait for others, whose places others have
        self._starting = 0  # places that are scheduled and have not begun
        self._shut = False
        # whether submit() may have to refuse
        self._closed = _program_ends or not _core._is_main()
        self._broken: BaseException | None = None
        self._latest: Cown[Any] | None = None
        self._seconds = SHIPMENT  # how long a task takes, estimated
        _living.add(self)

    # ---- submitting ----

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """A future for `fn(*args, **kwargs)`, which runs once a place is free."""
        _core._refuse_in_batch("submit()")
        future: BocFuture[T] = BocFuture(self)
        if self._closed:
            self._require_open()
        task: Task = (future, fn, args, kwargs)
        self._tasks.append(task)
        if not HAS_GIL or self._places < self._max_workers:
            self._add_place()
        if self._closed:
            self._withdraw(task)
        return future

    def submit_over(
        self, cowns: Iterable[Any], fn: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Future[T]:
        """A future for `fn(*cowns, *args, **kwargs)` as a behavior over the cowns.

        The behavior is scheduled at once, whatever `max_workers` is. Accepts cowns,
        groups and `read(cown)` as `when` does.

        >>> from bocpy import BocExecutor, Cown
        >>> log = Cown([])
        >>> with BocExecutor() as executor:
        ...     done = executor.submit_over([log], lambda c, x: c.value.append(x), 7)
        >>> log.unwrap()
        [7]
        """
        _core._refuse_in_batch("submit_over()")
        future: BocFuture[T] = BocFuture(self)
        named = cowns_of(cowns)
        if not callable(fn):
            kind = type(fn).__name__
            raise TypeError(
                f"submit_over() argument 2 must be a callable, not {kind!r}: write "
                "submit_over([cown], function, *args)"
            )
        with self._lock:
            self._require_open()
            self._places += 1
        call = (fn, args, kwargs)
        try:
            if self._local:
                work: list[Task] = [(future, *call)]
                self._latest = when(*named)(partial(self._run_over, work))
            else:
                future.set_running_or_notify_cancel()
                made = when(*named)(partial(call_over, call))
                self._latest = made
                made.add_done_callback(partial(self._bring_home_one, future, call))
        except BaseException as error:
            self._leave_place()
            refused = in_terms_of(error, [call])
            if refused is error:
                raise
            raise refused from refused.__cause__
        return future

    def _require_open(self) -> None:
        if self._broken is not None:
            raise BrokenPool("the initializer has raised") from self._broken
        if self._shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if _program_ends:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        if not _core._is_main():
            raise RuntimeError(
                "submit() in a behavior on backend 'interpreters': a future is for the "
                "main interpreter only: use when() there"
            )

    def _withdraw(self, task: Task) -> None:
        """Refuses a task that was added when the executor had been closed, unless a
        place has it already."""
        try:
            self._tasks.remove(task)
        except ValueError:
            return
        self._require_open()

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Yields the results of `fn` for the items, in their order.

        One task takes `chunksize` items. With a `buffersize`, items are taken only
        while fewer than that many results wait to be fetched; otherwise all are taken
        at once. The iterator raises TimeoutError `timeout` seconds after `map` was
        called.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        check_duration(timeout or 0, "map(): timeout")
        if chunksize == 1 and buffersize is None:
            return super().map(fn, *iterables, timeout=timeout)
        chunks = chunked(zip(*iterables, strict=False), chunksize)
        deadline = None if timeout is None else time.monotonic() + timeout
        submit = partial(self.submit, run_chunk, fn)
        width = None if buffersize is None else -(-buffersize // chunksize)
        window = deque(map(submit, itertools.islice(chunks, width)))
        lists: Iterator[list[T]] = results_of(window, map(submit, chunks), deadline)
        return itertools.chain.from_iterable(lists)

    # ---- places ----

    def _start_place(self) -> None:
        """Schedules one place, which the caller has counted."""
        try:
            if self._local:
                with self._lock:
                    self._starting += 1
                self._latest = when()(self._run_some)
            else:
                self._ship_some()
        except BaseException as error:
            self._leave_place()
            self._fail_all(error)
            raise

    def _add_place(self) -> None:
        """Starts a place if there may be one more and there are tasks."""
        with self._lock:
            if not self._tasks or self._places >= self._max_workers:
                return
            self._places += 1
        self._start_place()

    def _leave_place(self) -> None:
        """Gives a place up. The caller has found no task, or another one finds them.

        `submit` adds a task and then looks, without the lock, whether a place is free;
        this frees one and then looks for tasks. One of them sees the other.
        """
        with self._lock:
            self._places -= 1
            self._idle.notify_all()
        if self._tasks:
            self._add_place()

    def _step_aside(self) -> None:
        """Schedules a further place while a task waits for another task."""
        with self._lock:
            self._aside += 1
        self._leave_place()

    def _step_back(self) -> None:
        with self._lock:
            self._places += 1
            self._aside -= 1

    def _take(self, work: list[Task]) -> bool:
        """Puts the next that is not cancelled into `work`; False: there is none."""
        popleft = self._tasks.popleft
        while True:
            try:
                task = popleft()
            except IndexError:
                return False
            if task[0].set_running_or_notify_cancel():
                work.append(task)
                return True

    def _fail_all(self, error: BaseException) -> None:
        failed: list[Task] = []
        while self._take(failed):
            failed.pop()[0].set_exception(error)

    def _break(self, error: BaseException) -> None:
        """Fails all tasks: the initializer has raised."""
        with self._lock:
            known = self._broken is not None
            self._broken = error
            self._closed = True
        if not known:
            log_critical("Exception in initializer:", error)
        self._fail_all(self._initializer_raised())

    def _initializer_raised(self) -> BrokenPool:
        broken = BrokenPool("the initializer of the executor has raised")
        broken.__cause__ = self._broken
        return broken

    # ---- backend threads ----

    def _run_some(self) -> None:
        """A behavior that runs tasks until none is left, or until other behaviors
        should run."""
        with self._lock:
            self._starting -= 1
        if not self._initialize():
            self._leave_place()
            return
        end = time.perf_counter() + TURN_SECONDS
        work: list[Task] = []
        while True:
            for _ in range(TURN):
                if not self._take(work):
                    self._leave_place()
                    return
                run(work)
            if time.perf_counter() > end:
                break
        self._start_place()

    def _run_over(self, work: list[Task], *cowns: Any) -> None:
        if self._initialize() and work[0][0].set_running_or_notify_cancel():
            run(work, *cowns)
        self._leave_place()

    def _initialize(self) -> bool:
        if self._broken is not None:
            return False
        if self._initializer is None or threading.current_thread() in self._initialized:
            return True
        initializer, initargs = self._initializer
        try:
            initializer(*initargs)
        except BaseException as error:
            self._break(error)
            return False
        self._initialized.add(threading.current_thread())
        return True

    # ---- backend interpreters ----

    def _ship_some(self) -> None:
        """Ships tasks to a place; a task that cannot be shipped fails its future."""
        while True:
            tasks = self._take_some()
            if not tasks:
                self._leave_place()
                return
            work = [task[1:] for task in tasks]
            try:
                made = when()(partial(run_shipped, self._key, self._initializer, work))
            except BaseException as error:
                if len(tasks) == 1:
                    tasks[0][0].set_exception(in_terms_of(error, work))
                    continue
                self._seconds = SHIPMENT
                if self._ship_each(tasks):
                    return
                continue
            self._latest = made
            made.add_done_callback(partial(self._bring_home, tasks))
            return

    def _ship_each(self, tasks: list[Task]) -> bool:
        """Ships each task as a behavior of its own, all in one place; whether there are
        any."""
        left = [0]
        for task in tasks:
            work = [task[1:]]
            try:
                made = when()(partial(run_shipped, self._key, self._initializer, work))
            except BaseException as error:
                task[0].set_exception(in_terms_of(error, work))
                continue
            with self._lock:
                self._places += left[0]
            left[0] = 1
            self._latest = made
            made.add_done_callback(partial(self._bring_home, [task]))
        return left[0] == 1

    def _take_some(self) -> list[Task]:
        tasks: list[Task] = []
        if not self._take(tasks):
            return tasks
        fair = len(self._tasks) // self._max_workers
        most = min(fair, TURN, int(SHIPMENT / self._seconds) - 1)
        while len(tasks) <= most and self._take(tasks):
            pass
        return tasks

    def _bring_home(self, tasks: list[Task], made: Cown[Any]) -> None:
        """A callback: stores the results of shipped tasks, and gives the place further
        ones."""
        if self._latest == made:  # a reference that would keep the results alive
            self._latest = None
        try:
            seconds, outcomes = made.result()
        except InitializerError as error:
            (raised,) = error.args  # None if the exception could not be shipped
            self._break(raised or error)
            outcomes = [(False, self._initializer_raised())] * len(tasks)
        except BaseException as error:
            named = in_terms_of(error, [task[1:] for task in tasks])
            outcomes = [(False, named)] * len(tasks)
        else:
            self._seconds = max(seconds / len(tasks), SHIPMENT / TURN)
        if isinstance(outcomes, Cown):
            self._latest = outcomes
            outcomes.add_done_callback(partial(self._open, tasks))
        else:
            self._settle(tasks, outcomes)

    def _open(self, tasks: list[Task], outcomes: Cown[Any]) -> None:
        """A callback: stores what is in a cown of `shippable`."""
        if self._latest == outcomes:
            self._latest = None
        self._settle(tasks, outcomes.result())

    def _settle(self, tasks: list[Task], outcomes: list[tuple[bool, Any]]) -> None:
        for (future, *_), (good, value) in zip(tasks, outcomes, strict=True):
            if good:
                future.set_result(value)
            else:
                future.set_exception(exception_codec.unpacked(value))
        self._start_place()

    def _bring_home_one(self, future: Future[Any], call: Call, made: Cown[Any]) -> None:
        try:
            value = made.result()
        except BaseException as error:
            future.set_exception(in_terms_of(error, [call]))
        else:
            future.set_result(value)
        self._leave_place()

    # ---- the end ----

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuses further tasks; with `wait`, waits until all tasks have ended.

        `cancel_futures` cancels those that have not been handed to a worker.
        """
        dropped: deque[Task] = deque()
        with self._lock:
            self._shut = self._closed = True
            with contextlib.suppress(IndexError):  # a place has taken the last
                while cancel_futures and len(self._tasks) > self._starting:
                    dropped.append(self._tasks.pop())
        for future, *_ in dropped:
            future.cancel()
            future.set_running_or_notify_cancel()
        if wait:
            self._wait_idle()

    def _wait_idle(self) -> None:
        """Waits until all tasks have ended; on the main thread, pumps meanwhile."""
        while True:
            with self._lock:
                if not (self._places or self._aside or self._tasks):
                    return
                if _core._in_body() or threading.current_thread() in self._initialized:
                    return
                latest = self._latest
                if latest is None or threading.current_thread() is not MAIN:
                    self._idle.wait(BRIEFLY if latest is None else None)
                    continue
            with contextlib.suppress(Exception):  # the future holds the exception
                latest.result()
            with self._lock:
                if latest is self._latest and self._places:
                    self._idle.wait(BRIEFLY)


def run(work: list[Task], *cowns: Any) -> None:
    """Takes the task out of `work` and calls it. Its arguments are given up before its
    future has the outcome."""
    future, fn, args, kwargs = work.pop()
    try:
        result = fn(*cowns, *args, **kwargs)
    except BaseException as error:
        del fn, args, kwargs
        future.set_exception(error)
    else:
        del fn, args, kwargs
        future.set_result(result)
    del future  # the frame may live on in a traceback that the future has


def cowns_of(cowns: Any) -> tuple[Any, ...]:
    """The cowns that `submit_over` was given as its first argument."""
    try:
        return tuple(cowns)
    except TypeError:
        kind = type(cowns).__name__
        raise TypeError(
            f"submit_over() argument 1 must be a list of cowns, not {kind!r}: write "
            "submit_over([cown], function, *args)"
        ) from None


def chunked(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk


def results_of(
    window: deque[Future[T]], more: Iterator[Future[T]], deadline: float | None
) -> Iterator[T]:
    """Yields the results in order; each that is fetched makes room for one more
    task."""
    try:
        while window:
            window.extend(itertools.islice(more, 1))
            left = None if deadline is None else deadline - time.monotonic()
            future = window.popleft()
            yield future.result(left)
    finally:
        for future in window:
            future.cancel()


def log_critical(message: str, error: BaseException) -> None:
    logging = late_import("logging")
    logging.getLogger("concurrent.futures").critical(message, exc_info=error)


MAIN = threading.main_thread()
HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
_keys = itertools.count()
_living: weakref.WeakSet[BocExecutor] = weakref.WeakSet()
_program_ends = False


def end_program() -> None:
    """Waits at the program's end for submitted tasks, as other executors do."""
    global _program_ends
    _program_ends = True
    try:
        for executor in list(_living):
            executor.shutdown(wait=True)
    except KeyboardInterrupt as error:
        leave_interrupted(error)


threading._register_atexit(end_program)  # type: ignore[attr-defined]
