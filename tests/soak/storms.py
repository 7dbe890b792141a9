"""Storms: one kind of disturbance without a pause, while all operations go on.

    python soak.py --storm signals|forks|exits --minutes 5 --backend threads

`signals`: another process sends them, handlers raise while the program waits. `forks`:
children of every kind, which use the runtime, fork again and end, while other threads
schedule. `exits`: programs that end in every way, several at once. Each is a class with
`disturb`, which is called between two looks at the clock, on the main thread.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from importlib.util import find_spec

import endings
import operations
from bocpy import Cown, pump, quiesce, receive, send, when
from operations import LIMIT, add

#: Sends the signals: a process of its own, so that no GIL slows it down.
SENDER = """
import os, random, sys, time
pid, seed, numbers = int(sys.argv[1]), sys.argv[2], [int(n) for n in sys.argv[3:]]
chance = random.Random(seed)
while os.getppid() == pid:
    for _ in range(chance.choice((1, 1, 1, 5, 50))):
        os.kill(pid, chance.choice(numbers))
    # Bursts and pauses alternate, so that signals meet every state of a wait.
    time.sleep(chance.choice((0, 1e-4, 1e-3, 5e-3)))
"""


class Interrupted(BaseException):
    """The exception of a handler."""


class Signals:
    """Handlers run while the main thread waits in every way there is; some raise."""

    #: How many threads do operations beside it.
    beside = 2

    def __init__(self, report, options, chance):
        self.report, self.chance = report, chance
        self.armed = False
        self.raised = 0
        self.cowns = [Cown(0) for _ in range(3)]
        self.counted = Cown(0)
        self.added = 0
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            signal.signal(number, self.handle)
        numbers = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGCONT]
        command = [sys.executable, "-c", SENDER, str(os.getpid()), str(options.seed)]
        self.sender = subprocess.Popen([*command, *(str(int(n)) for n in numbers)])
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)

    def handle(self, number, frame):
        self.report.signals += 1
        if self.armed and number != signal.SIGUSR1 and not in_a_body(frame):
            self.armed = False
            self.raised += 1
            raise Interrupted

    def disturb(self):
        """Waits that a handler ends by an exception. What they waited for is intact
        afterwards, and no thread holds it."""
        way = self.chance.choice(WAITS)
        cown = self.chance.choice(self.cowns)
        for _ in range(3):  # bodies that last until the wait below has begun
            when(cown)(lambda c: (time.sleep(0.0005), add(c))[1])
            when(self.counted)(add)
            self.added += 1
        try:
            self.armed = True
            way(cown)
        except Interrupted:
            pass
        finally:
            self.armed = False
        # Held or not, depending on when the handler ran.
        with contextlib.suppress(RuntimeError):
            cown.release()
        if self.chance.random() < 0.05:
            return child_can_be_ended()
        return []

    def end(self):
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.sender.kill()
        self.sender.wait()
        self.armed = False
        quiesce(timeout=LIMIT)
        counted = self.counted.unwrap(timeout=LIMIT)
        problems = []
        if counted != self.added:
            problems.append(f"counted {counted}, not {self.added}")
        if not self.raised or not self.report.signals:
            problems.append("no signal came")
        return problems


def in_a_body(frame):
    """Whether the main thread runs a pinned behavior, which would fail."""
    while frame and frame.f_code.co_filename != operations.__file__:
        frame = frame.f_back
    return frame is not None


def wait_for_result(cown):
    when(cown)(lambda c: c.value).unwrap(timeout=LIMIT)


def wait_for_cown(cown):
    with cown:
        time.sleep(0.0005)  # a signal may come while the cown is held


def wait_for_message(cown):
    when(cown)(lambda c: send("storm", c.value))
    receive("storm", timeout=LIMIT)


def wait_for_rest(cown):
    with contextlib.suppress(TimeoutError):  # other threads schedule
        quiesce(timeout=0.005)


def wait_for_pump(cown):
    pump(max_behaviors=3)
    time.sleep(0.0005)  # a signal may come between two calls of pump()


def wait_in_python(cown):
    time.sleep(0.002)  # a wait outside of bocpy, to compare


WAITS = (
    wait_for_result,
    wait_for_cown,
    wait_for_message,
    wait_for_rest,
    wait_for_pump,
    wait_in_python,
)


def child_can_be_ended():
    """A child that a body starts has no signal blocked or ignored by bocpy."""

    @when()
    def code():
        with subprocess.Popen(["sleep", "100"]) as child:
            child.terminate()
            return child.wait(LIMIT)

    code = code.unwrap(timeout=LIMIT)
    return [] if code == -signal.SIGTERM else [f"terminate() gave {code}"]


class Forks:
    """Children of the main thread and of others, while threads schedule."""

    beside = 0

    def __init__(self, report, options, chance):
        self.report, self.options, self.chance = report, options, chance
        self.stop = threading.Event()
        self.busy = [
            threading.Thread(target=operations.schedule_until, args=(self.stop,))
            for _ in range(2)
        ]
        for thread in self.busy:
            thread.start()

    def disturb(self):
        self.report.interpreters += interpreters()
        choice = self.chance.randrange(6)
        if choice == 0:
            return self.on_a_thread()
        if choice == 1:
            return self.by_multiprocessing()
        if choice == 2:
            return self.with_a_cown_held()
        if choice == 3 and self.options.backend == "threads":
            return self.in_a_body()
        return self.by_hand(again=choice == 4)

    def looked_at(self, child):
        self.report.forks += 1
        code = exit_code(child)
        return [] if code == 0 else [f"a child of fork() ended with {code}"]

    def by_hand(self, again=False):
        child = os.fork()
        if child == 0:
            os._exit(use_and_fork() if again else operations.use_in_child(1))
        return self.looked_at(child)

    def on_a_thread(self):
        """Two threads fork at once."""
        problems = []
        threads = [
            threading.Thread(target=lambda: problems.extend(self.by_hand()))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return problems

    def by_multiprocessing(self):
        context = multiprocessing.get_context("fork")
        process = context.Process(target=leave_with, args=(5,))
        process.start()
        process.join(LIMIT)
        self.report.forks += 1
        if process.exitcode == 5:
            return []
        return [f"a process of multiprocessing ended with {process.exitcode}"]

    def with_a_cown_held(self):
        """Refused on `interpreters`; the child of `threads` has cowns of its own."""
        cown = Cown([0])
        with cown:
            try:
                child = os.fork()
            except RuntimeError:
                return []
            if child == 0:
                os._exit(operations.use_in_child(2))
        return self.looked_at(child)

    def in_a_body(self):
        @when(Cown(0))
        def child(c):
            pid = os.fork()
            return pid or os._exit(operations.use_in_child(3))

        return self.looked_at(child.unwrap(timeout=LIMIT))

    def end(self):
        self.stop.set()
        for thread in self.busy:
            thread.join(LIMIT)
        alive = [thread.name for thread in self.busy if thread.is_alive()]
        return [f"threads hang that schedule: {alive}"] if alive else []


def interpreters():
    """How many threads there are beside the main one: a fork ends them."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        if find_spec(name) is not None:
            return len(import_module(name).list_all()) - 1
    return 0


