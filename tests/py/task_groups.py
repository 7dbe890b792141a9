"""What the tests of scopes share that go by trio's nurseries and asyncio's task groups.

Workers import it too, so it imports no test tools.
"""

import asyncio
import importlib.util
import time

from bocpy import behaviors
from bocpy._failure.raise_unread import AnyGroup
from harness import LIMIT

WAYS = ["plain", "asyncio"]
if importlib.util.find_spec("trio") is not None:
    WAYS.append("trio")


class Block:
    """`async with` for a scope, whichever way the test runs."""

    def __init__(self, plain, scope):
        self.plain, self.scope = plain, scope

    async def __aenter__(self):
        if self.plain:
            return self.scope.__enter__()
        return await self.scope.__aenter__()

    async def __aexit__(self, *raised):
        if self.plain:
            return self.scope.__exit__(*raised)
        return await self.scope.__aexit__(*raised)


class Way:
    def __init__(self, name):
        self.name = name

    def scope(self, **options):
        return Block(self.name == "plain", behaviors(**options))

    def run(self, main):
        """The outcome of a coroutine function."""
        if self.name == "plain":
            coroutine = main()
            try:
                coroutine.send(None)
            except StopIteration as stop:
                return stop.value
            raise AssertionError("a plain block awaits nothing")
        if self.name == "asyncio":
            return asyncio.run(main())
        import trio

        return trio.run(main)


def fail(kind, *args):
    raise kind(*args)


def flat(group):
    """The kinds of the exceptions of a group, with those of the groups inside."""
    for error in group.exceptions:
        if isinstance(error, AnyGroup):
            yield from flat(error)
        else:
            yield type(error)


def await_running(scope, count):
    """Until that many bodies of the scope have begun."""
    deadline = time.monotonic() + LIMIT
    while len(scope._handle.running()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.0005)
