"""Workers as threads, and the threads that bodies start."""

import sys
import threading
import time

import bocpy
import pytest
from bocpy import Cown, when
from harness import BACKENDS, LIMIT


@pytest.mark.usefixtures("runtime")
def test_a_worker_has_a_name():
    names = [
        when()(lambda: threading.current_thread().name).unwrap(timeout=LIMIT)
        for _ in range(5)
    ]
    assert set(names) <= {"bocpy-worker-1", "bocpy-worker-2"}


@pytest.mark.usefixtures("runtime")
def test_threads_of_bodies_are_no_daemons():
    @when()
    def result():
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        return threading.current_thread().daemon, thread.daemon

    assert result.unwrap(timeout=LIMIT) == (False, False)


LATE = """\
import threading, time
from concurrent.futures import ThreadPoolExecutor
import bocpy
from bocpy import Cown, send, receive, start, wait, when

start(1)
def late():
    time.sleep(0.3)
    print("saved", flush=True)
"""


def test_the_program_waits_for_a_thread_of_a_body(program, backend):
    done = program(
        LATE + "when()(lambda: threading.Thread(target=late).start())\nwait()"
    )
    assert (done.lines, done.err) == (["saved"], "")


def test_the_program_waits_for_timers_and_pools_of_bodies(program, backend):
    done = program(
        LATE
        + """
@when()
def _():
    threading.Timer(0.1, late).start()
    ThreadPoolExecutor(1).submit(late)

wait()
"""
    )
    assert (done.lines, done.err) == (["saved", "saved"], "")


def test_what_a_thread_of_a_body_schedules_at_the_end_is_done(program, backend):
    done = program(
        LATE
        + """
def later():
    time.sleep(0.3)
    @when(Cown(20))
    def _(c):
        print("done", c.value + 1, flush=True)

@when()
def _():
    threading.Thread(target=later).start()

wait()
"""
    )
    assert (done.lines, done.err) == (["done 21"], "")


def test_what_a_thread_of_a_body_schedules_after_wait_is_done(program, backend):
    done = program(
        LATE
        + """
def later():
    receive("go")
    @when(Cown(20))
    def _(c):
        send("done", c.value + 1)

@when()
def _():
    threading.Thread(target=later).start()

wait()
send("go", None)
print(receive("done", timeout=30))
"""
    )
    assert (done.lines, done.err) == (["('done', 21)"], "")


def test_ctrl_c_ends_the_wait_for_a_thread_of_a_body(launch, backend):
    import signal

    from harness import interrupt_until_it_ends, read_line

    if sys.platform == "win32":
        pytest.skip("Ctrl-C cannot be sent")
    process = launch(
        LATE
        + """
def forever():
    print("running", flush=True)
    while True:
        time.sleep(0.1)
when()(lambda: threading.Thread(target=forever).start())
wait()
"""
    )
    read_line(process, "running")
    done = interrupt_until_it_ends(process)
    # Of the threads of its own interpreter Python says what it likes.
    assert done.code in (0, 1, 130, -signal.SIGINT)


@pytest.mark.parametrize("hook", ["settrace", "setprofile"])
def test_hooks_of_threading_see_bodies(program, hook):
    """On `threads` only: such a function cannot belong to another interpreter."""
    done = program(
        f"""
        import threading
        from bocpy import Cown, start, wait, when
        start(2, backend="threads")
        when()(lambda: None)
        wait()
        seen = []
        def hook(frame, event, argument):
            if event == "call":
                seen.append(frame.f_code.co_name)

        def body(c):
            return c.value

        threading.{hook}(hook)
        print(when(Cown(1))(body).unwrap(timeout=30), "body" in seen)
        wait()
        threading.{hook}(None)
        del seen[:]
        print(when(Cown(2))(body).unwrap(timeout=30), "body" in seen)
        """
    )
    assert done.lines == ["1 True", "2 False"]


def test_current_frames_has_the_threads_of_the_callers_interpreter(program, backend):
    done = program(
        """
        import sys, threading, traceback
        from bocpy import send, receive, start, wait, when
        start(2)

        def inside():
            send("entered", threading.get_ident())
            receive("go")

        body = when()(inside)
        ident = receive("entered", timeout=30)[1]
        frames = sys._current_frames()
        print(frames[threading.get_ident()] is sys._getframe())
        print(ident in frames)

        @when()
        def own():
            return sys._current_frames()[threading.get_ident()].f_code.co_name
        print(own.unwrap(timeout=30))
        send("go", 1)
        """
    )
    assert done.lines == ["True", str(backend == "threads"), "own"]
    assert done.err == ""


if "interpreters" in BACKENDS:

    def test_current_exceptions_is_refused_where_it_would_crash(program):
        done = program(
            """
            import sys
            from bocpy import start
            start(2, backend="interpreters")
            try:
                sys._current_exceptions()
            except RuntimeError as error:
                print(error)
            """
        )
        assert "start(backend='threads')" in done.out

    @pytest.mark.parametrize(
        "module", ["datetime", "sqlite3", "tomllib", "hashlib", "decimal", "asyncio"]
    )
    def test_a_module_that_a_body_is_the_first_to_import(program, module):
        """The main interpreter frees what the module keeps for the whole process."""
        done = program(
            f"""
            from bocpy import start, wait, when
            start(2, backend="interpreters")

            @when()
            def body():
                try:
                    import {module}
                except ImportError:
                    pass

            body.unwrap(timeout=50)
            wait()
            import {module}
            """
        )
        assert done.err == ""

    PROCESSES = (
        "from concurrent.futures import ProcessPoolExecutor as P; "
        "P(1).submit(print).result()"
    )
    REFUSED = [
        ("threading.Thread(target=print, daemon=True).start()", "daemon"),
        ("os.fork()", "fork"),
        ("import multiprocessing; multiprocessing.Pool(1)", "interpreter"),
    ]
    REFUSED.append((PROCESSES, "ProcessPoolExecutor"))

    @pytest.mark.parametrize(("what", "says"), REFUSED)
    def test_what_an_interpreter_cannot_do_says_what_to_do(program, what, says):
        done = program(
            f"""
            import os, threading
            from bocpy import start, when
            start(1, backend="interpreters")

            @when()
            def body():
                {what}

            try:
                body.unwrap(timeout=50)
            except RuntimeError as error:
                print(error, *getattr(error, "__notes__", []))
            """
        )
        assert says in done.out
        assert "backend='threads'" in done.out


def test_a_thread_of_the_program_and_its_workers_are_listed(runtime):
    when(Cown(0))(lambda c: None).unwrap(timeout=LIMIT)
    names = [thread.name for thread in threading.enumerate()]
    if bocpy._core._backend() == "threads":
        assert "bocpy-worker-1" in names
    else:
        assert not any(name.startswith("bocpy") for name in names)
    assert time.monotonic() > 0
