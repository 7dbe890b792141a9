"""A fork that has to wait long warns, and says for what. Each test takes ten
seconds."""

import os

PROGRAM = """\
import os, threading, warnings
from bocpy import Cown, start, when

start(2)
warnings.simplefilter("error", RuntimeWarning)
held, go = threading.Event(), threading.Event()
c = Cown(1)

def hold():
    with c:
        held.set()
        go.wait(60)

def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

thread = threading.Thread(target=hold)
thread.start()
held.wait(60)
try:
    print(fork())
except RuntimeWarning as error:
    print(error)
go.set()
thread.join()
print(when(c)(lambda c: c.value).unwrap(timeout=60))
"""

if os.name == "posix":

    def test_a_fork_that_waits_long_warns_and_names_the_behaviors(program, backend):
        """A thread holds a cown until the fork is done. The warning, as an error, ends
        the wait: on `threads` the fork goes on, on `interpreters` it is refused."""
        done = program(PROGRAM, timeout=60)
        said = done.lines[0] if backend == "interpreters" else done.err
        assert "fork() has waited for 10 s" in said
        assert done.lines[-1] == "1"
