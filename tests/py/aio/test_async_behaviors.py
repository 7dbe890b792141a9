"""`bocpy.aio.when`: behaviors whose bodies are coroutine functions."""

import asyncio

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


def test_an_asynchronous_behavior(library):
    async def main():
        log = Cown([])
        when(log)(lambda log: log.value.append("before"))

        @bocpy.aio.when(log)
        async def visit(log, more="default"):
            log.value.append("in")
            await library.sleep(0.005)
            log.value.append("out")
            return [more, len(log.value)]

        when(log)(lambda log: log.value.append("after"))
        assert isinstance(visit, Cown)
        assert await visit == ["default", 3]
        assert await log == ["before", "in", "out", "after"]

    library.run(main)


def test_an_asynchronous_behavior_that_raises(library):
    async def main():
        c = Cown(1)

        @bocpy.aio.when(c)
        async def broken(c):
            c.value = 2
            raise KeyError("missing")

        with pytest.raises(KeyError, match="missing"):
            await broken
        assert await c == 2

    library.run(main)


def test_what_is_no_asynchronous_behavior(library):
    async def main():
        with pytest.raises(TypeError, match="async def"):
            bocpy.aio.when(Cown(1))(lambda c: None)

        async def fine(c):
            pass

        with pytest.raises(TypeError, match="argument 1"):
            bocpy.aio.when(3)(fine)

    library.run(main)


def test_asynchronous_behaviors_end_with_their_loop():
    c = Cown([])

    async def main():
        @bocpy.aio.when(c)
        async def forever(c):
            c.value.append("begun")
            await asyncio.sleep(LIMIT)

        await asyncio.sleep(0.02)
        return forever

    forever = asyncio.run(main())
    with pytest.raises(bocpy.CancelledError):
        forever.result(timeout=LIMIT)
    assert c.result(timeout=LIMIT) == ["begun"]
