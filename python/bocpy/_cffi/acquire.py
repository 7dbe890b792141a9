"""Cowns held outside of behaviors, each by a behavior that lasts until the release.

For a free cown no worker is needed: the behavior runs on the thread that schedules it.

Threads: any. `lock` guards the states and the list of held cowns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock, get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn
from warnings import warn

from .._late_imports import late_import
from .._libboc import ffi, lib
from . import completions, failure, in_flight, pump, runtime
from .base import (
    FOREVER,
    READ,
    WRITE,
    callback,
    fail,
    in_body,
    me,
    parse_timeout,
    raise_kept,
)
from .waiting import Waiter

if TYPE_CHECKING:
    from .arguments import WhenArgs
    from .cown import Cown

lock = RLock()  # finalizers that a collection runs inside may need it
held: dict[int, Acquisition] = {}
#: The behaviors of acquisitions that are not over, by the key that the library has.
going: dict[int, Acquisition | completions.Asked] = {}

WAITING, GRANTED, ABANDONED = range(3)


class Acquisition:
    """A thread's hold of some cowns, or its wait for them."""

    __slots__ = (
        "before",
        "cowns",
        "depth",
        "ends_on",
        "grant",
        "name",
        "over",
        "owner",
        "refs",
        "several",
        "state",
        "thread",
        "waiter",
        "writes",
    )

    def __init__(
        self, cowns: Sequence[Cown[Any]], reads: Sequence[bool] = (False,)
    ) -> None:
        self.cowns = list(cowns)
        self.refs = [
            (cown._ref & ~3) | (READ if reading else WRITE)
            for cown, reading in zip(cowns, reads, strict=True)
        ]
        #: A cown that is named twice is written, if one of the two is.
        written = {
            cown for cown, reading in zip(cowns, reads, strict=True) if not reading
        }
        self.writes = {cown: cown in written for cown in cowns}
        self.before = [cown._scheduled for cown in cowns]
        self.thread = get_ident()
        self.name = ""
        #: The serial of the thread's end: see bocpy._thread_ends. 0: none.
        self.owner = 0
        self.waiter = Waiter()
        self.over = Waiter()
        self.state = WAITING
        self.several = False  # all cowns of it are given back together
        self.depth = 0  # of `with` blocks inside the first
        self.grant = ffi.new("glue_grant *")
        #: The identity of the thread that gives the cowns back.
        self.ends_on: int | None = None

    # ---- the behavior ----------------------------------------------------------------

    def run(self, behavior: Any) -> None:
        """Defers the behavior first: from the grant on, the thread may complete it."""
        lib.glue_defer(behavior, self.grant)
        with lock:
            late = self.state == ABANDONED
            if not late:
                self.state = GRANTED
        if late:
            lib.glue_complete(self.grant)
        else:
            self.waiter.signal()

    def cancel(self) -> None:
        """Called if the scope of the body that asked for a callback was cancelled."""

    def schedule(self, what: str = "acquire()") -> None:
        from .behavior import pending

        try:
            core = runtime.enter(False, self)
            key, refs, count = id(self), self.refs, len(self.refs)
            pending[key] = self
            going[key] = self
            status = lib.glue_acquire(core, key, refs, count, self.grant)
            if status:
                fail(status, what)
        finally:
            runtime.leave(self)
            if not self.grant.scheduled:
                pending.pop(id(self), None)
                going.pop(id(self), None)

    # ---- the thread ------------------------------------------------------------------

    def abandon(self) -> bool:
        """Ends the wait early. False: the cown was granted at the last moment."""
        with lock:
            if self.state == GRANTED:
                return False
            self.state = ABANDONED
            return True

    def take(self, timeout: int, what: str) -> None:
        """Waits for the cowns; TimeoutError after `timeout` ns. A handler of a signal
        may raise anywhere in it: then nothing is held or waited for afterwards. It may
        also run before the wait begins."""
        try:
            me.waits_for_cowns += 1
            self.schedule(what)
            self.wait(timeout, what)
        except BaseException:
            if self.grant.scheduled and not self.abandon():
                self.end()
            raise
        finally:
            me.waits_for_cowns -= 1

    def wait(self, timeout: int, what: str) -> None:
        raise_kept()
        come = self.state == GRANTED or pump.wait_for_cowns(self.waiter, timeout)
        flight = "" if come else in_flight.ahead(self.cowns, self.before)
        if not come and self.abandon():
            whose = "the cown is" if len(self.cowns) == 1 else "the cowns are"
            seconds = timeout / 1e9
            raise TimeoutError(
                f"{what}: {whose} still in use after {seconds} s{flight}"
            )
        self.begin()

    def begin(self) -> None:
        with lock:
            held[id(self)] = self
        for cown, write in self.writes.items():
            if write:
                cown._acquired = self
                cown._holder = get_ident()
            else:
                cown._begin_reading(self)

    def finish(self) -> None:
        """Gives the cowns back, even if a handler of a signal raises meanwhile."""
        ident = get_ident()
        with lock:
            if self.ends_on not in (None, ident):
                return
            self.ends_on = ident
        try:
            self.end()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Gives the cowns back; may be called again after an exception. Waits for the
        worker that granted the cowns, which may be on its last few instructions."""
        if not self.grant.complete:
            self.leave()
            lib.glue_complete(self.grant)
        if id(self) in going:
            self.over.wait(FOREVER)
        runtime.settle()

    def leave(self) -> None:
        for cown, write in self.writes.items():
            if not write:
                cown._end_reading(self)
            elif cown._acquired is self:
                cown._acquired = None
                cown._holder = None
        with lock:
            held.pop(id(self), None)


class Reader(Acquisition):
    """Reads a cown's value without holding the cown on this thread."""

    __slots__ = ()

    def __init__(self, cown: Cown[Any]) -> None:
        super().__init__([cown], [True])

    def begin(self) -> None:
        """Nothing to do: only the behavior reads the cown, not this thread."""

    def leave(self) -> None:
        """Nothing to do, as in `begin`."""


