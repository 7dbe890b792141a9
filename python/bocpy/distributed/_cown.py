"""The handle of a distributed cown: a number, known to one driver and its workers.

Threads: any. A body's handle holds the value while the body runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar, cast

from ._errors import with_text
from ._values import Unpicklable, travel

if TYPE_CHECKING:
    from ._results import Outcome

T = TypeVar("T")


class Site(Protocol):
    """The process that has a handle: the driver, or an executor."""

    token: str

    def hold(self, id: int) -> None: ...  # noqa: A002
    def release(self, id: int) -> None: ...  # noqa: A002
    def proxy(self) -> Any: ...
    def outcome(self, id: int, *, consume: bool) -> Outcome: ...  # noqa: A002
    def call_back(self, function: Callable[..., object], *args: Any) -> None: ...


class Failed:
    """The value of a cown whose behavior raised."""

    __slots__ = ("error", "text")

    def __init__(self, error: BaseException, text: str = "") -> None:
        self.error = with_text(error, text) if text else error
        self.text = text

    def __reduce__(self) -> tuple[type, tuple[BaseException, str]]:
        return Failed, (self.error, self.text)


class Cell:
    """The value of a cown while a body holds it."""

    __slots__ = ("open", "reads", "value")

    def __init__(self, value: object, reads: bool) -> None:
        self.value = value
        self.reads = reads
        self.open = True


class Cown(Generic[T]):
    """A cown of a cluster: a value that lives in one of its workers.

    `Distributed.Cown(value)` makes one, and so does scheduling a behavior. A behavior
    over the cown reads and sets `value`; elsewhere `unwrap`, `result` and `await` fetch
    the value. Two handles are equal if they are of the same cown. A handle can be
    captured, put into values and returned, within the same connection.
    """

    __slots__ = ("__weakref__", "_cell", "_id", "_is_result", "_last", "_site")

    def __init__(
        self,
        site: Site,
        id: int,  # noqa: A002
        cell: Cell | None = None,
        *,
        counted: bool = False,
        is_result: bool = False,
    ) -> None:
        self._site = site
        self._id = id
        self._cell = cell
        self._is_result = is_result
        self._last: Outcome | None = None
        if not counted:
            site.hold(id)

    def __del__(self) -> None:
        site = getattr(self, "_site", None)
        if site is not None:
            site.release(self._id)

    def __repr__(self) -> str:
        return f"<distributed Cown {self._id:#x}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cown):
            return NotImplemented
        return self._id == other._id and self._site.token == other._site.token

    def __hash__(self) -> int:
        return hash(self._id)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Cown):
            return NotImplemented
        return self._id < other._id

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        names, site = travel.names, travel.site
        if names is None or site is None or site.token != self._site.token:
            raise Unpicklable(
                "a distributed cown travels only inside of values, captures and results"
                " of its own connection"
            )
        names.append(self._id)
        return arrive, (self._id,)

    def __copy__(self) -> Cown[T]:
        return Cown(self._site, self._id)

    def __deepcopy__(self, memo: dict[int, Any]) -> Cown[T]:
        return self.__copy__()

    def _held(self) -> Cell:
        cell = self._cell
        if cell is None or not cell.open:
            raise RuntimeError(
                "the value of a distributed cown can be seen only inside of a behavior"
                " that was given it: schedule one, or use unwrap(), result() or await"
            )
        return cell

    @property
    def value(self) -> T:
        """The value, or the exception if `exception`. RuntimeError outside of a
        behavior over the cown."""
        value = self._held().value
        return cast(T, value.error if type(value) is Failed else value)

    @value.setter
    def value(self, value: T) -> None:
        cell = self._held()
        if cell.reads:
            raise RuntimeError("this behavior only reads the cown: it cannot set it")
        cell.value = value

    @property
    def exception(self) -> bool:
        """Whether the behavior whose result this is raised. RuntimeError outside of a
        behavior over the cown."""
        return type(self._held().value) is Failed

    @property
    def acquired(self) -> bool:
        """Whether a body that has this handle is running."""
        return self._cell is not None and self._cell.open

    def unwrap(self, timeout: float | None = None) -> T:
        """Waits for the cown's pending behaviors, takes the value and leaves None.

        Raises the exception of the behavior whose result this is, CownLost if the value
        is lost, TimeoutError after `timeout` seconds (the value stays), RuntimeError
        inside of a behavior.
        """
        return cast(T, self._site.outcome(self._id, consume=True).wait(timeout))

    def result(self, timeout: float | None = None) -> T:
        """Returns a copy of the value and leaves the value there; else as `unwrap`. The
        handle of a behavior's result keeps the copy, as a Future does; other handles
        fetch it again."""
        return cast(T, self._watched().wait(timeout))

    def add_done_callback(self, callback: Callable[[Cown[T]], object]) -> None:
        """Calls `callback(self)` on a thread of the connection as soon as `result`
        would not wait."""
        self._watched().add_done_callback(lambda: self._site.call_back(callback, self))

    def _watched(self) -> Outcome:
        """Returns the outcome that will have the value; the handle of a behavior's
        result keeps it."""
        outcome = self._last
        if outcome is None:
            outcome = self._site.outcome(self._id, consume=False)
            if self._is_result:
                self._last = outcome
        return outcome

    def __await__(self) -> Generator[Any, None, T]:
        """Returns or raises what `result` does; cancelling the await cancels no
        behavior."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        outcome = self._watched()

        def settle() -> None:
            if future.done():
                return
            try:
                future.set_result(cast(T, outcome.wait(0)))
            except BaseException as error:
                future.set_exception(error)

        def tell() -> None:
            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:
                return  # the loop is closed: no task waits there any more

        outcome.add_done_callback(tell)
        return (yield from future.__await__())

    def _bocpy_read(self) -> Reading[T]:
        """`bocpy.read(cown)` returns this."""
        return Reading(self)

    def acquire(self, timeout: float | None = None) -> NoReturn:
        """Refused: RuntimeError."""
        raise RuntimeError(
            "a distributed cown cannot be acquired: its value is in another process, "
            "and a driver that holds it would hold up the cluster. Schedule a behavior"
        )

    def release(self) -> NoReturn:
        """Refused: RuntimeError."""
        self.acquire()

    def __enter__(self) -> NoReturn:
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Reading(Generic[T]):
    """A cown that a behavior only reads; `read` makes it."""

    __slots__ = ("cown",)

    def __init__(self, cown: Cown[T]) -> None:
        self.cown = cown

    def __repr__(self) -> str:
        return f"read({self.cown!r})"

    def _bocpy_read(self) -> Reading[T]:
        return self


def read(cown: Cown[T] | Reading[T]) -> Reading[T]:
    """Marks a distributed cown in `when(...)`: the behavior only reads it.

    Readers run at the same time; those on other workers get a copy. TypeError if `cown`
    is not a distributed cown.
    """
    if isinstance(cown, Reading):
        return cown
    if not isinstance(cown, Cown):
        raise TypeError(
            f"read() takes one distributed Cown, not {type(cown).__name__!r}"
        )
    return Reading(cown)


def arrive(id: int) -> Cown[Any]:  # noqa: A002
    """Makes a handle when a pickle is loaded."""
    site = travel.site
    if site is None:
        raise RuntimeError("a distributed cown was unpickled outside of its cluster")
    return Cown(site, id)


def arrive_site() -> Any:
    """Returns this process's end of the connection when a pickle is loaded."""
    site = travel.site
    if site is None:
        raise RuntimeError("a connection was unpickled outside of its cluster")
    return site.proxy()
