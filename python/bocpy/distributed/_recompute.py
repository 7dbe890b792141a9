"""`connect(..., recover="recompute")`: each behavior is an ordinary task of the engine.

A cown is a chain of versions; a behavior's task computes the next versions of its cowns
from the last ones. If a worker dies, the engine runs the tasks again that made the
versions lost with it: bodies run at least once, so they must be deterministic and
without effects. The engine keeps a task for every behavior whose versions may be needed
again.

Threads: any; one lock.
"""

from __future__ import annotations

import importlib
import pickle
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, Protocol

from ._cown import Cell, Failed, read
from ._cown import Cown as Handle
from ._errors import traceback_text
from ._functions import check_fit
from ._results import Outcome
from ._unsupported import refuse
from ._values import Blob, decode, encode
from ._when_args import Args, Layout, arranged, parse


class Tasks(Protocol):
    """The interface to an engine's tasks; it passes the engine's futures on."""

    name: str

    def put(self, value: Any) -> Any: ...
    def submit(self, function: Any, name: str, retries: int, *args: Any) -> Any: ...
    def then(self, future: Any, callback: Callable[[], object]) -> None: ...
    def get(self, future: Any) -> Any: ...


class DaskTasks:
    name = "dask"

    def __init__(self, client: Any) -> None:
        self.client = client

    def put(self, value: Any) -> Any:
        # A task, not scattered data: that would be lost with its worker.
        return self.client.submit(same, value, pure=False)

    def submit(self, function: Any, name: str, retries: int, *args: Any) -> Any:
        key = f"{name}-{uuid.uuid4().hex}"
        return self.client.submit(function, *args, key=key, retries=retries, pure=False)

    def then(self, future: Any, callback: Callable[[], object]) -> None:
        future.add_done_callback(lambda future: callback())

    def get(self, future: Any) -> Any:
        return future.result()


class RayTasks:
    name = "ray"

    def __init__(self, address: str) -> None:
        self.ray: Any = importlib.import_module("ray")
        if not self.ray.is_initialized():
            self.ray.init(address)

    def put(self, value: Any) -> Any:
        return self.submit(same, "cown", 3, value)

    def submit(self, function: Any, name: str, retries: int, *args: Any) -> Any:
        remote = self.ray.remote(function).options(name=name, max_retries=retries or 3)
        return remote.remote(*args)

    def then(self, future: Any, callback: Callable[[], object]) -> None:
        future.future().add_done_callback(lambda future: callback())

    def get(self, future: Any) -> Any:
        return self.ray.get(future)


def same(value: Any) -> tuple[Any]:
    return (value,)


class Body:
    """The site of handles inside a body that may run again."""

    token = ""

    def hold(self, id: int) -> None: ...  # noqa: A002
    def release(self, id: int) -> None: ...  # noqa: A002

    def proxy(self) -> NoReturn:
        refuse_nested()

    def outcome(self, id: int, *, consume: bool) -> NoReturn:  # noqa: A002
        refuse_nested()

    def call_back(self, function: Callable[..., object], *args: Any) -> None:
        refuse_nested()


def refuse_nested() -> NoReturn:
    raise RuntimeError(
        "with recover='recompute' a body cannot schedule, make or wait for cowns: it "
        "may run again. Return the values, or connect with recover='lost'"
    )


def run(
    body: Blob,
    reads: tuple[bool, ...],
    indexes: tuple[int, ...],
    layout: Layout,
    *versions: Any,
) -> tuple[Any, ...]:
    """Runs a behavior as a task; returns the next versions of the cowns that it may
    change, and the result."""
    cells = [
        Cell(version[index] if only else private(version[index]), only)
        for version, index, only in zip(versions, indexes, reads, strict=True)
    ]
    site = Body()
    function, captures = decode(body)
    handles = [Handle[Any](site, number, cell) for number, cell in enumerate(cells)]
    try:
        result = function(*arranged(layout, handles), *captures)
    except BaseException as error:
        text = traceback_text(error)
        result = Failed(error.with_traceback(None), text)
    for cell in cells:
        cell.open = False
    written = [cell.value for cell in cells if not cell.reads]
    return (*written, result)


def private(value: Any) -> Any:
    """Copies a value, because the engine may give one object to several tasks."""
    return pickle.loads(pickle.dumps(value, 5))


def pick(version: tuple[Any, ...], index: int) -> Any:
    return version[index]


