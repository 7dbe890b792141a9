"""Bodies that raise: which exceptions are kept, reported and raised again."""

import sys
import traceback

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


class Odd(Exception):
    """An exception whose constructor does not take what `args` holds."""

    def __init__(self, code, *, detail):
        super().__init__(f"{code} ({detail})")
        self.code = code
        self.detail = detail


class Strict(Exception):
    def __init__(self):
        super().__init__("strict")


class Base(BaseException):
    pass


def got(cown):
    return cown.unwrap(timeout=LIMIT)


def fails_deep_down():
    return 1 / 0


def test_unwrap_raises_what_the_body_raised():
    @when()
    def failed():
        raise ValueError("no", 1)

    with pytest.raises(ValueError, match="no") as caught:
        got(failed)
    assert caught.value.args == ("no", 1)


def test_a_second_unwrap_returns_none():
    @when()
    def failed():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        got(failed)
    assert got(failed) is None


def test_the_cowns_keep_their_values_from_when_it_raised():
    a, b = Cown(1), Cown([1])

    @when(a, b)
    def failed(a, b):
        a.value = 2
        b.value.append(2)
        raise ValueError("no")

    @when(a, b)
    def after(a, b):
        return a.value, b.value, a.exception, b.exception

    assert got(after) == (2, [1, 2], False, False)
    with pytest.raises(ValueError, match="no"):
        got(failed)


def test_later_behaviors_run():
    c = Cown(0)
    failures = []
    for n in range(100):

        @when(c)
        def result(c, n=n):
            c.value += 1
            if n % 2:
                raise ValueError(n)

        failures.append(result)
    assert got(c) == 100
    for n, failed in enumerate(failures):
        if n % 2:
            with pytest.raises(ValueError, match=str(n)):
                got(failed)
        else:
            assert got(failed) is None


@pytest.mark.parametrize(
    "kind", [Base, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration]
)
def test_base_exceptions_are_captured_too(kind):
    @when()
    def failed():
        raise kind("why")

    with pytest.raises(kind, match="why"):
        got(failed)


def test_sys_exit_in_a_body_does_not_end_the_program():
    @when()
    def failed():
        sys.exit(3)

    with pytest.raises(SystemExit) as caught:
        got(failed)
    assert caught.value.code == 3
    assert got(when()(lambda: "alive")) == "alive"


def test_exceptions_with_odd_constructors():
    @when()
    def odd():
        raise Odd(7, detail="x")

    @when()
    def strict():
        raise Strict

    with pytest.raises(Odd) as caught:
        got(odd)
    assert (caught.value.code, caught.value.detail) == (7, "x")
    assert str(caught.value) == "7 (x)"
    with pytest.raises(Strict, match="strict"):
        got(strict)


def test_exceptions_that_cannot_be_moved(backend):
    @when()
    def failed():
        raise ValueError("holds a generator", (x for x in ()))

    with pytest.raises(Exception, match="holds a generator"):
        got(failed)


def test_attributes_of_exceptions():
    @when()
    def failed():
        error = OSError(2, "No such file", "name")
        error.extra = [1]
        raise error

    with pytest.raises(FileNotFoundError) as caught:
        got(failed)
    assert caught.value.errno == 2
    assert caught.value.filename == "name"
    assert caught.value.extra == [1]


def test_the_traceback_of_the_body_survives():
    @when()
    def failed():
        fails_deep_down()

    with pytest.raises(ZeroDivisionError) as caught:
        got(failed)
    text = "".join(
        traceback.format_exception(type(caught.value), caught.value, caught.tb)
    )
    assert "in fails_deep_down" in text
    assert "in failed" in text
    assert "test_errors.py" in text
    assert "return 1 / 0" in text


def test_the_traceback_of_a_chain_survives():
    @when()
    def failed():
        try:
            fails_deep_down()
        except ZeroDivisionError as error:
            raise KeyError("outer") from error

    with pytest.raises(KeyError) as caught:
        got(failed)
    text = "".join(
        traceback.format_exception(type(caught.value), caught.value, caught.tb)
    )
    assert "ZeroDivisionError" in text
    assert "in fails_deep_down" in text
    assert text.index("ZeroDivisionError") < text.rindex("KeyError")


def test_a_returned_exception_is_a_value():
    @when()
    def returned():
        return ValueError("fine")

    value = got(returned)
    assert isinstance(value, ValueError)
    assert not returned.exception


def test_a_failed_result_can_be_passed_on():
    @when()
    def failed():
        raise ValueError("no")

    @when(failed)
    def handled(failed):
        try:
            failed.unwrap()
        except ValueError as error:
            return f"handled {error}"
        return "not raised"

    assert got(handled) == "handled no"
    assert got(failed) is None


