"""Signals that interrupt or end a program: Ctrl-C and handlers while it waits.

Each test is a program of its own with a time limit. What signals do to bodies and their
children is in test_signals.py.
"""

import os
import signal
import sys

import pytest
from busy_programs import BLOCKED, BUSY
from harness import (
    ENDED_BY_SIGINT,
    finish_program,
    interrupt_until_it_ends,
    once_below,
    read_line,
)

# Sends Ctrl-C as soon as the main thread sleeps, and prints how late the handler ran.
INTERRUPTED = """\
stamps = []

def on_interrupt(number, frame):
    stamps.append(time.monotonic())
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, on_interrupt)

def sleeps(thread):
    with open(f"/proc/self/task/{thread}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "S"

def interrupt(thread=threading.get_native_id()):
    times = 0
    while times < 20:
        times = times + 1 if sleeps(thread) else 0
        time.sleep(0.001)
    stamps.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)

try:
    threading.Thread(target=interrupt).start()
    WAIT
except KeyboardInterrupt:
    print("interrupted", stamps[1] - stamps[0], flush=True)
else:
    print("not interrupted", flush=True)
os.write(door, b".")
wait()
print(c.unwrap())
"""

if sys.platform == "linux":

    @pytest.mark.parametrize(
        "waiting",
        [
            "wait()",
            "quiesce()",
            "quiesce(timeout=50)",
            "wait(timeout=50)",
            "c.acquire()",
            "c.acquire(timeout=50)",
            "blocked.unwrap(timeout=50)",
        ],
    )
    def test_ctrl_c_while_waiting(program, backend, waiting):
        def lateness():
            done = program(BLOCKED + INTERRUPTED.replace("WAIT", waiting))
            interrupted, value = done.lines
            assert value == "1"
            return float(interrupted.removeprefix("interrupted "))

        assert once_below(0.05, lateness)


