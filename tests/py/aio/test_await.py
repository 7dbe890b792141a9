"""`await cown`, and what else is awaited: quiescence, messages, the pump."""

import asyncio
import threading
from traceback import format_exception

import bocpy
import pytest
from bocpy import Cown, PinnedCown, when
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


def test_await(library):
    async def main():
        c = Cown(20)
        made = when(c)(lambda c: c.value + 1)
        assert await made == 21
        assert await made == 21
        assert made.unwrap(timeout=LIMIT) == 21
        assert await c == 20

        @when(c)
        def broken(c):
            raise KeyError("missing")

        for _ in range(2):
            with pytest.raises(KeyError, match="missing") as caught:
                await broken
        assert "broken" in "".join(format_exception(caught.value))

    library.run(main)


def test_await_outside_of_a_loop():
    with pytest.raises(RuntimeError, match=r"no event loop.*result"):
        Cown(1).__await__().send(None)


def test_await_in_a_body_is_refused():
    @when(Cown(Cown(1)))
    def body(outer):
        async def main(inner=outer.value):
            return await inner

        return asyncio.run(main())

    with pytest.raises(RuntimeError, match="await: a behavior cannot wait"):
        body.result(timeout=LIMIT)


def test_many_awaits_need_no_thread(library, gate):
    before, door = threading.active_count(), gate.door

    async def main():
        slow = [when()(lambda: pass_through(door)) for _ in range(2)]
        results = [when(slow)(lambda slow, i=i: i) for i in range(1000)]
        got = []

        async def one(made):
            got.append(await made)

        async def open_it():
            gate.open(2)

        await library.gather(*(lambda m=m: one(m) for m in results), open_it)
        assert sorted(got) == list(range(1000))
        assert threading.active_count() <= before + 2

    library.run(main)


def test_a_cancelled_await_cancels_nothing(library, gate):
    door = gate.door

    async def main():
        slow = when()(lambda: pass_through(door) or "slow")

        async def wait():
            await slow

        assert not await library.within(0.02, wait)
        gate.open()
        assert await slow == "slow"

    library.run(main)


# ---- other waits ----


def test_quiesce_and_wait(library, gate):
    door = gate.door

    async def main():
        slow = when()(lambda: pass_through(door) or 1)
        with pytest.raises(TimeoutError, match=r"0\.01"):
            await bocpy.aio.quiesce(timeout=0.01)
        await bocpy.aio.wait(timeout=0.01)
        gate.open()
        await bocpy.aio.wait()
        assert slow.unwrap() == 1

    library.run(main)


def test_receive(library):
    async def main():
        when()(lambda: bocpy.send("await-a", 1))
        assert await bocpy.aio.receive(["await-a", "await-b"]) == ("await-a", 1)
        assert await bocpy.aio.receive("await-a", 0.01) == (bocpy.TIMEOUT, None)
        assert await bocpy.aio.receive("await-a", 0, lambda: "none") == "none"

        async def listen():
            await bocpy.aio.receive("await-a")

        assert not await library.within(0.01, listen)
        bocpy.send("await-a", 2)
        assert await bocpy.aio.receive("await-a", LIMIT) == ("await-a", 2)
        bocpy.drain(["await-a", "await-b"])

    library.run(main)


def test_pinned_cowns_are_pumped(library):
    async def main():
        drawn, c = PinnedCown([]), Cown(1)

        def draw(drawn, c):
            drawn.value.append(threading.current_thread() is threading.main_thread())
            return c.value

        assert [await when(drawn, c)(draw) for _ in range(200)] == [1] * 200
        async with drawn as value:
            assert value == [True] * 200

    library.run(main)
