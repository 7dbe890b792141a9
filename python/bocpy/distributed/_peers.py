"""The executors that an adapter has made, by number.

Threads: the thread that looks for workers adds, `close` ends, and the engine's own
threads look up and walk. The lock makes adding and closing exclude each other: an
executor is either among those that `close` ends, or the one who made it is told to.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Peer(Protocol):
    """What every adapter's peer has."""

    number: int
    alive: bool


P = TypeVar("P", bound=Peer)


class Peers(Generic[P]):
    """The executors of one connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_number: dict[int, P] = {}
        self.closed = threading.Event()

    def add(self, peer: P) -> bool:
        """Adds an executor; False if the connection is closed: the caller ends it."""
        with self._lock:
            if self.closed.is_set():
                return False
            self._by_number[peer.number] = peer
            return True

    def get(self, number: int) -> P | None:
        return self._by_number.get(number)

    def __iter__(self) -> Iterator[P]:
        """Walks over the executors of now, also while others are added."""
        with self._lock:
            peers = list(self._by_number.values())
        return iter(peers)

    def lost(self, peer: P) -> bool:
        """Marks an executor as dead; False if it was, or if the connection closes."""
        with self._lock:
            first = peer.alive and not self.closed.is_set()
            if first:
                peer.alive = False
            return first

    def close(self) -> list[P]:
        """Closes the registry. Returns the executors that were alive, for the caller
        to end; a second call returns none."""
        with self._lock:
            self.closed.set()
            alive = [peer for peer in self._by_number.values() if peer.alive]
            for peer in alive:
                peer.alive = False
            return alive
