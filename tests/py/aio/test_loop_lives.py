"""Loops in a row, in threads, closed with waiters, and left behind by a fork."""

import asyncio
import gc
import importlib.util
import os
import re
import threading
import weakref

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT, pass_through

pytestmark = pytest.mark.usefixtures("runtime")


def test_two_loops_in_a_row_and_several_in_threads(library):
    c = Cown(0)

    async def main():
        for _ in range(50):
            async with c:
                await library.sleep(0)
                c.value += 1
            await when(c)(lambda c: c.value)

    library.run(main)
    library.run(main)
    threads = [threading.Thread(target=library.run, args=(main,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert c.result() == 250


def collect():
    """Collects a loop and its tasks, whose coroutines run once more at their end."""
    for _ in range(3):
        gc.collect()


async def await_it(c):
    await c


async def hold_it(c):
    async with c:
        raise AssertionError("held")


async def wait_for_quiescence(_):
    await bocpy.aio.quiesce()


async def receive_it(_):
    await bocpy.aio.receive("closed-loop")


async def leave_a_scope(c):
    async with bocpy.behaviors():
        when(c)(lambda c: None)


async def wait_for_room(c):
    async with bocpy.behaviors(limit=1) as scope:
        when(c)(lambda c: None)
        await scope.room()


WAITS = [
    await_it,
    hold_it,
    wait_for_quiescence,
    receive_it,
    leave_a_scope,
    wait_for_room,
]


@pytest.mark.parametrize("wait", WAITS)
def test_a_loop_that_is_closed_with_waiters(wait, gate):
    """Neither the loop nor the tasks live on, and the cown is others' to use."""
    door, c = gate.door, Cown(0)
    when(c)(lambda c: pass_through(door))

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        tasks = [asyncio.ensure_future(wait(c)) for _ in range(3)]
        await asyncio.sleep(0.01)
        return weakref.ref(loop), [weakref.ref(task) for task in tasks]

    loop = asyncio.new_event_loop()
    where, tasks = loop.run_until_complete(main())
    loop.close()
    del loop
    collect()
    assert where() is None
    assert [task() for task in tasks] == [None] * 3
    gate.open()
    assert c.result(timeout=LIMIT) == 0
    bocpy.quiesce(timeout=LIMIT)


# ---- closed while tasks hold ----


async def enter_by_hand(c):
    await c.__aenter__()


async def enter_several_by_hand(c):
    await bocpy.aio.hold(c, Cown("other")).__aenter__()


HANDS = [enter_by_hand, enter_several_by_hand]


async def hold_in_block(c, go_on):
    async with c:
        go_on()
        await asyncio.sleep(LIMIT)


async def hold_several_in_block(c, go_on):
    async with bocpy.aio.hold(c, Cown("other")):
        go_on()
        await asyncio.sleep(LIMIT)


NEW_LOOPS = [asyncio.new_event_loop]
if importlib.util.find_spec("uvloop"):
    NEW_LOOPS.append(importlib.import_module("uvloop").new_event_loop)


def close(loop):
    """Some implementations of Python notice it when they collect."""
    loop.close()
    collect()


def start_to_hold(loop, hold, *arguments):
    """A task of the loop that waits for ever, holding what it has entered."""

    async def main():
        loop.set_exception_handler(lambda *_: None)
        entered = asyncio.Event()
        task = asyncio.ensure_future(hold(*arguments, entered.set))
        await asyncio.wait_for(entered.wait(), LIMIT)
        return task

    return loop.run_until_complete(main())


def by_hand(enter):
    async def hold(c, go_on):
        await enter(c)
        go_on()
        await asyncio.sleep(LIMIT)

    return hold


@pytest.mark.parametrize("new_loop", NEW_LOOPS, ids=lambda new: new.__module__)
@pytest.mark.parametrize("enter", HANDS)
def test_a_closed_loop_gives_back_what_was_entered_by_hand(enter, new_loop):
    """The warning names the task and the cowns, and the task may live on."""
    c, loop = Cown(1), new_loop()
    task = start_to_hold(loop, by_hand(enter), c)
    said = re.escape(repr(c))
    with pytest.warns(RuntimeWarning, match=f"of <Task pending.* was closed.*{said}"):
        close(loop)
    assert when(c)(lambda c: c.value).result(timeout=LIMIT) == 1
    assert not task.done()


@pytest.mark.parametrize("new_loop", NEW_LOOPS, ids=lambda new: new.__module__)
@pytest.mark.parametrize("hold", [hold_in_block, hold_several_in_block])
def test_a_closed_loop_ends_the_blocks_that_hold(hold, new_loop, recwarn):
    c, loop = Cown(1), new_loop()
    task = start_to_hold(loop, hold, c)
    close(loop)
    assert when(c)(lambda c: c.value).result(timeout=LIMIT) == 1
    assert not task.done()
    assert not [each for each in recwarn if each.category is RuntimeWarning]


def test_the_end_of_a_closed_loop_s_task_releases_no_later_holder():
    c, loop = Cown(1), asyncio.new_event_loop()
    tasks = [start_to_hold(loop, hold_in_block, c)]
    loop.close()
    collect()

    async def main():
        async with c:
            late = when(c)(lambda c: c.value)
            tasks.clear()
            collect()
            assert c.acquired
            c.value = 2
        assert await late == 2

    asyncio.run(main())


def test_code_that_fails_when_its_loop_is_closed_is_reported():
    async def hold(c, go_on):
        async with c:
            try:
                go_on()
                await asyncio.sleep(LIMIT)
            finally:
                raise KeyError("closing")

    c, loop, said = Cown(1), asyncio.new_event_loop(), []
    task = start_to_hold(loop, hold, c)
    loop.set_exception_handler(lambda _, context: said.append(context))
    close(loop)
    assert when(c)(lambda c: c.value).result(timeout=LIMIT) == 1
    assert [repr(context["exception"]) for context in said] == ["KeyError('closing')"]
    assert said[0]["task"] is task


def test_a_task_that_is_collected_gives_back_what_it_entered_by_hand():
    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        c, entered = Cown(1), asyncio.Event()

        async def hold():
            await c.__aenter__()
            entered.set()
            await asyncio.get_running_loop().create_future()

        task = asyncio.ensure_future(hold())
        await entered.wait()
        del task
        await asyncio.sleep(0)
        with pytest.warns(RuntimeWarning, match=r"collected while it held.*Cown"):
            collect()
        assert await asyncio.wait_for(c, LIMIT) == 1

    asyncio.run(main())


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


def test_a_closed_loop_cancels_its_asynchronous_behaviors(gate):
    """Also those that wait for their cowns; the cowns are others' to use."""
    door, c = gate.door, Cown(0)
    when(c)(lambda c: pass_through(door))
    results = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        for cown in (c, Cown(1)):

            @bocpy.aio.when(cown)
            async def body(cown):
                await asyncio.sleep(LIMIT)

            results.append(body)
        await asyncio.sleep(0.01)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    del loop
    collect()
    gate.open()
    for result in results:
        with pytest.raises(bocpy.CancelledError):
            result.result(timeout=LIMIT)
    assert c.result(timeout=LIMIT) == 0


def test_a_scope_of_a_closed_loop_is_cancelled(gate):
    """Its coroutine cannot wait any more: what has not begun is cancelled."""
    door, c = gate.door, Cown(0)
    scopes = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)

        async def block():
            async with bocpy.behaviors() as scope:
                scopes.append(scope)
                when(c)(lambda c: pass_through(door))
                scopes.append(when(c)(lambda c: None))
                await asyncio.sleep(LIMIT)

        scopes.append(asyncio.ensure_future(block()))
        await asyncio.sleep(0.01)
        assert scopes[1].pending == 2

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    del loop, scopes[0]
    collect()
    scope, late = scopes
    assert scope.cancelled
    gate.open()
    with pytest.raises(bocpy.CancelledError):
        late.result(timeout=LIMIT)
    assert bocpy._core._scope_current() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_waits_for_tasks_that_hold(program, backend):
    """A fork in one thread while a task of another thread's loop holds a cown, and
    others wait for it."""
    done = program(
        """
        import asyncio, os, threading
        from bocpy import Cown, start, when

        c, held = Cown(0), threading.Event()

        async def visit():
            async with c:
                held.set()
                await asyncio.sleep(0.02)
                c.value += 1

        async def main():
            await asyncio.gather(*[visit() for _ in range(5)])

        start(2)
        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        held.wait()
        pid = os.fork()  # waits until no task holds or waits for the cown
        if pid == 0:
            print("child", when(c)(lambda c: c.value).result(), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        thread.join()
        print(c.result())
        """
    )
    assert done.lines == ["child 5", "5"]


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


FORK_BESIDE_RECEIVERS = """
import asyncio, os, warnings
import bocpy, bocpy.aio
from bocpy import Cown, send, start, when

warnings.simplefilter("ignore")
start(2)

async def work():
    answer = when(Cown(3))(lambda c: c.value * 2)
    waiting = asyncio.create_task(bocpy.aio.receive("there"))
    await asyncio.sleep(0)
    send("there", await answer)
    return await waiting

def child():
    asyncio._set_running_loop(None)  # the parent's
    print(asyncio.run(asyncio.wait_for(work(), 30)), flush=True)
    os._exit(0)

async def main():
    waiting = [asyncio.create_task(bocpy.aio.receive(tag)) for tag in "xy"]
    await asyncio.sleep(0.05)
    pid = os.fork()
    if pid == 0:
        child()
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    send("x", 5)
    send("y", 6)
    print(*[await each for each in waiting], await work())

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_in_a_coroutine_while_others_receive(program, backend):
    done = program(FORK_BESIDE_RECEIVERS)
    assert done.lines == ["('there', 6)", "0", "('x', 5) ('y', 6) ('there', 6)"]
