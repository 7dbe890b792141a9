"""Programs that end while their behaviors run: `python endings.py ENDING`.

Each has an exit code, a text on standard error or none, and whether all its behaviors
finish first, which the last exit hook checks.
"""

import atexit
import mmap
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass


def tell(reader, handle):
    os.close(handle)
    with open(reader, "rb") as file:
        print("done", len(file.read()), flush=True)


if __name__ == "__main__":
    PIPE = os.pipe()
    atexit.register(tell, *PIPE)  # before bocpy's hook, which then runs first

import bocpy  # noqa: E402
from bocpy import Cown, when, whencall  # noqa: E402
from operations import LIMIT, Refused, append, schedule_until  # noqa: E402

POSIX = os.name == "posix"
COUNT = 400


@dataclass
class Ending:
    code: int
    done: bool = True
    says: str = ""


def by_return(cowns):
    pass


def by_sys_exit(cowns):
    sys.exit(7)


def by_exception(cowns):
    raise Refused(1, "as told")


def by_os_exit(cowns):
    os._exit(8)


def by_os_exit_in_a_body(cowns):
    when(cowns[0])(lambda c: os._exit(9))
    time.sleep(LIMIT)  # the body ends the program long before


def by_sys_exit_in_a_body(cowns):
    """Ends the body, as it ends a thread."""
    when(cowns[0])(lambda c: sys.exit(9))


def by_failed_body(cowns):
    @when(cowns[0])
    def broken(c):
        raise ValueError("nobody looks")


def by_daemon(cowns):
    forever = threading.Event()
    for _ in range(3):
        arguments = {"target": schedule_until, "args": (forever,), "daemon": True}
        threading.Thread(**arguments).start()
    time.sleep(0.01)  # the program ends while they schedule


def by_waiting_daemon(cowns):
    def wait():
        bocpy.receive("never")

    threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.01)  # the program ends while it waits


def by_thread(cowns):
    def late():
        time.sleep(0.02)  # the main thread has come to its end
        for n in range(20):
            whencall(append, [cowns[0]], [n])

    threading.Thread(target=late).start()


def by_thread_of_a_body(cowns):
    def start():
        threading.Thread(target=time.sleep, args=(0.02,)).start()

    when(cowns[0])(lambda c: start())


def by_atexit(cowns):
    atexit.register(whencall, append, [cowns[0]], [1])


def by_chain(cowns):
    def step(n):
        if n:
            when(cowns[0])(lambda c: step(n - 1))

    step(200)


def by_signal(number):
    def end(cowns):
        os.kill(os.getpid(), number)
        time.sleep(LIMIT)  # the signal ends the program long before

    return end


def by_crash_in_a_body(cowns):
    """By reading a protected page: workers of 3.12 cannot import ctypes."""
    when(cowns[0])(lambda c: mmap.mmap(-1, 4096, prot=0)[0])
    time.sleep(LIMIT)  # the crash ends the program long before


def by_abort(cowns):
    os.abort()


def by_wait(cowns):
    bocpy.wait()


def by_two_starts(cowns):
    bocpy.wait()
    bocpy.start(2)
    whencall(append, [cowns[0]], [1])


def by_held_cown(cowns):
    cowns[0].acquire()


def by_reference_cycle(cowns):
    cycle = [Cown([n]) for n in range(3)]
    for n, c in enumerate(cycle):
        whencall(append, [c], [cycle[n - 1]])


BY = {
    "return": (by_return, Ending(0)),
    "sys.exit": (by_sys_exit, Ending(7)),
    "exception": (by_exception, Ending(1, says="Refused: (1, 'as told')")),
    "os._exit": (by_os_exit, Ending(8, done=False)),
    "os._exit in a body": (by_os_exit_in_a_body, Ending(9, done=False)),
    "sys.exit in a body": (by_sys_exit_in_a_body, Ending(0, says="SystemExit")),
    "failed body": (by_failed_body, Ending(0, says="ValueError: nobody looks")),
    "daemon": (by_daemon, Ending(0)),
    "waiting daemon": (by_waiting_daemon, Ending(0)),
    "thread": (by_thread, Ending(0)),
    "thread of a body": (by_thread_of_a_body, Ending(0)),
    "atexit": (by_atexit, Ending(0)),
    "chain": (by_chain, Ending(0)),
    "SIGINT": (
        by_signal(signal.SIGINT),
        Ending(-2 if POSIX else 1, says="KeyboardInterrupt"),
    ),
    "SIGTERM": (by_signal(signal.SIGTERM), Ending(-15, done=False)),
    "wait": (by_wait, Ending(0)),
    "two starts": (by_two_starts, Ending(0)),
    "held cown": (by_held_cown, Ending(0)),
    "cycle": (by_reference_cycle, Ending(0)),
}
if POSIX:
    segv, abrt = -signal.SIGSEGV, -signal.SIGABRT
    BY["crash in a body"] = (by_crash_in_a_body, Ending(segv, False, "Segmentation"))
    BY["abort"] = (by_abort, Ending(abrt, False, "Aborted"))
ENDINGS = {name: ending for name, (_, ending) in BY.items()}


def count(c, handle):
    os.write(handle, b".")


def main(ending, handle):
    """Schedules COUNT behaviors that each leave a byte in a pipe, and ends."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cowns = [Cown([0]) for _ in range(4)]
    for n in range(COUNT):
        whencall(count, [cowns[n % 4]], [handle])
    BY[ending][0](cowns)


if __name__ == "__main__":
    main(sys.argv[1], PIPE[1])
