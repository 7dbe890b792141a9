"""Scopes: the handles of the library's scopes, which `bocpy._scope` uses.

The scope of a body is an attribute of its call, and of its thread while the body runs.
The scope of other code is a context variable.

Threads: any. `lock` guards what runs and what has failed; a finalizer that runs inside
may need it.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakValueDictionary

from .. import _tasks
from .._failure.cancelled_error import CancelledError
from .._libboc import ffi, lib
from . import completions, pump, runtime
from .base import FOREVER, FRESH, NULL, fail, me, parse_timeout, type_name
from .cown import result as make_result
from .waiting import Waiter, end_node, quiesce_node

if TYPE_CHECKING:
    from .arguments import Code
    from .cown import Cown

#: The most names of running behaviors in a text.
MAX_NAMES = 16

lock = RLock()
_numbers = count(1)
_scopes: WeakValueDictionary[int, Scope] = WeakValueDictionary()


class Scope:
    """A handle of a scope. `parent` may be None; `limit` 0: there is none."""

    _core: Any

    __slots__ = (
        "__weakref__",
        "_cancels",
        "_core",
        "_deadline",
        "_failures",
        "_late_names",
        "_parent",
        "_running",
        "failed",
        "late",
        "limit",
        "number",
    )

    def __init__(self, parent: Scope | None, cancels: bool, limit: int, /) -> None:
        if parent is None and me.bodies:
            parent = me.scope
        elif parent is not None:
            require(parent)
        self._core = new_core(parent._core if parent is not None else NULL)
        self._parent = parent
        self._cancels = bool(cancels)
        self._failures: list[tuple[Cown[Any], str, str, int]] = []
        self._running: dict[int, Code] = {}
        #: Whether a failure has cancelled it.
        self.failed = False
        self.limit = limit
        self._deadline: float | None = None
        self._late_names: list[str] = []
        #: How many behaviors were pending when a body saw that the deadline had passed,
        #: or None.
        self.late: int | None = None
        with lock:
            self.number = next(_numbers)
            _scopes[self.number] = self

    def __reduce__(self) -> Any:
        return find, (self.number,)

    @property
    def cancelled(self) -> bool:
        return bool(lib.boc_scope_cancelled(self._core))

    @property
    def pending(self) -> int:
        return int(lib.boc_scope_pending(self._core))

    def cancel(self) -> None:
        lib.boc_scope_cancel(self._core)

    def set_deadline(self, seconds: float | None, /) -> None:
        if seconds is not None:
            self._deadline = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Whether the scope is cancelled. Cancels it first if its time is over: bodies
        that ask watch the deadline, as the thread of the block does."""
        at: Scope | None = self
        while at is not None:
            if at._deadline is not None and time.monotonic() >= at._deadline:
                at.expire()
            at = at._parent
        return self.cancelled

    def expire(self) -> None:
        names, pending = self.running(), self.pending
        with lock:
            first = self.late is None and not self.cancelled
            if first:
                self.late, self._late_names = pending, names
        if first:
            self.cancel()

    # ---- waiting ---------------------------------------------------------------------

    def wait(self, seconds: float | None, /) -> bool:
        timeout = parse_timeout(seconds, "behaviors()")
        completions.refuse(False, "leaving a scope")
        return self.wait_for(0, timeout)

    def wait_for(self, room: int, timeout: int) -> bool:
        """Waits until fewer than `room` behaviors are pending; with 0, until none
        is."""
        waiter = Waiter()
        node = quiesce_node(waiter)
        try:
            # An interrupt may be raised after the library has the node.
            self.tell(node, room)
            return pump.wait(waiter, timeout)
        finally:
            try:
                self.unwatch(node, room)
            except BaseException:  # of a handler
                self.unwatch(node, room)
                raise

    def watch(self, listener: Any, room: int) -> Any:
        """Arranges that `listener.signal` is called once. Returns the node for
        `unwatch`."""
        node = quiesce_node(listener)
        self.tell(node, room)
        return node

    def tell(self, node: Any, room: int) -> None:
        if room:
            lib.boc_scope_on_room(self._core, room, node)
        else:
            lib.boc_scope_on_empty(self._core, node)

    def unwatch(self, node: Any, room: int) -> bool:
        """True: its `done` was not called, and will not be."""
        cancel = lib.boc_scope_on_room_cancel if room else lib.boc_scope_on_empty_cancel
        taken = bool(cancel(self._core, node))
        end_node(node)
        return taken

    def done(self) -> Cown[None]:
        result = make_result()
        try:
            core = runtime.enter(True, result)
            Done(self, result).schedule(core)
        finally:
            runtime.leave(result)
        return result

    # ---- what runs, what has failed --------------------------------------------------

    def is_within(self, outer: Scope) -> bool:
        scope: Scope | None = self
        while scope is not None and scope is not outer:
            scope = scope._parent
        return scope is outer

    def running(self) -> list[str]:
        """The behaviors that run in it and in scopes below it, or ran when a body saw
        that the deadline had passed."""
        if self.late is not None:
            return self._late_names
        with lock:
            inside = [each for each in _scopes.values() if each.is_within(self)]
            codes = [code for scope in inside for code in scope._running.values()]
        return [
            f"'{code.qualname}' ({code.file}:{code.line})" for code in codes[:MAX_NAMES]
        ]

    def take_failures(self) -> list[tuple[Cown[object], str, str, int]]:
        """[(result, name, file, line), ...], which the scope forgets."""
        with lock:
            taken, self._failures = self._failures, []
        return taken

    def begin(self, key: int, code: Code) -> None:
        """Notes that a body of the scope runs."""
        with lock:
            self._running[key] = code

    def end(self, key: int) -> None:
        with lock:
            self._running.pop(key, None)

    def note_failure(self, error: BaseException, result: Cown[Any], code: Code) -> bool:
        """Notes a failure of a body. True: the body ended because the scope was
        cancelled, which is no failure."""
        if self.cancelled and isinstance(error, CancelledError):
            return True
        with lock:
            self._failures.append((result, code.qualname, code.file, code.line))
            self.failed = self.failed or self._cancels
        if self._cancels:
            self.cancel()
        return False


