"""A connection: the driver's end, from `d.when` to the batches that an engine carries.

All events go into one queue: new behaviors, handles made and dropped, reports, deaths
of workers. One thread takes them out, passes them to the linker, and hands the linker's
batches to the adapter. So the order of the queue is the order of all behaviors.

Threads: any may schedule and wait. The thread named bocpy-linker owns the linker.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import uuid
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, NoReturn, TypeVar

from ._cown import Cown as Handle
from ._cown import Failed, arrive_site, read
from ._engine import BUSY, IDLE, Engine, Options
from ._errors import CancelledError, CownLost, with_text
from ._functions import Shipper
from ._linker import Linker
from ._messages import Batch, Call, Done, Report
from ._results import Outcome
from ._scope import Scope, current_scope
from ._store import open_store
from ._unsupported import refuse
from ._values import Blob, decode, encode
from ._when_args import Args, Layout, parse

T = TypeVar("T")

#: A batch has BATCH behaviors at most. Once each worker has DEPTH batches under way,
#: the connection collects further behaviors, for TIMEOUT seconds at most.
BATCH = 256
DEPTH = 2
TIMEOUT = 0.002


class Distributed:
    """A connection to a cluster; `connect` makes it."""

    def __init__(
        self, engine: Engine, *, batch: int | None, limit: int | None, options: Options
    ) -> None:
        self.token = uuid.uuid4().hex
        self._engine = engine
        self._batch = batch
        self._limit = limit
        self._timeout = options.timeout
        self._queue: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._count = 0
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._scheduled = 0
        self._ended = 0
        self._shipper = Shipper(self, self._fresh)
        self._linker = Linker()
        self._outcomes: dict[int, Outcome] = {}
        self._idle: list[Outcome] = []
        self._calls: dict[int, int] = {}
        self._scopes: dict[int, Scope] = {}
        self._failures: list[tuple[str, BaseException]] = []
        self._callbacks: ThreadPoolExecutor | None = None
        self._closed = False
        self._thread = threading.Thread(
            target=self._work, name="bocpy-linker", daemon=True
        )
        self._thread.start()
        self._pid = os.getpid()
        atexit.register(_finish, weakref.ref(self))
        engine.start(self, self.token, options)

    # ---- for users

    def Cown(  # noqa: N802
        self,
        value: T = None,  # type: ignore[assignment]
        *,
        near: Handle[Any] | None = None,
        durable: str | os.PathLike[str] | None = None,
    ) -> Handle[T]:
        """Makes a cown of the cluster with a copy of `value`.

        The value travels to a worker with the first behavior over the cown; `near` asks
        for the worker that has another cown. `durable` is a directory that driver and
        workers share, or a URL of fsspec: each new value is written there before
        another behavior sees it, and is read from there if its worker dies.

        Raises TypeError if the value cannot be pickled.
        """
        self._check_open()
        if near is not None and not isinstance(near, Handle):
            raise TypeError(f"near must be a Cown, not {type(near).__name__!r}")
        blob = encode(value, self, "the cown's value")
        number = self._fresh()
        options: dict[str, Any] = {"near": None if near is None else near._id}
        if durable is not None:
            store, file = os.fspath(durable), f"{number:x}-{self.token[:8]}"
            open_store(store).write(file, blob)
            options |= {"store": store, "file": file}
        self._queue.put(("make", number, blob, options))
        return Handle(self, number, counted=True)

    def when(
        self, *cowns: Any, retries: int = 0
    ) -> Callable[[Callable[..., T]], Handle[T]]:
        """Schedules the decorated function as a behavior over cowns of this connection.

        As `bocpy.when`; the function and its captures travel by value. If a worker's
        death interrupts the behavior, it runs again up to `retries` times, after the
        behaviors that had been sent to workers by then: its body may run in part, and
        then again. TypeError names an argument that is no cown of this connection.
        """
        parsed = parse(cowns, self.token)

        def schedule(function: Callable[..., T], _held: Any = cowns) -> Handle[T]:
            # The handles live until the linker knows the behavior that needs them.
            return self.schedule(function, parsed, retries=retries)

        return schedule

    def whencall(
        self,
        function: Callable[..., T],
        args: Iterable[Any],
        captures: Iterable[Any] = (),
    ) -> Handle[T]:
        """`when` without the decorator."""
        held = tuple(args)
        parsed = parse(held, self.token)
        return self.schedule(function, parsed, captures=tuple(captures))

    read = staticmethod(read)

    def scope(
        self,
        name: str | None = None,
        *,
        timeout: float | None = None,
        on_error: str = "cancel",
        limit: int | None = None,
    ) -> Scope:
        """Makes a block that waits for all behaviors that were scheduled in it, and for
        those that they schedule.

        Leaving it raises the failures as an ExceptionGroup. With `on_error="cancel"`,
        the first failure cancels the behaviors that have not begun.
        """
        return Scope(self, name, timeout=timeout, on_error=on_error, limit=limit)

    def wait(
        self, timeout: float | None = None, *, raise_failures: bool = False
    ) -> bool:
        """Waits until all behaviors have ended; False if they have not after `timeout`
        seconds. With `raise_failures`, raises an ExceptionGroup of the failures that
        the program has not looked at."""
        try:
            self.quiesce(timeout)
        except TimeoutError:
            return False
        if raise_failures and self._failures:
            failures, self._failures = self._failures, []
            raise group_of("behaviors failed", [error for _, error in failures])
        return True

    def quiesce(self, timeout: float | None = None) -> None:
        """Waits until no behavior is pending. After `timeout` seconds, TimeoutError
        says which workers have the pending behaviors."""
        self._check_open()
        outcome = Outcome("the end of all behaviors")
        self._queue.put(("idle", outcome))
        try:
            outcome.wait(timeout)
        except TimeoutError:
            where = ", ".join(
                f"{row['inflight']} at {row['node']}"
                for row in self.stats()["workers"]
                if row["inflight"]
            )
            raise TimeoutError(
                f"behaviors are still in flight after {timeout} s: "
                f"{where or 'no worker has them'}"
            ) from None

    def stats(self) -> dict[str, Any]:
        """Returns counters of the connection, and of each worker under "workers"."""
        return dict(self._ask(stats_of))

    def who_has(self) -> dict[int, str]:
        """Returns the worker of each cown of the connection, by the cown's number: the
        one that will have it once all scheduled behaviors have run; "" while only the
        driver has the value."""
        return dict(self._ask(who_has_of))

    def close(self, timeout: float | None = None) -> None:
        """Waits as `wait` does, and ends the executors. The cowns cannot be used
        afterwards."""
        if self._closed:
            return
        self.wait(timeout)
        self._closed = True
        self._queue.put(("close",))
        self._thread.join(5)
        self._engine.close()
        if self._callbacks is not None:
            self._callbacks.shutdown(wait=False)

    def __enter__(self) -> Distributed:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return arrive_site, ()

    def __repr__(self) -> str:
        return f"<bocpy.distributed connection over {self._engine.name}>"

    def __getattr__(self, name: str) -> NoReturn:
        refuse(name)

    # ---- as a site of handles

    def hold(self, id: int) -> None:  # noqa: A002
        self._queue.put(("hold", id))

    def release(self, id: int) -> None:  # noqa: A002
        self._queue.put(("release", id))

    def proxy(self) -> Distributed:
        return self

    def schedule(
        self,
        function: Callable[..., Any],
        parsed: tuple[Args, Layout],
        *,
        captures: tuple[Any, ...] = (),
        retries: int = 0,
    ) -> Handle[Any]:
        self._check_open()
        which, layout = parsed
        shipped = self._shipper.ship(function, len(layout), captures)
        scope = current_scope(self)
        key = self._fresh()
        number = 0 if scope is None else scope.enter()
        call = Call(
            key,
            shipped.name,
            shipped.code,
            shipped.captures,
            which,
            layout,
            retries,
            number,
            shipped.blob,
        )
        self._wait_for_room()
        self._scheduled += 1
        self._queue.put(("call", call))
        return Handle(self, key, counted=True, is_result=True)

    def outcome(self, id: int, *, consume: bool) -> Outcome:  # noqa: A002
        self._check_open()
        outcome = Outcome("the value of the cown")
        self._queue.put(("get", self._fresh(), id, consume, outcome))
        return outcome

    def call_back(self, function: Callable[..., object], *args: Any) -> None:
        """Calls a callback on a thread of its own, where it may wait."""
        with self._lock:
            if self._callbacks is None:
                self._callbacks = ThreadPoolExecutor(1, "bocpy-callbacks")
            self._callbacks.submit(call_safely, function, *args)

    # ---- events of the adapter

    def joined(self, number: int, node: str, threads: int) -> None:
        self._queue.put(("join", number, node, threads))

    def lost(self, number: int, reason: str) -> None:
        self._queue.put(("lose", number, reason))

    def reported(self, number: int, report: Report) -> None:
        self._queue.put(("report", number, report))

    # ---- the linker's thread

    def _fresh(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def _check_open(self) -> None:
        if self._pid != os.getpid():
            raise RuntimeError("a connection cannot be used in a forked child: connect")
        if self._closed:
            raise RuntimeError("the connection is closed")

    def _wait_for_room(self) -> None:
        if self._limit is None or self._scheduled - self._ended < self._limit:
            return
        if threading.current_thread() is self._thread:
            return
        with self._room:
            while self._scheduled - self._ended >= self._limit and not self._closed:
                self._room.wait(1)

    def _ask(self, question: Callable[[Linker], Any]) -> Any:
        self._check_open()
        outcome = Outcome("the answer")
        self._queue.put(("ask", question, outcome))
        return outcome.wait(30)

    def _work(self) -> None:
        """The thread's loop: takes the events there are, links, and sends batches."""
        while True:
            waiting = bool(self._linker.buffer) and not self._may_link()
            events = self._take(TIMEOUT if waiting else None)
            for event in events:
                if event[0] == "close":
                    return
                try:
                    getattr(self, f"_on_{event[0]}")(*event[1:])
                except Exception as error:
                    report_bug(event, error)
            try:
                self._send(force=not events)
            except Exception as error:
                report_bug(("send",), error)
            self._settle_idle()
            del events

    def _take(self, timeout: float | None) -> list[tuple[Any, ...]]:
        events = []
        try:
            events.append(self._queue.get(timeout=timeout))
            while len(events) < 4096:
                events.append(self._queue.get_nowait())
        except Empty:
            pass
        return events

    def _may_link(self) -> bool:
        linker = self._linker
        return (
            self._batch is not None
            or linker.flights < DEPTH * len(linker.workers)
            or len(linker.buffer) >= BATCH
        )

    def _send(self, force: bool) -> None:
        linker = self._linker
        most = self._batch or 1 << 30
        while True:
            before = linker.counts["linked"]
            may = force or self._may_link()
            batches = linker.step(most if may else 0)
            for number, batch in batches:
                self._call(number, [batch])
            self._notify()
            if self._batch is None or linker.counts["linked"] == before:
                break
        for number in list(linker.workers):
            if not self._calls.get(number):
                self._call(number, [])

    def _call(self, number: int, batches: list[Batch]) -> None:
        worker = self._linker.workers[number]
        self._calls[number] = self._calls.get(number, 0) + 1
        poll_timeout = BUSY if worker.inflight else IDLE
        self._engine.call(number, batches, worker.seen, poll_timeout)

    def _notify(self) -> None:
        linker = self._linker
        while linker.notices:
            notices, linker.notices = linker.notices, []
            for what, *rest in notices:
                getattr(self, f"_notify_{what}")(*rest)

    def _settle_idle(self) -> None:
        if self._idle and not self._linker.pending:
            idle, self._idle = self._idle, []
            for outcome in idle:
                outcome.settle(lambda: None)

    # ---- events

    def _on_make(self, number: int, blob: Blob, options: dict[str, Any]) -> None:
        self._linker.make(number, blob, **options)

    def _on_call(self, call: Call) -> None:
        self._linker.schedule(call)
        scope = self._scopes.get(call.scope)
        if scope is not None and scope.started(call):
            self._linker.cancel([call.key])

    def _on_get(self, key: int, id: int, consume: bool, outcome: Outcome) -> None:  # noqa: A002
        self._outcomes[key] = outcome
        self._linker.get(key, id, consume)

    def _on_hold(self, id: int) -> None:  # noqa: A002
        self._linker.hold(id)

    def _on_release(self, id: int) -> None:  # noqa: A002
        self._linker.release(id)

    def _on_join(self, number: int, node: str, threads: int) -> None:
        self._linker.join(number, node, threads)

    def _on_lose(self, number: int, reason: str) -> None:
        self._calls.pop(number, None)
        self._linker.lose(number, reason)

    def _on_report(self, number: int, report: Report) -> None:
        if number in self._calls:
            self._calls[number] -= 1
        self._linker.report(number, report)

    def _on_idle(self, outcome: Outcome) -> None:
        self._idle.append(outcome)

    def _on_ask(self, question: Callable[[Linker], Any], outcome: Outcome) -> None:
        answer = question(self._linker)
        outcome.settle(lambda: answer)

    def _on_cancel(self, keys: tuple[int, ...]) -> None:
        self._linker.cancel(keys)

    def _on_scope(self, number: int, scope: Scope) -> None:
        self._scopes[number] = scope

    # ---- notices of the linker

    def _notify_entered(self, call: Call) -> None:
        self._scheduled += 1
        scope = self._scopes.get(call.scope)
        if scope is not None:
            scope.entered(call)

    def _notify_ended(self, behavior: Any, done: Done) -> None:
        if behavior.get:
            self._notify_got(self._outcomes.pop(done.key), done)
            return
        with self._room:
            self._ended += 1
            if self._limit is not None:
                self._room.notify_all()
        scope = self._scopes.get(behavior.call.scope)
        if scope is not None:
            scope.ended(behavior.call, lambda: error_of(done, self))

    def _notify_got(self, outcome: Outcome, done: Done) -> None:
        if done.fate == "done" and done.blob is not None:
            blob = done.blob
            outcome.settle(lambda: value_of(blob, self))
        else:
            outcome.settle(error=error_of(done, self))

    def _notify_unseen(self, name: str, blob: Blob, text: str) -> None:
        error = with_text(decode(blob, self), text)
        self._failures.append((name, error))
        del self._failures[:-1000]
        report_failure(name, error)