class Recomputing:
    """A connection whose behaviors run again if a worker dies."""

    def __init__(self, tasks: Tasks) -> None:
        self.token = uuid.uuid4().hex
        self._tasks = tasks
        self._lock = threading.Condition()
        self._count = 0
        self._versions: dict[int, tuple[Any, int]] = {}
        self._handles: dict[int, int] = {}
        self._pending: set[int] = set()
        self._linked = 0

    def Cown(self, value: Any = None) -> Handle[Any]:  # noqa: N802
        """Makes a cown with a copy of `value`. TypeError if that cannot be pickled."""
        encode(value, None, "the cown's value")
        number = self._fresh()
        with self._lock:
            self._versions[number] = self._tasks.put(value), 0
        return Handle(self, number)

    def when(
        self, *cowns: Any, retries: int = 0
    ) -> Callable[[Callable[..., Any]], Handle[Any]]:
        """Schedules a behavior as `bocpy.when` does; the body may run several times."""
        parsed = parse(cowns, self.token)

        def schedule(function: Callable[..., Any], _held: Any = cowns) -> Handle[Any]:
            # The handles live until the behavior has the versions that it needs.
            return self._schedule(function, parsed, (), retries)

        return schedule

    def whencall(
        self, function: Callable[..., Any], args: Iterable[Any], captures: Any = ()
    ) -> Handle[Any]:
        """`when` without the decorator."""
        held = tuple(args)
        parsed = parse(held, self.token)
        return self._schedule(function, parsed, tuple(captures), 0)

    read = staticmethod(read)

    def quiesce(self, timeout: float | None = None) -> None:
        """Waits until no behavior is pending; TimeoutError after `timeout` seconds."""
        with self._lock:
            if not self._lock.wait_for(lambda: not self._pending, timeout):
                raise TimeoutError(
                    f"{len(self._pending)} behaviors are in flight after {timeout} s"
                )

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until no behavior is pending; False after `timeout` seconds."""
        try:
            self.quiesce(timeout)
        except TimeoutError:
            return False
        return True

    def stats(self) -> dict[str, Any]:
        """Returns counters of the connection."""
        with self._lock:
            return {
                "linked": self._linked,
                "pending": len(self._pending),
                "cowns": len(self._versions),
            }

    def close(self, timeout: float | None = None) -> None:
        """Waits for all behaviors, then drops all versions."""
        self.wait(timeout)
        with self._lock:
            self._versions.clear()

    def __enter__(self) -> Recomputing:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("scope", "who_has"):
            raise RuntimeError(
                f"there is no {name} with recover='recompute': the engine decides what "
                "runs where, and when again. Connect with recover='lost'"
            )
        refuse(name)

    # ---- as a site of handles

    def hold(self, id: int) -> None:  # noqa: A002
        with self._lock:
            self._handles[id] = self._handles.get(id, 0) + 1

    def release(self, id: int) -> None:  # noqa: A002
        with self._lock:
            self._handles[id] -= 1
            if not self._handles[id]:
                del self._handles[id]
                self._versions.pop(id, None)

    def proxy(self) -> Recomputing:
        return self

    def call_back(self, function: Callable[..., object], *args: Any) -> None:
        threading.Thread(target=function, args=args, daemon=True).start()

    def outcome(self, id: int, *, consume: bool) -> Outcome:  # noqa: A002
        """Returns an outcome that gets the value once its version is computed."""
        outcome = Outcome("the value of the cown")
        with self._lock:
            future, index = self._versions[id]
            if consume:
                self._versions[id] = self._tasks.put(None), 0
        picked = self._tasks.submit(pick, "look", 0, future, index)

        def value() -> Any:
            found = self._tasks.get(picked)
            if type(found) is Failed:
                raise found.error
            return found

        self._tasks.then(picked, lambda: outcome.settle(value))
        return outcome

    # ---- linking

    def _fresh(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def _schedule(
        self,
        function: Callable[..., Any],
        parsed: tuple[Args, Layout],
        captures: tuple[Any, ...],
        retries: int,
    ) -> Handle[Any]:
        args, layout = parsed
        if hasattr(function, "__code__"):
            check_fit(function, len(layout) + len(captures), {})  # type: ignore[arg-type]
        body = encode((function, captures), None, "the behavior")
        key = self._fresh()
        name = getattr(function, "__name__", "behavior")
        with self._lock:
            versions = [self._versions[number] for number, _ in args]
            future = self._tasks.submit(
                run,
                name,
                retries,
                body,
                tuple(only for _, only in args),
                tuple(index for _, index in versions),
                layout,
                *(version for version, _ in versions),
            )
            written = [number for number, only in args if not only]
            for index, number in enumerate(written):
                self._versions[number] = future, index
            self._versions[key] = future, len(written)
            self._pending.add(key)
            self._linked += 1
        self._tasks.then(future, lambda: self._ended(key))
        return Handle(self, key)

    def _ended(self, key: int) -> None:
        with self._lock:
            self._pending.discard(key)
            self._lock.notify_all()