class Callback(Acquisition):
    """A function that is called once the behaviors on a cown have ended."""

    __slots__ = ("around", "called", "function", "scope")

    def __init__(self, cown: Cown[Any], function: Callable[[Any], object]) -> None:
        super().__init__([cown], [True])
        self.function = function
        self.scope = me.scope if me.bodies else None
        self.around: tuple[Any, ...] | None = None
        self.called = False

    def run(self, behavior: Any) -> None:
        if self.around is None:
            self.around = me.lent, me.scope, me.bodies
        try:
            if not self.called:
                me.lent, me.scope = self.cowns[0], self.scope
                me.bodies = self.around[2] + 1
                self.called = True
                self.function(self.cowns[0])
        except BaseException as error:
            failure.write_unraisable(error, self.function)
        finally:
            me.lent, me.scope, me.bodies = self.around


@callback
def py_glue_done(key: int, ran: bool) -> None:
    acquisition = going.pop(key, None)
    if acquisition is not None:
        acquisition.over.signal()


def require(cowns: Sequence[Cown[Any]], what: str) -> None:
    """Raises RuntimeError if the calling thread must not wait for the cowns."""
    for cown in cowns:
        pump.require_here(cown, what)
    if in_body():
        raise RuntimeError(
            f"{what}: a behavior cannot wait for a cown, that could deadlock: name it "
            "in @when(...), or schedule another behavior over it"
        )
    for cown in cowns:
        completions.refuse_blocking(cown, what)


def holds_here() -> bool:
    """Whether this thread, or the task that runs on it, holds a cown."""
    return any_here() or completions.here() is not None


def refuse_more(what: str) -> NoReturn:
    raise RuntimeError(
        f"{what} while this thread holds another cown could deadlock: take all of "
        "them at once (with bocpy.acquire(a, b) as (x, y), in a task "
        "bocpy.aio.hold), or release what it holds first"
    )


def acquire(cown: Cown[Any], timeout: int) -> None:
    """Waits for the cown's turn; TimeoutError after `timeout` ns."""
    if cown._holder == get_ident() or cown._reads_here():
        return
    require([cown], "acquire()")
    if holds_here():
        refuse_more("acquire()")
    acquisition = Acquisition([cown])
    watch_end(acquisition)
    acquisition.take(timeout, "acquire()")


def acquire_to_take(cown: Cown[Any], timeout: int) -> Acquisition:
    """As above, for unwrap(): a thread that holds other cowns gets this one only if it
    is free."""
    require([cown], "unwrap()")
    holds = holds_here()
    acquisition = Acquisition([cown])
    try:
        acquisition.take(0 if holds else timeout, "unwrap()")
    except TimeoutError:
        if not holds:
            raise
        refuse_more("unwrap()")
    return acquisition


