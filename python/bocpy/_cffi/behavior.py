"""Behaviors: `when`, `whencall`, and how a body is run.

Threads: any. `pending` has the behaviors that are scheduled and have not begun. The
library knows each by its key: its address, which is unique while the behavior exists.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _threads
from .._context_changes import copied_context
from .._libboc import ffi, lib
from . import failure, notices, runtime, scope, timer
from .arguments import Bound, WhenArgs, bind, when_args
from .base import FRESH, NULL, WRITE, callback, fail, forks, me, type_name
from .cown import Cown
from .cown import result as make_result
from .in_flight import running

if TYPE_CHECKING:
    from .acquire import Acquisition
    from .completions import Asked

T = TypeVar("T")


def end_child(error: BaseException | None) -> None:
    """For the child that a body has forked: its thread is no worker any more."""
    try:
        _threads.end_child(error)
    except BaseException as failed:
        sys.excepthook(type(failed), failed, failed.__traceback__)
        sys.stderr.flush()
    finally:
        os._exit(0)


pending: dict[int, Call | Acquisition | Asked | scope.Done] = {}


SCHEDULED, BEGUN, ENDED, OVER = range(4)


class Call:
    """One behavior: its cowns, its function and its result."""

    __slots__ = (
        "around",
        "bound",
        "context",
        "error",
        "over",
        "pumping",
        "result",
        "scope",
        "step",
        "timed",
        "writes",
    )

    def __init__(
        self,
        bound: Bound,
        over: WhenArgs,
        result: Cown[Any],
        inside: scope.Scope | None,
        timed: bool,
    ) -> None:
        self.timed = timed
        self.scope = inside
        self.context = copied_context()
        self.bound = bound
        self.over = over
        self.result = result
        self.step = SCHEDULED
        self.around: tuple[Any, ...] | None = None
        self.error: BaseException | None = None

    def run(self, behavior: Any) -> None:
        """Runs the body. A handler of a signal that raises outside of the body has this
        called again: then what is left is done. Afterwards this object refers to
        nothing: an exception of the body has this frame in its traceback, and must not
        keep the result alive through it."""
        if self.step == SCHEDULED:
            self.begin(behavior)
        if self.step == BEGUN:
            self.call_body()
        if self.step == ENDED:
            self.end()

    def begin(self, behavior: Any) -> None:
        """May be called again, as `end`."""
        if self.timed:
            timer.ended(self.result)
        if self.around is None:
            self.pumping = me.pumping if self.over.pinned else None
            self.around = me.bodies, me.name, me.scope
        self.writes = self.hold(behavior)
        me.name = self.bound.function.__qualname__
        me.scope = self.scope
        running[get_ident()] = self.bound.code
        if self.scope is not None:
            self.scope.begin(id(self), self.bound.code)
        me.bodies = 1 if self.pumping else self.around[0] + 1
        if self.pumping:
            self.pumping.executed += 1
        self.step = BEGUN

    def call_body(self) -> None:
        before = forks()
        try:
            value = self.invoke()
            if forks() != before and not self.pumping:
                end_child(None)
            self.result._value = value
        except BaseException as error:
            if forks() != before and not self.pumping:
                end_child(error)
            self.error = error
        self.step = ENDED

    def end(self) -> None:
        error = self.error
        if error is not None:
            trace = error.__traceback__
            # The traceback leaves out the frames of `call_body` and of `invoke`, which
            # are bocpy's.
            for _ in range(2):
                trace = trace.tb_next if trace is not None else None
            self.store_failure(error.with_traceback(trace))
            self.error = error = None
        running.pop(get_ident(), None)
        if self.scope is not None:
            self.scope.end(id(self))
        if me.view is not None:
            notices.leave()
        if self.around is not None:
            me.bodies, me.name, me.scope = self.around
        self.release(self.writes)
        pending.pop(id(self), None)
        self.step = OVER
        del self.bound, self.context, self.over, self.result, self.scope

    def hold(self, behavior: Any) -> list[bool]:
        """The mode for each cown: a cown that is named twice is written if one of the
        two writes."""
        reads = self.over.reads
        cowns = self.over.cowns
        ident = get_ident()
        if True not in reads:
            for cown in cowns:
                cown._holder = ident
            return []
        writes = [
            lib.boc_behavior_mode(behavior, i) == WRITE for i in range(len(cowns))
        ]
        for cown, write in zip(cowns, writes, strict=True):
            if write:
                cown._holder = ident
            else:
                cown._begin_reading(self)
        return writes

    def release(self, writes: list[bool]) -> None:
        cowns = self.over.cowns
        if not writes:
            for cown in cowns:
                cown._holder = None
            return
        for cown, write in zip(cowns, writes, strict=True):
            if write:
                cown._holder = None
            else:
                cown._end_reading(self)

    def invoke(self) -> Any:
        bound, cowns = self.bound, self.over.cowns
        snapshot, code = bound.snapshot, bound.code
        function: Any = bound.function
        arguments = cowns if self.over.shape is None else self.over.grouped(cowns)
        if snapshot is not None:
            function = snapshot.enter(code.qualname, code.file, code.line)
        try:
            if bound.keywords:
                return self.context.run(
                    function,
                    *bound.extra,
                    *arguments,
                    *bound.captures,
                    **bound.keywords,
                )
            return self.context.run(function, *bound.extra, *arguments, *bound.captures)
        finally:
            if snapshot is not None:
                snapshot.leave(function, code.qualname, code.file, code.line)

    def cancel(self) -> None:
        """Called in place of the body if the behavior or its scope was cancelled."""
        if self.timed:
            timer.ended(self.result)
        self.result._value = scope.cancelled_error()
        self.result._failed = True

    def store_failure(self, error: BaseException) -> None:
        code = self.bound.code
        told = self.pumping is not None and self.pumping.note(error)
        if self.scope is not None:
            told = self.scope.note_failure(error, self.result, code) or told
        failure.store(self.result, error, code.qualname, code.file, code.line)
        if told:
            failure.forget(self.result)


@callback
def py_glue_run(behavior: Any, key: int) -> None:
    call = pending.get(key)
    if call is not None:  # None: after an exception this was called again
        call.run(behavior)
        pending.pop(key, None)


@callback
def py_glue_dropped(key: int) -> None:
    dropped = pending.get(key)
    if dropped is not None:
        dropped.cancel()
        pending.pop(key, None)


def schedule(
    target: Any,
    over: WhenArgs,
    captures: tuple[Any, ...],
    given: scope.Scope | None = None,
    due: timer.Due | None = None,
) -> Cown[Any]:
    over.check_body(target)
    if timer.pending and len(over.cowns) > 1:
        timer.refuse_cycle(over)
    inside = scope.here(given)
    user, result, call = object(), make_result(), None
    try:
        core = runtime.enter(True, user)
        bound = bind(target, over.items, captures)
        call = Call(bound, over, result, inside, due is not None)
        refs = [*over.refs, (result._ref & ~3) | FRESH]
        for cown in over.cowns:
            cown._scheduled = call.bound.code
        result._scheduled = call.bound.code
        launch(core, call, refs, NULL if inside is None else inside._core, due)
    except BaseException:
        # A handler of a signal may have raised before or after the library got it.
        if call is not None and not lib.boc_cown_busy(result._core):
            pending.pop(id(call), None)
        raise
    finally:
        runtime.leave(user)
    runtime.settle()
    return result


def launch(
    core: Any, call: Call, refs: list[int], inside: Any, due: timer.Due | None
) -> None:
    key, count, batch = id(call), len(refs), me.batch
    pending[key] = call
    if due is not None:
        status = timer.start(core, key, refs, inside, due, call.over, call.bound.code)
    elif batch is None:
        status = lib.glue_when(core, key, refs, count, inside)
    else:
        out = ffi.new("boc_behavior **")
        batch.made.append(out)  # first: an interrupt must not lose the behavior
        status = lib.glue_new(core, key, refs, count, inside, False, out)
    if status:
        pending.pop(key, None)
        fail(status, call.over.what.partition(" ")[0])


# ---- several as one step -------------------------------------------------------------


class Batch:
    """The behaviors that one thread has made and not yet scheduled: pointers to them,
    or to NULL where none was made."""

    __slots__ = ("made", "scheduled")

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.scheduled = ffi.new("bool *")


def batch_begin() -> None:
    if me.batch is not None:
        raise RuntimeError("atomically() blocks do not nest")
    me.batch = Batch()
    try:
        runtime.enter(True, me.batch)  # it stays until the end of the block
    except BaseException:
        batch_end(False)
        raise


def batch_end(wanted: bool, /) -> None:
    batch = me.batch
    if batch is None:
        return
    try:
        status = end_batch(batch, wanted)
    except BaseException:
        end_batch(batch, False)
        raise
    runtime.settle()
    if status:
        fail(status, "atomically()")


def end_batch(batch: Batch, wanted: bool) -> int:
    """The library's status. May be called again, after an exception."""
    made = [each[0] for each in batch.made if each[0]]
    count = len(made)
    given, status = ffi.new("boc_behavior *[]", made), lib.BOC_OK
    if wanted:
        status = lib.glue_schedule_all(given, count, batch.scheduled)
    if not batch.scheduled[0]:
        for behavior in batch.made:
            lib.glue_free(behavior)  # whoever looks at the result is told
    me.batch = None
    runtime.leave(batch)
    return int(status)