def test_raising_the_value_of_a_failed_result():
    @when()
    def failed():
        raise ValueError("no")

    @when(failed)
    def again(failed):
        raise RuntimeError("more") from failed.value

    with pytest.raises(RuntimeError, match="more") as caught:
        got(again)
    assert "no" in str(caught.value.__cause__) or "no" in "".join(
        traceback.format_exception(type(caught.value), caught.value, caught.tb)
    )
    with pytest.raises(ValueError, match="no"):
        got(failed)


def test_recursion_without_end_is_an_error_like_any_other():
    def forever(n):
        return forever(n + 1)

    @when()
    def failed():
        return forever(0)

    with pytest.raises(RecursionError):
        got(failed)
    assert got(when()(lambda: "alive")) == "alive"


def test_memory_error_is_an_error_like_any_other():
    @when()
    def failed():
        return bytearray(1 << 60)

    with pytest.raises(MemoryError):
        got(failed)
    assert got(when()(lambda: "alive")) == "alive"


def test_the_body_is_called_with_what_it_takes_or_fails():
    @when(Cown(1))
    def failed(c):
        return fails_deep_down(c)

    with pytest.raises(TypeError, match="fails_deep_down"):
        got(failed)


def test_an_error_in_a_nested_behavior_is_in_its_own_result():
    log = Cown([])

    @when()
    def outer():
        @when(log)
        def inner(log):
            raise ValueError("inner")

        return inner

    inner = got(outer)
    with pytest.raises(ValueError, match="inner"):
        got(inner)


def test_a_module_that_is_missing_in_the_body():
    @when()
    def failed():
        import there_is_no_such_module

        return there_is_no_such_module

    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        got(failed)


# Exceptions that the program does not look at


class NoSuchPlugin(ImportError):
    pass


@pytest.mark.parametrize("cls", [ImportError, NoSuchPlugin, ModuleNotFoundError])
def test_an_import_error_names_its_module(cls):
    @when()
    def body():
        raise cls("no plugin", name="plugin", path="/plugins/plugin.py")

    with pytest.raises(cls) as caught:
        body.unwrap(LIMIT)
    assert (caught.value.name, caught.value.path) == ("plugin", "/plugins/plugin.py")
    assert caught.value.args == ("no plugin",)


def test_errors_name_what_python_did_not_find():
    @when()
    def attribute():
        return None.absent  # type: ignore[attr-defined]

    @when()
    def variable():
        return absent  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(AttributeError) as caught:
        attribute.unwrap(LIMIT)
    assert caught.value.name == "absent"
    with pytest.raises(NameError) as missing:
        variable.unwrap(LIMIT)
    assert missing.value.name == "absent"


def test_an_unread_failure_is_reported_once(program, backend):
    done = program(
        """
        from bocpy import wait, when

        def divide():
            return 1 / 0

        @when()
        def careless():
            divide()

        del careless
        wait()
        wait()
        """
    )
    assert done.err.count("whose result nobody looked at") == 1, done.err
    assert "ZeroDivisionError" in done.err
    assert "careless" in done.err
    assert done.err.count("in divide") == 1, done.err


def test_an_unread_failure_is_reported_at_the_end(program, backend):
    done = program(
        """
        from bocpy import when

        @when()
        def careless():
            raise ValueError("unseen")

        kept = careless
        """
    )
    assert done.err.count("whose result nobody looked at") == 1, done.err
    assert "careless" in done.err
    assert "ValueError: unseen" in done.err


def test_a_failure_that_was_read_is_not_reported(program, backend):
    done = program(
        """
        from bocpy import quiesce, wait, when

        def careful():
            raise ValueError("seen")

        result = when()(careful)
        try:
            result.unwrap(timeout=60)
        except ValueError:
            pass
        else:
            raise SystemExit("nothing raised")

        result = when()(careful)
        quiesce()
        assert result.exception

        result = when()(careful)
        when(result)(lambda result: result.exception)
        del result
        wait()
        """
    )
    assert done.err == ""


def test_unread_failures_go_to_the_unraisable_hook(program, backend):
    done = program(
        """
        import sys
        from bocpy import wait, when

        seen = []
        sys.unraisablehook = lambda report: seen.append(
            (report.exc_type.__name__, str(report.exc_value), str(report.err_msg)
             + str(report.object)))

        for n in range(3):
            @when()
            def careless(n=n):
                raise ValueError(n)

        del careless
        wait()
        print(sorted(kind + text for kind, text, _ in seen))
        print(all("careless" in where for _, _, where in seen))
        """
    )
    assert done.lines == ["['ValueError0', 'ValueError1', 'ValueError2']", "True"]


