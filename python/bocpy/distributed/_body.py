"""Runs a body at its executor and records what the body schedules.

`when` inside a body only records the new behavior. The record travels to the driver
with the message that the body has ended, and the driver links it.

Threads: any; the running body is known per thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ._cown import Cell, Cown, Failed, arrive_site, read
from ._errors import BehaviorError, traceback_text, with_text
from ._functions import INSIDE, Shipper, revive
from ._messages import Call, Done, Run
from ._store import open_store, write_value
from ._unsupported import refuse
from ._values import Blob, decode, encode, size_of
from ._when_args import arranged, parse

if TYPE_CHECKING:
    from ._execute import Executor


class Recording:
    """Collects what the body on this thread schedules."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.calls: list[Call] = []
        self.new: list[tuple[int, int]] = []


class _Current(threading.local):
    recording: Recording | None = None


current = _Current()


def recording() -> Recording:
    found = current.recording
    if found is None:
        raise RuntimeError(
            "this connection can be used by the driver, and inside of behaviors: no "
            "distributed behavior runs on this thread"
        )
    return found


def elsewhere(name: str, args: tuple[Any, ...]) -> Any:
    """Makes bocpy's own functions, on a thread that runs a distributed body, record
    what `when` schedules and refuse what belongs to one process. Other threads see no
    change."""
    if current.recording is None:
        return NotImplemented
    if name == "when":
        parse(args, current.recording.executor.token)
        return lambda function: schedule(function, args)
    if name == "whencall":
        return schedule(args[0], tuple(args[1]), captures=tuple(*args[2:]))
    refuse(name, "inside of a distributed behavior")


class Here:
    """The connection as a body sees it: records the cowns that the body makes and the
    behaviors that it schedules."""

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return arrive_site, ()

    def Cown(self, value: Any = None, **options: Any) -> Cown[Any]:  # noqa: N802
        return new_cown(value, **options)

    def when(self, *cowns: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        recording()
        return lambda function: schedule(function, cowns, **options)

    def whencall(
        self, function: Callable[..., Any], args: Any, captures: Any = ()
    ) -> Any:
        return schedule(function, tuple(args), captures=tuple(captures))

    read = staticmethod(read)

    def __getattr__(self, name: str) -> NoReturn:
        refuse(name, "inside of a distributed behavior")


def new_cown(value: Any = None, **options: Any) -> Cown[Any]:
    """Makes a cown in the body on this thread; this executor has its first value."""
    unknown = set(options) - {"near"}
    if unknown:
        raise TypeError(f"in a body, Cown() takes no {min(unknown)!r}")
    record = recording()
    executor = record.executor
    number = executor.fresh()
    with executor.lock:
        executor.values[number] = value
    record.new.append((number, size_of(value)))
    return Cown(executor, number)


def schedule(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    *,
    captures: tuple[Any, ...] = (),
    retries: int = 0,
) -> Cown[Any]:
    """Records a behavior and returns the cown of its result."""
    record = recording()
    executor = record.executor
    which, layout = parse(args, executor.token)
    shipped = shipper_of(executor).ship(function, len(layout), captures)
    key = executor.fresh()
    record.calls.append(
        Call(
            key,
            shipped.name,
            shipped.code,
            shipped.captures,
            which,
            layout,
            retries,
            function=shipped.blob,
        )
    )
    return Cown(executor, key)


def shipper_of(executor: Executor) -> Shipper:
    if executor.shipper is None:
        executor.shipper = Shipper(executor, executor.fresh)
    return executor.shipper


def execute(executor: Executor, run: Run) -> Done:
    """Runs a body; its values are in their slots when this returns."""
    cells = [Cell(executor.value(slot), reads) for _, slot, reads in run.args]
    handles = [
        Cown[Any](executor, arg[0], cell)
        for arg, cell in zip(run.args, cells, strict=True)
    ]
    record = current.recording = Recording(executor)
    began = executor.clock()
    done = Done(run.key, "done")
    try:
        value = call(executor, run, arranged(run.layout, handles))
    except BaseException as error:
        error_copy, blob, text = failure(error, executor)
        done = Done(run.key, "failed", (), blob, text)
        value = Failed(error_copy, text)
    finally:
        current.recording = None
    seconds = executor.clock() - began
    sizes = write_back(executor, run, cells, value)
    if run.stores:
        done = write_durable(executor, run, done)
    for handle in handles:
        handle._cell = None
    del handles
    return done._replace(
        sizes=sizes,
        calls=tuple(record.calls),
        new=tuple(record.new),
        seconds=seconds,
        name=run.name,
    )


def call(executor: Executor, run: Run, params: list[Any]) -> Any:
    """Calls the function; may raise anything."""
    captured: Any = None if run.captures is None else decode(run.captures, executor)
    if run.code == INSIDE:
        function, extra, keywords, captures = captured
        return function(*extra, *params, *captures, **keywords)
    function = executor.codes[run.code]
    if type(function) is Blob:
        function = executor.codes[run.code] = decode(function, executor)
    if captured is None:
        return function(*params)
    extra, keywords, captures, state = captured
    return revive(function, state)(*extra, *params, *captures, **keywords)


def write_back(
    executor: Executor, run: Run, cells: list[Cell], value: Any
) -> tuple[tuple[int, int], ...]:
    """Stores what the body left in its cowns, and returns the sizes of the values."""
    sizes = []
    with executor.lock:
        for (number, slot, reads), cell in zip(run.args, cells, strict=True):
            cell.open = False
            if not reads:
                executor.values[slot] = cell.value
                sizes.append((number, size_of(cell.value)))
            cell.value = None
        if run.keeps:
            executor.values[run.key] = value
            sizes.append((run.key, size_of(value)))
    return tuple(sizes)


def write_durable(executor: Executor, run: Run, done: Done) -> Done:
    """Writes durable cowns, before another worker can take them. If that fails, the
    behavior's result raises the error."""
    try:
        for slot, store in run.stores:
            value = executor.value(slot)
            write_value(open_store(store), f"{slot:x}-{run.key:x}", value, executor)
    except Exception as error:
        copy, blob, text = failure(error, executor)
        with executor.lock:
            executor.values[run.key] = Failed(copy, text)
        return Done(run.key, "unsaved", (), blob, text)
    return done


def failure(
    error: BaseException, executor: Executor
) -> tuple[BaseException, Blob, str]:
    """A pickled copy of an exception, with its traceback as text."""
    text = traceback_text(error)
    try:
        blob = encode(error, executor)
        copy = decode(blob, executor)
        if not isinstance(copy, BaseException):
            raise TypeError("it becomes something else")
    except Exception:
        copy = BehaviorError(f"{type(error).__name__}: {error}")
        blob = encode(copy, executor)
    return with_text(copy, text), blob, text
