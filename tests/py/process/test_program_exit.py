"""How programs end: without wait(), by exceptions, on other threads, at exit.

Each test is a program of its own with a time limit. Where a program has to be in a
certain state before something happens to it, it says so on its standard output.
Signals that end programs are in test_interrupts.py.
"""

import sys

import pytest
from busy_programs import BUSY, RAN


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
from harness import PYPY, rss, start_workers

start_workers(2)
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
