"""Bodies that wait although no worker can take their worker's place: the program gets
one RuntimeWarning that says why, and goes on where it can."""

import sys

HEAD = """
import sys, threading, warnings
from bocpy import quiesce, receive, send, start, wait, when

told = []
warned = threading.Event()

def note(text, *rest):
    told.append(str(text))
    warned.set()

warnings.showwarning = note
start(1)
"""

#: More bodies wait than there can be workers; each message ends one, and so the next
#: body runs, in whichever order.
FULL = (
    HEAD
    + """
def waits():
    return receive("go")[1]

count = 200
results = [when()(waits) for _ in range(count)]
assert warned.wait(100)
for number in range(count):
    send("go", number)
wait()
assert sorted(r.unwrap() for r in results) == list(range(count))
[text] = told
assert "all workers that bocpy may add are in use" in text, text
print("told")
"""
)

#: What is left of the address space has no room for a thread's stack.
NO_THREAD = (
    HEAD
    + """
import resource, time

def warm_up():
    import time
    return receive("warm")

send("warm", 1)
when()(warm_up)
quiesce()
# Threads that stay use the stacks that ended threads have left.
for _ in range(4):
    threading.Thread(target=warned.wait, daemon=True).start()

def waits():
    return receive("go")[1]

def size():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()

resource.setrlimit(resource.RLIMIT_AS, (size() + (4 << 20), resource.RLIM_INFINITY))
one = when()(waits)
assert warned.wait(100)
two = when()(waits)
send("go", 1)
send("go", 2)
wait()
assert (one.unwrap(), two.unwrap()) == (1, 2)
[text] = told
assert "the system refused a thread" in text, text
print("told")
"""
)


def test_all_workers_that_may_be_added_are_in_use(program, backend):
    assert program(FULL).lines == ["told"]


if sys.platform == "linux":

    def test_the_system_refuses_a_thread(program, backend):
        assert program(NO_THREAD).lines == ["told"]
