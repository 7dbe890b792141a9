"""The surroundings of an executor in a worker: threads, clock, messages to the driver.

The driver always has a call under way at each executor, and the executor answers when
it has something to report, or after a while (long polling). So each notices the other's
death: the driver's call fails, or the executor gets no call. An executor that has had
no call for LEASE seconds begins no body until the next call comes.

Threads: the worker's event loop; bodies run on the host's own threads.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bocpy import _core

from . import _body
from ._execute import Executor
from ._messages import Batch
from ._spill import SpillStore
from ._values import cloudpickle_module, pack, unpack

#: Seconds after the driver's last call during which bodies may begin.
LEASE = 0.9

#: Seconds for which a host collects ends of behaviors before it reports them, while
#: other behaviors run.
GATHER = 0.001

#: Seconds before a fetch that failed is tried again.
RETRY = 0.2

Fetch = Callable[[int, tuple[int, ...]], Awaitable[Any]]


def versions() -> dict[str, str]:
    """Returns the versions in which driver and workers must agree."""
    from bocpy import __version__

    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "bocpy": __version__,
        "cloudpickle": str(getattr(cloudpickle_module(), "__version__", "?")),
    }


class Host:
    """An executor and its surroundings. Made on the worker's event loop."""

    def __init__(
        self,
        token: str,
        number: int,
        threads: int,
        fetch: Fetch,
        *,
        spill: int | None = None,
        folder: str | None = None,
    ) -> None:
        store = None if spill is None else SpillStore(spill, folder)
        self.executor = Executor(token, number, self, spill=store)
        _core._set_distributed_hook(_body.elsewhere)
        self.threads = threads
        self.fetch_from = fetch
        self.loop = asyncio.get_running_loop()
        self.pool = ThreadPoolExecutor(threads, f"bocpy-{number}")
        self.active = 0
        self.contact = time.monotonic()
        self.sent = 0
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.woken = False
        self.tasks: set[asyncio.Future[Any]] = set()

    def hello(self) -> dict[str, Any]:
        """Returns the versions, the process and the number of threads of this host."""
        return {
            "versions": versions(),
            "pid": os.getpid(),
            "threads": self.threads,
        }

    def progress(self) -> str:
        """Returns a line for the engine's dashboard: behaviors that ran and wait."""
        executor = self.executor
        with executor.lock:
            names = sorted(executor.done_by_name.items(), key=lambda item: -item[1])
            done = ", ".join(f"{name} {count}" for name, count in names[:8])
            return f"{executor.running} running, {len(executor.runs)} ready; {done}"

    # ---- the driver's calls

    async def call(self, message: list[Any]) -> list[Any]:
        """Takes batches; answers with a report when there is one, or after a while."""
        batches, seen, poll_timeout = unpack(message)
        self.contact = time.monotonic()
        for batch in batches:
            self.executor.receive(Batch(*batch))
        with self.executor.lock:
            self.executor.acknowledge(seen)
            self.ready()
        if not self.has_news():
            await self.wait_for_news(poll_timeout)
        report = self.executor.report(self.sent)
        self.sent = max(self.sent, report.first + len(report.entries))
        return pack(tuple(report))

    def has_news(self) -> bool:
        executor = self.executor
        return executor.first + len(executor.entries) > self.sent

    async def wait_for_news(self, poll_timeout: float) -> None:
        future = self.loop.create_future()
        self.waiting.append(future)
        try:
            await asyncio.wait_for(future, poll_timeout)
        except asyncio.TimeoutError:
            return
        finally:
            if future in self.waiting:
                self.waiting.remove(future)

    def news(self) -> None:
        """Makes the event loop answer the driver's call soon. From any thread."""
        if not self.woken:
            self.woken = True
            self.soon(self.gather)

    def gather(self) -> None:
        if self.executor.unfinished:
            self.loop.call_later(GATHER, self.answer)
        else:
            self.answer()

    def answer(self) -> None:
        self.woken = False
        if self.waiting and self.has_news():
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(None)

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return  # the worker is ending

    # ---- bodies

    def ready(self) -> None:
        """Starts a thread for ready bodies, unless all are busy. With the lock held."""
        if self.active < self.threads and self.executor.runs:
            self.active += 1
            self.pool.submit(self.work)

    def work(self) -> None:
        try:
            self.executor.work(self.may_begin)
        finally:
            with self.executor.lock:
                self.active -= 1
                if self.may_begin():
                    self.ready()

    def may_begin(self) -> bool:
        return time.monotonic() - self.contact < LEASE

    # ---- values

    def fetch(self, source: int, numbers: tuple[int, ...]) -> None:
        self.soon(self.start_fetch, source, numbers)

    def start_fetch(self, source: int, numbers: tuple[int, ...]) -> None:
        task = asyncio.ensure_future(self.fetch_all(source, numbers))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def fetch_all(self, source: int, numbers: tuple[int, ...]) -> None:
        """Fetches until all values are there or the driver has redirected the rest. It
        tries a source that fails again: only the driver decides that one is dead."""
        left = set(numbers)
        while left and not self.executor.closed:
            try:
                if source == self.executor.number:
                    found = await self.serve(tuple(left))
                else:
                    found = await self.fetch_from(source, tuple(left))
            except Exception:
                await asyncio.sleep(RETRY)
                left = self.executor.wanted(left)
                continue
            values = unpack(found)
            left -= set(values)
            self.executor.fetched(values)

    async def serve(self, numbers: tuple[int, ...]) -> list[Any]:
        """Answers another executor that fetches values from here."""
        future: asyncio.Future[Any] = self.loop.create_future()

        def settle(values: Any) -> None:
            if not future.done():
                future.set_result(values)

        self.executor.fetch(numbers, lambda values: self.soon(settle, values))
        return pack(await future)

    def close(self) -> None:
        self.executor.close()
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        self.pool.shutdown(wait=False, cancel_futures=True)