def value_of(blob: Blob, site: Distributed) -> Any:
    value = decode(blob, site)
    if type(value) is Failed:
        raise value.error
    return value


def error_of(done: Done, site: Distributed) -> BaseException | None:
    """Returns the exception that waiters for a behavior's outcome get; None if none."""
    if done.fate == "done":
        return None
    if done.fate == "cancelled" or (done.fate == "lost" and not done.name):
        return CancelledError(done.text or "the behavior was cancelled before it began")
    if done.fate == "lost":
        return CownLost(done.text, done.name)
    assert done.blob is not None
    return with_text(decode(done.blob, site), done.text)


def group_of(message: str, errors: list[BaseException]) -> BaseException:
    from bocpy._failure.raise_unread import AnyGroup, FailureGroup

    ordinary = [error for error in errors if isinstance(error, Exception)]
    if len(ordinary) == len(errors):
        return FailureGroup(message, ordinary)
    return AnyGroup(message, errors)


def report_failure(name: str, error: BaseException) -> None:
    """Reports a failure that the program has not looked at."""
    from bocpy._failure.report_unread import write_unraisable

    heading = f"Exception in distributed behavior {name!r}, never looked at"
    write_unraisable(error, None, heading)


def call_safely(function: Callable[..., object], *args: Any) -> None:
    try:
        function(*args)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)


def report_bug(event: tuple[Any, ...], error: Exception) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


def stats_of(linker: Linker) -> dict[str, Any]:
    rows = [
        {
            "node": w.node,
            "threads": w.threads,
            "cowns": w.held,
            "bytes": w.size,
            "inflight": w.inflight,
            "behaviors": w.runs,
            "backlog": w.backlog,
        }
        for w in linker.workers.values()
    ]
    return {
        **linker.counts,
        "pending": linker.pending,
        "cowns": len(linker.places),
        "waiting": len(linker.buffer),
        "workers": rows,
    }


def who_has_of(linker: Linker) -> dict[int, str]:
    return {
        number: place.home.node if place.home is not None else ""
        for number, place in linker.places.items()
    }


def _finish(weak: weakref.ref[Distributed]) -> None:
    """At the program's end: waits for the scheduled behaviors."""
    found = weak()
    if found is None or found._closed or found._pid != os.getpid():
        return
    try:
        if found.stats()["workers"]:
            found.close()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
