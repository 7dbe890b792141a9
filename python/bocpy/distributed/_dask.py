"""The adapter for Dask: one actor per worker; it uses Dask's public API only.

Calls take the client's way: through the scheduler, unless the client was made with
`direct_to_workers=True`. Values go from worker to worker.

Threads: calls run on the client's event loop; one thread looks for new workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ._engine import Events, Options, mismatch, sources_of
from ._errors import VersionMismatch
from ._host import Host, versions
from ._messages import Batch, Report
from ._peers import Peers
from ._values import pack, unpack

distributed: Any = importlib.import_module("distributed")

#: Seconds between two looks for new workers.
LOOK = 0.5


def in_band(message: list[Any]) -> list[Any]:
    """Turns buffers into bytes, because the scheduler passes no out-of-band buffers on.
    Messages from worker to worker do not need this."""
    return [message[0], *map(bytes, message[1:])]


class DaskExecutor:
    """The actor. Its methods are coroutines, so they run on the worker's event loop."""

    def __init__(
        self, token: str, number: int, spill: int | None, threads: int | None
    ) -> None:
        self.made = token, number, spill, threads
        self.host: Host | None = None
        self.peers: dict[int, Any] = {}

    async def hello(self) -> dict[str, Any]:
        return self.started().hello()

    def started(self) -> Host:
        if self.host is None:
            token, number, spill, threads = self.made
            worker = distributed.get_worker()
            self.host = Host(
                token,
                number,
                threads or worker.state.nthreads,
                self.fetch_from,
                spill=spill,
                folder=worker.local_directory,
            )
            host = self.host
            worker.metrics[f"behaviors-{token[:4]}"] = lambda worker: host.progress()
        return self.host

    async def call(self, message: list[Any], peers: dict[int, Any]) -> list[Any]:
        self.peers.update(peers)
        return in_band(await self.started().call(message))

    async def fetch_from(self, source: int, numbers: tuple[int, ...]) -> Any:
        return await self.peers[source].give(numbers)

    async def give(self, numbers: tuple[int, ...]) -> list[Any]:
        return await self.started().serve(numbers)

    async def close(self) -> None:
        if self.host is not None:
            self.host.close()


class Peer:
    """An executor, as the driver sees it."""

    def __init__(self, number: int, address: str, future: Any, actor: Any) -> None:
        self.number = number
        self.address = address
        self.future = future
        self.actor = actor
        self.alive = True
        self.knows: set[int] = set()
        """The other executors whose actors it has been sent."""


class DaskEngine:
    """Dask's workers as executors."""

    name = "dask"

    def __init__(self, client: Any) -> None:
        if client.asynchronous:
            raise TypeError(
                "connect() needs a Client that is not asynchronous: its calls wait. "
                "Make one with Client(address), and await the results of behaviors"
            )
        self.client = client
        self.peers: Peers[Peer] = Peers()
        self.count = 0
        self.refused: set[str] = set()

    # ---- finding workers

    def start(self, events: Events, token: str, options: Options) -> None:
        self.events, self.token, self.options = events, token, options
        self.look()
        threading.Thread(
            target=self.look_again, name="bocpy-dask-workers", daemon=True
        ).start()

    def look_again(self) -> None:
        while not self.peers.closed.wait(LOOK):
            try:
                self.look()
            except Exception:
                continue  # the scheduler is away, or the client is closing

    def look(self) -> None:
        """Makes an executor on each worker that has none."""
        there = set(self.client.nthreads())
        known = {p.address for p in self.peers if p.alive} | self.refused
        made = [(address, self.make(address)) for address in sorted(there - known)]
        for address, (number, future) in made:
            try:
                actor = future.result(timeout=self.options.timeout)
                hello = actor.hello().result(timeout=self.options.timeout)
            except Exception:
                continue  # the worker has left the cluster again
            wrong = mismatch(versions(), hello["versions"], address)
            if wrong:
                self.refused.add(address)
                raise VersionMismatch(wrong)
            peer = Peer(number, address, future, actor)
            if not self.peers.add(peer):
                end(peer)
                continue
            self.events.joined(number, address, hello["threads"])

    def make(self, address: str) -> tuple[int, Any]:
        self.count += 1
        future = self.client.submit(
            DaskExecutor,
            self.token,
            self.count,
            self.options.spill,
            self.options.threads,
            actor=True,
            workers=[address],
            key=f"bocpy-executor-{self.token[:8]}-{self.count}",
            pure=False,
        )
        return self.count, future

    # ---- calls

    def call(
        self, number: int, batches: Sequence[Batch], seen: int, poll_timeout: float
    ) -> None:
        peer = self.peers.get(number)
        if peer is None or not peer.alive:
            return
        message = in_band(pack(([tuple(b) for b in batches], seen, poll_timeout)))
        others = self.new_to(peer, batches)
        self.on_loop(lambda: self.answer(peer, message, others, poll_timeout))

    def on_loop(self, coroutine: Callable[[], Any]) -> None:
        self.client.loop.add_callback(coroutine)

    def new_to(self, peer: Peer, batches: Sequence[Batch]) -> dict[int, Any]:
        """Returns the executors that this one hears of for the first time."""
        new = sources_of(batches) - peer.knows
        peer.knows |= new
        known = {s: self.peers.get(s) for s in new}
        return {s: other.actor for s, other in known.items() if other}

    async def answer(
        self,
        peer: Peer,
        message: list[Any],
        others: dict[int, Any],
        poll_timeout: float,
    ) -> None:
        timeout = self.options.timeout
        try:
            future = peer.actor.call(message, others)
            reply = await asyncio.wait_for(settled(future), poll_timeout + timeout)
        except asyncio.TimeoutError:
            self.lose(peer, f"has not answered for {timeout:g} s")
        except Exception as error:
            self.lose(peer, f"is gone ({type(error).__name__}: {error})")
        else:
            self.events.reported(peer.number, Report(*unpack(reply)))

    def lose(self, peer: Peer, reason: str) -> None:
        if self.peers.lost(peer):
            self.events.lost(peer.number, reason)
            peer.future.release()

    def close(self) -> None:
        """Ends the executors."""
        for peer in self.peers.close():
            end(peer)


def end(peer: Peer) -> None:
    """Closes an executor and releases it; Dask frees it."""
    with contextlib.suppress(Exception):  # the worker may be gone already
        peer.actor.close().result(timeout=2)
    peer.future.release()


async def settled(future: Any) -> Any:
    return await future
