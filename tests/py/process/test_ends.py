"""How programs end: without wait(), with exceptions, by signals, and by fork.

Each test is a program of its own with a time limit. Where a program has to be in a
certain state before something happens to it, it says so on its standard output.
"""

import os
import signal
import sys

import pytest
from harness import (
    finish_program,
    interrupt_until_it_ends,
    once_below,
    read_line,
    start_program,
)

# Starts a runtime and three behaviors; what each test does then comes after it.
BUSY = """\
import atexit, os, signal, sys, threading, time
import bocpy
from bocpy import Cown, quiesce, wait, when

def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass

c = Cown(0)
for _ in range(3):
    @when(c)
    def _(c):
        spin(0.05)
        c.value += 1
        print("ran", c.value, flush=True)
"""
RAN = ["ran 1", "ran 2", "ran 3"]

# A behavior that blocks until the test's program opens the door.
BLOCKED = """\
import os, signal, sys, threading, time
import bocpy
from bocpy import Cown, quiesce, wait, when

hear, door = os.pipe()
entered, say = os.pipe()
c = Cown(0)

@when(c)
def blocked(c):
    os.write(say, b".")
    os.read(hear, 1)
    c.value += 1

os.read(entered, 1)
"""


# Leaving


def test_leaving_without_wait_finishes_what_was_scheduled(program, backend):
    assert program(BUSY).lines == RAN


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_code_is_the_programs_own(program, backend, code):
    done = program(BUSY + f"sys.exit({code})", expect_code=code)
    assert done.lines == RAN


def test_leaving_by_an_exception(program, backend):
    done = program(BUSY + "raise KeyError('out')", expect_code=1)
    assert done.lines == RAN
    assert "KeyError: 'out'" in done.err


def test_leaving_while_behaviors_schedule_more(program, backend):
    done = program(
        """
        from bocpy import Cown, when

        log = Cown(0)

        def again(n):
            @when(log)
            def _(log):
                log.value += 1
                if n:
                    again(n - 1)
                else:
                    print("counted", log.value, flush=True)

        again(500)
        """
    )
    assert done.lines == ["counted 501"]


def test_leaving_with_an_idle_runtime(program, backend):
    program("import bocpy; bocpy.start()")


def test_leaving_after_the_import_alone(program, backend):
    program("import bocpy")


def test_leaving_after_wait(program, backend):
    done = program(BUSY + "wait(); print('end')")
    assert done.lines == [*RAN, "end"]


def test_leaving_with_results_and_cowns_in_globals(program, backend):
    done = program(
        """
        from bocpy import Cown, when

        class Thing:
            def __init__(self, n):
                self.n = [n]

        cowns = [Cown(Thing(n)) for n in range(100)]
        results = [when(c)(lambda c: c.value) for c in cowns]
        print("end")
        """
    )
    assert done.lines == ["end"]
    assert done.err == ""


def test_leaving_on_another_thread(program, backend):
    done = program(
        """
        import threading
        from bocpy import Cown, when

        def work():
            @when(Cown(1))
            def _(c):
                print("ran", flush=True)

        threading.Thread(target=work).start()
        """
    )
    assert done.lines == ["ran"]


def test_leaving_while_a_daemon_thread_waits(program, backend):
    done = program(
        BUSY
        + """
ready = threading.Event()
def waiting():
    ready.set()
    quiesce()
threading.Thread(target=waiting, daemon=True).start()
ready.wait()
"""
    )
    assert done.lines == RAN


def test_scheduling_in_atexit(program, backend):
    done = program(
        """
        import atexit

        @atexit.register
        def late():
            from bocpy import Cown, wait, when
            result = when(Cown(1))(lambda c: c.value)
            wait()
            print("late", result.unwrap())

        import bocpy
        bocpy.start()
        """
    )
    assert done.lines == ["late 1"]


def test_a_finalizer_that_uses_a_cown_at_the_end(program, backend):
    program(
        """
        from bocpy import Cown, when

        class Last:
            def __del__(self):
                try:
                    Cown(1).unwrap()
                except RuntimeError:
                    pass

        last = Last()
        when(Cown(1))(lambda c: None)
        """
    )


def test_os_exit_in_the_main_program(program, backend):
    program(BUSY + "os._exit(5)", expect_code=5)


def test_os_exit_in_a_body(program, backend):
    program(
        """
        import os
        from bocpy import wait, when
        when()(lambda: os._exit(6))
        wait()
        """,
        expect_code=6,
    )


def test_nothing_is_said_at_a_clean_end(program, backend):
    done = program(BUSY + "wait()")
    assert done.err == ""


# Chains of cowns, each the value of the next, far longer than a stack is deep

CHAIN = """\
import threading
from bocpy import Cown, start, wait, when

start(2)

def chain(wrap):
    last = None
    for _ in range(200_000):
        last = Cown(wrap(last))
    return last

def let_go(last):
    last.append(last.pop() and None)

last = [chain(WRAP)]
"""