PIPELINE = """
import sys
from bocpy import Cown, FailureGroup, start, wait, when

start(2)

def deep(n):
    if n:
        return deep(n - 1)
    raise ValueError("deep trouble")

def schedule():
    q = Cown(1)
    @when(q)
    def load(q):
        deep(2)
    @when(load)
    def store(image):
        return type(image.value).__name__
    return load, store

load, store = schedule()
try:
    wait(raise_failures=True)
except FailureGroup as group:
    print(group)
print(store.unwrap())
schedule()
wait()
"""


def test_a_failure_in_a_chain_is_reported_once_with_its_own_frames(program, backend):
    done = program(PIPELINE)
    assert "1 behavior failed: 'schedule.<locals>.load'" in done.lines[0]
    assert done.lines[-1] == "ValueError"
    lines = done.err.splitlines()
    assert "<behavior 'schedule.<locals>.load'" in lines[0]
    frames = [line.split(" in ")[1] for line in lines if line.startswith("  File")]
    assert frames == ["load", "deep", "deep", "deep"]
    assert lines[-1] == "ValueError: deep trouble"
    assert done.err.count("deep trouble") == 2  # in a line of source, and as the error


TYPES = """
import io, subprocess, threading, urllib.error
from bocpy import Cown, start, wait, when

start(2)

class Locked(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a}-{b}")
        self.a, self.lock = a, threading.Lock()

class Stuck(Exception):
    def __reduce__(self):
        raise RuntimeError("no")

class Group(Exception):
    pass

def http():
    raise urllib.error.HTTPError("http://x", 404, "gone", {"k": "v"}, io.BytesIO(b""))

def locked():
    raise Locked(1, 2)

def local():
    class Inner(Locked):
        pass
    raise Inner(3, 4)

def argument():
    raise ValueError("x", threading.Lock())

def process():
    raise subprocess.CalledProcessError(3, ["cmd"], output=b"out")

def stuck():
    raise Stuck("s")

def generator():
    error = LookupError("g")
    error.rest = (i for i in ())
    raise error

for run in (http, locked, local, argument, process, stuck, generator):
    @when()
    def result():
        run()
    try:
        result.unwrap(timeout=30)
    except BaseException as error:
        names = [cls.__name__ for cls in type(error).__mro__[:2]]
        print(run.__name__, names, getattr(error, "code", None),
              getattr(error, "a", None), getattr(error, "returncode", None))
        notes = getattr(error, "__notes__", [])
        if notes: print("note", notes[0])
        same = {"http": urllib.error.HTTPError, "locked": Locked, "stuck": Stuck}
        assert type(error) is same.get(run.__name__, type(error))
"""


def test_exceptions_keep_their_type(program, backend):
    done = program(TYPES)
    told = [line for line in done.lines if not line.startswith("note")]
    assert told == [
        "http ['HTTPError', 'URLError'] 404 None None",
        "locked ['Locked', 'Exception'] None 1 None",
        "local ['Inner', 'Locked'] None 3 None",
        "argument ['ValueError', 'Exception'] None None None",
        "process ['CalledProcessError', 'SubprocessError'] None None 3",
        "stuck ['Stuck', 'Exception'] None None None",
        "generator ['LookupError', 'Exception'] None None None",
    ]
    if backend == "interpreters":
        assert "note lock (a 'lock'): this did not leave the worker that raised it" in (
            done.lines
        )


def test_names_that_users_see_are_public():
    for name in bocpy.__all__:
        public = getattr(bocpy, name)
        if isinstance(public, type) and issubclass(public, BaseException):
            assert public.__module__ == "bocpy", name
    assert issubclass(bocpy.BehaviorError, RuntimeError)
    assert "BehaviorError" in bocpy.__all__
    assert "BehaviorTraceback" in bocpy.__all__


class Refusal(Exception):
    def __init__(self, what, amount=0):
        super().__init__(what)
        self.amount = amount


class Late(OSError):
    pass


def refuses(kind, amount):
    raise kind("refused", amount)


@pytest.mark.parametrize("kind", [Refusal, Late, ValueError], ids=lambda k: k.__name__)
def test_later_failures_of_a_kind_are_like_the_first(kind):
    """From the second one on, exceptions of the program's classes are not pickled."""
    texts = []
    for amount in (7001, 7002):  # no number of a line is like them
        result = bocpy.whencall(refuses, [], [kind, amount])
        with pytest.raises(kind) as caught:
            got(result)
        error = caught.value
        assert type(error) is kind
        assert getattr(error, "amount", amount) == amount
        texts.append(
            "".join(traceback.format_exception(error)).replace(str(amount), "N")
        )
        assert "in refuses" in texts[-1]
    assert texts[0] == texts[1]
