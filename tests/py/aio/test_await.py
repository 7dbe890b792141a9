"""Awaiting and holding cowns in event loops: asyncio, uvloop and trio, as far as they
are installed; and what a result is without a loop."""

import asyncio
import gc
import importlib.util
import sys
import threading
import time
import weakref
from functools import partial

import bocpy
import pytest
from bocpy import Cown, PinnedCown, read, when
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")

LIBRARIES = [
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


@pytest.fixture(params=LIBRARIES)
def library(request):
    return {"asyncio": Asyncio, "uvloop": Uvloop, "trio": Trio}[request.param]()


# ---- the loop's turns ----


async def result_again(done):
    await done


async def hold_again(done):
    async with done as _:
        pass


async def take_message(done):
    bocpy.send("turns", 1)
    await bocpy.aio.receive("turns")


async def room_again(done):
    with bocpy.behaviors(limit=2) as scope:
        await scope.room()


@pytest.mark.parametrize("once", [result_again, hold_again, take_message, room_again])
def test_a_task_that_never_waits_leaves_the_loop_to_others(library, once):
    """What it awaits is always there; another task has its turns, and can end it."""

    async def main():
        done = when()(lambda: 1)
        await done
        over = False
        turns = most = 0

        async def eager():
            nonlocal turns
            while not over:
                await once(done)
                turns += 1
                assert turns < 100_000

        async def other():
            nonlocal over, turns, most
            for _ in range(100):
                await library.sleep(0)
                most, turns = max(most, turns), 0
            over = True

        await library.gather(eager, other)
        return most

    outcomes = []

    async def keep():
        outcomes.append(await main())

    library.run(keep)
    assert outcomes[0] <= 64


def test_many_tasks_that_never_wait_make_no_turn_long(library):
    """A turn of the loop has one await of each task, and a few at once."""

    async def main():
        done = when()(lambda: 1)
        await done
        counts = [0] * 1000
        over = False

        async def eager(i):
            while not over:
                await done
                counts[i] += 1

        async def other():
            nonlocal over
            for _ in range(20):
                await library.sleep(0)
            over = True

        await library.gather(other, *(partial(eager, i) for i in range(len(counts))))
        turns = 20 + 2  # of which the first and the last may be parts
        assert sum(counts) <= turns * (len(counts) + 64)

    library.run(main)


# ---- results without a loop ----


def test_a_result_may_be_asked_for_again():
    made = when(Cown([1]))(lambda c: [*c.value, 2])
    assert made.result() == [1, 2]
    assert made.result(timeout=LIMIT) is made.result()
    assert made.unwrap(timeout=LIMIT) == [1, 2]


def test_a_result_is_never_old():
    c = Cown([1])
    assert c.result() == [1]
    when(c)(lambda c: c.value.append(2))
    assert c.result() == [1, 2]
    c.acquire()
    c.value = 3
    c.release()
    assert c.result() == 3


def test_a_result_raises_what_the_body_raised():
    @when()
    def broken():
        return {}["missing"]

    for _ in range(3):
        with pytest.raises(KeyError, match="missing") as caught:
            broken.result()
    assert "broken" in "".join(traceback_of(caught.value))


def traceback_of(error):
    import traceback

    return traceback.format_exception(error)


def test_a_result_in_time(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door))
    with pytest.raises(TimeoutError, match=r"0\.01"):
        slow.result(timeout=0.01)
    gate.open()
    assert slow.result(timeout=LIMIT) is None


def test_a_result_in_a_body(gate):
    door = gate.door
    slow = when()(lambda: pass_through(door))

    @when(Cown(1))
    def asks(c):
        return c.result() + 1

    @when(Cown(1))
    def waits(c, slow=slow):
        return slow.result()

    assert asks.result() == 2
    with pytest.raises(RuntimeError, match="could deadlock"):
        waits.result()
    gate.open()


def test_a_result_while_holding_is_refused():
    c, other = Cown(1), Cown(2)
    with c:
        assert c.result() == 1
        with pytest.raises(RuntimeError, match="could deadlock"):
            other.result()