# ---- when, whencall ------------------------------------------------------------------


class When:
    """The decorator that when() returns; it schedules its function."""

    __slots__ = ("_due", "_over", "_scope")

    def __init__(
        self,
        over: WhenArgs,
        inside: scope.Scope | None = None,
        due: timer.Due | None = None,
    ) -> None:
        self._over = over
        self._scope = inside
        self._due = due

    def __call__(self, *arguments: Any, **keywords: Any) -> Cown[Any]:
        if len(arguments) != 1 or keywords:
            call = self._over.what.partition("(")[0]
            raise TypeError(f"{call}(...) is a decorator: call it with one function")
        return schedule(arguments[0], self._over, (), self._scope, self._due)


def when(*cowns: Any) -> When:
    return When(when_args(cowns))


def when_in(inside: scope.Scope, /, *cowns: Any) -> When:
    scope.require(inside)
    return When(when_args(cowns), inside)


def later(name: str, what: str, absolute: bool, arguments: tuple[Any, ...]) -> When:
    if not arguments:
        raise TypeError(f"{name}() needs a number of seconds, and takes cowns")
    ns = timer.seconds(arguments[0], f"{name}(): {what}")
    timer.refuse_batch()
    timer.watch_forks()
    due = timer.Due(ns + int(lib.boc_now()) if absolute else ns, absolute)
    return When(when_args(arguments[1:], f"{name}() cown"), None, due)


def after(*arguments: Any) -> When:
    return later("after", "the delay", False, arguments)


def at(*arguments: Any) -> When:
    """`after`, with seconds from now on: see bocpy._timers."""
    return later("at", "the time from now on", True, arguments)


def whencall(
    func: Callable[..., T], args: Iterable[Any], captures: Iterable[Any] = ()
) -> Cown[T]:
    over = when_args(several(args, "args"), "whencall() cown")
    return schedule(func, over, several(captures, "captures"))


def when_each(
    cowns: Iterable[Any], body: Callable[..., T], captures: tuple[Any, ...], /
) -> list[Cown[T]]:
    """All cowns are checked before anything is scheduled."""
    items = tuple(cowns)
    when_args(items, "when_each() cown")
    return [schedule(body, when_args((item,)), captures) for item in items]


def several(given: Iterable[Any], name: str) -> tuple[Any, ...]:
    kind = type(given)
    if not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
        raise TypeError(
            f"whencall(): {name} must be a list, not '{type_name(kind)}': call it as "
            "whencall(func, args, captures)"
        )
    return tuple(given)


def forget() -> None:
    """In the child of a fork: behaviors that were scheduled run in the parent only."""
    pending.clear()
    running.clear()
