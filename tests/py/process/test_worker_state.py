"""State that a worker shares with the main interpreter, and state of its own: the lines
of docs/guide/workers.md that test_main_state.py and test_signals.py do not cover."""

import sys

import pytest

HEAD = """
import contextvars, io, logging, os, random, signal, subprocess, sys, tempfile
import threading, time, warnings
import bocpy
from bocpy import Cown, start, wait, when

start(2)
isolated = os.environ["BOCPY_BACKEND"] == "interpreters"

def run(function):
    @when()
    def body(): return function()
    return body.result(30)
"""

PROGRAMS = {
    "a variable that a body sets": """
def put(): os.environ["OF_A_BODY"] = "set"
run(put)
assert ("OF_A_BODY" in os.environ) is not isolated
""",
    "the key of processes": """
import multiprocessing
def key():
    return bytes(multiprocessing.current_process().authkey)
assert run(key) == key()
multiprocessing.current_process().authkey = b"another"
os.environ["ANYTHING"] = "changes"
assert run(key) == b"another"
""",
    "shared memory": """
def make(name=None):
    from multiprocessing import shared_memory
    memory = shared_memory.SharedMemory(name, create=name is None, size=8)
    memory.buf[0] += 1
    memory.close()
    return memory.name
if sys.platform != "win32":
    from multiprocessing import shared_memory
    name = run(make)
    memory = shared_memory.SharedMemory(name)
    assert run(lambda: make(name)) == name and memory.buf[0] == 2
    memory.close()
    memory.unlink()
""",
    "the program in place of this one": """
def replace():
    os.execl(sys.executable, sys.executable, "-c", "print('right')")
if isolated:
    try:
        run(replace)
    except RuntimeError as error:
        assert "use start(backend='threads')" in str(error)
""",
    "a function before exec": """
def child():
    subprocess.run([sys.executable, "-c", ""], preexec_fn=dict, check=True)
    return "ran"
if sys.platform != "win32":
    try:
        assert run(child) == "ran" and not isolated
    except RuntimeError as error:
        assert isolated and "use start(backend='threads')" in str(error)
""",
    "a handler that a body adds": """
folder = tempfile.mkdtemp()
path = os.path.join(folder, "log")
def add():
    handler = logging.FileHandler(path)
    logging.getLogger("of.body").addHandler(handler)
    logging.getLogger("of.body").warning("one")
    handler.close()
run(add)
with open(path) as file:
    assert file.read() == "one\\n"
""",
    "levels that cannot be detected": """
log = logging.getLogger("silent.change")
def level(): return logging.getLogger("silent.change").level
assert run(level) == 0
log.level = 10
logging.getLogger("another").setLevel(20)
assert run(level) == 10
""",
    "showwarning": """
seen = []
warnings.simplefilter("always")
warnings.showwarning = lambda message, *rest: seen.append(str(message))
run(lambda: warnings.warn("shown"))
assert seen == ["shown"], seen
""",
    "bytes of a replaced stream": """
shown = io.StringIO()
real, sys.stdout = sys.stdout, shown
def speak():
    print("text")
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(b"bytes\\n")
        sys.stdout.buffer.flush()
run(speak)
sys.stdout = real
assert shown.getvalue() == "text\\n", shown.getvalue()
if not isolated:
    real.write("bytes\\n")
""",
    "standard input": """
assert run(lambda: sys.stdin.fileno()) == 0
assert run(lambda: sys.stdin.readline()) == ""
mine = io.StringIO("mine\\n")
sys.stdin = mine
assert run(lambda: sys.stdin.readline()) == ("" if isolated else "mine\\n")
""",
    "umask": """
before = os.umask(0o022)
assert run(lambda: os.umask(0o022)) == 0o022
run(lambda: os.umask(0o027))
assert os.umask(before) == 0o027
""",
    "file descriptors": """
there, here = os.pipe()
run(lambda: os.write(here, b"through"))
assert os.read(there, 7) == b"through"
run(lambda: os.close(here))
try:
    os.fstat(here)
    raise SystemExit("the descriptor is open")
except OSError:
    pass
""",
    "generators of workers": """
def state():
    import hashlib
    return hashlib.sha256(repr(random.getstate()).encode()).hexdigest()
random.seed(5)
mine = state()
assert (run(state) == mine) is not isolated
""",
    "context variables": """
plain = contextvars.ContextVar("plain", default="default")
told = contextvars.ContextVar("told", default="default")
bocpy.propagate(told)
plain.set("of main")
told.set("of main")
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    assert run(told.get) == "of main"
    assert run(plain.get) == ("default" if isolated else "of main")
def change():
    plain.set("of a body")
    told.set("of a body")
run(change)
assert (plain.get(), told.get()) == ("of main", "of main")
assert run(told.get) == "of main"
told.set(threading.Lock())
try:
    run(lambda: None)
    assert not isolated
except TypeError as error:
    assert isolated and "context variable 'told'" in str(error), error
told.set("again")
""",
    "arguments and the file": """
assert run(lambda: sys.argv) == sys.argv
assert run(lambda: sys.modules["__main__"].__file__) == __file__
sys.argv.append("later")
assert (run(lambda: sys.argv[-1]) == "later") is not isolated
""",
    "hooks for threads of bodies": """
seen = []
threading.excepthook = lambda told: seen.append(str(told.exc_value))
def threads():
    shown = io.StringIO()
    sys.stderr = shown
    def fails(): raise ValueError("of a thread")
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    sys.stderr = sys.__stderr__
    return shown.getvalue()
printed = run(threads)
assert seen == ([] if isolated else ["of a thread"]), seen
assert ("ValueError: of a thread" in printed) is isolated, printed
""",
    "sys.excepthook": """
seen = []
sys.excepthook = lambda *told: seen.append(str(told[1]))
def call():
    sys.excepthook(ValueError, ValueError("given"), None)
run(call)
assert seen == ([] if isolated else ["given"]), seen
""",
    "signal handlers of a body": """
def install():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
try:
    run(install)
    raise SystemExit("a body has set a handler")
except ValueError as error:
    assert "main thread" in str(error), error
handlers = []
signal.signal(signal.SIGINT, lambda *_: handlers.append(threading.current_thread()))
run(lambda: signal.raise_signal(signal.SIGINT))
while not handlers:
    time.sleep(0.001)
assert handlers == [threading.main_thread()]
""",
    "modules that only a body imports": """
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "counted.py"), "w") as file:
    file.write("import os\\nos.write(2, b'imported;')\\n")
sys.path.insert(0, folder)
def load():
    import counted
    return True
for _ in range(20):
    assert run(load)
assert "counted" not in sys.modules or not isolated
""",
}