def test_callbacks_before_and_after(gate):
    door, told = gate.door, []
    made = when()(lambda: pass_through(door) or 5)
    made.add_done_callback(lambda cown: told.append(("first", cown.result())))
    made.add_done_callback(lambda cown: told.append(("second", cown.value)))
    assert told == []
    gate.open()
    assert made.result() == 5
    bocpy.quiesce(timeout=LIMIT)
    made.add_done_callback(lambda cown: told.append(("late", cown.result())))
    assert sorted(told[:2]) == [("first", 5), ("second", 5)]
    assert told[2:] == [("late", 5)]


def test_callbacks_may_schedule_but_not_wait(gate):
    door, told = gate.door, []
    total = Cown(1)

    def callback(cown):
        more = cown.result()

        @when(total)
        def _(total, more=more):
            total.value += more

        slow = when()(lambda: pass_through(door))
        try:
            slow.result()
        except RuntimeError as error:
            told.append(str(error))

    made = when()(lambda: 4)
    made.add_done_callback(callback)
    bocpy.start()
    gate.open()
    bocpy.quiesce(timeout=LIMIT)
    assert total.result() == 5
    assert "could deadlock" in told[0]


def test_a_callback_that_raises_is_reported(monkeypatch):
    reports = []
    monkeypatch.setattr(sys, "unraisablehook", lambda r: reports.append(r.exc_value))
    made = when()(lambda: 1)
    made.add_done_callback(lambda cown: 1 / 0)
    bocpy.quiesce(timeout=LIMIT)
    assert [type(error) for error in reports] == [ZeroDivisionError]


def test_many_callbacks():
    told = []
    results = [when(Cown(i))(lambda c: c.value) for i in range(500)]
    for made in results:
        made.add_done_callback(lambda cown: told.append(cown.result()))
    bocpy.quiesce(timeout=LIMIT)
    assert sorted(told) == list(range(500))


def test_callbacks_take_callables():
    with pytest.raises(TypeError, match="callable"):
        Cown(1).add_done_callback(3)


# ---- awaiting ----


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
        assert "broken" in "".join(traceback_of(caught.value))

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

    with pytest.raises(RuntimeError):
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


# ---- holding ----


def test_holding_excludes_behaviors_and_tasks(library):
    async def main():
        c, log = Cown(0), []

        async def task(i):
            async with c as value:
                log.append(value)
                when(c)(lambda c: setattr(c, "value", c.value + 100))
                await library.sleep(0.001)
                assert c.value == value
                c.value += 1

        await library.gather(*(lambda i=i: task(i) for i in range(5)))
        assert await c == 505
        assert len(set(log)) == 5

    library.run(main)


def test_holding_belongs_to_the_task(library):
    async def main():
        c, shared = Cown([1]), Cown("read")

        async def other():
            for cown in (c, shared):
                assert not cown.acquired
                with pytest.raises(RuntimeError, match="not held here"):
                    assert cown.value
                with pytest.raises(RuntimeError, match="event loop"):
                    cown.acquire()

        async with bocpy.aio.hold(c, read(shared)) as (items, text):
            items.append(text)
            assert c.acquired
            assert c.value == [1, "read"]
            assert shared.value == "read"
            with pytest.raises(RuntimeError, match="only reads"):
                shared.value = 1
            await library.gather(other)
        with pytest.raises(RuntimeError, match="not held here"):
            assert c.value
        assert await c == [1, "read"]

    library.run(main)


def test_more_while_holding_is_refused(library):
    async def main():
        a, b = Cown(1), Cown(2)
        async with a:
            assert await a == 1
            with pytest.raises(RuntimeError, match="at once"):
                async with b:
                    pass
            with pytest.raises(RuntimeError, match="at once"):
                await b
            with pytest.raises(RuntimeError, match="at once"):
                b.result()
            for call in (bocpy.wait, bocpy.quiesce):
                with pytest.raises(RuntimeError, match="task"):
                    call()
            with pytest.raises(RuntimeError, match="block"):
                await bocpy.aio.quiesce()
        async with b:
            pass

    library.run(main)


def test_several_at_once_do_not_deadlock(library):
    async def main():
        a, b = Cown(0), Cown(0)

        async def task(first, second):
            for _ in range(30):
                async with bocpy.aio.hold(first, second):
                    await library.sleep(0)
                    first.value += 1
                    second.value += 1

        await library.gather(lambda: task(a, b), lambda: task(b, a))
        assert await a == await b == 60

    library.run(main)