@pytest.mark.parametrize(
    ("ending", "wrap"),
    [
        ("let_go(last)", "lambda c: c"),
        ("let_go(last)", "lambda c: [c]"),
        (
            "thread = threading.Thread(target=let_go, args=(last,)); thread.start(); "
            "thread.join()",
            "lambda c: c",
        ),
        (
            "c = Cown(last.pop()); when(c)(lambda c: setattr(c, 'value', None))",
            "lambda c: [c]",
        ),
        ("when(last.pop())(lambda c: None)", "lambda c: c"),
        ("pass", "lambda c: c"),
    ],
    ids=["main", "lists", "thread", "body", "behavior", "exit"],
)
def test_a_chain_of_cowns_that_is_let_go(program, backend, ending, wrap):
    done = program(CHAIN.replace("WRAP", wrap) + ending + "\nwait()\nprint('end')")
    assert (done.lines, done.err) == (["end"], "")


# Start and wait


CYCLES = """\
import gc, os
import bocpy
from bocpy import Cown, wait, when
from harness import PYPY, rss

c = Cown(0)
def cycle():
    when(c)(lambda c: setattr(c, "value", c.value + 1))
    wait()

for _ in range(4000 if PYPY else 10):  # until its code is compiled
    cycle()
gc.collect()
before = rss()
for _ in range(1000):
    cycle()
gc.collect()
grown = (rss() - before) / 2**20
assert c.unwrap() == 1010
print(grown)
"""

if sys.platform == "linux":

    def test_a_thousand_cycles_of_start_and_wait(program, backend):
        """Workers are kept, so that memory stays flat on every version."""
        done = program(CYCLES, env={"BOCPY_WORKERS": "2"})
        assert float(done.out) < 4


def test_a_million_pending_behaviors(program, backend):
    done = program(
        """
        from bocpy import Cown, start, wait, when

        start(2)
        c = Cown(0)
        with c:
            for _ in range(1_000_000):
                when(c)(lambda c: setattr(c, "value", c.value + 1))
        wait()
        print(c.unwrap())
        """
    )
    assert done.out == "1000000\n"


def test_cycles_with_changing_worker_counts(program, backend):
    done = program(
        """
        from bocpy import Cown, start, wait, when
        c = Cown([])
        for count in (1, 3, 2, 4, 1):
            start(worker_count=count)
            for n in range(10):
                when(c)(lambda c: c.value.append(0))
            wait()
        print(len(c.unwrap()))
        """
    )
    assert done.out == "50\n"


# Signals

# Sends Ctrl-C as soon as the main thread is seen to sleep, and tells how late the
# handler ran.
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

    # Fork

    FORK = """\
import os, sys, warnings
warnings.simplefilter("ignore")
from bocpy import Cown, quiesce, start, wait, when

def use(label):
    c = Cown([label])
    when(c)(lambda c: c.value.append("used"))
    quiesce(timeout=50)
    print(*c.unwrap(), flush=True)

def ended(pid):
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print("child ended", status, flush=True)
"""

    FORKS = {
        "before any use": "",
        "with an idle runtime": "start(2)",
        "after behaviors": "use('before')",
        "after wait": "use('before'); wait()",
        "with pending behaviors": (
            "p = Cown(0)\nfor _ in range(500): "
            "when(p)(lambda p: setattr(p, 'value', p.value + 1))"
        ),
    }

    @pytest.mark.parametrize("state", FORKS)
    @pytest.mark.parametrize("child", ["uses bocpy", "does nothing", "exits hard"])
    def test_fork(program, backend, state, child):
        in_child = {
            "uses bocpy": "use('child'); sys.exit(3)",
            "does nothing": "sys.exit(3)",
            "exits hard": "os._exit(3)",
        }[child]
        done = program(
            FORK
            + f"""
{FORKS[state]}
pid = os.fork()
if pid == 0:
    {in_child}
ended(pid)
use('parent')
wait()
"""
        )
        lines = [line for line in done.lines if not line.startswith("before")]
        expected = ["child ended 3", "parent used"]
        if child == "uses bocpy":
            expected.insert(0, "child used")
        assert lines == expected
        assert done.err == ""

    def test_pending_behaviors_run_once_when_forked(program, backend):
        done = program(
            FORK
            + """
read, write = os.pipe()
c = Cown(0)
for _ in range(200):
    @when(c)
    def _(c):
        os.write(write, b".")
        c.value += 1
pid = os.fork()
if pid == 0:
    sys.exit(0)
ended(pid)
wait()
print(len(os.read(read, 1000)), c.unwrap())
"""
        )
        assert done.lines == ["child ended 0", "200 200"]

    def test_the_child_has_a_stopped_runtime_and_the_values(program, backend):
        done = program(
            FORK
            + """
start(2)
c = Cown({"a": 1})
when(c)(lambda c: c.value.update(b=2))
quiesce()
pid = os.fork()
if pid == 0:
    start(worker_count=3)
    when(c)(lambda c: c.value.update(c=3))
    wait()
    print("child", sorted(c.unwrap()), flush=True)
    os._exit(0)
ended(pid)
print("parent", sorted(c.unwrap()))
"""
        )
        assert done.lines == [
            "child ['a', 'b', 'c']",
            "child ended 0",
            "parent ['a', 'b']",
        ]

    def test_fork_in_a_fork(program, backend):
        done = program(
            FORK
            + """
use("one")
pid = os.fork()
if pid == 0:
    use("two")
    pid = os.fork()
    if pid == 0:
        use("three")
        os._exit(0)
    ended(pid)
    os._exit(0)
ended(pid)
use("four")
"""
        )
        assert done.lines == [
            "one used",
            "two used",
            "three used",
            "child ended 0",
            "child ended 0",
            "four used",
        ]

    def test_fork_on_another_thread(program, backend):
        done = program(
            FORK
            + """
import threading
use("before")
def work():
    pid = os.fork()
    if pid == 0:
        use("child")
        os._exit(0)
    ended(pid)
thread = threading.Thread(target=work)
thread.start()
thread.join()
use("parent")
"""
        )
        assert done.lines == [
            "before used",
            "child used",
            "child ended 0",
            "parent used",
        ]

    def test_many_forks(program, backend):
        done = program(
            FORK
            + """
for n in range(10):
    use(n)
    pid = os.fork()
    if pid == 0:
        use("child")
        os._exit(0)
    ended(pid)
""",
        )
        assert done.lines.count("child used") == 10
        assert done.lines.count("child ended 0") == 10

    METHODS = ["fork", "spawn", "forkserver"]