#: The output of a program to standard error, by name and backend.
IMPORTS = {"modules that only a body imports": 2}
#: Its other output.
BYTES = {"bytes of a replaced stream": ["bytes"]}


@pytest.mark.parametrize("what", PROGRAMS)
def test_what_a_worker_has(program, backend, what):
    done = program(HEAD + PROGRAMS[what] + "\nwait()\nprint('right', flush=True)\n")
    assert done.lines == [*BYTES.get(what, []), "right"], done.err
    assert "resource_tracker" not in done.err
    if what in IMPORTS:
        most = IMPORTS[what] if backend == "interpreters" else 1
        assert 1 <= done.err.count("imported;") <= most, done.err


def test_atexit_of_a_body(program, backend):
    """It runs at the program's end, or when the worker's interpreter ends; once in
    either case."""
    done = program(
        HEAD
        + """
def register():
    import atexit, os
    atexit.register(os.write, 1, b"the body's\\n")
run(register)
os.write(1, b"before the end\\n")
"""
    )
    assert done.lines == ["before the end", "the body's"], done.err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits to read")
def test_limits_of_the_process(program, backend):
    done = program(
        HEAD
        + """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
def limit():
    import resource
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
assert run(limit) == soft - 1
wait()
print("right")
"""
    )
    assert done.lines == ["right"], done.err


ZONES = """
import datetime, io, struct, zoneinfo
from bocpy import when

TABLE = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
TABLE += struct.pack(">lbb", 3600, 0, 0) + b"ABC\\0"

def offset():
    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(TABLE))
    return datetime.datetime(2024, 7, 1, tzinfo=zone).utcoffset().seconds

print(offset(), [when()(offset).result(30) for _ in range(10)] == [3600] * 10, offset())
"""


def test_zones_of_time(program, backend):
    assert program(ZONES).lines == ["3600 True 3600"]
