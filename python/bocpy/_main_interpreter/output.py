"""Sends the output of workers to where the main interpreter's goes.

If the program has replaced `sys.stdout` or `sys.stderr` (pytest's capsys, a notebook,
`contextlib.redirect_stdout`), a worker's streams pass on what is written to them to the
main interpreter's.

Threads: `collect` in the main interpreter; `write` there, called by a worker; the rest
in a worker.
"""

from __future__ import annotations

import binascii
import io
import marshal
import sys

from .. import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMES = ("stdout", "stderr")


def collect() -> bytes:
    """The names of the streams that the program has replaced."""
    replaced = [name for name in NAMES if is_replaced(name)]
    return marshal.dumps(replaced)


def is_replaced(name: str) -> bool:
    stream = getattr(sys, name, None)
    return stream is not None and stream is not getattr(sys, f"__{name}__", None)


def write(name: str, encoded: str) -> None:
    """Writes to the stream that has this name now."""
    text = binascii.a2b_base64(encoded).decode("utf-8", "surrogatepass")
    stream = getattr(sys, name)
    if stream is not None:
        stream.write(text)


# ---- in a worker ---------------------------------------------------------------------


class Forwarded(io.TextIOBase):
    """A stream of a worker that writes to the main interpreter's."""

    def __init__(self, name: str, own: Any) -> None:
        self._name = name
        self._own = own

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            kind = type(text).__name__
            raise TypeError(f"write() argument must be str, not {kind}")
        if text:
            blob = text.encode("utf-8", "surrogatepass")
            encoded = binascii.b2a_base64(blob, newline=False).decode()
            _core._ask_main(f"write {self._name} {encoded}")
        return len(text)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Does nothing: each write has reached the main interpreter already."""

    def close(self) -> None:
        """Does nothing: the stream belongs to the program."""

    def fileno(self) -> int:
        return self._own.fileno()  # type: ignore[no-any-return]

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(getattr(self._own, "encoding", "utf-8"))

    @property
    def errors(self) -> str:  # type: ignore[override]
        return str(getattr(self._own, "errors", "strict"))

    @property
    def buffer(self) -> Any:
        return self._own.buffer


def use(replaced: list[str]) -> None:
    for name in NAMES:
        stream = getattr(sys, name)
        if isinstance(stream, Forwarded) and name not in replaced:
            setattr(sys, name, stream._own)
        elif stream is getattr(sys, f"__{name}__") and name in replaced:
            setattr(sys, name, Forwarded(name, stream))
