"""Signals: which of them bodies, their children and the main thread get.

Most tests are programs of their own. test_interrupts.py tests that Ctrl-C ends each
kind of wait.
"""

import os

import pytest
from harness import once_below

HEAD = """\
import faulthandler, os, signal, subprocess, sys, threading, time
import bocpy
from bocpy import Cown, quiesce, receive, send, start, wait, when

start(2)
"""

if os.name == "posix":

    @pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGALRM", "SIGUSR1"])
    def test_a_child_of_a_body_can_be_ended(program, backend, name):
        done = program(
            HEAD
            + f"""
number = signal.{name}.value

@when()
def code():
    signal.signal  # shipped
    child = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; "
         f"signal.signal({{number}}, signal.SIG_DFL); print(1, flush=True); "
         "time.sleep(50)"],
        stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    child.send_signal(number)
    return child.wait(20)

print(code.unwrap(timeout=50) == -number)
"""
        )
        assert done.lines == ["True"]

    def test_no_signal_is_blocked_in_a_body_and_its_children(program, backend):
        done = program(
            HEAD
            + """
@when()
def masks():
    command = [sys.executable, "-c", "import signal; "
               "print(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"]
    child = subprocess.run(command, capture_output=True, text=True)
    return len(signal.pthread_sigmask(signal.SIG_BLOCK, [])), child.stdout.strip()

print(masks.unwrap(timeout=50))
"""
        )
        assert done.lines == ["(0, '0')"]

    def test_workers_inherit_the_mask_of_who_starts_them(program, backend):
        done = program(
            """
            import signal
            from bocpy import start, when
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
            start(2)

            @when()
            def mask():
                return [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, [])]

            print(mask.unwrap(timeout=50) == [signal.SIGUSR2])
            """
        )
        assert done.lines == ["True"]

    def test_a_broken_pipe_ends_a_child_of_a_body(program, backend):
        """`yes | head -1`: SIGPIPE has its default action in children."""
        done = program(
            HEAD
            + """
@when()
def line():
    return subprocess.run("yes | head -1", shell=True, capture_output=True,
                          text=True, timeout=30).stdout

print(line.unwrap(timeout=50), end="")
"""
        )
        assert done.lines == ["y"]

    @pytest.mark.parametrize(
        "waiting",
        ["wait()", "result.unwrap(timeout=50)", "time.sleep(0.3)", "receive('done')"],
    )
    def test_raise_signal_in_a_body(program, backend, waiting):
        done = program(
            HEAD
            + f"""
got = []
signal.signal(signal.SIGUSR1, lambda *_: got.append("handled"))

@when()
def result():
    signal.raise_signal(signal.SIGUSR1)
    time.sleep(0.05)
    send("done", 1)

{waiting}
wait()
print(got)
"""
        )
        assert done.lines == ["['handled']"]

    def test_a_crash_in_a_body_is_reported(program, backend):
        done = program(
            HEAD
            + """
def crash_here():
    os.kill(os.getpid(), 0)
    signal.raise_signal(signal.SIGSEGV)

@when()
def _():
    crash_here()

wait()
""",
            expect_code=-11,
        )
        assert "Segmentation fault" in done.err
        assert "in crash_here" in done.err

    def test_a_sampling_profiler_sees_bodies(program, backend):
        """Workers must not swallow the timer's signal in their waits."""
        done = program(
            HEAD
            + """
ticks = []
signal.signal(signal.SIGPROF, lambda *_: ticks.append(1))
signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)

@when()
def _():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass

wait()
signal.setitimer(signal.ITIMER_PROF, 0)
print(len(ticks) > 10 or len(ticks))
"""
        )
        assert done.lines == ["True"]

    # Sends signals to the process at random moments of the main thread's short waits;
    # prints the longest time until a handler ran.
    STORM = """\
import random

c = Cown(0)
sent = latest = 0.0
late = []

def handle(*_):
    late.append(time.monotonic() - sent)

signal.signal(signal.SIGUSR1, handle)

def storm():
    global sent
    numbers = random.Random(1)
    for n in range(COUNT):
        seen = len(late)
        end = time.monotonic() + numbers.random() * 0.0004
        while time.monotonic() < end:
            pass
        sent = time.monotonic()
        SEND
        while len(late) == seen and time.monotonic() < sent + 5:
            time.sleep(0)
        if len(late) == seen:
            break
    send("over", 1)

threading.Thread(target=storm).start()
while receive("over", timeout=WAIT)[0] != "over":
    pass
print(len(late), sorted(late)[len(late) // 2], max(late))
"""

    @pytest.mark.parametrize("waits", ["5", "0.0002"])
    @pytest.mark.parametrize(
        "sends", ["os.kill(os.getpid(), signal.SIGUSR1)", "signal.raise_signal(10)"]
    )
    def test_no_signal_is_lost_however_short_the_waits(program, backend, waits, sends):
        """A signal may come between the last check and the sleep, on any thread."""
        sends = sends.replace("10", str(int(__import__("signal").SIGUSR1)))
        source = STORM.replace("COUNT", "500").replace("SEND", sends)

        def latest():
            done = program(HEAD + source.replace("WAIT", waits))
            count, _median, most = done.out.split()
            assert count == "500"
            return float(most)

        assert once_below(0.05, latest)

    def test_the_previous_wakeup_descriptor_is_restored_and_gets_signals(
        program, backend
    ):
        done = program(
            HEAD
            + """
import socket
left, right = socket.socketpair()
right.setblocking(False)
signal.set_wakeup_fd(right.fileno())
signal.signal(signal.SIGUSR1, lambda *_: None)

@when()
def _():
    time.sleep(0.1)
    signal.raise_signal(signal.SIGUSR1)
    time.sleep(0.1)

wait()
left.settimeout(5)
print(left.recv(10) == bytes([signal.SIGUSR1]))
print(signal.set_wakeup_fd(-1) == right.fileno())
"""
        )
        assert done.lines == ["True", "True"]

    def test_asyncio_handlers_after_a_wait_in_the_loop(program, backend):
        done = program(
            HEAD
            + """
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, seen.set)

    @when()
    def _():
        time.sleep(0.1)
        signal.raise_signal(signal.SIGUSR1)
        time.sleep(0.1)

    quiesce()
    await asyncio.wait_for(seen.wait(), 10)
    print("seen")

asyncio.run(main())
"""
        )
        assert done.lines == ["seen"]

    def test_terminating_an_asyncio_subprocess_of_a_body(program, backend):
        done = program(
            HEAD
            + """
@when()
def code():
    import asyncio

    async def main():
        child = await asyncio.create_subprocess_exec("sleep", "50")
        child.terminate()
        return await asyncio.wait_for(child.wait(), 20)

    return asyncio.run(main())

print(code.unwrap(timeout=50))
"""
        )
        assert done.lines == ["-15"]


def test_wait_in_a_handler_that_interrupts_a_wait_for_a_cown(program, backend):
    """The interrupted call gets the cown, and gives it back when it goes on: wait()
    would never end."""
    done = program(
        """
        import os, signal
        from bocpy import Cown, acquire, wait, when

        def handler(*_):
            try:
                wait()
            except RuntimeError as error:
                print(error)

        def interrupt(c):
            import os, signal, time
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.2)

        signal.signal(signal.SIGTERM, handler)
        cown = Cown(1)
        when(cown)(interrupt).result()
        when(cown)(interrupt)
        with acquire(cown):
            pass
        wait()
        print("ended")
        """
    )
    assert len(done.lines) == 3, done.err
    assert done.lines[2] == "ended"
    assert all("would wait for that wait itself" in line for line in done.lines[:2])
