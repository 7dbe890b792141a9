"""Programs with pinned cowns: how they end, are interrupted, and fork."""

import time

import pytest
from harness import ENDED_BY_SIGINT, finish_program, read_line


def test_exit_without_wait(program, backend):
    done = program(
        """
        from bocpy import Cown, PinnedCown, when

        p, c = PinnedCown(open(__file__)), Cown([])

        @when(c)
        def _(c):
            c.value.append("worker")

        @when(p, c)
        def _(p, c):
            print(c.value, len(p.value.readline()))

            @when(p)
            def _(p):
                print("closed", p.value.close())
        """
    )
    assert done.lines == ["['worker'] 1", "closed None"]


def test_a_script_with_unpicklable_values_is_not_run_twice(program, backend):
    done = program(
        """
        import threading
        from bocpy import Cown, PinnedCown, quiesce, wait, when

        print("top")
        lock = PinnedCown(threading.Lock())
        total = Cown(0)

        def show(lock, total):
            with lock.value:
                print(total.value, threading.current_thread() is MAIN)

        MAIN = threading.main_thread()

        @when(total)
        def _(total):
            total.value += 1
            when(lock, total)(show)

        wait()
        """
    )
    assert done.lines == ["top", "1 True"]


SPIN = """
    import os, signal, sys, time
    from bocpy import Cown, PinnedCown, pump, quiesce, wait, when
    p = PinnedCown(1)
    hear, _ = os.pipe()
"""


@pytest.mark.parametrize("call", ["wait()", "quiesce()", "p.acquire()", "c.acquire()"])
def test_ctrl_c_while_waiting(launch, backend, call):
    process = launch(
        SPIN
        + f"""
    c = Cown(hear)
    try:
        @when(c)
        def _(c):
            print("in", flush=True)
            os.read(c.value, 1)

        when(p, c)(lambda p, c: None)
        {call}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    os._exit(3)
    """
    )
    read_line(process, "in")
    time.sleep(0.1)
    process.send_signal(2)
    done = finish_program(process, expect_code=3)
    assert done.out.strip() == "interrupted"


@pytest.mark.parametrize("call", ["wait()", "quiesce()", "pump()"])
def test_ctrl_c_in_a_pinned_behavior(launch, backend, call):
    process = launch(
        SPIN
        + f"""
    @when(p)
    def spun(p):
        print("in", flush=True)
        while True:
            time.sleep(0.01)

    later = when(p)(lambda p: print("later", flush=True))
    try:
        {call}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    wait()
    try:
        spun.unwrap()
    except KeyboardInterrupt:
        print("kept")
    """
    )
    read_line(process, "in")
    process.send_signal(2)
    assert finish_program(process).out.split() == ["interrupted", "later", "kept"]


def test_ctrl_c_in_a_pinned_behavior_at_the_end(launch, backend):
    process = launch(
        SPIN
        + """
    @when(p)
    def spun(p):
        print("in", flush=True)
        while True:
            time.sleep(0.01)
    """
    )
    read_line(process, "in")
    process.send_signal(2)
    done = finish_program(process, expect_code=ENDED_BY_SIGINT)
    assert "KeyboardInterrupt" in done.err
    assert "in spun" in done.err
    assert done.err.splitlines()[-1].startswith("bocpy: interrupted")


def test_a_second_ctrl_c_in_a_pinned_behavior_at_the_end(launch, backend):
    """The first one has shown its traceback."""
    process = launch(
        SPIN
        + """
    @when(p)
    def spun(p):
        print("in", flush=True)
        while True:
            time.sleep(0.01)

    raise KeyboardInterrupt
    """
    )
    read_line(process, "in")
    process.send_signal(2)
    done = finish_program(process, expect_code=ENDED_BY_SIGINT)
    assert done.err.count("Traceback") == 1
    assert "in spun" not in done.err
    assert done.err.splitlines()[-1].startswith("bocpy: interrupted")


def test_sys_exit_in_a_pinned_behavior(program, backend):
    done = program(
        """
        import sys
        from bocpy import PinnedCown, wait, when

        p = PinnedCown(1)
        when(p)(lambda p: sys.exit(5))
        when(p)(lambda p: print("finished all the same"))
        wait()
        print("not reached")
        """,
        expect_code=5,
    )
    assert done.lines == ["finished all the same"]


def test_sys_exit_in_a_pinned_behavior_at_the_end(program, backend):
    done = program(
        """
        import sys
        from bocpy import PinnedCown, when

        p = PinnedCown(1)
        when(p)(lambda p: sys.exit(5))
        when(p)(lambda p: print("finished all the same"))
        """
    )
    assert done.lines == ["finished all the same"]
    assert "SystemExit: 5" in done.err
    assert "behavior '<lambda>'" in done.err


