"""What the tests of bocpy share: the backends, programs run in a process of their
own, and ways to wait for something without sleeping.

The module is imported by workers too (the tests' behaviors live in modules that
import it), so it imports nothing but the standard library.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time
from dataclasses import dataclass

#: The folder of this file, whose folders mirror the package.
TESTS = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(TESTS, "programs")

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

#: Which core bocpy has: the extension, or the one by cffi.
CFFI = os.environ.get("BOCPY_CORE") == "cffi" or sys.implementation.name != "cpython"
PYPY = sys.implementation.name == "pypy"

if sys.version_info >= (3, 12) and not FREE_THREADED and not CFFI:
    BACKENDS = ("interpreters", "threads")
else:
    BACKENDS = ("threads",)

#: Requirements that only some interpreters have (tools/requirements/notebook.txt).
HAS_JUPYTER = importlib.util.find_spec("ipykernel") is not None

#: The exit code of a program that Ctrl-C has ended.
ENDED_BY_SIGINT = -signal.SIGINT if os.name == "posix" else 130

#: Seconds that a working program never takes, even on a busy machine.
LIMIT = 60.0


class Gate:
    """A gate at which behaviors of any interpreter can wait: a pipe.

    A behavior captures `gate.door`, an int, and calls `pass_through(door)`; each
    `open()` lets one of them pass.
    """

    def __init__(self):
        self.door, self._handle = os.pipe()

    def open(self, count=1):
        os.write(self._handle, b"." * count)

    def close(self):
        os.close(self.door)
        os.close(self._handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def meet(_):
    """A body that waits for `start_workers`. It must not block in receive(), which
    would start another worker."""
    import bocpy

    bocpy.send("meet.here", None)
    while bocpy.receive("meet.go", 0)[0] != "meet.go":
        time.sleep(0.001)  # it polls, since a wait would start another worker


def start_workers(count):
    """Runs as many bodies at the same time: each worker starts when there is one for
    it, and allocates its memory then."""
    import bocpy

    for n in range(count):
        bocpy.when(bocpy.Cown(n))(meet)
    for _ in range(count):
        assert bocpy.receive("meet.here", LIMIT)[0] == "meet.here"
    for _ in range(count):
        bocpy.send("meet.go", None)
    bocpy.quiesce(LIMIT)


def pass_through(door):
    """Blocks until the gate is opened for one more."""
    os.read(door, 1)


def in_thread(function, *args):
    """Calls the function on a new thread. The function that this returns waits for its
    result, or raises its exception."""
    answers = []

    def run():
        try:
            answers.append((True, function(*args)))
        except BaseException as error:
            answers.append((False, error))

    thread = threading.Thread(target=run)
    thread.start()

    def result(timeout=LIMIT):
        thread.join(timeout)
        assert not thread.is_alive(), "the thread has not ended"
        worked, answer = answers[0]
        if worked:
            return answer
        raise answer

    return result


def once_below(limit, measure):
    """Whether one of several attempts takes less than `limit`: a busy machine may delay
    some, but not all."""
    return any(measure() < limit for _ in range(20))


def rss():
    """The resident memory of this process in bytes (Linux)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Finished:
    """A program that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def lines(self):
        return self.out.splitlines()


def stacks_of(process):
    """The C stacks of a live process, if a debugger is installed."""
    if shutil.which("gdb") is None:
        return "(no gdb: no C stacks)"
    command = ["gdb", "-batch", "-nx", "-p", str(process.pid), "-ex"]
    done = subprocess.run(
        [*command, "thread apply all backtrace 30"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return done.stdout


def child_environment(backend, extra=()):
    """The environment of a program under test, in which it can import this module."""
    env = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("BOCPY_") or k == "BOCPY_CORE"
    }
    env.update(PYTHONFAULTHANDLER="1", PYTHONUNBUFFERED="1", PYTHONUTF8="1")
    path = [TESTS, env.get("PYTHONPATH")]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    if backend is not None:
        env["BOCPY_BACKEND"] = backend
    env.update(extra)
    return env


def command_line(source, how, folder):
    """Puts `source` where `how` says; returns the command that runs it, and the text
    for its standard input."""
    if how == "-c":
        return [sys.executable, "-c", source], None
    if how == "stdin":
        return [sys.executable, "-"], source
    name = {"pytest": "test_program.py"}.get(how, "program.py")
    path = folder / name
    path.write_text(source, encoding="utf-8")
    if how == "script":
        return [sys.executable, str(path)], None
    if how == "module":
        return [sys.executable, "-m", "program"], None
    if how == "pytest":
        options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
        return [sys.executable, "-m", "pytest", *options, str(path)], None
    if how == "ipython":
        options = ["--no-banner", "--no-confirm-exit", "--colors=NoColor"]
        return [sys.executable, "-m", "IPython", *options, "-c", source], None
    if how == "jupyter":
        driver = os.path.join(PROGRAMS, "kernel.py")
        return [sys.executable, driver, str(path)], None
    raise ValueError(f"how={how!r}")


def start_program(source, folder, *, backend, how="script", env=(), args=()):
    """Starts `source` as a program of its own and returns the process."""
    command, text = command_line(textwrap.dedent(source), how, folder)
    process = subprocess.Popen(
        [*command, *args],
        stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=child_environment(backend, dict(env)),
        start_new_session=True,
    )
    if text is not None:
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
    return process


def finish_program(process, *, timeout=LIMIT, expect_code=0):
    """Waits for the process; if it outlives `timeout`, fails with all its stacks.

    `expect_code` is an int, or None where any exit code will do."""
    began = time.monotonic()
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        stacks = stacks_of(process)
        process.send_signal(signal.SIGABRT)
        try:
            out, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        end_group(process)
        raise AssertionError(
            f"the program was still running after {timeout} s\n"
            f"--- stdout\n{out}\n--- stderr\n{err}\n--- stacks\n{stacks}"
        ) from None
    end_group(process)
    if expect_code is not None and process.returncode != expect_code:
        raise AssertionError(
            f"exit code {process.returncode}, not {expect_code}\n"
            f"--- stdout\n{out}\n--- stderr\n{err}"
        )
    return Finished(process.returncode, out, err, time.monotonic() - began)


def end_group(process):
    """Ends the processes that the program has left in its process group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def read_line(process, expected, *, timeout=LIMIT):
    """Waits until the program prints `expected`. If it prints nothing within `timeout`,
    fails with all its stacks."""
    stacks = []

    def give_up():
        stacks.append(stacks_of(process))
        process.send_signal(signal.SIGABRT)

    watchdog = threading.Timer(timeout, give_up)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    watchdog.join()
    if line.strip() != expected:
        out, err = process.communicate(timeout=LIMIT)
        raise AssertionError(
            f"wanted {expected!r}, got {line + out!r}\n{err}\n{''.join(stacks)}"
        )


def interrupt_until_it_ends(process):
    """Sends Ctrl-C until the process has ended: the first one may come before the wait
    that it has to end."""
    deadline = time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    return finish_program(process, expect_code=None)


def run_async(main):
    """Runs `main`, a coroutine function, in each installed event loop."""
    import asyncio

    asyncio.run(main())
    if importlib.util.find_spec("trio") is not None:
        import trio

        trio.run(main)