else:
    METHODS = ["spawn"]


@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing(program, backend, method):
    done = program(
        f"""
        import multiprocessing, sys, warnings
        warnings.simplefilter("ignore")
        from bocpy import Cown, wait, when

        def work(n):
            c = Cown(n)
            when(c)(lambda c: setattr(c, "value", c.value * 2))
            wait()
            return c.unwrap()

        if __name__ == "__main__":
            print(work(1))
            context = multiprocessing.get_context({method!r})
            with context.Pool(2) as pool:
                print(pool.map(work, range(4)))
            print(work(5))
            process = context.Process(target=work, args=(1,))
            process.start()
            process.join()
            print(process.exitcode)
        """
    )
    assert done.lines == ["2", "[0, 2, 4, 6]", "10", "0"]


def test_concurrent_futures_processes(program, backend):
    done = program(
        """
        import warnings
        warnings.simplefilter("ignore")
        from concurrent.futures import ProcessPoolExecutor
        from bocpy import Cown, wait, when

        def work(n):
            return when(Cown(n))(lambda c: c.value + 1).unwrap(timeout=50)

        if __name__ == "__main__":
            print(work(0))
            with ProcessPoolExecutor(2) as pool:
                print(list(pool.map(work, range(3))))
        """
    )
    assert done.lines == ["1", "[1, 2, 3]"]


def test_subprocess_with_a_live_runtime(program, backend):
    done = program(
        BUSY
        + """
import subprocess
print(subprocess.run([sys.executable, "-c", "print('inner')"],
                     capture_output=True, text=True).stdout.strip(), flush=True)
wait()
print("end")
"""
    )
    assert sorted(done.lines) == sorted([*RAN, "inner", "end"])


def test_subprocess_in_a_body(program, backend):
    done = program(
        """
        import subprocess, sys
        from bocpy import when

        @when()
        def result():
            command = [sys.executable, "-c", "print('inner')"]
            return subprocess.run(command, capture_output=True, text=True).stdout

        print(result.unwrap(timeout=50), end="")
        """
    )
    assert done.out == "inner\n"


if os.name == "posix":

    def test_fork_in_a_body(program, backend):
        """CPython refuses it in a worker interpreter; elsewhere it may work."""
        done = program(
            """
            import os, warnings
            from bocpy import when
            warnings.simplefilter("ignore")

            @when()
            def result():
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                os.waitpid(pid, 0)

            try:
                result.unwrap(timeout=50)
            except RuntimeError as error:
                print("refused")
            else:
                print("forked")
            """
        )
        possible = ["refused"] if backend == "interpreters" else ["refused", "forked"]
        assert done.lines[0] in possible


def test_the_limit_of_the_harness_shows_the_stacks(tmp_path):
    """The harness itself: a hanging program is reported with its stacks."""
    process = start_program(
        "import threading\ndef stuck():\n    threading.Event().wait()\nstuck()",
        tmp_path,
        backend=None,
    )
    with pytest.raises(AssertionError, match="in stuck"):
        finish_program(process, timeout=1.0)
    assert process.returncode != 0
