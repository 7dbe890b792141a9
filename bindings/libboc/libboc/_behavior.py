"""Behaviors with Python bodies: how they are made, and how C runs them.

Threads: any. `pending` maps a key to each behavior that was made and whose body has not
begun. C knows the behavior by that key, its address, which is unique while the behavior
exists. Operations on dicts are atomic on every implementation that this runs on.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from threading import Lock, get_ident
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ._base import NULL, check, error
from ._cown import ANY_THREAD, Cown, Reading
from ._lane import callback, interrupts, raise_interrupt
from ._libboc import ffi, lib
from ._status_errors import BadArgument, BadState

if TYPE_CHECKING:
    from ._libboc import CData
    from ._runtime import Runtime
    from ._scope import Scope

Body = Callable[..., object]
Access = Cown[Any] | Reading[Any]

pending: dict[int, Work] = {}
#: The deferred behaviors whose bodies run, by address.
deferred: dict[int, Deferred] = {}
#: The behaviors that call their `done`, by key.
telling: dict[int, Callable[[bool], object]] = {}


class Work:
    """What a key stands for in C: a body and its arguments."""

    __slots__ = ("args", "begun", "body", "fail")

    def __init__(
        self,
        body: Body,
        args: Sequence[Access],
        fail: Callable[[Body, BaseException], object],
    ) -> None:
        self.body = body
        self.args = args
        self.fail = fail
        self.begun = False


@callback
def py_glue_run(behavior: CData, key: int) -> None:
    work = pending.get(key)
    if work is None:  # a handler of a signal has raised after the end
        return
    args = work.args
    ident = get_ident()
    if not work.begun:
        for arg in args:
            arg._holder = ident
    try:
        if not work.begun:
            work.begun = True
            work.body(*args)
    except BaseException as failure:  # no Python code above this call could catch it
        if isinstance(failure, Exception) or lib.boc_runtime_current():
            work.fail(work.body, failure)
        else:
            interrupts[ident] = failure
    if deferred:
        rest = deferred.pop(int(ffi.cast("uintptr_t", behavior)), None)
        if rest is not None:
            pending.pop(key, None)
            return rest.returned(args)
    for arg in args:
        arg._holder = None
    pending.pop(key, None)


@callback
def py_glue_dropped(key: int) -> None:
    pending.pop(key, None)


@ffi.def_extern()
def py_glue_done(key: int, ran: bool) -> None:
    done = telling.pop(key)
    try:
        done(bool(ran))
    except BaseException as failure:
        report(done, failure)


WHAT = "Exception in a behavior"


def report(function: object, failure: BaseException) -> None:
    """Reports an exception that no caller can catch: to sys.unraisablehook; or, if that
    is the interpreter's own hook, whose argument type cannot be made from Python, to
    standard error."""
    hook = sys.unraisablehook
    if hook is sys.__unraisablehook__:
        show(function, failure)
        return
    told: Any = SimpleNamespace(
        exc_type=type(failure),
        exc_value=failure,
        exc_traceback=failure.__traceback__,
        err_msg=WHAT,
        object=function,
    )
    try:
        hook(told)
    except BaseException as worse:
        show(hook, worse)


def show(function: object, failure: BaseException) -> None:
    if sys.stderr is not None:
        text = "".join(traceback.format_exception(failure))
        sys.stderr.write(f"{WHAT}: {function!r}\n{text}")


def refs_of(accesses: Sequence[Access]) -> tuple[list[int], tuple[Access, ...]]:
    """What C gets of the arguments, and what the body gets."""
    refs, args = [], []
    for index, access in enumerate(accesses):
        if type(access) is Reading:
            access = Reading(access._cown)  # a new one for each body
        elif not isinstance(access, Cown):
            raise TypeError(
                f"argument {index + 1} must be a Cown or read(cown), not "
                f"{type(access).__name__!r}"
            )
        refs.append(access._ref)
        args.append(access)
    return refs, tuple(args)


def check_body(body: Body) -> None:
    if not callable(body):
        raise TypeError(f"a body must be callable, not {type(body).__name__!r}")


class Behavior:
    """A behavior that is not scheduled yet: `Runtime.behavior` makes one.

    Making one can be refused, scheduling it cannot. So a program that must do several
    things or none makes all behaviors first, and then schedules them, one by one or
    with `schedule_all`. A behavior that is never scheduled ends with this object, or
    with its runtime.
    """

    __slots__ = ("_key", "_runtime")

    def __init__(
        self,
        runtime: Runtime,
        body: Body,
        accesses: Sequence[Access],
        scope: Scope | None,
        done: Callable[[bool], object] | None,
    ) -> None:
        check_body(body)
        refs, args = refs_of(accesses)
        work = Work(body, args, runtime._fail)
        key = id(work)
        out = ffi.new("boc_behavior **")
        within = NULL if scope is None else scope._core
        count = len(refs)
        self._runtime, self._key = runtime, key  # for __del__
        with runtime._using(args) as core:
            try:
                pending[key] = work
                if done is not None:
                    telling[key] = done
                status = lib.glue_new(
                    core, key, refs, count, within, done is not None, out
                )
                if status:
                    raise error(status, "behavior()")
                runtime._made[key] = out
            except BaseException:  # a handler of a signal may have raised, too
                lib.glue_free(out)
                pending.pop(key, None)
                telling.pop(key, None)
                raise

    def schedule(self) -> None:
        """Schedules it; BadState if it has been scheduled already."""
        self._begin(lib.glue_schedule)

    def schedule_or_run(self) -> bool:
        """Schedules it. If all its cowns are free at this moment, runs it on this
        thread before the call returns, and returns True; else returns False. Exceptions
        of the body are handled as on a worker."""
        ran = self._begin(lib.glue_schedule_or_run)
        raise_interrupt()
        return ran

    def _begin(self, schedule: Callable[[CData], bool]) -> bool:
        made = self._runtime._made
        taken: list[CData | None] = []
        with self._runtime._using():
            try:
                # One call in C, which no handler of a signal interrupts.
                taken.extend(map(made.pop, (self._key,), (None,)))
                if taken[0] is None:
                    raise BadState("this behavior has been scheduled already")
                return bool(schedule(taken[0]))
            except BaseException:
                if taken and taken[0] is not None and taken[0][0]:
                    made[self._key] = taken[0]
                raise

    def __del__(self) -> None:
        key = getattr(self, "_key", None)
        if key is not None:
            self._runtime._discard(key)

    def __repr__(self) -> str:
        made = self._key in self._runtime._made
        return f"<libboc.Behavior, {'not scheduled' if made else 'scheduled'}>"


def schedule_all(behaviors: Iterable[Behavior]) -> None:
    """Schedules them as one step: no other behavior comes between two of them.

    >>> from libboc import Cown, Runtime, schedule_all
    >>> log = Cown([])
    >>> with Runtime() as runtime:
    ...     schedule_all(
    ...         [
    ...             runtime.behavior(lambda log: log.value.append("first"), log),
    ...             runtime.behavior(lambda log: log.value.append("second"), log),
    ...         ]
    ...     )
    >>> log.value
    ['first', 'second']

    BadArgument if they are of several runtimes, BadState if one has been scheduled;
    none is scheduled then.
    """
    behaviors = list(behaviors)
    if not behaviors:
        return
    runtime = behaviors[0]._runtime
    if any(behavior._runtime is not runtime for behavior in behaviors):
        raise BadArgument("schedule_all(): behaviors of several runtimes")
    made = runtime._made
    with runtime._using():
        cores: dict[int, CData] = {}
        scheduled = ffi.new("bool *")
        try:
            for behavior in behaviors:
                core = made.pop(behavior._key, None)
                if core is None:
                    raise BadState("schedule_all(): a behavior has been scheduled")
                cores[behavior._key] = core
            array = [core[0] for core in cores.values()]
            status = lib.glue_schedule_all(array, len(array), scheduled)
            check(status, "schedule_all()")
        except BaseException:  # a handler of a signal may have raised, too
            if not scheduled[0]:
                made.update(cores)
            raise


class Deferred:
    """A behavior whose body called `defer`. It has its cowns until `complete` is
    called, on any thread."""

    __slots__ = ("_args", "_core", "_lock", "after_body")

    def __init__(self, core: CData) -> None:
        #: Called once the body has returned, from when on any thread may use the cowns.
        self.after_body: Callable[[], object] | None = None
        self._core: CData | None = core
        self._args: Sequence[Access] | None = None
        self._lock = Lock()

    def returned(self, args: Sequence[Access]) -> None:
        """Notes that the body has returned: any thread may use the cowns until
        `complete` is called."""
        with self._lock:
            if self._core is not None:
                self._args = args
            for arg in args:
                arg._holder = ANY_THREAD if self._core is not None else None
        if self.after_body is not None:
            self.after_body()

    def complete(self) -> None:
        """Ends the behavior; BadState if it has ended already."""
        with self._lock:
            core, self._core = self._core, None
            args, self._args = self._args, None
            if core is None:
                raise BadState("this behavior has been completed already")
            for arg in args or ():
                arg._holder = None
        lib.boc_behavior_complete(core)

    def __enter__(self) -> Deferred:
        return self

    def __exit__(self, *_: object) -> None:
        self.complete()

    def __del__(self) -> None:
        if getattr(self, "_core", None) is not None:
            warnings.warn(
                "a deferred behavior was forgotten, not completed",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
            self.complete()


def defer() -> Deferred:
    """Called in a body: the behavior goes on after the body, until `complete` of the
    returned object is called.

    >>> import threading
    >>> from libboc import Cown, Runtime, defer
    >>> answer = Cown(None)
    >>> def later(answer, rest):
    ...     with rest:
    ...         answer.value = 42
    >>> with Runtime() as runtime:
    ...     @runtime.when(answer)
    ...     def ask(answer):
    ...         threading.Timer(0.01, later, (answer, defer())).start()
    >>> answer.value
    42

    BadState outside of a body, and if the body has called it already.
    """
    core = lib.glue_current()
    if not core:
        raise BadState("defer() is for bodies of behaviors")
    key = int(ffi.cast("uintptr_t", core))
    if key in deferred:
        raise BadState("this body has called defer() already")
    lib.boc_behavior_defer(core)
    made = deferred[key] = Deferred(core)
    return made


def cancelled() -> bool:
    """Called in a body: whether its scope has been cancelled, so that the body should
    return.

    >>> import libboc
    >>> libboc.cancelled()
    False
    """
    core = lib.glue_current()
    return bool(core) and bool(lib.boc_behavior_cancelled(core))
