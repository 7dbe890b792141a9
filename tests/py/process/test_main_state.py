"""The state of the main interpreter that workers have (docs/guide/workers.md): a test
for each line."""

import pytest

HEAD = """
import contextlib, decimal, io, locale, logging, os, random, subprocess, sys, tempfile
import threading, warnings
from bocpy import Cown, start, wait, when

start(2)

def run(function):
    @when()
    def body(): return function()
    return body.result(30)

run(lambda: logging.getLogger("early").name)
"""

PROGRAMS = {
    "environment": """
os.environ["TOLD"] = "yes"
assert run(lambda: (os.environ.get("TOLD"), os.getenv("TOLD"))) == ("yes", "yes")
child = [sys.executable, "-c", "import os; print(os.environ.get('TOLD'))"]
assert run(lambda: subprocess.check_output(child, text=True)) == "yes\\n"
del os.environ["TOLD"]
assert run(lambda: os.environ.get("TOLD")) is None
assert run(lambda: subprocess.check_output(child, text=True)) == "None\\n"
""",
    "what a body sets in the environment": """
def change(): os.environ["BODY"] = "set"
run(change)
os.environ["MAIN"] = "set"
child = [sys.executable, "-c", "import os; print(os.environ.get('BODY'))"]
assert subprocess.check_output(child, text=True) == "set\\n"
assert run(lambda: os.environ.get("MAIN")) == "set"
""",
    "classes of loggers": """
shown = io.StringIO()
logging.basicConfig(level="INFO", stream=shown, format="%(message)s")
class Louder(logging.Logger):
    def __init__(self, name):
        super().__init__(name)
        self.mark = "!"
    def shout(self, text): self.info(text.upper() + self.mark)

plain = logging.getLogger("plain")
logging.setLoggerClass(Louder)
log = logging.getLogger("loud")
logging.getLogger("has.level").setLevel("ERROR")
names = "new", "loud", "has.level", "plain"
def kinds(): return [type(logging.getLogger(name)).__name__ for name in names]
assert run(kinds) == kinds() == ["Louder"] * 3 + ["Logger"]
run(lambda: log.shout("told"))
run(lambda: logging.getLogger("new").shout("too"))
run(lambda: plain.info("as before"))
assert shown.getvalue().split("\\n") == ["TOLD!", "TOO!", "as before", ""]
logging.setLoggerClass(logging.Logger)
assert run(lambda: type(logging.getLogger("newer")) is logging.Logger)
assert run(lambda: type(log).__name__) == "Louder"
""",
    "logging": """
shown = io.StringIO()
handler = logging.StreamHandler(shown)
text = "%(name)s %(levelname)s %(behavior)s %(message)s"
handler.setFormatter(logging.Formatter(text))
logging.basicConfig(level="INFO", handlers=[handler])
log = logging.getLogger("app.part")
def lines():
    found = shown.getvalue().splitlines()
    shown.seek(0); shown.truncate()
    return found

@when()
def work():
    log.info("%s and %d", "text", 1)
    log.debug("not this")
    logging.warning("root")
    log.error("with", extra={"lock": threading.Lock()})
    try:
        {}["key"]
    except KeyError:
        log.exception("failed")
work.result(30)
logging.info("main")
found = lines()
assert found[:5] == [
    "app.part INFO work text and 1", "root WARNING work root",
    "app.part ERROR work with", "app.part ERROR work failed",
    "Traceback (most recent call last):",
], found
assert found[-2:] == ["KeyError: 'key'", "root INFO  main"], found

log.setLevel("DEBUG")
run(lambda: log.debug("now"))
assert len(lines()) == 1
log.setLevel("NOTSET")
run(lambda: log.debug("no more"))
assert lines() == []
handler.addFilter(lambda record: "secret" not in record.getMessage())
run(lambda: log.info("a secret"))
assert lines() == []
logging.disable(logging.ERROR)
run(lambda: log.error("disabled"))
assert lines() == []
""",
    "logging of what only a worker imports": """
import pathlib
folder = tempfile.mkdtemp()
pathlib.Path(folder, "noisy.py").write_text(
    "import logging\\nlog = logging.getLogger(__name__)\\n"
    "def speak(): log.info('spoken')\\n"
)
sys.path.insert(0, folder)
shown = io.StringIO()
logging.basicConfig(level="INFO", stream=shown, format="%(name)s %(message)s")
def speak():
    import noisy
    noisy.speak()
run(speak)
assert shown.getvalue() == "noisy spoken\\n", shown.getvalue()
""",
    "filters of warnings": """
def old():
    try:
        warnings.warn("old", DeprecationWarning)
    except DeprecationWarning:
        return "raised"
    return "not raised"
warnings.simplefilter("error", DeprecationWarning)
assert run(old) == "raised"
warnings.resetwarnings()
warnings.filterwarnings("ignore", message="ol.")
assert run(old) == "not raised"
with warnings.catch_warnings():
    warnings.simplefilter("error")
    assert run(old) == "raised"
assert run(old) == "not raised"
""",
    "warnings": """
class Special(UserWarning): pass
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    def warn():
        warnings.warn("plain")
        warnings.warn(Special("special"))
    run(warn)
assert [str(each.message) for each in told] == ["plain", "special"]
assert [each.category for each in told] == [UserWarning, Special]
logging.captureWarnings(True)
shown = io.StringIO()
logging.basicConfig(stream=shown)
run(lambda: warnings.warn("logged"))
assert "logged" in shown.getvalue()
""",
    "output": """
shown = io.StringIO()
with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
    run(lambda: print("out", "\\ud800", end=";"))
    run(lambda: print("err", file=sys.stderr))
    def inner():
        own = io.StringIO()
        with contextlib.redirect_stdout(own):
            print("own")
        print("after")
        return own.getvalue()
    assert run(inner) == "own\\n"
assert shown.getvalue() == "out \\ud800;err\\nafter\\n", shown.getvalue()
assert run(lambda: (sys.stdout.fileno(), sys.stderr.fileno())) == (1, 2)
""",
    "recursion limit": """
sys.setrecursionlimit(4321)
assert run(sys.getrecursionlimit) == 4321
""",
    "settings of sys": """
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(5000)
    assert run(sys.get_int_max_str_digits) == 5000
def seen():
    return sys.dont_write_bytecode, sys.pycache_prefix, vars(sys).get("tracebacklimit")
before = seen()
sys.dont_write_bytecode, sys.pycache_prefix, sys.tracebacklimit = True, "/none", 3
assert run(seen) == (True, "/none", 3)
sys.dont_write_bytecode, sys.pycache_prefix, _ = before
del sys.tracebacklimit
assert run(seen) == before
""",
    "path": """
sys.path.insert(0, "/some/folder")
assert run(lambda: sys.path[0]) == "/some/folder"
""",
    "working directory": """
before = os.getcwd()
os.chdir("/")
assert run(os.getcwd) == "/"
os.chdir(before)
""",
    "locale": """
locale.setlocale(locale.LC_ALL, "C")
assert run(lambda: locale.setlocale(locale.LC_ALL)) == "C"
""",
    "random numbers": """
random.seed(1)
first = run(random.random)
random.seed(1)
expected = random.Random(1).random()
import bocpy
mine = os.environ["BOCPY_BACKEND"] == "threads"
assert (first == expected) is mine
""",
    "failures": """
seen = []
sys.unraisablehook = lambda told: seen.append(str(told.exc_value))
@when()
def fail(): raise ValueError("mine")
del fail
wait()
assert seen == ["mine"], seen
""",
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_what_a_worker_has(program, backend, what):
    done = program(HEAD + PROGRAMS[what] + "\nwait()\nprint('right')\n")
    assert done.lines == ["right"], done.err


def test_capsys_and_caplog_reach_bodies(program, backend):
    """pytest's own fixtures, on either backend."""
    done = program(
        """
        import logging, os, sys, warnings
        import bocpy
        from bocpy import when

        log = logging.getLogger("app")

        def test_capsys(capsys):
            @when()
            def body(): print("from a body")
            body.result(30)
            assert capsys.readouterr().out == "from a body\\n"

        def test_capfd(capfd):
            @when()
            def body(): print("from a body", flush=True)
            body.result(30)
            assert capfd.readouterr().out == "from a body\\n"

        def test_caplog(caplog):
            @when()
            def body(): log.info("kept %s", 1)
            with caplog.at_level("INFO"):
                body.result(30)
                @when()
                def body(): log.info("kept %s", 2)
                body.result(30)
            assert "kept 2" in caplog.messages

        def test_warns(recwarn):
            @when()
            def body(): warnings.warn("careful")
            body.result(30)
            assert [str(each.message) for each in recwarn] == ["careful"]

        def test_monkeypatch(monkeypatch):
            monkeypatch.setenv("PATCHED", "yes")
            @when()
            def body(): return os.environ.get("PATCHED")
            assert body.result(30) == "yes"

        def helper(): return "own"

        def test_attribute(monkeypatch):
            monkeypatch.setattr(sys.modules[__name__], "helper", lambda: "patched")
            monkeypatch.setattr("json.dumps", lambda value: "patched")
            import json
            @when()
            def body(): return helper(), json.dumps(1)
            assert body.result(30) == ("patched", "patched")
        """,
        how="pytest",
    )
    assert "6 passed" in done.out, done.out