def exit_code(child):
    """The exit code of the child, which is killed if it hangs."""
    end = time.monotonic() + LIMIT
    pause = 0.0005
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)  # waitpid() has no timeout
        pause = min(2 * pause, 0.05)
    os.kill(child, signal.SIGABRT)
    os.waitpid(child, 0)
    return "no code: it hangs"


def use_and_fork():
    code = operations.use_in_child(1)
    child = os.fork()
    if child == 0:
        os._exit(operations.use_in_child(2))
    return code or exit_code(child)


def leave_with(code):
    if operations.use_in_child(1) == 0:
        sys.exit(code)


class Exits:
    """Programs that end, three at once, in the middle of their work."""

    beside = 0

    def __init__(self, report, options, chance):
        self.report, self.options, self.chance = report, options, chance

    def disturb(self, at_once=3):
        running = [self.begin() for _ in range(at_once)]
        return [problem for each in running for problem in self.finish(*each)]

    def begin(self):
        ending = self.chance.choice(list(endings.ENDINGS))
        environment = dict(
            os.environ,
            BOCPY_BACKEND=self.options.backend,
            PYTHONFAULTHANDLER="1",
        )
        command = [sys.executable, endings.__file__, ending]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, env=environment, stdout=pipe, stderr=pipe, text=True
        )
        return ending, process

    def finish(self, ending, process):
        self.report.exits += 1
        name = f"a program that ends by {ending}"
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            # This program may have been stopped itself meanwhile (Ctrl-Z, a debugger).
            if process.poll() is None:
                process.send_signal(signal.SIGABRT)
                return [f"{name} hangs\n{process.communicate()[1]}"]
            out, err = process.communicate()
        wanted = endings.ENDINGS[ending]
        if process.returncode != wanted.code:
            return [f"{name}: {process.returncode}, not {wanted.code}\n{err}"]
        if wanted.done and "done 400" not in out:
            return [f"{name}: it lost what was scheduled: {out}\n{err}"]
        if wanted.says not in err or (not wanted.says and err):
            return [f"{name} says\n{err}"]
        return []

    def end(self):
        return []


STORMS = {"signals": Signals, "forks": Forks, "exits": Exits}
