"""Forks while other threads schedule.

Each test is a program of its own with a time limit. The simpler forks are in
test_fork_states.py, and forks that wait long in test_fork_waits.py.
"""

import os

import pytest

HEAD = """\
import os, signal, sys, threading, time, warnings
import bocpy
from bocpy import Cown, quiesce, receive, send, start, wait, when

warnings.simplefilter("ignore")
start(2)
stop = threading.Event()

def fork(child=lambda: None):
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""

# Three threads that schedule, one of them without a pause.
LOAD = """\
cowns = [Cown(0) for _ in range(3)]
counts = [0] * 3

def load(i, pause):
    while not stop.is_set():
        @when(cowns[i])
        def last(c):
            c.value += 1
        counts[i] += 1
        if pause:
            time.sleep(pause)
        elif counts[i] % 256 == 0:
            last.unwrap(timeout=60)

threads = [
    threading.Thread(target=load, args=(i, pause))
    for i, pause in enumerate((0, 0.0002, 0.003))
]
for thread in threads:
    thread.start()
"""

CHECK = """\
stop.set()
for thread in threads:
    thread.join()
wait()
assert [c.unwrap() for c in cowns] == counts
"""

if os.name == "posix":

    def test_forks_while_others_schedule(program, backend):
        done = program(
            HEAD
            + LOAD
            + """
codes = [fork() for _ in range(40)]
print(codes == [0] * 40 or codes)
"""
            + CHECK
        )
        assert done.lines == ["True"]

    def test_a_fork_in_a_block_of_atomically(program, backend):
        """It hung: the workers cannot end before the block."""
        done = program(
            HEAD
            + """
c = Cown(1)
with bocpy.atomically():
    made = when(c)(lambda c: c.value)
    try:
        print(fork())
    except RuntimeError as error:
        print(str(error).partition(",")[0])
print(made.result(60), fork())
"""
        )
        refused = "fork() in an atomically() block"
        assert done.lines == [refused if backend == "interpreters" else "0", "1 0"]

    def test_children_use_the_runtime_while_others_schedule_in_the_parent(
        program, backend
    ):
        done = program(
            HEAD
            + LOAD
            + """
def child():
    c = Cown([1])
    when(c)(lambda c: c.value.append(2))
    wait()
    assert c.unwrap() == [1, 2]

codes = [fork(child) for _ in range(10)]
print(codes == [0] * 10 or codes)
"""
            + CHECK
        )
        assert done.lines == ["True"]

    def test_two_threads_fork_while_others_schedule(program, backend):
        done = program(
            HEAD
            + LOAD
            + """
codes = []
def forks():
    for _ in range(15):
        codes.append(fork())
forkers = [threading.Thread(target=forks) for _ in range(2)]
for thread in forkers:
    thread.start()
for thread in forkers:
    thread.join()
print(codes == [0] * 30 or codes)
"""
            + CHECK
        )
        assert done.lines == ["True"]

    def test_a_child_can_import_what_a_thread_of_the_parent_was_importing(
        program, backend, tmp_path
    ):
        """In plain Python the child waits for ever for the lock of that import, and
        bocpy imports what it needs late."""
        slow = tmp_path / "slow.py"
        slow.write_text("import __main__\n__main__.begin()\nvalue = 7\n")
        done = program(
            HEAD
            + f"""
sys.path.insert(0, {str(tmp_path)!r})
begun, go_on = threading.Event(), threading.Event()

def begin():
    begun.set()
    go_on.wait()

def child():
    go_on.set()
    import slow
    print(slow.value, sys.modules["slow"] is slow, flush=True)

def child_with_a_thread():
    thread = threading.Thread(target=child)
    thread.start()
    thread.join()

importer = threading.Thread(target=__import__, args=("slow",))
importer.start()
begun.wait()
print(fork(child), fork(child_with_a_thread), flush=True)
go_on.set()
importer.join()
child()
""",
        )
        assert done.lines == ["7 True", "7 True", "0 0", "7 True"]

    def test_a_child_that_is_forked_in_an_import_keeps_that_import(
        program, backend, tmp_path
    ):
        forks = tmp_path / "forks.py"
        forks.write_text("import os\npid = os.fork()\nvalue = 8\n")
        done = program(
            HEAD
            + f"""
sys.path.insert(0, {str(tmp_path)!r})
import forks

def again():
    import forks
    return forks

if forks.pid == 0:
    other = when(Cown(1))(lambda c: c.value + 1)
    print(again() is forks, other.unwrap(timeout=60), flush=True)
    os._exit(0)
print(os.waitpid(forks.pid, 0)[1], again() is forks)
"""
        )
        assert done.lines == ["True 2", "0 True"]

    def test_a_fork_lets_a_thread_schedule_that_a_body_waits_for(program, backend):
        """The fork waits for the body, and the body for a message of a thread that
        schedules before it sends; the fork keeps that thread from scheduling for a
        while."""
        done = program(
            HEAD
            + """
entered, say = os.pipe()

@when()
def waits():
    os.write(say, b".")
    return receive("go")[1]

os.read(entered, 1)

def sends():
    time.sleep(0.02)
    for n in range(3):
        when(Cown(n))(lambda c: None)
    send("go", "gone")

thread = threading.Thread(target=sends)
thread.start()
print(fork(), waits.unwrap(timeout=60))
thread.join()
"""
        )
        assert done.lines == ["0 gone"]

    def test_start_is_remembered_after_a_fork(program, backend):
        done = program(
            HEAD.replace("start(2)", f"start(2, backend={backend!r})")
            + """
def use():
    return when(Cown([]))(lambda c: threading.get_ident()).unwrap(timeout=60)

