"""The places of behaviors: scripts, modules, -c, standard input, pytest and so on.

`programs/everything.py` defines one of everything; it is run in every place, once
for each backend, and each of its features is a test of its own.
"""

import ast
import functools
import pathlib
import tempfile

import harness
import pytest

EVERYTHING = pathlib.Path(harness.PROGRAMS) / "everything.py"

EXPECTED = {
    "constants": (100, {"one": 1, "two": [2, 2]}, "aa"),
    "helpers": (102, 120, True, True),
    "late_helpers": "late",
    "cached_helper": (2, 2),
    "conditional_imports": (None, "[1]"),
    "enums": (True, "GREEN!", True),
    "enums_returned": (True, True, True),
    "dataclasses": (True, True, True, True),
    "dataclass_methods": (True, True),
    "inheritance": (8, 4, 2, 3, "derived"),
    "identity": (True, True, True),
    "slots": (True, 1, [2, 1]),
    "metaclasses": (True, "Meta"),
    "abstract_classes": (9, True),
    "named_tuples": (1, True, True, True),
    "nested_classes": (True, 1),
    "exceptions": (True, 7, "odd", "7: odd"),
    "decorators": ["wrapped", 1],
    "classes_of_functions": 8,
    "nested_behaviors": [102, "RED!"],
    "own_name": True,
}

# place: (how the harness runs it, what follows the definitions, the module's name)
PLACES = {
    "script": ("script", "report()", "__main__"),
    "guarded script": (
        "script",
        "if __name__ == '__main__':\n    report()",
        "__main__",
    ),
    "-m": ("module", "report()", "__main__"),
    "-c": ("-c", "report()", "__main__"),
    "stdin": ("stdin", "report()", "__main__"),
    "pytest": ("pytest", "def test():\n    report()", "test_program"),
    "import": ("script", None, "everything"),
    "package": ("script", None, "pack.everything"),
    "runpy": ("script", None, "everything_run"),
    "exec": ("script", None, "__main__"),
}
if harness.HAS_JUPYTER:
    PLACES["ipython"] = ("ipython", "report()", "__main__")
    PLACES["jupyter"] = ("jupyter", "report()", "__main__")

IMPORTERS = {
    "import": "import everything\neverything.report()",
    "package": "from pack.everything import report\nreport()",
    "runpy": (
        "import runpy\n"
        "runpy.run_path('everything.py', run_name='everything_run')['report']()"
    ),
    "exec": "exec(open('everything.py').read(), globals())\nreport()",
}


@functools.cache
def run_in(place, backend):
    """The lines that the program prints in that place, and the lines of the tally."""
    how, ending, _ = PLACES[place]
    source = EVERYTHING.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if ending is None:
            package = folder / "pack" if place == "package" else folder
            package.mkdir(exist_ok=True)
            (package / "everything.py").write_text(source, encoding="utf-8")
            (package / "__init__.py").touch()
            text = IMPORTERS[place]
        else:
            text = f"{source}\n\n{ending}\n"
        env = {"TALLY": str(folder / "tally"), "PYTEST_ADDOPTS": "-s"}
        for variable in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            env[variable] = str(folder / "jupyter")
        process = harness.start_program(text, folder, backend=backend, how=how, env=env)
        done = harness.finish_program(process)
        return done, (folder / "tally").read_text(encoding="ascii").split()


@pytest.mark.parametrize("feature", EXPECTED)
@pytest.mark.parametrize("place", PLACES)
def test_feature(place, feature, backend):
    done, _ = run_in(place, backend)
    lines = [line for line in done.lines if line.lstrip(".").startswith(f"{feature}=")]
    assert len(lines) == 1, done.out + done.err
    text = lines[0].partition("=")[2]
    assert not text.startswith("!"), text
    assert ast.literal_eval(text) == EXPECTED[feature]


@pytest.mark.parametrize("place", PLACES)
def test_the_main_program_runs_once(place, backend):
    """Each interpreter imports an imported module once; any other program runs once."""
    _, tally = run_in(place, backend)
    name = PLACES[place][2]
    if backend == "interpreters" and place in ("import", "package", "pytest"):
        assert set(tally) == {name}
    else:
        assert tally == [name]


def test_a_class_under_the_main_guard(program, backend):
    done = program(
        """
        from bocpy import Cown, wait, when

        if __name__ == "__main__":
            class Account:
                def __init__(self, balance):
                    self.balance = balance

                def deposit(self, amount):
                    self.balance += amount

            account = Cown(Account(1))

            @when(account)
            def kind(account):
                account.value.deposit(2)
                return type(account.value) is Account

            wait()
            print(kind.unwrap(), account.unwrap().balance)
        """
    )
    assert done.out == "True 3\n"


def test_a_global_that_changes_between_behaviors(program, backend):
    done = program(
        """
        from bocpy import when

        level = 1

        def read():
            return when()(lambda: level).unwrap(timeout=60)

        print(read())
        level = 2
        print(read())
        """
    )
    assert done.lines == ["1", "2"]


def test_a_function_that_is_defined_again(program, backend):
    done = program(
        """
        from bocpy import when

        def read():
            return when()(lambda: answer()).unwrap(timeout=60)

        def answer():
            return 1

        print(read())

        def answer():
            return 2

        print(read())
        """
    )
    assert done.lines == ["1", "2"]


