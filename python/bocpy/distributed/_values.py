"""Pickles values for other processes: protocol 5, large buffers out of band.

A Blob is a pickled value, the buffers of its arrays beside it, and the numbers of the
cowns of which it has handles. The buffers refer to the value's own memory until
`snapshot` copies them.

Threads: any; the connection that a pickle belongs to is known per thread.
"""

from __future__ import annotations

import importlib
import pickle
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ._modules import by_value, own_modules

if TYPE_CHECKING:
    from ._cown import Site

#: Values of these types pickle the same with and without cloudpickle, which is slower.
PLAIN = (int, float, str, bytes, bool, type(None), complex)

#: `size_of` estimates a container's size from this many elements.
SAMPLE = 64


class Blob(NamedTuple):
    """A pickled value."""

    data: bytes
    buffers: tuple[tuple[bool, Any], ...] = ()
    """For each buffer: whether the value needs it writable, and an object with its
    bytes."""
    names: tuple[int, ...] = ()
    """The cowns of which the value has handles, once for each handle."""

    @property
    def size(self) -> int:
        return len(self.data) + sum(memoryview(b).nbytes for _, b in self.buffers)


class Unpicklable(TypeError):
    """A value, capture or function cannot be sent to a worker."""


class _Travel(threading.local):
    """The connection for which this thread pickles or unpickles."""

    names: list[int] | None = None
    site: Site | None = None


travel = _Travel()


def cloudpickle_module() -> Any:
    """Returns cloudpickle, or the copy of it that the engine brings."""
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        return importlib.import_module("ray.cloudpickle")


def encode(value: object, site: Site | None = None, what: str = "the value") -> Blob:
    """Pickles `value`; raises Unpicklable, which names `what`, if it cannot."""
    if is_plain(value):
        return Blob(pickle.dumps(value, 5))
    before = travel.names, travel.site
    names: list[int] = []
    travel.names, travel.site = names, site
    buffers: list[pickle.PickleBuffer] = []
    try:
        data = dumps(value, buffers, names)
    except RecursionError:
        raise Unpicklable(f"{what} is nested too deeply to be pickled") from None
    except Exception as error:
        raise Unpicklable(
            f"{what} ({type(value).__name__!r}) cannot be sent to a worker: "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        travel.names, travel.site = before
    return Blob(data, tuple(described(b) for b in buffers), tuple(names))


def dumps(value: object, buffers: list[Any], names: list[int]) -> bytes:
    """Pickles a value, with the program's own functions and classes by value if
    possible."""
    cloudpickle = cloudpickle_module()
    try:
        with by_value(cloudpickle):
            data = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    except Exception:
        if not own_modules():
            raise
        buffers.clear()
        names.clear()
        data = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return cast(bytes, data)


def is_plain(value: Any) -> bool:
    """Whether pickle serves as well as cloudpickle, which is slower."""
    if type(value) in PLAIN:
        return True
    if type(value) not in (list, tuple) or len(value) > SAMPLE:
        return False
    return all(type(each) in PLAIN for each in value)


def described(buffer: pickle.PickleBuffer) -> tuple[bool, Any]:
    with buffer.raw() as raw:
        return not raw.readonly, buffer


def snapshot(blob: Blob) -> Blob:
    """Copies the buffers, so that changes of the original no longer show."""
    if not blob.buffers:
        return blob
    copied = tuple((writable, bytes(memoryview(b))) for writable, b in blob.buffers)
    return blob._replace(buffers=copied)


def decode(blob: Blob, site: Site | None = None) -> Any:
    """Unpickles a value; its handles belong to `site`."""
    before = travel.site
    travel.site = site
    try:
        return pickle.loads(blob.data, buffers=[usable(*b) for b in blob.buffers])
    finally:
        travel.site = before


def usable(writable: bool, buffer: Any) -> Any:
    """Returns a buffer that is writable if the original was."""
    view = memoryview(buffer)
    if writable and view.readonly:
        return bytearray(view)
    return buffer if writable else view.toreadonly()


def pack(message: object) -> list[Any]:
    """Pickles a message; its buffers follow the bytes, out of band."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(message, 5, buffer_callback=buffers.append)
    # As plain bytes, because engines split and compress buffers as if they were.
    return [data, *(pickle.PickleBuffer(buffer.raw()) for buffer in buffers)]


def unpack(message: list[Any]) -> Any:
    return pickle.loads(message[0], buffers=message[1:])


def size_of(value: object) -> int:
    """Estimates the bytes of a value; quickly, and exactly for arrays and bytes."""
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    result = sys.getsizeof(value, 64)
    if isinstance(value, dict):
        return result + sampled(list(value.values())[:SAMPLE], len(value))
    if isinstance(value, (list, tuple)):
        return result + sampled(value[:SAMPLE], len(value))
    return result


def sampled(some: Any, count: int) -> int:
    """Extrapolates the size of `count` elements from that of `some` of them."""
    if not some:
        return 0
    sizes: Callable[[Any], int] = lambda v: (  # noqa: E731
        n if isinstance(n := getattr(v, "nbytes", None), int) else sys.getsizeof(v, 64)
    )
    return sum(map(sizes, some)) * count // len(some)
