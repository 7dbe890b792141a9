"""The three types that event loops wait for, and that `bocpy._loops` drives.

    CompletionQueue  a list of completions with one descriptor, which a loop watches; or
                     a thread waits for it
    Grant            cowns that were asked for together, and are held until `end`
    Watch            quiescence, messages, scopes that become empty or have room

A grant is a behavior over its cowns that ends when it is given back. Its state:

    WAITING    -> GRANTED by the behavior's body, ABANDONED by whoever asked
    GRANTED    -> ENTERED, OVER by whoever asked
    ENTERED    -> OVER: the cowns are given back

Threads: what is pushed, any; the rest the thread that made the queue. `lock` guards
states and lists; what ends in a collection inside may need it again.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from threading import RLock, get_ident
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

from .. import _tasks
from .._libboc import ffi, lib
from . import base, failure, mailbox, pump, runtime
from .base import FOREVER, FRESH, READ, WRITE, fail, me, parse_timeout, raise_kept
from .waiting import Waiter

if TYPE_CHECKING:
    from .arguments import WhenArgs
    from .cown import Cown

lock = RLock()
#: The grants that are not over.
asked: dict[int, Asked] = {}
#: How many of them are held by tasks.
_entered = 0

WAITING, GRANTED, ENTERED, OVER, ABANDONED = range(5)


class CompletionQueue:
    """A list of completions. `descriptor`: a socket to write to, in place of a pipe."""

    def __init__(self, descriptor: int = -1) -> None:
        self.forks = base.forks()
        self.waiter = Waiter()
        self.completed: deque[Completion] = deque()
        #: The completions that are not taken yet; this list keeps them alive.
        self.expected: set[Grant | Watch] = set()
        self.closed = False
        self.lane = False  # behaviors over pinned cowns are ready
        self.signalled = False
        self.pipe: tuple[int, int] | None = None
        self.socket: socket.socket | None = None
        if descriptor >= 0:
            self.socket = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)

    def require_open(self) -> None:
        if self.closed or self.forks != base.forks():
            raise RuntimeError(
                "the event loop that waited for cowns is closed, or was another "
                "process's"
            )

    def fileno(self) -> int:
        self.require_open()
        with lock:
            if self.socket is not None:
                return self.socket.fileno()
            if self.pipe is None:
                self.pipe = os.pipe()
                for end in self.pipe:
                    os.set_blocking(end, False)
                if self.signalled:
                    self.write()
            return self.pipe[0]

    def write(self) -> None:
        """Makes the descriptor readable. If the pipe is full, it is readable
        already."""
        try:
            if self.socket is not None:
                self.socket.send(b"\0")
            elif self.pipe is not None:
                os.write(self.pipe[1], b"\0")
        except OSError:
            return

    def signal(self) -> None:
        if not self.signalled:
            self.signalled = True
            self.write()
            self.waiter.signal()

    def push(self, completion: Completion) -> None:
        with lock:
            if not self.closed:
                self.completed.append(completion)
                self.signal()

    def tell_lane(self) -> None:
        with lock:
            if not self.closed:
                self.lane = True
                self.signal()

    def take(self, most: int = sys.maxsize, /) -> list[Any]:
        """Returns `most` completions at most. A None among them means that the lane has
        to be pumped."""
        self.require_open()
        if self.pipe is not None:
            drain(self.pipe[0])
        with lock:
            self.signalled = False
            lane, self.lane = self.lane, False
            count = min(most, len(self.completed))
            found = [self.completed.popleft() for _ in range(count)]
            if self.completed:
                self.signal()
        taken: list[Any] = []
        for completion in found:
            owner = completion.owner()
            if owner is not None and owner in self.expected:
                self.expected.discard(owner)
                taken.append(owner)
        if lane:
            taken.append(None)
        return taken

    def wait(self, seconds: float | None, /) -> bool:
        self.require_open()
        timeout = parse_timeout(seconds, "wait()")
        if self.socket is not None:
            raise RuntimeError("this queue belongs to an event loop")
        return bool(self.completed) or pump.wait_for_cowns(self.waiter, timeout)

    def listen(self) -> None:
        """From now on the queue is notified of ready behaviors over pinned cowns."""
        self.require_open()
        pump.listen(self)

    def close(self) -> None:
        """Ends the queue: no loop takes completions from it any more."""
        with lock:
            closed, self.closed = self.closed, True
            self.completed.clear()
        if closed:
            return
        pump.unlisten(self)
        if self.socket is not None:
            self.socket.close()
        for end in self.pipe or ():
            os.close(end)
        self.pipe = None

    def __del__(self, finalizing: Any = sys.is_finalizing) -> None:
        if finalizing():
            return
        self.close()
        # On PyPy they would last until a later collection.
        for each in list(self.expected):
            each.__del__()


def drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            continue
    except BlockingIOError:
        return


class Completion:
    """An entry of a queue's list. It may live longer than the queue and the object
    that the queue gives out, which end with the event loop."""

    __slots__ = ("owner", "queue")

    def __init__(self, queue: CompletionQueue, owner: Grant | Watch) -> None:
        self.queue: ref[CompletionQueue] = ref(queue)
        self.owner: ref[Any] = ref(owner)

    def signal(self) -> None:
        queue = self.queue()
        if queue is not None:
            queue.push(self)


# ---- grants --------------------------------------------------------------------------


class Asked(Completion):
    """The behavior of a grant."""

    __slots__ = (
        "asking",
        "at_once",
        "cowns",
        "forks",
        "grant",
        "modes",
        "over",
        "result",
        "state",
        "thread",
    )

    def __init__(
        self,
        queue: CompletionQueue,
        owner: Grant,
        over: WhenArgs,
        result: Cown[Any] | None,
    ) -> None:
        super().__init__(queue, owner)
        self.grant = ffi.new("glue_grant *")
        self.cowns = over.cowns
        self.modes: dict[int, int] = {}
        for cown, reads in zip(over.cowns, over.reads, strict=True):
            if not reads or cown._ref not in self.modes:
                self.modes[cown._ref] = READ if reads else WRITE
        self.result = result
        self.state = WAITING
        self.thread = get_ident()
        self.forks = base.forks()
        self.asking = self.at_once = False
        self.over = Waiter()

    def schedule(self, refs: list[int]) -> None:
        from .acquire import going
        from .behavior import pending

        try:
            core = runtime.enter(self.result is not None, self)
            key = id(self)
            if self.result is not None:
                refs = [*refs, (self.result._ref & ~3) | FRESH]
            count = len(refs)
            with lock:
                asked[key] = self
            self.asking = True
            pending[key] = going[key] = self
            status = lib.glue_acquire(core, key, refs, count, self.grant)
            if status:
                fail(status, "await")
            raise_kept()
        except BaseException:
            if self.grant.scheduled:
                self.end()
            else:
                for table in (pending, going, asked):
                    table.pop(id(self), None)
            raise
        finally:
            self.asking = False
            runtime.leave(self)

    def run(self, behavior: Any) -> None:
        """Defers the behavior first: from the grant on, the owner of the grant may
        complete it."""
        lib.glue_defer(behavior, self.grant)
        with lock:
            late = self.state == ABANDONED
            if self.state == WAITING:
                self.state = GRANTED
        if late:
            lib.glue_complete(self.grant)
        elif self.asking and self.thread == get_ident():
            self.at_once = True
        else:
            self.signal()

    def cancel(self) -> None:
        """Never called: the behavior is made outside of bodies, and so in no scope."""

    def enter(self) -> None:
        global _entered
        with lock:
            if self.state != GRANTED:
                return
            self.state = ENTERED
            _entered += 1
        self.hold(self)

    def hold(self, holder: Asked | None) -> None:
        for cown in self.cowns:
            if self.modes[cown._ref] == WRITE:
                cown._holder = holder

    def end(self) -> None:
        """Ends the grant in any state, and gives its cowns back, once."""
        global _entered
        with lock:
            state = self.state
            if state in (OVER, ABANDONED):
                return
            self.state = ABANDONED if state == WAITING else OVER
            asked.pop(id(self), None)
            _entered -= state == ENTERED
        if state == ENTERED:
            self.hold(None)
        if state != WAITING and self.forks == base.forks():
            lib.glue_complete(self.grant)
            # The worker that granted it may not have returned from the grant yet.
            if not me.bodies:
                self.over.wait(FOREVER)
        runtime.settle()

    def mode(self, cown: Cown[Any]) -> int:
        """How the grant has the cown: READ, WRITE, or -1 if it does not have it."""
        return self.modes.get(cown._ref, -1)


class Grant:
    """A request for cowns; `cowns` are as the arguments of when()."""

    token: Any = None

    def __init__(
        self, queue: CompletionQueue, cowns: tuple[Any, ...], filled: bool = False, /
    ) -> None:
        from .acquire import any_here
        from .arguments import when_args
        from .cown import result as make_result

        require_queue(queue)
        refuse(any_here(), "await")
        self._over = over = when_args(cowns)
        for cown in over.cowns:
            pump.require_here(cown, "await")
        self._queue: CompletionQueue | None = queue
        self._result = make_result() if filled else None
        self._asked = Asked(queue, self, over, self._result)
        queue.expected.add(self)
        try:
            self._asked.schedule(over.refs)
        except BaseException:
            queue.expected.discard(self)
            raise
        if self._asked.at_once:
            queue.expected.discard(self)

    @property
    def result(self) -> Cown[Any]:
        if self._result is None:
            raise AttributeError("result")
        return self._result

    @property
    def ready(self) -> bool:
        """Whether the cowns were granted at once: then no completion is pushed."""
        return self._asked.at_once

    def enter(self) -> None:
        """From now on the process keeps the grant (`_tasks`). It drops its queue and
        its token, which refer to the loop, so that it does not keep the loop alive."""
        self._asked.enter()
        self.leave_queue()

    def end(self) -> None:
        self._asked.end()
        self.leave_queue()

    def leave_queue(self) -> None:
        if self._queue is not None:
            self._queue.expected.discard(self)
        self._queue = self.token = None

    def __del__(self, finalizing: Any = sys.is_finalizing) -> None:
        if hasattr(self, "_asked") and not finalizing():
            self._asked.end()

    def in_shape(self, items: list[Any]) -> tuple[Any, ...]:
        return tuple(items if self._over.shape is None else self._over.grouped(items))

    def values(self) -> tuple[Any, ...]:
        return self.in_shape([cown._value for cown in self._over.cowns])

    def arguments(self) -> tuple[Any, ...]:
        return self.in_shape(list(self._over.cowns))

    def outcome(self) -> Any:
        """For a grant of one cown."""
        return self._over.cowns[0]._outcome()

    def writes(self, cown: Cown[Any], /) -> bool:
        return self._asked.mode(cown) == WRITE

    def settle(self, value: object, /) -> None:
        self.result._value = value

    @property
    def cancelled(self) -> bool:
        """Whether the grant's scope was cancelled: in this core it has none."""
        return False

    def fail(self, error: BaseException, place: FunctionType, tells: bool, /) -> None:
        """`place` is a function whose name and code say where the body stands."""
        code = place.__code__
        failure.store(
            self.result,
            error,
            place.__qualname__,
            code.co_filename,
            code.co_firstlineno,
        )


