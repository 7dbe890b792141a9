"""Cowns held outside of behaviors, each by a behavior that lasts until the release.

A free cown needs no worker: the behavior then runs on the thread that wants it, while
it schedules.

Threads: any. `lock` guards the states and the list of what is held.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any

from .._libboc import ffi, lib
from . import failure, pump, runtime
from .base import FOREVER, NULL, READ, WRITE, fail, in_body, me
from .waiting import Waiter

if TYPE_CHECKING:
    from .cown import Cown

lock = Lock()
held: dict[int, Acquisition] = {}
#: Behaviors of acquisitions that are not over, by key; the library has the key.
going: dict[int, Acquisition] = {}

WAITING, GRANTED, ABANDONED = range(3)


class Acquisition:
    """One thread's hold of a cown, or its wait for the cown."""

    __slots__ = (
        "behavior",
        "cown",
        "depth",
        "over",
        "ref",
        "state",
        "thread",
        "waiter",
    )

    def __init__(self, cown: Cown[Any], mode: int = WRITE) -> None:
        self.cown = cown
        self.ref = (cown._ref & ~3) | mode
        self.thread = get_ident()
        self.waiter = Waiter()
        self.over = Waiter()
        self.state = WAITING
        self.depth = 0  # of `with` blocks inside the first
        self.behavior: Any = None

    # ---- the behavior ----------------------------------------------------------------

    def run(self, behavior: Any) -> None:
        """Defers the behavior first: once it is granted, the thread may complete it."""
        lib.boc_behavior_defer(behavior)
        self.behavior = behavior
        with lock:
            late = self.state == ABANDONED
            if not late:
                self.state = GRANTED
        if late:
            lib.boc_behavior_complete(behavior)
        else:
            self.waiter.signal()

    def schedule(self, what: str = "acquire()") -> None:
        from .behavior import pending

        core = runtime.enter(False)
        try:
            key = id(self)
            pending[key] = self
            going[key] = self
            out = ffi.new("boc_behavior **")
            refs = [self.ref]
            status = lib.glue_new(core, key, refs, 1, NULL, True, out)
            if status:
                del pending[key], going[key]
                fail(status, what)
            lib.boc_behavior_schedule_or_run(out[0])
        finally:
            runtime.leave()

    # ---- the thread ------------------------------------------------------------------

    def abandon(self) -> bool:
        """Ends the wait early. False: the cown was granted at the last moment."""
        with lock:
            if self.state == GRANTED:
                return False
            self.state = ABANDONED
            return True

    def wait(self, timeout: int) -> bool:
        try:
            come = self.state == GRANTED or pump.wait(self.waiter, timeout)
        except BaseException:
            if not self.abandon():
                self.give_back()
            raise
        if not come and self.abandon():
            return False
        if self.ref & 3 == WRITE:
            self.begin()
        return True

    def begin(self) -> None:
        cown = self.cown
        with lock:
            held[id(self)] = self
        cown._acquired = self
        cown._holder = get_ident()

    def give_back(self) -> None:
        """Returns the cown. Waits for the worker that granted it, which may be on its
        last few instructions."""
        lib.boc_behavior_complete(self.behavior)
        self.over.wait(FOREVER)
        runtime.settle()

    def finish(self) -> None:
        self.cown._acquired = None
        self.cown._holder = None
        with lock:
            held.pop(id(self), None)
        self.give_back()


class Callback(Acquisition):
    """A function that is called once the behaviors on a cown have ended."""

    __slots__ = ("function",)

    def __init__(self, cown: Cown[Any], function: Callable[[Any], object]) -> None:
        super().__init__(cown, READ)
        self.function = function

    def run(self, behavior: Any) -> None:
        outer, me.lent = me.lent, self.cown
        bodies, me.bodies = me.bodies, me.bodies + 1
        try:
            self.function(self.cown)
        except BaseException as error:
            failure.write_unraisable(error, self.function)
        finally:
            me.lent, me.bodies = outer, bodies


@ffi.def_extern()
def py_glue_done(key: int, ran: bool) -> None:
    acquisition = going.pop(key, None)
    if acquisition is not None:
        acquisition.over.signal()


def acquire(cown: Cown[Any], timeout: int) -> bool:
    """Waits for the cown's turn; False after `timeout` ns."""
    if cown._holder == get_ident() or cown._reads_here():
        return True
    pump.require_here(cown, "acquire()")
    if in_body():
        raise RuntimeError(
            "a behavior cannot wait for a cown, that could deadlock: name it in "
            "@when(...), or schedule another behavior over it"
        )
    acquisition = Acquisition(cown)
    if cown._pinned:
        return acquire_pinned(acquisition, timeout)
    acquisition.schedule()
    return acquisition.wait(timeout)


def acquire_pinned(acquisition: Acquisition, timeout: int) -> bool:
    """Waits on the main thread, which meanwhile runs the behavior that acquires the
    cown."""
    acquisition.schedule()
    return acquisition.wait(timeout)


def release(cown: Cown[Any]) -> None:
    if cown._holder == get_ident():
        if cown._acquired is not None:
            cown._acquired.finish()
        return
    if cown._holder is not None:
        raise RuntimeError("release(): another thread or behavior holds this cown")


def enter(cown: Cown[Any]) -> None:
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
    lock = Lock()
    for acquisition in held.values():
        acquisition.cown._acquired = None
        acquisition.cown._holder = None
    held.clear()
    going.clear()
