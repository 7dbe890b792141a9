"""Runtimes: the workers that run behaviors.

Threads: any. `_entered` has an object for each call that uses the C runtime at the
moment: `close` refuses new ones, then waits for those, so that nobody uses a runtime
that is freed. A handler of a signal may raise between any two steps, so each call
removes its own object, whether it had added it or not. On PyPy a handler may raise even
before the removal; then `close` does not free the runtime.
"""

from __future__ import annotations

import atexit
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from threading import Lock, get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from . import _behavior
from ._base import NULL, acquire, check, error, nanoseconds, options
from ._behavior import (
    Access,
    Behavior,
    Body,
    Deferred,
    Work,
    check_body,
    defer,
    pending,
    refs_of,
)
from ._cown import Cown
from ._lane import Forgotten, Lane
from ._libboc import ffi, lib
from ._scope import Scope, current_scope
from ._status_errors import BadState, Closed, Timeout
from ._trace import TraceEvent, read_events, read_json
from ._waiting import wait_for_node

if TYPE_CHECKING:
    from ._libboc import CData

F = TypeVar("F", bound=Callable[..., Any])

#: The open runtimes, by address.
running: dict[int, Runtime] = {}
#: The runtime of the innermost `with`, where this code runs.
current_runtime: ContextVar[Runtime | None] = ContextVar("libboc_runtime", default=None)
#: Seconds between two checks of the lanes while a runtime with lanes ends.
_LANE_SLICE = 0.005
#: Nanoseconds that `close` waits for calls of a quiescent runtime, which are short.
_CALLS_MAX = 5_000_000_000