def require_queue(queue: object) -> None:
    if not isinstance(queue, CompletionQueue):
        raise TypeError(f"a _CompletionQueue, not '{base.type_name(type(queue))}'")
    queue.require_open()


# ---- watches -------------------------------------------------------------------------


class Watch:
    """Waits for "quiescence", for "tags" that messages have, or for a scope to be
    "empty" or to have "room"."""

    token: Any = None

    def __init__(self, queue: CompletionQueue, kind: str, what: Any = None, /) -> None:
        require_queue(queue)
        if kind not in KINDS:
            raise ValueError(f"no such watch: {kind}")
        self._queue = queue
        self._forks = base.forks()
        self._kind = kind
        self._what = what
        self._node: Any = None
        queue.expected.add(self)
        try:
            self._node = KINDS[kind][0](what, Completion(queue, self))
        except BaseException:
            queue.expected.discard(self)
            raise

    def end(self) -> None:
        node, self._node = self._node, None
        self._queue.expected.discard(self)
        if node is not None and self._forks == base.forks():
            KINDS[self._kind][1](self._what, node)

    def __del__(self, finalizing: Any = sys.is_finalizing) -> None:
        if getattr(self, "_node", None) is not None and not finalizing():
            try:
                self.end()
            except RuntimeError:  # no thread waits for the tag any more
                return