def test_fork(program, backend):
    done = program(
        """
        import os
        from bocpy import Cown, PinnedCown, pump, start, wait, when

        seen = []
        p, c = PinnedCown(seen), Cown(0)

        def note(what):
            @when(c)
            def _(c):
                c.value += 1

            @when(p, c)
            def _(p, c):
                p.value.append((what, c.value))

        note("parent")
        child = os.fork()
        if child == 0:
            note("child")
            wait()
            start()
            when(p)(lambda p: p.value.append("pumped"))
            pump()
            print(seen, flush=True)
            wait()
            os._exit(4)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        note("after")
        wait()
        print(seen, status)
        """
    )
    assert done.lines == [
        "[('parent', 1), ('child', 2), 'pumped']",
        "[('parent', 1), ('after', 2)] 4",
    ]


def test_fork_on_another_thread_and_with_a_watchdog(program, backend):
    done = program(
        """
        import os, threading, warnings
        from bocpy import PinnedCown, pump, set_pump_watchdog, start, wait, when

        warnings.simplefilter("ignore")
        told = threading.Event()
        set_pump_watchdog(20, lambda severity, message: told.set())
        p = PinnedCown([])
        when(p)(lambda p: p.value.append("before"))
        wait()
        codes = []

        def run():
            child = os.fork()
            if child == 0:
                when(p)(lambda p: p.value.append("child"))
                os._exit(6 if told.wait(30) and pump().executed == 1 else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        when(p)(lambda p: p.value.append("after"))
        assert told.wait(30)
        wait()
        print(codes, p.unwrap())
        """
    )
    assert done.lines == ["[6] ['before', 'after']"]


FORK = """
        import os, warnings
        from bocpy import Cown, PinnedCown, wait, when

        warnings.simplefilter("ignore")

        def fork():
            try:
                child = os.fork()
            except RuntimeError as error:
                return str(error).partition(":")[2].partition(";")[0].strip()
            if child == 0:
                os._exit(3)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        c = Cown(1)
        """
REFUSED = "workers with interpreters cannot end before"


def test_a_fork_in_a_pinned_behavior(program, backend):
    done = program(
        FORK
        + """
        result = when(PinnedCown(1))(lambda p: fork())
        wait()
        print(result.unwrap())
        print(fork())
        """
    )
    assert done.lines == [REFUSED if backend == "interpreters" else "3", "3"]


def test_a_fork_while_a_cown_is_held(program, backend):
    done = program(
        FORK
        + """
        when(c)(lambda c: None)
        with c:
            print(fork())
        wait()
        print(fork())
        """
    )
    assert done.lines == [REFUSED if backend == "interpreters" else "3", "3"]


def test_a_signal_handler_may_pump(launch, backend):
    process = launch(
        SPIN
        + """
    def handler(*_):
        when(p)(lambda p: print("pumped", flush=True))
        pump()
        os.write(door, b".")

    signal.signal(signal.SIGUSR1, handler)
    listen, door = os.pipe()

    @when(Cown(listen))
    def _(c):
        print("in", flush=True)
        os.read(c.value, 1)

    wait()
    print("over")
    """
    )
    read_line(process, "in")
    time.sleep(0.05)
    process.send_signal(10)
    assert finish_program(process).out.split() == ["pumped", "over"]


def test_a_first_wait_on_another_thread(program, backend):
    done = program(
        """
        import threading
        from bocpy import Cown, PinnedCown, pump, wait, when

        result = when(Cown(1))(lambda c: c.value + 1)
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
        shown = when(PinnedCown(2))(
            lambda p: threading.current_thread() is threading.main_thread()
        )
        wait()
        print(result.unwrap(), shown.unwrap())
        """
    )
    assert done.lines == ["2 True"]


def test_waiting_costs_no_time(program, backend):
    """While nothing happens the main thread sleeps, and does not poll."""
    done = program(
        """
        import os, threading, time
        from bocpy import Cown, PinnedCown, wait, when

        p = PinnedCown(1)
        hear, door = os.pipe()
        when(p)(lambda p: None)

        @when(Cown(hear))
        def _(c):
            os.read(c.value, 1)
            when(p)(lambda p: print("last", flush=True))

        threading.Timer(0.5, lambda: os.write(door, b".")).start()
        before = time.thread_time()
        wait()
        print(time.thread_time() - before < 0.2)
        """
    )
    assert done.lines == ["last", "True"]
