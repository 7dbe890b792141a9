"""The end of a program while its threads go on.

Each test is a program of its own with a time limit. The simpler ends are in
test_program_exit.py.
"""

import pytest
from harness import BACKENDS

LOOPS = """\
import threading, time
from bocpy import Cown, start, wait, when

start(2)
c = Cown(0)
ended = []

def loop():
    try:
        while True:
            @when(c)
            def r(c):
                return 1
            USE
    finally:
        ended.append(1)

threads = [threading.Thread(target=loop, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
time.sleep(0.05)
"""


@pytest.mark.parametrize("use", ["pass", "r.unwrap(timeout=10)", "time.sleep(0.0001)"])
def test_a_daemon_thread_that_goes_on_scheduling(program, backend, use):
    done = program(LOOPS.replace("USE", use), timeout=20)
    assert done.err == ""


def test_what_a_daemon_thread_catches_does_not_keep_the_program(program, backend):
    done = program(
        LOOPS.replace("USE", "pass")
        .replace(
            "loop()",
            "again():\n    while True:\n        try:\n            loop()\n"
            "        except BaseException:\n            pass\n\ndef loop()",
            1,
        )
        .replace("target=loop", "target=again"),
        timeout=20,
    )
    assert done.err == ""


def test_many_cowns_that_are_gone_do_not_prolong_the_end(program, backend):
    """A daemon thread of CPython 3.10 crashes if exit() takes some milliseconds."""
    done = program(
        """
        import threading, time
        from bocpy import Cown, start

        start(2)
        cowns = [Cown(n) for n in range(200_000)]
        del cowns

        def spin():
            while True:
                sum(range(100))

        for _ in range(3):
            threading.Thread(target=spin, daemon=True).start()
        time.sleep(0.05)
        print("ends")
        """,
        timeout=20,
    )
    assert done.err == ""
    assert done.lines == ["ends"]


def test_a_daemon_thread_is_ended_with_its_finally_blocks(program, backend):
    done = program(
        """
        import atexit, threading

        @atexit.register
        def last():
            thread.join(timeout=30)
            print("alive" if thread.is_alive() else "ended", reasons)

        from bocpy import Cown, when

        reasons = []

        def loop():
            while True:
                try:
                    when(Cown(0))(lambda c: None)
                except BaseException as error:
                    reasons.append((type(error).__name__, str(error)))
                    raise

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        """
    )
    assert done.err == ""
    assert done.lines == [
        "ended [('SystemExit', 'the program is ending: daemon threads schedule no "
        "behaviors')]"
    ]


def test_behaviors_of_a_daemon_thread_that_were_scheduled_are_finished(
    program, backend
):
    done = program(
        """
        import threading
        from bocpy import Cown, when

        scheduled = threading.Event()

        def work():
            c = Cown(0)
            for n in range(1000):
                when(c)(lambda c: setattr(c, "value", c.value + 1))
            when(c)(lambda c: print("counted", c.value, flush=True))
            scheduled.set()

        threading.Thread(target=work, daemon=True).start()
        scheduled.wait()
        """
    )
    assert done.lines == ["counted 1000"]


@pytest.mark.skipif("interpreters" not in BACKENDS, reason="its own interpreters")
def test_the_end_after_a_worker_that_could_not_start(program):
    """At its end the program looks for threads in the interpreters of all workers; this
    one has none."""
    done = program(
        """
        import sys
        from bocpy import start, wait, when

        start(1)
        wait()
        path = sys.path[:]
        sys.path[:] = []
        try:
            start(2)
        except RuntimeError as error:
            print(error)
        sys.path[:] = path
        start(1)
        print(when()(lambda: "goes on").unwrap(timeout=60), len(wait(stats=True)))
        """,
        backend="interpreters",
        env={"PYTHONMALLOC": "debug"},  # overwrites memory that is freed
    )
    assert done.lines[0].startswith("bocpy: a worker could not be started: ")
    assert "No module named" in done.lines[0]
    assert done.lines[1:] == ["goes on 1"]
