"""Which task of an event loop holds which cowns, and which tasks run behaviors.

A task holds cowns, not its thread: another task of the loop does not see the values. A
task has one grant at a time, so that no two tasks can wait for each other.

Threads: each asks for its own tasks.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from . import _core


class Holding(NamedTuple):
    """What a task holds, and the task, which it does not keep alive."""

    grant: _core._Grant
    cowns: tuple[Any, ...]  # as the task has named them
    task: weakref.ref[Any]


#: By the identity of the task. A later task may have the same.
_held: dict[int, Holding] = {}

#: The numbers of the scopes around this code, the outermost first.
enclosing: ContextVar[tuple[int, ...]] = ContextVar("bocpy_enclosing", default=())

#: Asynchronous bodies that run in scopes, by their grants: how the body is named, and
#: the scopes. Neither leads to the loop, which may be closed and collected meanwhile.
_bodies: dict[int, tuple[str, tuple[int, ...]]] = {}


def current() -> Any:
    """The task that runs on this thread, or None."""
    library = library_here()
    if library == "trio":
        return sys.modules["trio"].lowlevel.current_task()
    if library == "asyncio":
        return sys.modules["asyncio"].current_task()
    return None


def library_here() -> str | None:
    """The name of the library whose event loop runs on this thread.

    sniffio tells that of trio and anyio, which announce themselves there; asyncio is
    asked directly.
    """
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:
        try:
            name: str = sniffio.current_async_library()
        except sniffio.AsyncLibraryNotFoundError:
            return None
        return name
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return "asyncio"
    return None


def held_here() -> _core._Grant | None:
    """The grant that the running task holds."""
    if not _held:
        return None
    task = current()
    holding = _held.get(id(task))
    return holding.grant if holding is not None and holding.task() is task else None


def enter(grant: _core._Grant, cowns: tuple[Any, ...]) -> None:
    """Makes the running task the holder of the cowns."""
    task = current()
    if task is None:
        raise RuntimeError(
            "tasks of an event loop hold cowns, and this code runs in none: hold them "
            "in a coroutine that is a task"
        )
    gone = functools.partial(task_is_gone, id(task))
    _held[id(task)] = Holding(grant, cowns, weakref.ref(task, gone))
    if hasattr(task, "add_done_callback"):  # trio_loop.py is told of the ends of tasks
        task.add_done_callback(task_has_ended)
    grant.enter()


def leave(grant: _core._Grant | None) -> None:
    """Releases the cowns, whichever task calls it: a coroutine may be closed outside of
    its task."""
    for key, holding in list(_held.items()):
        if holding.grant is grant:
            del _held[key]
            task = holding.task()
            if task is not None and hasattr(task, "remove_done_callback"):
                task.remove_done_callback(task_has_ended)
    if grant is not None:
        grant.end()


def give_back(key: int, what: str, advice: str) -> str:
    """Releases what a task holds and no code of its own releases any more. Returns the
    text of a warning."""
    holding = _held.pop(key)
    cowns = ", ".join(map(repr, holding.cowns))
    holding.grant.end()
    return f"{what} while it held cowns, which are released now ({cowns}): {advice}"


def warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)


def task_has_ended(task: Any) -> None:
    """Releases what a task has held until its end."""
    holding = _held.get(id(task))
    if holding is not None and holding.task() is task:
        advice = "hold cowns with `async with`, which releases them at its end"
        warn(give_back(id(task), f"{task!r} has ended", advice))


def task_is_gone(key: int, task: weakref.ref[Any]) -> None:
    """Releases what a task has held that was collected before its end."""
    holding = _held.get(key)
    if holding is not None and holding.task is task:
        advice = "keep a reference to a task until it has ended"
        warn(give_back(key, "a task was collected", advice))


def close_coroutine(task: Any) -> None:
    """Ends the coroutine of a task that cannot go on, as its collection would."""
    try:
        task.get_coro().close()
    except BaseException as error:
        context = {
            "message": "a coroutine raised an exception when its loop was closed",
            "exception": error,
            "task": task,
        }
        task.get_loop().call_exception_handler(context)


def loop_was_closed() -> None:
    """Releases what the tasks of closed loops hold. Blocks of `async with` do that
    themselves; what a task has entered by hand is left."""
    texts = []
    for key, holding in list(_held.items()):
        task = holding.task()
        if task is None or not hasattr(task, "get_loop"):
            continue
        if not task.get_loop().is_closed():
            continue
        what = f"the loop of {task!r} was closed"
        close_coroutine(task)
        if _held.get(key) is holding:
            advice = "end all tasks before their loop is closed, as asyncio.run() does"
            texts.append(give_back(key, what, advice))
    for text in texts:
        warn(text)


def is_being_closed(task: Any) -> bool:
    """Whether a coroutine runs without its task: other code closes it."""
    if not hasattr(task, "get_loop"):
        return task is None
    running = getattr(task.get_coro(), "cr_running", False)
    current_task = sys.modules["asyncio"].current_task
    return running and current_task(task.get_loop()) is not task


def holder_of(cown: _core.Cown[Any]) -> _core._Grant | None:
    """The grant with which the running task holds the cown, or a task whose coroutine
    is being closed."""
    mine = held_here()
    if mine is not None and mine.writes(cown):
        return mine
    for holding in list(_held.values()):
        if is_being_closed(holding.task()) and holding.grant.writes(cown):
            return holding.grant
    return None


def refuse_exit(cown: _core.Cown[Any]) -> None:
    """Raises RuntimeError if something else than the running task holds the cown. That
    a free cown is left is no error, as in `Cown.release`."""
    for holding in list(_held.values()):
        if holding.grant.writes(cown):
            raise of_another_task(holding.task())
    if cown.acquired:
        raise RuntimeError(
            "this thread holds the cown by acquire() or `with`, not this task by "
            "`async with`: call release()"
        )
    try:
        cown.release()
    except RuntimeError:
        raise RuntimeError(
            "another thread or a behavior holds this cown, not this task: leave only "
            "what this task has entered"
        ) from None


def require_own(grant: _core._Grant | None) -> None:
    """Raises RuntimeError if another task holds cowns with the grant. Where no task
    runs, a coroutine is closed."""
    mine = current()
    for holding in list(_held.values()):
        task = holding.task()
        if holding.grant is not grant or mine is None or task is mine:
            continue
        if not is_being_closed(task):
            raise of_another_task(task)


def of_another_task(task: Any) -> RuntimeError:
    if hasattr(task, "get_name"):
        name = f"{task.get_name()!r} ({getattr(task.get_coro(), '__qualname__', '')})"
    else:
        name = repr(getattr(task, "name", ""))
    return RuntimeError(
        f"task {name} holds what this block holds, not the running task: leave it in "
        "the task that has entered it, as `async with` does"
    )


def begin_body(grant: _core._Grant, function: Callable[..., Any]) -> None:
    """Notes that the asynchronous body runs."""
    scopes = enclosing.get()
    if scopes:
        _bodies[id(grant)] = described(function), scopes


def end_body(grant: _core._Grant) -> None:
    """Notes that the asynchronous body no longer runs; it may never have run."""
    _bodies.pop(id(grant), None)


def bodies_in(scope: int) -> list[str]:
    """The names and places of the asynchronous bodies that run in the scope."""
    return [name for name, scopes in list(_bodies.values()) if scope in scopes]


def described(function: Callable[..., Any]) -> str:
    """A body as a scope names it: 'name' (file:line)."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", "behavior")
    code = getattr(function, "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    return f"{name!r}{where}"


def forget() -> None:
    """Forgets all tasks, in a forked child, which has none of the parent's."""
    _held.clear()
    _bodies.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)
