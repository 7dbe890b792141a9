"""Stores of durable values, which outlive their worker.

A store is the path of a directory that driver and workers share, or a URL of fsspec. A
value is one file. It is written under a temporary name and then renamed, so that a file
under its final name is complete.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import importlib
import os
import pickle
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from ._cown import Site
from ._values import Blob, encode, snapshot


class Store(Protocol):
    """A place for durable values."""

    def read(self, file: str) -> Blob: ...
    def write(self, file: str, blob: Blob) -> None: ...
    def remove(self, file: str) -> None: ...


class Directory:
    """Files below a path."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def read(self, file: str) -> Blob:
        return unpickled((self.path / file).read_bytes())

    def write(self, file: str, blob: Blob) -> None:
        early = self.path / f"{file}.{os.getpid()}.part"
        with early.open("wb") as opened:
            opened.write(pickled(blob))
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(early, self.path / file)

    def remove(self, file: str) -> None:
        (self.path / file).unlink(missing_ok=True)


class Remote:
    """Files of an fsspec file system."""

    def __init__(self, url: str) -> None:
        try:
            fsspec: Any = importlib.import_module("fsspec.core")
        except ImportError:
            raise ModuleNotFoundError(
                f"durable={url!r} needs fsspec: pip install fsspec"
            ) from None
        self.system, self.path = fsspec.url_to_fs(url)
        self.system.makedirs(self.path, exist_ok=True)

    def read(self, file: str) -> Blob:
        return unpickled(self.system.cat_file(f"{self.path}/{file}"))

    def write(self, file: str, blob: Blob) -> None:
        early = f"{self.path}/{file}.{os.getpid()}.part"
        self.system.pipe_file(early, pickled(blob))
        self.system.mv(early, f"{self.path}/{file}")

    def remove(self, file: str) -> None:
        if self.system.exists(f"{self.path}/{file}"):
            self.system.rm_file(f"{self.path}/{file}")


def pickled(blob: Blob) -> bytes:
    return pickle.dumps(tuple(snapshot(blob)), 5)


def unpickled(data: bytes) -> Blob:
    return Blob(*pickle.loads(data))


@lru_cache(64)
def open_store(where: str) -> Store:
    """Returns the store at a path or URL."""
    return Remote(where) if "://" in where else Directory(where)


def write_value(store: Store, file: str, value: Any, site: Site) -> None:
    """Writes a value; raises the store's exceptions."""
    blob = value if type(value) is Blob else encode(value, site, "a durable value")
    store.write(file, blob)