def watch_tags(tags: Any, told: Completion) -> Any:
    return mailbox.watch(mailbox.Tags(tags, "receive()"), told)


#: For each kind: the functions that begin and end it.
KINDS: dict[str, tuple[Callable[[Any, Completion], Any], Callable[[Any, Any], Any]]] = {
    "quiescence": (
        lambda what, told: runtime.watch_quiescence(told),
        lambda what, node: runtime.unwatch_quiescence(node),
    ),
    "tags": (watch_tags, lambda what, entry: mailbox.unwatch(entry)),
    "empty": (
        lambda scope, told: scope.watch(told, 0),
        lambda scope, node: scope.unwatch(node, 0),
    ),
    "room": (
        lambda scope, told: scope.watch(told, scope.limit),
        lambda scope, node: scope.unwatch(node, scope.limit),
    ),
}


# ---- who may wait --------------------------------------------------------------------


def here() -> Asked | None:
    """What the running task of this thread holds."""
    if not _entered:
        return None
    grant: Any = _tasks.held_here()
    return grant._asked if grant is not None else None


def any_here() -> bool:
    """Whether a task of this thread's event loop holds something."""
    if not _entered:
        return False
    ident = get_ident()
    with lock:
        return any(a.thread == ident and a.state == ENTERED for a in asked.values())


