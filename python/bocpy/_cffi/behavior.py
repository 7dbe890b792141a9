"""Behaviors: `when`, `whencall`, and how a body is run.

Threads: any. `pending` has what is scheduled and has not begun, by the key that the
library has of it: its address, unique while it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from .._libboc import ffi, lib
from . import failure, notices, pump, runtime
from .arguments import Bound, WhenArgs, bind, when_args
from .base import FRESH, NULL, WRITE, fail, me, type_name
from .cown import Cown
from .cown import result as make_result
from .in_flight import running

if TYPE_CHECKING:
    from .acquire import Acquisition

T = TypeVar("T")

pending: dict[int, Call | Acquisition] = {}


class Call:
    """One behavior: what it is over, what it calls, what it fills."""

    __slots__ = ("bound", "over", "result")

    def __init__(self, bound: Bound, over: WhenArgs, result: Cown[Any]) -> None:
        self.bound = bound
        self.over = over
        self.result = result

    def run(self, behavior: Any) -> None:
        """Runs the body. Afterwards this object refers to nothing: an exception of the
        body has this frame in its traceback, and must not keep the result alive through
        it."""
        pumping = me.pumping if self.over.pinned else None
        writes = self.hold(behavior)
        outer, outer_name = me.bodies, me.name
        me.name = self.bound.function.__qualname__
        me.bodies = 1 if pumping else outer + 1
        if pumping:
            pumping.executed += 1
        ident = get_ident()
        running[ident] = self.bound.code
        try:
            value = self.invoke()
        except BaseException as error:
            trace = error.__traceback__
            # Neither this frame nor that of `invoke` is the program's.
            for _ in range(2):
                trace = trace.tb_next if trace is not None else None
            self.store_failure(error.with_traceback(trace), pumping)
        else:
            self.result._value = value
        value = None
        running.pop(ident, None)
        if me.view is not None:
            notices.leave()
        me.bodies, me.name = outer, outer_name
        self.release(writes)
        del self.bound, self.over, self.result

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
        bound = self.bound
        arguments = self.over.cowns if self.over.shape is None else self.groups()
        if bound.keywords:
            return bound.function(
                *bound.extra, *arguments, *bound.captures, **bound.keywords
            )
        return bound.function(*bound.extra, *arguments, *bound.captures)

    def groups(self) -> list[Any]:
        shape, cowns = self.over.shape, iter(self.over.cowns)
        assert shape is not None
        return [
            next(cowns) if size < 0 else [next(cowns) for _ in range(size)]
            for size in shape
        ]

    def store_failure(self, error: BaseException, pumping: pump.Pumping | None) -> None:
        code = self.bound.code
        told = pumping is not None and pumping.note(error)
        failure.store(self.result, error, code.qualname, code.file, code.line)
        if told:
            failure.forget(self.result)


@ffi.def_extern()
def py_glue_run(behavior: Any, key: int) -> None:
    pending.pop(key).run(behavior)


@ffi.def_extern()
def py_glue_dropped(key: int) -> None:
    pending.pop(key, None)


def schedule(target: Any, over: WhenArgs, captures: tuple[Any, ...]) -> Cown[Any]:
    core = runtime.enter(True)
    try:
        result = make_result()
        call = Call(bind(target, over.items, captures), over, result)
        key = id(call)
        refs = [*over.refs, (result._ref & ~3) | FRESH]
        for cown in over.cowns:
            cown._scheduled = call.bound.code
        result._scheduled = call.bound.code
        pending[key] = call
        status = lib.glue_when(core, key, refs, len(refs), NULL)
        if status:
            del pending[key]
            fail(status, "when()")
    finally:
        runtime.leave()
    runtime.settle()
    return result


class When:
    """What when() returns: schedules the function it is called with."""

    __slots__ = ("_over",)

    def __init__(self, over: WhenArgs) -> None:
        self._over = over

    def __call__(self, *arguments: Any, **keywords: Any) -> Cown[Any]:
        if len(arguments) != 1 or keywords:
            raise TypeError("when(...) is a decorator: call it with one function")
        return schedule(arguments[0], self._over, ())


def when(*cowns: Any) -> When:
    return When(when_args(cowns))


def whencall(
    func: Callable[..., T], args: Iterable[Any], captures: Iterable[Any] = ()
) -> Cown[T]:
    over = when_args(several(args, "args"))
    return schedule(func, over, several(captures, "captures"))


def several(given: Iterable[Any], name: str) -> tuple[Any, ...]:
    kind = type(given)
    if not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
        raise TypeError(f"whencall(): {name} must be a list, not '{type_name(kind)}'")
    return tuple(given)


def forget() -> None:
    """In the child of a fork: what was scheduled runs in the parent."""
    pending.clear()
    running.clear()
