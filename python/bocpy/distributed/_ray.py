"""The adapter for Ray: actors on each node; it uses Ray's public API only.

Actors are asynchronous: calls and fetches run on the actor's event loop, bodies on
the executor's threads. Values go from actor to actor; Ray moves large ones through
its object store.

Threads: the connection's thread sends calls; threads of Ray bring the answers.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ._engine import Events, Options, mismatch, sources_of
from ._errors import VersionMismatch
from ._host import Host, versions
from ._messages import Batch, Report
from ._peers import Peers
from ._values import pack, unpack

ray: Any = importlib.import_module("ray")

#: Seconds between two looks for new nodes and for calls without an answer.
LOOK = 0.5
#: Seconds that executors have to remove their files before they are ended.
CLOSING = 5.0


class RayExecutor:
    """The actor. Its methods are coroutines, so that they overlap."""

    def __init__(
        self, token: str, number: int, spill: int | None, threads: int | None
    ) -> None:
        self.made = token, number, spill, threads
        self.host: Host | None = None
        self.peers: dict[int, Any] = {}

    def __repr__(self) -> str:
        """Ray's dashboard and logs show this."""
        return "bocpy" if self.host is None else f"bocpy: {self.host.progress()}"

    async def hello(self) -> dict[str, Any]:
        return self.started().hello()

    def started(self) -> Host:
        if self.host is None:
            token, number, spill, threads = self.made
            self.host = Host(token, number, threads or 1, self.fetch_from, spill=spill)
        return self.host

    async def call(self, message: list[Any], peers: dict[int, Any]) -> list[Any]:
        self.peers.update(peers)
        return await self.started().call(message)

    async def fetch_from(self, source: int, numbers: tuple[int, ...]) -> Any:
        return await self.peers[source].give.remote(numbers)

    async def give(self, numbers: tuple[int, ...]) -> list[Any]:
        return await self.started().serve(numbers)

    async def close(self) -> None:
        if self.host is not None:
            self.host.close()


class Peer:
    """An executor, as the driver sees it."""

    def __init__(self, number: int, place: tuple[str, int], actor: Any) -> None:
        self.number = number
        self.place = place
        self.actor = actor
        self.node = ""
        self.alive = True
        self.knows: set[int] = set()
        """The other executors whose actors it has been sent."""
        self.open: dict[int, float] = {}
        """The calls under way, and the time by which each must be answered."""


class RayEngine:
    """Ray's nodes as executors. A node gets as many executors as it has CPUs, or one
    executor if the user asks for a number of threads. Executors reserve no CPU, so that
    the program's own tasks get them."""

    name = "ray"

    def __init__(self, address: str) -> None:
        if not ray.is_initialized():
            ray.init(address)
        self.peers: Peers[Peer] = Peers()
        self.count = 0
        self.calls = 0
        self.doomed: list[Peer] = []
        """Lost actors. The watching thread kills them: the thread of Ray that reports
        a loss must not."""
        self.addresses: dict[str, str] = {}
        self.lock = threading.Lock()
        limits = {"num_cpus": 0, "max_restarts": 0, "max_task_retries": 0}
        self.remote = ray.remote(**limits)(RayExecutor)

    # ---- finding nodes

    def start(self, events: Events, token: str, options: Options) -> None:
        self.events, self.token, self.options = events, token, options
        self.look()
        threading.Thread(
            target=self.look_again, name="bocpy-ray-nodes", daemon=True
        ).start()

    def look_again(self) -> None:
        while not self.peers.closed.wait(LOOK):
            self.lose_silent()
            while self.doomed:
                with contextlib.suppress(Exception):
                    ray.kill(self.doomed.pop().actor)
            with contextlib.suppress(Exception):  # the cluster is away, or we close
                self.look()

    def places(self) -> Iterator[tuple[str, int]]:
        """Returns where executors belong: pairs of node and index."""
        for node in ray.nodes():
            if node["Alive"]:
                self.addresses[node["NodeID"]] = node["NodeManagerAddress"]
                cpus = int(node["Resources"].get("CPU", 0))
                count = 1 if self.options.threads else cpus
                yield from ((node["NodeID"], index) for index in range(count))

    def look(self) -> None:
        """Makes the executors that are missing."""
        known = {peer.place for peer in self.peers if peer.alive}
        made = [self.make(place) for place in self.places() if place not in known]
        hellos = []
        for peer in made:
            if self.peers.add(peer):
                hellos.append((peer, peer.actor.hello.remote()))
            else:
                end(peer)
        for peer, reference in hellos:
            try:
                hello = ray.get(reference, timeout=60)
            except Exception:
                peer.alive = False
                continue  # the node has left the cluster again
            peer.node = f"{self.addresses[peer.place[0]]}:{hello['pid']}"
            wrong = mismatch(versions(), hello["versions"], peer.node)
            if wrong:
                raise VersionMismatch(wrong)
            self.events.joined(peer.number, peer.node, hello["threads"])

    def make(self, place: tuple[str, int]) -> Peer:
        self.count += 1
        strategies: Any = importlib.import_module("ray.util.scheduling_strategies")
        where = strategies.NodeAffinitySchedulingStrategy(place[0], soft=False)
        options = self.options
        actor = self.remote.options(scheduling_strategy=where).remote(
            self.token, self.count, options.spill, options.threads
        )
        return Peer(self.count, place, actor)

    # ---- calls

    def call(
        self, number: int, batches: Sequence[Batch], seen: int, poll_timeout: float
    ) -> None:
        peer = self.peers.get(number)
        if peer is None or not peer.alive:
            return
        message = pack(([tuple(b) for b in batches], seen, poll_timeout))
        with self.lock:
            self.calls += 1
            call = self.calls
            peer.open[call] = time.monotonic() + poll_timeout + self.options.timeout
        reference = peer.actor.call.remote(message, self.new_to(peer, batches))
        reference.future().add_done_callback(
            lambda future: self.answered(peer, call, future)
        )

    def new_to(self, peer: Peer, batches: Sequence[Batch]) -> dict[int, Any]:
        """Returns the executors that this one hears of for the first time."""
        new = sources_of(batches) - peer.knows
        peer.knows |= new
        known = {s: self.peers.get(s) for s in new}
        return {s: other.actor for s, other in known.items() if other}

    def answered(self, peer: Peer, call: int, future: Any) -> None:
        with self.lock:
            peer.open.pop(call, None)
        try:
            reply = future.result()
        except Exception as error:
            self.lose(peer, f"is gone ({type(error).__name__})")
        else:
            self.events.reported(peer.number, Report(*unpack(reply)))

    def lose_silent(self) -> None:
        """Reports workers that have not answered in time as dead."""
        now = time.monotonic()
        for peer in self.peers:
            with self.lock:
                late = any(until < now for until in peer.open.values())
            if late:
                self.lose(peer, f"has not answered for {self.options.timeout:g} s")

    def lose(self, peer: Peer, reason: str) -> None:
        if self.peers.lost(peer):
            self.events.lost(peer.number, reason)
            self.doomed.append(peer)

    def close(self) -> None:
        """Ends the executors. They remove what they have written to disk before."""
        alive = self.peers.close()
        with contextlib.suppress(Exception):  # an actor may be gone already
            closing = [peer.actor.close.remote() for peer in alive]
            ray.wait(closing, num_returns=len(closing), timeout=CLOSING)
        for peer in alive:
            end(peer)


def end(peer: Peer) -> None:
    with contextlib.suppress(Exception):  # the actor may be gone already
        ray.kill(peer.actor)
