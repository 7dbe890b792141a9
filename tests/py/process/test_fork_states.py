"""A fork in each state of the runtime, and what the child has of it.

Each test is a program of its own with a time limit. Forks while other threads schedule
are in test_forks.py.
"""

import os

import pytest

if os.name == "posix":
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

    def test_fork_in_a_body(program, backend):
        """CPython refuses it in a worker's interpreter; elsewhere it may work."""
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