def new_core(parent: Any) -> Any:
    out = ffi.new("boc_scope **")
    status = lib.boc_scope_new(parent, NULL, out)
    if status:
        fail(status, "a scope")
    return ffi.gc(out[0], lib.boc_scope_drop)


class Done:
    """A behavior whose only cown is its result, and which ends when a scope is
    empty."""

    __slots__ = ("behavior", "node", "result", "scope")

    def __init__(self, scope: Scope, result: Cown[Any]) -> None:
        self.scope = scope
        self.result = result
        self.behavior: Any = None
        self.node: Any = None

    def schedule(self, core: Any) -> None:
        """It has a scope of its own: in the scope of the calling body it would wait for
        itself."""
        from .behavior import pending

        key = id(self)
        pending[key] = self
        refs = [(self.result._ref & ~3) | FRESH]
        status = lib.glue_when(core, key, refs, 1, new_core(NULL))
        if status:
            del pending[key]
            fail(status, "done")

    def run(self, behavior: Any) -> None:
        lib.boc_behavior_defer(behavior)
        self.behavior = behavior
        # It may be signalled inside this call.
        self.node = quiesce_node(self)
        lib.boc_scope_on_empty(self.scope._core, self.node)

    def signal(self) -> None:
        end_node(self.node)
        lib.boc_behavior_complete(self.behavior)

    def cancel(self) -> None:
        """Never called: no code can cancel the scope of its own."""


# ---- which is current ----------------------------------------------------------------

variable: ContextVar[Scope | None] = ContextVar("bocpy_scope", default=None)


def current() -> Scope | None:
    return me.scope if me.bodies else variable.get()


def find(number: int, /) -> Scope:
    with lock:
        found = _scopes.get(number)
    if found is None:
        raise RuntimeError("this scope is over, or belongs to another process")
    return found


def cancelled() -> bool:
    scope = current()
    return scope is not None and scope.is_over()


def require(scope: object) -> None:
    if not isinstance(scope, Scope):
        refuse(scope)


def refuse(scope: object) -> NoReturn:
    raise TypeError(f"a scope, not '{type_name(type(scope))}'")


def here(given: Scope | None) -> Scope | None:
    """The scope of what is scheduled here; threads outside wait until it has room."""
    if given is None:
        given = me.scope if me.bodies else variable.get()
    else:
        require(given)
    at = given
    while at is not None:
        while (
            at.limit
            and at.pending >= at.limit
            and not at.cancelled
            and not me.bodies
            and _tasks.library_here() is None
        ):
            at.wait_for(at.limit, FOREVER)
        at = at._parent
    return given


def cancelled_error() -> BaseException:
    return CancelledError("the behavior was cancelled before it began")


def forget() -> None:
    """In the child of a fork."""
    global lock
    lock = RLock()