def test_the_interactive_interpreter(program, backend):
    done = program(
        """
        import code
        console = code.InteractiveConsole()
        for line in '''
        from bocpy import Cown, when
        c = Cown(1)
        def helper(n):
            return n * 2

        @when(c)
        def result(c):
            return helper(c.value) + 40

        print(result.unwrap(timeout=60))
        '''.splitlines():
            console.push(line)
        """
    )
    assert "42" in done.out, done.err


def test_two_modules_with_equal_names_for_different_things(program, tmp_path, backend):
    for name in ("a", "b"):
        (tmp_path / f"mod_{name}.py").write_text(
            f"NAME = {name!r}\n"
            "def body(c):\n"
            "    return NAME, helper(), c.value\n"
            f"def helper():\n    return 'helper of {name}'\n"
        )
    done = program(
        """
        from bocpy import Cown, when
        import mod_a, mod_b
        for module in (mod_a, mod_b):
            print(*when(Cown(1))(module.body).unwrap(timeout=60))
        """
    )
    assert done.lines == ["a helper of a 1", "b helper of b 1"]


def test_a_module_found_through_a_path_that_was_added_late(program, tmp_path, backend):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "late.py").write_text("def body():\n    return 'late'\n")
    done = program(
        f"""
        import sys
        from bocpy import when
        print(when()(lambda: "early").unwrap(timeout=60))
        sys.path.insert(0, {str(folder)!r})
        import late
        print(when()(late.body).unwrap(timeout=60))
        """
    )
    assert done.lines == ["early", "late"]


def test_a_failed_assert_under_pytest_is_an_assertion_error(program, backend):
    done = program(
        """
        import pytest
        from bocpy import Cown, when

        def test():
            @when(Cown(1))
            def failing(c):
                assert c.value == 2, "one is not two"

            with pytest.raises(AssertionError, match="one is not two"):
                failing.unwrap(timeout=60)

            @when(Cown([1]))
            def failing(c):
                assert sum(c.value) == 2

            with pytest.raises(AssertionError):
                failing.unwrap(timeout=60)
        """,
        how="pytest",
    )
    assert "1 passed" in done.out


def test_arguments_and_environment_are_there_in_bodies(program, backend):
    done = program(
        """
        import os, sys
        from bocpy import when

        cwd = os.getcwd()

        @when()
        def result():
            return sys.argv[1:], os.environ.get("EARLY"), os.getcwd() == cwd

        print(*result.unwrap(timeout=60))
        """,
        args=("one", "two"),
        env={"EARLY": "set"},
    )
    assert done.out == "['one', 'two'] set True\n"


def test_print_in_a_body_is_on_standard_output(program, backend):
    done = program(
        """
        import sys
        from bocpy import wait, when

        @when()
        def _():
            print("out")
            print("err", file=sys.stderr)

        wait()
        print("after")
        """
    )
    assert done.lines == ["out", "after"]
    assert "err" in done.err


def test_cowns_that_a_shipped_function_reaches(program, backend):
    """A value that is pickled, and the cowns that it reaches, which are pickled with
    it."""
    done = program(
        """
        from bocpy import Cown, when

        shared = Cown(5)

        class Holder:
            cown = shared

        def helper():
            return when(shared, Holder.cown)(lambda one, other: one.value + other.value)

        cown = Cown(helper)

        @when(cown)
        def called(cown):
            return cown.value()

        print(called.unwrap(timeout=60).unwrap(timeout=60))
        """
    )
    assert done.out == "10\n"


def test_a_global_that_cannot_be_shipped_is_explained(program, backend):
    done = program(
        """
        import threading
        from bocpy import when

        lock = threading.Lock()

        class Holder:
            lock = threading.Lock()

        for body in (lambda: bool(lock), lambda: bool(Holder.lock)):
            try:
                print(when()(body).unwrap(timeout=60))
            except (NameError, AttributeError) as error:
                print(error)
        """
    )
    if backend == "threads":
        assert done.lines == ["True", "True"]
    else:
        why = "of __main__ could not be shipped to this interpreter: cannot"
        assert f"global 'lock' {why} ship a '_thread.lock'; keep" in done.lines[0]
        assert f"attribute 'Holder.lock' {why} pickle '_thread.lock'" in done.lines[1]


SHADOWING = """
from bocpy import Cown, wait, when

total = Cown(0)
rate = 1

class Item:
    def __init__(self, n):
        self.n = n

def add(n):
    @when(total)
    def _(total):
        total.value += Item(n).n * rate

for i in range(5):
    add(i)
wait()
"""

USES_SHADOWING = """
import sys
sys.path.insert(0, {folder!r})
import {name}
from bocpy import wait, when

{name}.rate = 10
{name}.add(1)
@when({name}.total)
def result(total):
    return {name}.Item(total.value).n
wait()
print(result.unwrap())
"""


@pytest.mark.parametrize("name", ["sched", "profile"])
def test_a_module_with_the_name_of_one_of_the_library(program, backend, tmp_path, name):
    """It schedules while it is imported, and the program changes it: it is not taken
    for the standard library's."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / f"{name}.py").write_text(SHADOWING)
    source = USES_SHADOWING.format(folder=str(folder), name=name)
    assert program(source).lines == ["20"]