class Runtime:
    """Worker threads that run behaviors.

    >>> from libboc import Cown, Runtime
    >>> left, right = Cown(100), Cown(0)
    >>> with Runtime(workers=2) as runtime:
    ...     @runtime.when(left, right)
    ...     def transfer(left, right):
    ...         left.value -= 30
    ...         right.value += 30
    >>> left.value, right.value
    (70, 30)

    workers: how many; None: the number of physical cores. compensating_workers: how
    many may stand in for those whose bodies are `blocking()`. spin: seconds that an
    idle worker looks for work before it sleeps. stack_size: of a worker's thread, in
    bytes; 0: the system's default. trace_events: how many `trace()` keeps for each
    worker; 0: none. on_error: called with the body and the exception of a behavior that
    raised; by default they go to sys.unraisablehook. The cowns keep the values that the
    body has set, and later behaviors run.

    The end of `with`, or `close`, finishes the scheduled behaviors. A program that ends
    without either does so at its exit.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        compensating_workers: int = 0,
        spin: float | None = None,
        stack_size: int = 0,
        trace_events: int = 0,
        on_error: Callable[[Body, BaseException], object] | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        if on_error is not None and not callable(on_error):
            raise TypeError("on_error must be callable")
        given = options("runtime_options")
        given.workers = workers or 0
        given.compensating_workers = compensating_workers
        given.stack_size = stack_size
        given.trace_events = trace_events
        if spin is not None:
            given.spin = nanoseconds(spin, "spin")
        out = ffi.new("boc_runtime **")
        check(lib.boc_runtime_new(given, out), "Runtime()")
        self._core: CData | None = out[0]
        self._address = int(ffi.cast("uintptr_t", out[0]))
        self._fail = on_error or _behavior.report
        if on_error is not None:
            self._fail = guarded(on_error)
        self._closing: int | None = None  # the thread that closes it
        self._closer = Lock()
        #: Behaviors that were made and are not scheduled yet, by key.
        #: Pointers to the behaviors that are not scheduled yet, by key.
        self._made: dict[int, CData] = {}
        self._entered: set[object] = set()
        self._lanes: WeakSet[Lane] = WeakSet()
        self._forgotten: list[Forgotten] = []
        self._tokens: list[Token[Runtime | None]] = []
        running[self._address] = self

    def when(self, *cowns: Access, scope: Scope | None = None) -> Callable[[F], F]:
        """Decorates a body and schedules it: it runs once the behavior has all of
        `cowns`.

        The body is called with the cowns, in their order: it reads and sets a cown, and
        only reads a `read(c)`. The same cown may be named twice. `scope`: the scope of
        the behavior; by default that of the `with Scope()` or of the body around the
        call.
        """

        def schedule(body: F) -> F:
            self.schedule(body, cowns, scope=scope)
            return body

        return schedule

    def schedule(
        self, body: Body, cowns: Sequence[Access] = (), *, scope: Scope | None = None
    ) -> None:
        """As `when`, without a decorator.

        >>> from libboc import Cown, Runtime
        >>> log = Cown([])
        >>> with Runtime() as runtime:
        ...     runtime.schedule(lambda log: log.value.append("ran"), [log])
        >>> log.value
        ['ran']
        """
        if not callable(body):
            check_body(body)
        refs, args = refs_of(cowns)
        work = Work(body, args, self._fail)
        key = id(work)
        within = scope or current_scope.get()
        inside, count = within._core if within else NULL, len(refs)
        entered = self._entered
        try:
            entered.add(work)
            core = self._core
            if core is None or self._closing is not None:
                core = self._closing_core()
            if Lane.used:
                self._note_lanes(args)
            # Between these two no handler of a signal runs: the library has the key,
            # or there is none.
            pending[key] = work
            status = lib.glue_when(core, key, refs, count, inside)
        finally:
            entered.discard(work)
        if status:
            del pending[key]
            raise error(status, "when()")

    def behavior(
        self,
        body: Body,
        *cowns: Access,
        scope: Scope | None = None,
        done: Callable[[bool], object] | None = None,
    ) -> Behavior:
        """A behavior that is not scheduled yet: see `Behavior` and `schedule_all`.

        Once the behavior is over and its cowns are handed on, `done` is called with a
        bool: whether the body ran. It is called on the thread that ended the behavior,
        and must not block.
        """
        return Behavior(self, body, cowns, scope or current_scope.get(), done)

    @contextmanager
    def hold(
        self, *cowns: Access, timeout: float | None = None
    ) -> Iterator[tuple[Access, ...]]:
        """Holds the cowns for a `with` block outside of behaviors: waits for its turn
        as a behavior does, then gives the arguments that a body would get.

        >>> from libboc import Cown, Runtime
        >>> cown = Cown(1)
        >>> with Runtime() as runtime:
        ...     @runtime.when(cown)
        ...     def _(cown):
        ...         cown.value += 1
        ...     with runtime.hold(cown) as (cown,):
        ...         print(cown.value)
        2

        Timeout after that many seconds. BadState in a body, which must not wait, and
        for pinned cowns, whose behaviors run elsewhere.
        """
        if lib.glue_current():
            raise BadState("hold(): a body cannot wait; schedule a behavior instead")
        if any(lane_of(cown) is not None for cown in cowns):
            raise BadState("hold(): a pinned cown is for behaviors alone")
        nanoseconds(timeout)
        turn = Turn()
        self.behavior(turn.body, *cowns).schedule_or_run()
        try:
            args = turn.wait(timeout)
        except BaseException:
            turn.give_up()
            raise
        try:
            yield args
        finally:
            turn.give_up()

    def quiesce(self, timeout: float | None = None) -> None:
        """Waits until no behavior is scheduled, running or deferred.

        Timeout after that many seconds; BadState in a body of this runtime.
        """
        with self._using() as core:
            self._wait(core, timeout, "quiesce()")

    def _wait(self, core: CData, timeout: float | None, what: str) -> None:
        nanoseconds(timeout)
        status = lib.boc_runtime_quiesce(core, 0)
        if status == lib.BOC_TIMEOUT:
            if not wait_for_node(
                lambda node: lib.boc_runtime_on_quiescent(core, node),
                lambda node: lib.boc_runtime_quiesce_cancel(core, node),
                timeout,
            ):
                raise Timeout(f"{what}: behaviors are in flight after {timeout} s")
        else:
            check(status, what)
        for forgotten in list(self._forgotten):
            self._forgotten.remove(forgotten)
            forgotten.quiescent(self)

    def _drain(self, timeout: float | None) -> None:
        """Waits for quiescence, and pumps the lanes for it."""
        if not self._lanes:
            if not self.closed:
                self.quiesce(timeout)
            return
        left = nanoseconds(timeout)
        deadline = None if left < 0 else lib.boc_now() + left
        while not self.closed:
            for lane in list(self._lanes):
                pump_if_free(lane)
            late = deadline is not None and lib.boc_now() >= deadline
            try:
                return self.quiesce(_LANE_SLICE)
            except Timeout:
                if late:
                    raise

    def close(self, timeout: float | None = None) -> None:
        """Finishes the scheduled behaviors, ends the workers and frees the runtime.

        This thread runs pinned behaviors, unless another one pumps their lane. Bodies
        may go on scheduling; on other threads `when` raises Closed. Timeout after
        `timeout` seconds: the runtime is then open again. BadState inside a body.
        """
        if self._core is None:
            return
        if lib.glue_current():
            raise BadState("close(): a body cannot wait for the end of behaviors")
        if self._closing == get_ident():
            raise BadState("close() in a finalizer or handler while close() runs")
        with self._closer:
            if self._core is None:
                return
            self._closing = get_ident()
            try:
                self._drain(timeout)
            except BaseException:
                self._closing = None
                raise
            core, self._core = self._core, None
            deadline = lib.boc_now() + _CALLS_MAX
            while self._entered and lib.boc_now() < deadline:
                lib.boc_yield()
            for key in list(self._made):
                self._discard(key)
            del running[self._address]
            if not self._entered:
                lib.boc_runtime_free(core)
                return
        warnings.warn(
            "close(): the runtime is not freed, since a call of it has not come to its "
            "end: a handler of a signal raised in it at an unlucky moment",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )

    @property
    def closed(self) -> bool:
        return self._core is None

    def _discard(self, key: int) -> None:
        """Frees a behavior that was never scheduled, if it has not been freed."""
        core = self._made.pop(key, None)
        if core is not None:
            _behavior.telling.pop(key, None)
            lib.glue_free(core)

    @contextmanager
    def _using(self, args: Sequence[Access] = ()) -> Iterator[CData]:
        """The C runtime, which is not freed during the block."""
        user = object()
        try:
            self._entered.add(user)
            core = self._core
            if core is None or self._closing is not None:
                core = self._closing_core()
            if Lane.used:
                self._note_lanes(args)
            yield core
        finally:
            self._entered.discard(user)

    def _closing_core(self) -> CData:
        """The C runtime while it closes: for bodies, and for the thread that closes
        it."""
        core = self._core
        if core is None:
            raise Closed("this runtime is closed")
        if not lib.glue_current() and self._closing != get_ident():
            raise Closed("this runtime is closing")
        return core

    def _note_lanes(self, args: Sequence[Access]) -> None:
        for arg in args:
            lane = lane_of(arg)
            if lane is not None:
                self._lanes.add(lane)
                lane._runtimes[self._address] = self

    @property
    def core(self) -> CData:
        """The `boc_runtime *`, for calls of `libboc.lib`; valid until it is closed."""
        if self._core is None:
            raise Closed("this runtime is closed")
        return self._core

    @property
    def workers(self) -> int:
        """How many workers there are, compensating ones not counted."""
        with self._using() as core:
            return int(lib.boc_runtime_workers(core))

    @property
    def idle_workers(self) -> int:
        """How many workers have nothing to do: a hint."""
        with self._using() as core:
            return int(lib.boc_runtime_idle_workers(core))

    @property
    def worker_index(self) -> int | None:
        """The index of the worker that runs this code, or None."""
        with self._using() as core:
            index = int(lib.boc_worker_index(core))
        return None if index < 0 else index

    def stats(self) -> list[dict[str, int]]:
        """A dict of counters for each worker: see docs/c/reference.md, stats.h.

        >>> from libboc import Runtime
        >>> with Runtime(2) as runtime:
        ...     len(runtime.stats())
        2
        """
        size = ffi.sizeof("boc_worker_stats")
        names = [name for name, _ in ffi.typeof("boc_worker_stats").fields]
        with self._using() as core:
            count = lib.boc_runtime_stats(core, size, NULL, 0)
            found = ffi.new("boc_worker_stats[]", count)
            lib.boc_runtime_stats(core, size, found, count)
        return [{name: getattr(each, name) for name in names} for each in found]

    def scheduled_outside(self) -> int:
        """How many behaviors were scheduled by threads other than its workers."""
        with self._using() as core:
            return int(lib.boc_runtime_scheduled_outside(core))

    def trace(self) -> list[TraceEvent]:
        """The events that `trace_events` has kept. Waits for quiescence."""
        with self._using() as core:
            self._wait(core, None, "trace()")
            return read_events(core)

    def trace_json(self) -> str:
        """The events as JSON that chrome://tracing and Perfetto open."""
        with self._using() as core:
            self._wait(core, None, "trace_json()")
            return read_json(core)

    def __enter__(self) -> Runtime:
        self._tokens.append(current_runtime.set(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        current_runtime.reset(self._tokens.pop())
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "running"
        return f"<libboc.Runtime at {self._address:#x}, {state}>"


class Turn:
    """A thread that waits for cowns with a behavior, which lasts until the thread gives
    the cowns up."""

    def __init__(self) -> None:
        self.come = Lock()
        self.come.acquire()
        self.lock = Lock()
        self.given_up = False
        self.rest: Deferred | None = None
        self.args: tuple[Access, ...] = ()

    def body(self, *args: Access) -> None:
        rest = defer()
        rest.after_body = self.come.release
        with self.lock:
            late = self.given_up
            if not late:
                self.rest, self.args = rest, args
        if late:
            rest.complete()

    def wait(self, timeout: float | None) -> tuple[Access, ...]:
        if not acquire(self.come, timeout):
            raise Timeout(f"hold(): others have the cowns after {timeout} s")
        return self.args

    def give_up(self) -> None:
        with self.lock:
            self.given_up = True
            rest, self.rest = self.rest, None
        if rest is not None:
            rest.complete()


def lane_of(access: Access) -> Lane | None:
    cown = access if isinstance(access, Cown) else access._cown
    return cown._lane if isinstance(cown._lane, Lane) else None


def guarded(
    on_error: Callable[[Body, BaseException], object],
) -> Callable[[Body, BaseException], object]:
    """Calls a handler. An exception that it raises is reported as if there were no
    handler."""

    def fail(body: Body, failure: BaseException) -> None:
        try:
            on_error(body, failure)
        except BaseException as worse:
            _behavior.report(on_error, worse)

    return fail


def pump_if_free(lane: Lane) -> None:
    """Pumps the lane, unless another thread does."""
    try:
        lane.pump(timeout=0)
    except (BadState, Closed):
        return


def current() -> Runtime:
    """The runtime of the `with` around this code, or of the body that runs here.

    >>> from libboc import Runtime, current
    >>> with Runtime() as runtime:
    ...     current() is runtime
    True
    """
    found = current_runtime.get()
    if found is None:
        core = lib.boc_runtime_current()
        found = running.get(int(ffi.cast("uintptr_t", core))) if core else None
    if found is None:
        raise BadState(
            "no runtime here: use `with Runtime():`, or runtime.when(...) of one"
        )
    return found


def when(*cowns: Access, scope: Scope | None = None) -> Callable[[F], F]:
    """`Runtime.when` of the current runtime: that of the `with` around this code, or of
    the body that runs here.

    >>> from libboc import Cown, Runtime, when
    >>> log = Cown([])
    >>> with Runtime():
    ...     @when(log)
    ...     def first(log):
    ...         log.value.append(1)
    ...         @when(log)
    ...         def second(log):
    ...             log.value.append(2)
    >>> log.value
    [1, 2]
    """
    return current().when(*cowns, scope=scope)


@contextmanager
def blocking() -> Iterator[None]:
    """Stands around a part of a body that blocks. Meanwhile a compensating worker, if
    the runtime was given any, runs other behaviors. The body must not schedule inside.
    A RuntimeWarning says so if the system refuses a thread or memory for that worker.

    >>> import time
    >>> from libboc import Runtime, blocking
    >>> with Runtime(1, compensating_workers=1) as runtime:
    ...     @runtime.when()
    ...     def slow():
    ...         with blocking():
    ...             time.sleep(0.01)
    """
    status = lib.boc_worker_block_begin()
    try:
        if status in (lib.BOC_NO_THREAD, lib.BOC_NO_MEMORY):
            reason = ffi.string(lib.boc_status_text(status)).decode()
            text = f"no worker takes the place of one that blocks: {reason}"
            warnings.warn(text, RuntimeWarning, stacklevel=3)
        yield
    finally:
        lib.boc_worker_block_end()


def finish() -> None:
    """Finishes the scheduled behaviors at the end of the program."""
    try:
        for runtime in list(running.values()):
            runtime.close()
    except BaseException:
        # After an interrupt, too: bodies still run, and need the interpreter.
        traceback.print_exc()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(130)


def after_fork_in_child() -> None:
    """In a forked child: the workers, and the behaviors that were scheduled, are the
    parent's."""
    for runtime in list(running.values()):
        runtime._core = None
        runtime._closer = Lock()
        runtime._entered.clear()
        runtime._made.clear()
    running.clear()
    pending.clear()
    _behavior.telling.clear()
    _behavior.deferred.clear()
    current_runtime.set(None)
    current_scope.set(None)


atexit.register(finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork_in_child)