def child():
    use()
    print("child", bocpy._core._backend(), len(wait(stats=True)), flush=True)

use()
fork(child)
use()
print("parent", bocpy._core._backend(), len(wait(stats=True)))
""",
            env={"BOCPY_BACKEND": ""},
        )
        assert done.lines == [f"child {backend} 2", f"parent {backend} 2"]

    @pytest.mark.parametrize(
        "call",
        [
            "notice_write('k', 1)",
            "notice_update('k', lambda old: 1, 0)",
            "notice_delete('k')",
            "pump()",
        ],
    )
    def test_calls_that_need_a_started_runtime_work_after_a_fork(
        program, backend, call
    ):
        """The fork has ended the workers of a runtime that start() has started."""
        done = program(
            HEAD.replace("start(2)", f"start(2, backend={backend!r})")
            + f"""
from bocpy import notice_delete, notice_read, notice_update, notice_write, pump

notice_write("other", 2)
fork(lambda: {call})
{call}
print(when()(lambda: notice_read("other")).unwrap(timeout=60))
wait()
try:
    fork()
    {call}
except RuntimeError as error:
    print(error)
"""
        )
        assert done.lines[0] == "2"
        assert "start()" in done.lines[1]

    def test_ctrl_c_while_a_fork_waits(program, backend):
        """With workers that have interpreters the fork is refused; with threads it is
        done, and the interrupt is raised after it. The parent's runtime works in either
        case."""
        done = program(
            HEAD
            + """
signal.signal(signal.SIGINT, signal.default_int_handler)
hear, door = os.pipe()
entered, say = os.pipe()

@when()
def blocked():
    os.write(say, b".")
    os.read(hear, 1)
    return 1

os.read(entered, 1)
main = threading.get_ident()
threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
try:
    fork()
    for _ in range(100):
        time.sleep(0.1)
except KeyboardInterrupt:
    print("interrupted")
os.write(door, b".")
print(blocked.unwrap(timeout=60), fork())
"""
        )
        assert done.lines == ["interrupted", "1 0"]

    def test_a_hook_of_the_fork_cannot_schedule(program, backend):
        done = program(
            HEAD.replace(
                "import bocpy",
                """
def before():
    try:
        when(Cown(0))(lambda c: None)
    except RuntimeError as error:
        print("refused:", error)
os.register_at_fork(before=before)
import bocpy""",
                1,
            )
            + """
when(Cown(0))(lambda c: None)
print(fork(), flush=True)
print(when(Cown(5))(lambda c: c.value).unwrap(timeout=60))
"""
        )
        assert done.lines == [
            "refused: a behavior in a hook of os.register_at_fork(): the workers have "
            "ended for the fork; schedule after it",
            "0",
            "5",
        ]

    # Code for a fork in a body; a worker's interpreter refuses it.
    IN_A_BODY = (
        HEAD
        + """
def code(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

@when(Cown(1))
def forks(c):
    pid = os.fork()
    if pid:
        return code(pid)
    CHILD

try:
    print(forks.unwrap(timeout=60), flush=True)
except RuntimeError as error:
    assert "start(backend='threads')" in str(error), error
    print("refused")
"""
    )

    def fork_in_a_body(program, backend, child):
        """The output of the child, which has status 0, and what it wrote to standard
        error."""
        done = program(IN_A_BODY.replace("CHILD", child))
        if backend == "interpreters":
            assert done.lines == ["refused"]
            return None
        assert done.lines[-1] == "0", done.err
        return done.lines[:-1], done.err

    def test_a_child_forked_in_a_body_ends_with_the_body(program, backend):
        """What it has printed is flushed; its worker ran nothing else."""
        say = "sys.stdout.write('%s\\n')"
        child = f"when(Cown(2))(lambda d: {say % 'of the child'}); {say % 'body'}"
        got = fork_in_a_body(program, backend, child)
        assert got is None or sorted(got[0]) == ["body", "of the child"]

    def test_a_child_forked_in_a_body_tells_what_the_body_raises(program, backend):
        got = fork_in_a_body(program, backend, "raise ValueError('in the child')")
        assert got is None or (got[0] == [] and "ValueError: in the child" in got[1])

    def test_a_child_forked_in_a_body_can_schedule_and_wait(program, backend):
        child = "x = when(Cown(3))(lambda d: d.value + 1); wait(); print(x.unwrap())"
        got = fork_in_a_body(program, backend, child)
        assert got is None or got[0] == ["4"]

    def test_a_child_forked_in_a_body_runs_no_pinned_behaviors(program, backend):
        child = "when(bocpy.PinnedCown(1))(lambda p: None); wait()"
        got = fork_in_a_body(program, backend, child)
        assert got is None or "pinned behaviors cannot run in the child" in got[1]

    def test_notices_of_other_threads_go_on(program, backend):
        """They need a runtime that was started; it was, and is started again."""
        done = program(
            HEAD
            + """
problems = []

def call_often(function):
    while not stop.is_set() and not problems:
        try:
            function()
        except Exception as error:
            problems.append(error)

number = Cown(0)
threads = [
    threading.Thread(target=call_often, args=(each,))
    for each in (
        lambda: bocpy.notice_write("key", 1),
        lambda: bocpy.notice_update("other", lambda n: n + 1, default=0),
        lambda: when(number)(lambda c: None).unwrap(timeout=60),
    )
]
for thread in threads:
    thread.start()
for _ in range(100):
    assert fork() == 0
stop.set()
for thread in threads:
    thread.join()
wait()
print(problems)
"""
        )
        assert done.lines == ["[]"]
