"""The event loops that the tests run in: asyncio, uvloop and trio, as far as they are
installed, behind one set of names."""

import asyncio
import importlib.util

NAMES = [
    name
    for name in ("asyncio", "uvloop", "trio")
    if importlib.util.find_spec(name) is not None
]


class Asyncio:
    """The operations that the tests need of a library, by asyncio's names."""

    sleep = staticmethod(asyncio.sleep)
    Event = asyncio.Event

    @staticmethod
    def run(main):
        asyncio.run(main())

    @staticmethod
    async def gather(*functions):
        await asyncio.gather(*(function() for function in functions))

    @staticmethod
    async def within(seconds, function):
        """Whether the function ended in that time; it is cancelled if not."""
        task = asyncio.ensure_future(function())
        done, _ = await asyncio.wait([task], timeout=seconds)
        if done:
            await task
            return True
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return False
        return True


class Uvloop(Asyncio):
    @staticmethod
    def run(main):
        import uvloop

        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(main())
        finally:
            loop.close()


class Trio:
    @property
    def sleep(self):
        import trio

        return trio.sleep

    @property
    def Event(self):  # noqa: N802
        import trio

        return trio.Event

    @staticmethod
    def run(main):
        import trio

        trio.run(main)

    @staticmethod
    async def gather(*functions):
        import trio

        async with trio.open_nursery() as nursery:
            for function in functions:
                nursery.start_soon(function)

    @staticmethod
    async def within(seconds, function):
        import trio

        with trio.move_on_after(seconds) as scope:
            await function()
        return not scope.cancelled_caught


LIBRARIES = {"asyncio": Asyncio, "uvloop": Uvloop, "trio": Trio}
