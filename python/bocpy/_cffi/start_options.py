"""What `start` takes: the number of workers and the backend, and their environment
variables.

Threads: any.
"""

from __future__ import annotations

import os

from .._libboc import lib


def worker_count() -> int:
    """BOCPY_WORKERS, or the number of physical cores."""
    try:
        count = int(os.environ.get("BOCPY_WORKERS", ""))
    except ValueError:
        count = 0
    return count if 1 <= count <= 1024 else int(lib.boc_core_count())


def option_count(number: object) -> int:
    if number is None:
        return worker_count()
    if not isinstance(number, int) or isinstance(number, bool):
        kind = type(number).__name__
        raise TypeError(f"start(): worker_count must be an int or None, not '{kind}'")
    if not 1 <= number <= 1024:
        raise ValueError(
            f"start(): worker_count must be from 1 to 1024, not {number!r}"
        )
    return number


def check_backend(name: object) -> None:
    if name is not None and not isinstance(name, str):
        raise TypeError(
            f"start(): backend must be a str or None, not '{type(name).__name__}'"
        )
    text = os.environ.get("BOCPY_BACKEND") if name is None else name
    if text is None or (not text and name is None):
        return
    if text not in ("threads", "interpreters"):
        near = {"thre": ": write 'threads'", "inte": ": write 'interpreters'"}
        raise ValueError(
            f"start(): backend must be 'interpreters' or 'threads', not '{text}'"
            f"{near.get(text[:4].lower(), '')}"
        )
    if text == "interpreters":
        raise RuntimeError(
            "backend 'interpreters' needs CPython 3.12 or newer with a GIL, and "
            "bocpy's extension, not its core by cffi: use backend='threads'"
        )