def test_groups_and_nothing(library):
    async def main():
        cowns = [Cown(i) for i in range(3)]
        async with bocpy.aio.hold(cowns, Cown("x")) as (numbers, x):
            assert (numbers, x) == ([0, 1, 2], "x")
        async with bocpy.aio.hold() as nothing:
            assert nothing == ()
        with pytest.raises(TypeError, match="argument 2"):
            async with bocpy.aio.hold(cowns[0], 3):
                pass

    library.run(main)


def test_a_hold_that_is_cancelled_before_the_grant(library, gate):
    door = gate.door

    async def main():
        c = Cown(1)
        when(c)(lambda c: pass_through(door))

        async def hold():
            async with c:
                raise AssertionError("held")

        assert not await library.within(0.02, hold)
        gate.open()
        async with c as value:
            assert value == 1

    library.run(main)


def test_acquire_cancelled_at_any_moment_strand_nobody(library):
    async def main():
        c = Cown(0)

        async def hold():
            async with c:
                await library.sleep(0)
                c.value += 1

        for i in range(200):
            when(c)(lambda c: None)
            await library.within(i * 2e-6, hold)
        async with c as value:
            assert value <= 200
        await bocpy.aio.quiesce(timeout=LIMIT)

    library.run(main)


def test_a_grant_that_is_cancelled_in_the_same_tick():
    async def main():
        c = Cown(0)

        async def hold():
            async with c:
                await asyncio.sleep(LIMIT)

        async with c:
            task = asyncio.ensure_future(hold())
            await asyncio.sleep(0)
        time.sleep(0.02)  # the grant is on its way, and no task takes it
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with c:
            pass

    asyncio.run(main())


# ---- asynchronous behaviors ----


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


# ---- loops ----


def test_two_loops_in_a_row_and_several_in_threads(library):
    c = Cown(0)

    async def main():
        for _ in range(50):
            async with c:
                await library.sleep(0)
                c.value += 1
            await when(c)(lambda c: c.value)

    def run():
        if library.run is Uvloop.run or library.run is Asyncio.run:
            library.run(main)
        else:
            library.run(main)

    run()
    run()
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert c.result() == 250


def test_a_loop_that_is_closed_with_waiters(gate):
    door, c = gate.door, Cown(0)
    when(c)(lambda c: pass_through(door))

    async def hold():
        async with c:
            raise AssertionError("held")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        tasks = [asyncio.ensure_future(hold()) for _ in range(3)]
        await asyncio.sleep(0.01)
        return weakref.ref(loop), [weakref.ref(task) for task in tasks]

    loop = asyncio.new_event_loop()
    where, tasks = loop.run_until_complete(main())
    loop.close()
    del loop
    for _ in range(3):
        gc.collect()
    assert where() is None
    assert [task() for task in tasks] == [None] * 3
    gate.open()
    assert c.result(timeout=LIMIT) == 0


def test_a_program_that_leaves_while_a_loop_holds(program, backend):
    done = program(
        """
        import asyncio, threading
        from bocpy import Cown, when

        c = Cown(1)
        held = threading.Event()

        async def hold():
            async with c:
                held.set()
                await asyncio.sleep(1000)

        threading.Thread(target=asyncio.run, args=(hold(),), daemon=True).start()
        held.wait()
        when(c)(lambda c: print("after", c.value))
        """
    )
    assert done.lines == ["after 1"]


def test_a_child_has_loops_of_its_own(program, backend):
    done = program(
        """
        import asyncio, os
        from bocpy import Cown, start, when

        async def main():
            c = Cown(1)
            r = await when(c)(lambda c: c.value)
            async with c as v:
                return r + v

        start(2)
        print(asyncio.run(main()), flush=True)
        child = os.fork()
        if child == 0:
            print("child", asyncio.run(main()), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(asyncio.run(main()))
        """
    )
    assert done.lines == ["2", "child 2", "2"]


def test_windows_loops_read_from_a_socket(monkeypatch):
    from bocpy._loops import asyncio_loop

    monkeypatch.setattr(
        asyncio_loop.AsyncioWaiter, "watch_descriptor", lambda self, loop: False
    )

    async def main():
        c = Cown(0)
        for _ in range(20):
            await when(c)(lambda c: setattr(c, "value", c.value + 1))
        async with c as value:
            assert value == 20

    asyncio.run(main())
    asyncio.run(main())