if os.name == "posix":

    def test_ctrl_c_ends_the_program_as_always(launch, backend):
        process = launch(
            BLOCKED
            + """
try:
    print("waiting", flush=True)
    wait()
finally:
    os.write(door, b".")
"""
        )
        read_line(process, "waiting")
        process.send_signal(signal.SIGINT)
        done = finish_program(process, expect_code=None)
        assert done.code in (-signal.SIGINT, 130)
        assert "KeyboardInterrupt" in done.err

    def test_ctrl_c_twice_leaves_a_program_that_never_finishes(launch, backend):
        process = launch(
            BLOCKED
            + """
import atexit
try:
    print("waiting", flush=True)
    wait()
except KeyboardInterrupt:
    print("first", flush=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print("again", flush=True)
    raise
"""
        )
        read_line(process, "waiting")
        process.send_signal(signal.SIGINT)
        read_line(process, "first")
        read_line(process, "again")
        process.send_signal(signal.SIGINT)
        done = finish_program(process, expect_code=None)
        assert done.code in (-signal.SIGINT, 130)

    def test_a_second_ctrl_c_leaves_the_wait_at_the_end(launch, backend):
        """At its end the program waits for its behaviors; a second Ctrl-C ends that
        wait."""
        process = launch(
            BLOCKED
            + """
import atexit
bocpy.start()
def told():
    print("ending", flush=True)
atexit.register(told)
"""
        )
        read_line(process, "ending")
        done = interrupt_until_it_ends(process)
        assert done.code in (0, 1, -signal.SIGINT, 130)

    @pytest.mark.parametrize(
        "waiting",
        [
            "bocpy._core._finish = interrupt",
            "kept = bocpy.BocExecutor(1)\nbocpy.BocExecutor.shutdown = interrupt",
        ],
    )
    def test_an_interrupt_at_the_end_is_one_line(program, backend, waiting):
        """A second Ctrl-C comes after the traceback of the first."""
        done = program(
            BLOCKED
            + f"""
def interrupt(*_, **__):
    raise KeyboardInterrupt

{waiting}
""",
            expect_code=ENDED_BY_SIGINT,
        )
        (line,) = done.err.splitlines()
        assert line.startswith(
            "bocpy: interrupted at the program's end, which leaves its behaviors"
        )
        assert "'blocked'" in line

    def test_ctrl_c_in_busy_python_code(launch, backend):
        process = launch(
            BUSY
            + """
try:
    print("spinning", flush=True)
    while True:
        pass
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
        )
        while process.stdout.readline() != "spinning\n":
            pass
        process.send_signal(signal.SIGINT)
        done = finish_program(process)
        assert "stopped" in done.out

    @pytest.mark.parametrize("caught", [False, True])
    def test_the_exit_status_of_an_interrupted_program(program, backend, caught):
        """Shells stop a loop if what they run ends by SIGINT: a worker that starts
        meanwhile must not make 1 of it."""
        done = program(
            f"""
            import os, signal
            from bocpy import Cown, when

            signal.signal(signal.SIGINT, signal.default_int_handler)
            for _ in range(40):
                when(Cown(0))(lambda c: eval("c.value + 1"))
            try:
                os.kill(os.getpid(), signal.SIGINT)
                signal.pause()
            except KeyboardInterrupt:
                if not {caught}:
                    raise
            """,
            expect_code=0 if caught else -signal.SIGINT,
        )
        assert ("KeyboardInterrupt" in done.err) != caught

    def test_a_handler_runs_while_waiting(launch, backend):
        process = launch(
            BLOCKED
            + """
def on_term(number, frame):
    print("handled", flush=True)
    os.write(door, b".")
signal.signal(signal.SIGTERM, on_term)
print("waiting", flush=True)
wait()
print("waited", c.unwrap())
"""
        )
        read_line(process, "waiting")
        process.send_signal(signal.SIGTERM)
        done = finish_program(process)
        assert done.lines == ["handled", "waited 1"]

    def test_a_handler_that_exits(launch, backend):
        process = launch(
            BLOCKED
            + """
def on_term(number, frame):
    os.write(door, b".")
    sys.exit(9)
signal.signal(signal.SIGTERM, on_term)
print("waiting", flush=True)
wait()
"""
        )
        read_line(process, "waiting")
        process.send_signal(signal.SIGTERM)
        finish_program(process, expect_code=9)

    def test_sigterm_without_a_handler_kills(launch, backend):
        process = launch(BLOCKED + "print('waiting', flush=True)\nwait()")
        read_line(process, "waiting")
        process.send_signal(signal.SIGTERM)
        finish_program(process, expect_code=-signal.SIGTERM)

    def test_a_handler_that_schedules(launch, backend):
        process = launch(
            BLOCKED
            + """
def on_term(number, frame):
    when(c)(lambda c: setattr(c, "value", c.value + 10))
    os.write(door, b".")
signal.signal(signal.SIGTERM, on_term)
print("waiting", flush=True)
wait()
print(c.unwrap())
"""
        )
        read_line(process, "waiting")
        process.send_signal(signal.SIGTERM)
        assert finish_program(process).lines == ["11"]

    def test_many_signals_while_waiting(program, backend):
        done = program(
            """
            import os, signal, threading
            from bocpy import Cown, quiesce, when

            count = 0
            def on_signal(number, frame):
                global count
                count += 1
            signal.signal(signal.SIGUSR1, on_signal)

            c = Cown(0)
            stop = False
            def pester():
                while not stop:
                    os.kill(os.getpid(), signal.SIGUSR1)
            thread = threading.Thread(target=pester)
            thread.start()
            for _ in range(50):
                for _ in range(20):
                    when(c)(lambda c: setattr(c, "value", c.value + 1))
                quiesce(timeout=50)
            stop = True
            thread.join()
            print(c.unwrap(), count > 0)
            """
        )
        assert done.out == "1000 True\n"
