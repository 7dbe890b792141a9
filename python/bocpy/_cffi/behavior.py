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
from . import failure, notices, pump, runtime, scope, timer
from .arguments import Bound, WhenArgs, bind, when_args
from .base import FRESH, NULL, WRITE, fail, forks, me, type_name
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


class Call:
    """One behavior: its cowns, its function and its result."""

    __slots__ = ("bound", "context", "over", "result", "scope", "timed")

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

    def run(self, behavior: Any) -> None:
        """Runs the body. Afterwards this object refers to nothing: an exception of the
        body has this frame in its traceback, and must not keep the result alive through
        it."""
        if self.timed:
            timer.ended(self.result)
        pumping = me.pumping if self.over.pinned else None
        writes = self.hold(behavior)
        outer, outer_name = me.bodies, me.name
        me.name = self.bound.function.__qualname__
        me.bodies = 1 if pumping else outer + 1
        around, me.scope = me.scope, self.scope
        if pumping:
            pumping.executed += 1
        ident = get_ident()
        running[ident] = self.bound.code
        if self.scope is not None:
            self.scope.begin(id(self), self.bound.code)
        before = forks()
        try:
            value = self.invoke()
            if forks() != before and not pumping:
                end_child(None)
        except BaseException as error:
            if forks() != before and not pumping:
                end_child(error)
            trace = error.__traceback__
            # The traceback leaves out this frame and that of `invoke`, which are
            # bocpy's.
            for _ in range(2):
                trace = trace.tb_next if trace is not None else None
            self.store_failure(error.with_traceback(trace), pumping)
        else:
            self.result._value = value
        value = None
        running.pop(ident, None)
        if self.scope is not None:
            self.scope.end(id(self))
        if me.view is not None:
            notices.leave()
        me.bodies, me.name, me.scope = outer, outer_name, around
        self.release(writes)
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
                cown._begin_reading()
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
                cown._end_reading()

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
                snapshot.leave(function)

    def cancel(self) -> None:
        """Called in place of the body if the behavior or its scope was cancelled."""
        if self.timed:
            timer.ended(self.result)
        self.result._value = scope.cancelled_error()
        self.result._failed = True

    def store_failure(self, error: BaseException, pumping: pump.Pumping | None) -> None:
        code = self.bound.code
        told = pumping is not None and pumping.note(error)
        if self.scope is not None:
            told = self.scope.note_failure(error, self.result, code) or told
        failure.store(self.result, error, code.qualname, code.file, code.line)
        if told:
            failure.forget(self.result)


@ffi.def_extern()
def py_glue_run(behavior: Any, key: int) -> None:
    pending.pop(key).run(behavior)


@ffi.def_extern()
def py_glue_dropped(key: int) -> None:
    dropped = pending.pop(key, None)
    if dropped is not None:
        dropped.cancel()


def schedule(
    target: Any,
    over: WhenArgs,
    captures: tuple[Any, ...],
    given: scope.Scope | None = None,
    due: timer.Due | None = None,
) -> Cown[Any]:
    if timer.pending and len(over.cowns) > 1:
        timer.refuse_cycle(over)
    inside = scope.here(given)
    user = object()
    try:
        core = runtime.enter(True, user)
        result = make_result()
        bound = bind(target, over.items, captures)
        call = Call(bound, over, result, inside, due is not None)
        refs = [*over.refs, (result._ref & ~3) | FRESH]
        for cown in over.cowns:
            cown._scheduled = call.bound.code
        result._scheduled = call.bound.code
        launch(core, call, refs, NULL if inside is None else inside._core, due)
    finally:
        runtime.leave(user)
    runtime.settle()
    return result


def launch(
    core: Any, call: Call, refs: list[int], inside: Any, due: timer.Due | None
) -> None:
    key = id(call)
    pending[key] = call
    if due is not None:
        status = launch_later(core, call, refs, inside, due)
    elif me.batch is None:
        status = lib.glue_when(core, key, refs, len(refs), inside)
    else:
        out = ffi.new("boc_behavior **")
        status = lib.glue_new(core, key, refs, len(refs), inside, False, out)
        if not status:
            me.batch.made.append((key, out[0]))
    if status:
        del pending[key]
        fail(status, "when()")


def launch_later(
    core: Any, call: Call, refs: list[int], inside: Any, due: timer.Due
) -> int:
    """The library's status."""
    out = ffi.new("boc_behavior **")
    status = int(lib.glue_new(core, id(call), refs, len(refs), inside, False, out))
    if not status:
        status = timer.start(core, out[0], due, call.over, call.result)
        if status:
            lib.boc_behavior_free(out[0])
    return status


# ---- several as one step -------------------------------------------------------------


class Batch:
    """The behaviors that one thread has made and not yet scheduled, with their keys."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made: list[tuple[int, Any]] = []


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
    batch, me.batch = me.batch, None
    if batch is None:
        return
    made = [behavior for _, behavior in batch.made]
    status = lib.boc_behavior_schedule_all(made, len(made)) if wanted else lib.BOC_OK
    if status or not wanted:
        for key, behavior in batch.made:
            pending.pop(key).cancel()  # whoever looks at the result is told
            lib.boc_behavior_free(behavior)
    runtime.leave(batch)
    runtime.settle()
    if status:
        fail(status, "atomically()")


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
            raise TypeError("when(...) is a decorator: call it with one function")
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
    return When(when_args(arguments[1:]), None, due)


def after(*arguments: Any) -> When:
    return later("after", "the delay", False, arguments)


def at(*arguments: Any) -> When:
    """`after`, with seconds from now on: see bocpy._timers."""
    return later("at", "the time from now on", True, arguments)


def whencall(
    func: Callable[..., T], args: Iterable[Any], captures: Iterable[Any] = ()
) -> Cown[T]:
    over = when_args(several(args, "args"))
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
        raise TypeError(f"whencall(): {name} must be a list, not '{type_name(kind)}'")
    return tuple(given)


def forget() -> None:
    """In the child of a fork: behaviors that were scheduled run in the parent only."""
    pending.clear()
    running.clear()
