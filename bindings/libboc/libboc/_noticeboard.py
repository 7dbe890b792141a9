"""The noticeboard: a small map that every thread can read at any time without waiting.

Threads: any. A notice's value is in `objects` while a snapshot has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ._base import check, error, get, objects, options, put, take
from ._lane import callback
from ._libboc import ffi, lib

if TYPE_CHECKING:
    from ._libboc import CData

Key = str | bytes


class Removed:
    """The type of REMOVED."""

    def __repr__(self) -> str:
        return "libboc.REMOVED"


#: What a function given to `Noticeboard.update` returns to delete the notice.
REMOVED: Final = Removed()


@callback
def py_noticeboard_options_drop(ctx: CData, payload: CData) -> None:
    objects.pop(int(ffi.cast("uintptr_t", payload)), None)


class Update:
    """A read-modify-write under way, and the exception that its function raised."""

    def __init__(self, function: Callable[[Any], Any], default: object) -> None:
        self.function = function
        self.default = default
        self.raised: BaseException | None = None


@ffi.def_extern(error=lib.BOC_NOTICE_KEEP)
def py_noticeboard_update_change(ctx: CData, present: CData, out: CData) -> int:
    update = get(ctx)
    try:
        value = update.function(get(present.payload) if present else update.default)
    except BaseException as raised:  # raised by update()
        update.raised = raised
        return lib.BOC_NOTICE_KEEP
    if value is REMOVED:
        return lib.BOC_NOTICE_DELETE if present else lib.BOC_NOTICE_KEEP
    out[0] = put(value)
    return lib.BOC_NOTICE_WRITE


class Board:
    """The board in C. It is freed once neither the board nor a snapshot is used any
    more.

    Objects may end in any order. `holders` has one entry for each object; the thread
    that takes out the last entry frees the board.
    """

    __slots__ = ("core", "holders")

    def __init__(self, core: CData) -> None:
        self.core = core
        self.holders = [True]

    def hold(self) -> CData:
        self.holders.append(False)
        return self.core

    def drop(self) -> None:
        if self.holders.pop():
            lib.boc_noticeboard_free(self.core)


class Notices(Mapping[str, Any]):
    """A snapshot: later changes of the board do not change it."""

    __slots__ = ("_board", "_core")

    def __init__(self, board: Board) -> None:
        self._core: CData = lib.boc_noticeboard_read(board.hold())
        self._board = board

    def __del__(self) -> None:
        board = getattr(self, "_board", None)
        if board is not None:
            lib.boc_notices_drop(self._core)
            board.drop()

    def _find(self, key: Key) -> CData:
        name, _keep = key_of(key)
        return lib.boc_notices_find(self._core, name[0])

    def __getitem__(self, key: Key) -> Any:
        notice = self._find(key)
        if not notice:
            raise KeyError(key)
        return get(notice.payload)

    def __iter__(self) -> Iterator[str]:
        for index in range(len(self)):
            key = lib.boc_notices_at(self._core, index).key
            yield bytes(ffi.buffer(key.bytes, key.size)).decode("utf-8", "replace")

    def __len__(self) -> int:
        return int(lib.boc_notices_count(self._core))

    @property
    def version(self) -> int:
        """The version of the board, which grows with each change."""
        return int(lib.boc_notices_version(self._core))

    def version_of(self, key: Key) -> int:
        """The board's version when the notice was written; 0 if there is none."""
        notice = self._find(key)
        return int(notice.version) if notice else 0

    def __repr__(self) -> str:
        return f"Notices({dict(self)!r})"


def key_of(key: Key) -> tuple[CData, CData]:
    """The key in C, and the object that keeps its bytes alive."""
    if not isinstance(key, str | bytes):
        raise TypeError(f"a key is a str or bytes, not {type(key).__name__!r}")
    data = key.encode() if isinstance(key, str) else key
    memory = ffi.new("char[]", data)
    made = ffi.new("boc_notice_key *")
    made.bytes, made.size = memory, len(data)
    return made, memory


class Noticeboard:
    """Up to 64 notices by keys of up to 63 UTF-8 bytes.

    >>> from libboc import Noticeboard
    >>> board = Noticeboard()
    >>> board.write("limit", 10)
    >>> board.update("limit", lambda limit: limit + 1)
    >>> board.read()["limit"]
    11

    A change has taken effect when its call returns. BadArgument for a key that is too
    long or has a NUL; Full for the 65th notice.
    """

    def __init__(self) -> None:
        given = options("noticeboard_options")
        given.drop = lib.py_noticeboard_options_drop
        out = ffi.new("boc_noticeboard **")
        check(lib.boc_noticeboard_new(given, out), "Noticeboard()")
        self._core: CData = out[0]
        self._board = Board(out[0])

    def __del__(self) -> None:
        board = getattr(self, "_board", None)
        if board is not None:
            board.drop()

    def read(self) -> Notices:
        """Returns the present snapshot, without waiting."""
        return Notices(self._board)

    def write(self, key: Key, value: object, *, version: int | None = None) -> None:
        """Writes a notice. With `version`, only if the key's notice still has it (0:
        there is none), else BadState."""
        name, _keep = key_of(key)
        pointer = put(value)
        if version is None:
            status = lib.boc_noticeboard_write(self._core, name[0], pointer)
        else:
            status = lib.boc_noticeboard_write_if(self._core, name[0], version, pointer)
        if status:
            take(pointer)
            raise error(status, f"write({key!r})")

    def delete(self, key: Key, *, version: int | None = None) -> None:
        """Deletes a notice; NotFound if there is none. `version` as of `write`."""
        name, _keep = key_of(key)
        if version is None:
            status = lib.boc_noticeboard_delete(self._core, name[0])
        else:
            status = lib.boc_noticeboard_delete_if(self._core, name[0], version)
        check(status, f"delete({key!r})")

    def clear(self) -> None:
        check(lib.boc_noticeboard_clear(self._core), "clear()")

    def update(
        self, key: Key, function: Callable[[Any], Any], default: object = None
    ) -> None:
        """Reads, modifies and writes as one step: the notice becomes the result of
        `function` for its value (for `default`, if there is no notice). If another
        change came in between, `function` is called again. If it returns REMOVED, the
        notice is deleted. If it raises, so does `update`, and nothing changes."""
        name, _keep = key_of(key)
        change = Update(function, default)
        pointer = put(change)
        try:
            status = lib.boc_noticeboard_update(
                self._core, name[0], lib.py_noticeboard_update_change, pointer
            )
        finally:
            take(pointer)
        if change.raised is not None:
            raise change.raised
        check(status, f"update({key!r})")

    @property
    def core(self) -> CData:
        """The `boc_noticeboard *`, for `libboc.lib`; valid as long as this is."""
        return self._core

    def __enter__(self) -> Noticeboard:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.clear()