def refuse_in_batch(what: str) -> None:
    if me.batch is not None:
        raise RuntimeError(
            f"{what} in an atomically() block: what the block schedules is scheduled "
            "at its end, so wait after it"
        )


def refuse(holds: bool, what: str) -> None:
    """RuntimeError if the calling thread must not wait for a cown."""
    refuse_in_batch(what)
    if me.bodies:
        raise RuntimeError(
            f"{what}: a behavior cannot wait for a cown, that could deadlock: name it "
            "in @when(...), or schedule another behavior over it"
        )
    if holds or here() is not None:
        raise RuntimeError(
            f"{what} while holding a cown could deadlock: ask for all of them at once "
            "(with bocpy.acquire(a, b), async with bocpy.aio.hold(a, b)), or give back "
            "what you hold first"
        )


def refuse_blocking(cown: Cown[Any], what: str) -> None:
    """RuntimeError if this thread's event loop has a task that holds the cown: it could
    not give it back while the thread waits."""
    refuse_in_batch(what)
    if not _entered:
        return
    ident = get_ident()
    with lock:
        holds = any(
            a.thread == ident and a.state == ENTERED and a.mode(cown) >= 0
            for a in asked.values()
        )
    if holds:
        raise RuntimeError(
            f"{what} would wait for a task of this thread's own event loop, which "
            "holds the cown: use `async with cown` in a task"
        )


def release_all() -> None:
    """The end of the program."""
    while asked:
        next(iter(list(asked.values()))).end()


def forget() -> None:
    """In the child of a fork: the grants are the parent's."""
    global lock, _entered
    lock = RLock()
    for each in asked.values():
        if each.state == ENTERED:
            each.hold(None)
    asked.clear()
    _entered = 0
