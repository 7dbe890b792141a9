"""The noticeboard: copies of values under keys, through a board of the library.

Threads: any. A body sees the board as it was at the body's first access.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from .. import _notice_removed
from .._libboc import ffi, lib
from . import runtime
from .base import (
    callback,
    discard,
    fail,
    get,
    keep,
    me,
    options,
    put,
    raise_kept,
    take,
    type_name,
)
from .codec import Encoded

_board: Any = None


@callback
def py_noticeboard_options_drop(ctx: Any, payload: Any) -> None:
    discard(payload)


def make() -> None:
    """Makes the board; in the child of a fork too, where the parent's may be in the
    middle of an operation."""
    global _board
    given = options("noticeboard_options")
    given.drop = lib.py_noticeboard_options_drop
    out = ffi.new("boc_noticeboard **")
    if lib.boc_noticeboard_new(given, out):
        raise MemoryError
    _board = out[0]
    me.view = None


make()


def key_of(key: object, what: str) -> tuple[Any, Any]:
    """The key as the library takes it, and the object that keeps its bytes alive.
    Errors name the call `what`."""
    if not isinstance(key, str):
        raise TypeError(
            f"{what}: a notice's key must be a str, not '{type_name(type(key))}'"
        )
    data = key.encode("utf-8")
    if b"\0" in data:
        raise ValueError(f"{what}: a notice's key must have no NUL in it: {key!r}")
    if len(data) > lib.BOC_NOTICE_KEY_MAX:
        raise ValueError(
            f"{what}: a notice's key has at most {lib.BOC_NOTICE_KEY_MAX} bytes of "
            f"UTF-8, not {len(data)}"
        )
    memory = ffi.new("char[]", data)
    made = ffi.new("boc_notice_key *")
    made.bytes, made.size = memory, len(data)
    return made, memory


def check(status: int, what: str) -> None:
    if status == lib.BOC_FULL:
        raise RuntimeError(
            f"{what}: the noticeboard is full, it has {lib.BOC_NOTICES_MAX} keys: "
            "notice_delete() one"
        )
    if status:
        fail(status, what)
    raise_kept()


def require_running(what: str) -> None:
    if not runtime.resume():
        raise RuntimeError(
            f"{what}: the runtime is not running: start() it before, or use "
            "notice_seed()"
        )


# ---- reading -------------------------------------------------------------------------


class View:
    """A snapshot, and the notices of it that have been decoded."""

    def __init__(self) -> None:
        self.notices = ffi.gc(lib.boc_noticeboard_read(_board), lib.boc_notices_drop)
        self.decoded: dict[str, Any] = {}
        self.mapping: MappingProxyType[str, Any] | None = None

    def fetch(self, key: str, notice: Any) -> Any:
        if key not in self.decoded:
            self.decoded[key] = get(notice.payload).decode()
        return self.decoded[key]

    def all(self) -> MappingProxyType[str, Any]:
        if self.mapping is None:
            found = {}
            for index in range(lib.boc_notices_count(self.notices)):
                notice = lib.boc_notices_at(self.notices, index)
                key = bytes(ffi.buffer(notice.key.bytes, notice.key.size)).decode()
                found[key] = self.fetch(key, notice)
            self.mapping = MappingProxyType(found)
        return self.mapping


def view() -> View:
    """The view of the running body, or a new one."""
    if not me.bodies or me.lent is not None:
        return View()
    if me.view is None:
        me.view = View()
    return me.view


def leave() -> None:
    """Drops the body's view when the body is over."""
    me.view = None


def noticeboard() -> MappingProxyType[str, Any]:
    return view().all()


def notice_read(key: str, default: Any = None) -> Any:
    name, _memory = key_of(key, "notice_read()")
    seen = view()
    notice = lib.boc_notices_find(seen.notices, name[0])
    return seen.fetch(key, notice) if notice else default


# ---- writing -------------------------------------------------------------------------


def write(key: str, value: object, what: str) -> None:
    name, _memory = key_of(key, what)
    pointer = put(Encoded(value, "value"))
    status = lib.boc_noticeboard_write(_board, name[0], pointer)
    if status:
        take(pointer)
    check(status, what)


def notice_write(key: str, value: object) -> None:
    require_running("notice_write()")
    write(key, value, "notice_write()")


def notice_seed(key: str, value: object) -> None:
    user = object()
    try:
        runtime.enter(True, user)
        write(key, value, "notice_seed()")
    finally:
        runtime.leave(user)


def notice_delete(key: str, /) -> None:
    require_running("notice_delete()")
    name, _memory = key_of(key, "notice_delete()")
    status = lib.boc_noticeboard_delete(_board, name[0])
    if status != lib.BOC_NOT_FOUND:
        check(status, "notice_delete()")


def clear() -> None:
    check(lib.boc_noticeboard_clear(_board), "wait()")


class Update:
    """A read-modify-write under way, and the exception that its function raised."""

    def __init__(self, function: Callable[[Any], Any], default: object) -> None:
        self.function = function
        self.default = default
        self.error: BaseException | None = None

    def change(self, present: Any, out_payload: Any) -> int:
        before = get(present.payload).decode() if present else self.default
        after = self.function(before)
        if after is _notice_removed.REMOVED:
            return int(lib.BOC_NOTICE_DELETE if present else lib.BOC_NOTICE_KEEP)
        out_payload[0] = put(Encoded(after, "value"))
        return int(lib.BOC_NOTICE_WRITE)


@ffi.def_extern(error=lib.BOC_NOTICE_KEEP, onerror=keep)
def py_noticeboard_update_change(ctx: Any, present: Any, out_payload: Any) -> int:
    update = get(ctx)
    try:
        return int(update.change(present, out_payload))
    except BaseException as error:  # raised to the caller of notice_update()
        update.error = error
        return int(lib.BOC_NOTICE_KEEP)


def notice_update(key: str, fn: Callable[[Any], object], default: Any = None) -> None:
    require_running("notice_update()")
    name, _memory = key_of(key, "notice_update()")
    if not callable(fn):
        raise TypeError(
            f"notice_update(): fn must be callable, not '{type_name(type(fn))}'"
        )
    update = Update(fn, default)
    pointer = put(update)
    try:
        status = lib.boc_noticeboard_update(
            _board, name[0], lib.py_noticeboard_update_change, pointer
        )
    finally:
        take(pointer)
    if update.error is not None:
        raise update.error
    if status != lib.BOC_NOT_FOUND:
        check(status, "notice_update()")