class AcquiredCowns:
    """The cowns that a thread holds; acquire() returns it."""

    __slots__ = ("_acquired", "_over")
    _acquired: Acquisition | None
    _over: WhenArgs

    def __new__(cls) -> AcquiredCowns:
        raise TypeError("cannot create 'bocpy.AcquiredCowns' instances")

    def _require_ours(self, what: str) -> None:
        acquired = self._acquired
        if acquired is None:
            return
        if id(acquired) not in held:
            raise RuntimeError(
                f"{what}: the cowns have been given back: call acquire() again"
            )
        if acquired.thread != get_ident():
            raise RuntimeError(f"{what}: another thread has acquired these cowns")

    def __enter__(self) -> tuple[Any, ...]:
        self._require_ours("a `with` block")
        values = iter([cown.value for cown in self._over.cowns])
        shape = self._over.shape or [-1] * self._over.items
        return tuple(
            next(values) if size < 0 else [next(values) for _ in range(size)]
            for size in shape
        )

    def release(self) -> None:
        if self._acquired is not None and id(self._acquired) in held:
            self._require_ours("release()")
            self._acquired.finish()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        acquired = self._acquired
        if acquired is not None and id(acquired) in held:
            warn(
                "acquire(): the cowns are given back, since nobody kept what it "
                "returned: use it in a `with` statement",
                ResourceWarning,
                stacklevel=2,
            )
            acquired.finish()


def acquire_cowns(*cowns: Any, timeout: float | None = None) -> AcquiredCowns:
    from .arguments import when_args

    limit = parse_timeout(timeout, "acquire()")
    if not cowns:
        raise TypeError("acquire() takes the cowns to hold")
    over = when_args(cowns, "acquire() argument")
    made: AcquiredCowns = object.__new__(AcquiredCowns)
    made._over = over
    made._acquired = None
    ident = get_ident()
    if all(
        cown._holder == ident or (reading and cown._reads_here())
        for cown, reading in zip(over.cowns, over.reads, strict=True)
    ):
        return made
    require(over.cowns, "acquire()")
    if holds_here():
        refuse_more("acquire()")
    acquisition = Acquisition(over.cowns, over.reads)
    watch_end(acquisition)
    acquisition.take(limit, "acquire()")
    acquisition.several = True
    made._acquired = acquisition
    return made


def release(cown: Cown[Any]) -> None:
    if cown._holder == get_ident():
        if cown._acquired is not None and cown._acquired.several:
            raise RuntimeError(
                "release(): acquire(...) holds this cown together with others: leave "
                "its `with` block, or release() what it returned"
            )
        if cown._acquired is not None:
            cown._acquired.finish()
        return
    if cown._holder is not None:
        raise RuntimeError("release(): another thread or behavior holds this cown")


def enter(cown: Cown[Any]) -> None:
    if cown._task_mode() >= 0:
        raise RuntimeError(
            "this task holds the cown already, until its `async with` block ends"
        )
    if cown._holder != get_ident():
        acquire(cown, FOREVER)
    elif cown._acquired is not None:
        cown._acquired.depth += 1


def leave(cown: Cown[Any]) -> None:
    acquired = cown._acquired
    if cown._holder == get_ident() and acquired is not None and acquired.depth:
        acquired.depth -= 1
    else:
        release(cown)


def any_here() -> bool:
    """Whether this thread holds a cown."""
    ident = get_ident()
    with lock:
        return any(each.thread == ident for each in held.values())


def watch_end(acquisition: Acquisition) -> None:
    """From now on the end of this thread gives back its cowns."""
    end = late_import("bocpy._thread_ends").end_here()
    acquisition.name, acquisition.owner = end.name, end.serial


def release_here(serial: int, /) -> list[Cown[Any]]:
    """Gives back all that the thread with this end holds. Returns these cowns."""
    cowns: list[Cown[Any]] = []
    while True:
        with lock:
            here = [each for each in held.values() if each.owner == serial]
        if not here:
            return cowns
        cowns += here[0].cowns
        here[0].finish()


def names() -> list[str]:
    """The names of the threads that hold cowns."""
    with lock:
        return list(dict.fromkeys(each.name for each in held.values() if each.name))


in_flight.holders = names


def release_all() -> None:
    while True:
        with lock:
            first = next(iter(held.values()), None)
        if first is None:
            return
        first.finish()


def forget() -> None:
    """In the child of a fork: the behaviors are the parent's."""
    global lock
    lock = RLock()
    for acquisition in held.values():
        for cown in acquisition.cowns:
            cown._acquired = cown._holder = cown._readers = None
    held.clear()
    going.clear()
