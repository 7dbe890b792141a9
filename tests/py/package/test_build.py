"""The package as it is built: versions, modules, what the import does."""

import importlib.metadata
import pathlib
import re
import subprocess
import sys

import bocpy
import pytest
from harness import FREE_THREADED, LIMIT, child_environment

PACKAGE = pathlib.Path(bocpy.__file__).parent


def run(source, **environment):
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", source],
        env=child_environment(None, environment),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def test_versions_agree():
    assert bocpy.__version__ == importlib.metadata.version("bocpy")
    assert re.match(r"\d+\.\d+(\.\d+)?", bocpy.__version__)


def test_the_library_has_the_version_of_the_package():
    from bocpy import _core

    assert _core._libboc_version == bocpy.__version__


def test_all_names_exist_and_have_a_docstring():
    for name in bocpy.__all__:
        assert getattr(bocpy, name) is not None
        if callable(getattr(bocpy, name)):
            assert getattr(bocpy, name).__doc__


@pytest.mark.parametrize(
    "name",
    [
        "Behaviors",
        "Cown",
        "WORKER_COUNT",
        "__version__",
        "get_include",
        "get_sources",
        "quiesce",
        "start",
        "wait",
        "when",
        "whencall",
    ],
)
def test_public_names(name):
    assert hasattr(bocpy, name)


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_the_header_for_extensions_is_in_the_package():
    folder = pathlib.Path(bocpy.get_include())
    assert folder.is_absolute()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files == [folder / "bocpy" / "bocpy.h"]
    assert bocpy.get_sources() == []


def test_star_import_gives_the_public_names():
    done = run("from bocpy import *; print(when, Cown, wait)")
    assert done.returncode == 0, done.stderr


def test_the_import_starts_nothing():
    done = run("import threading, bocpy; print(threading.active_count())")
    assert done.stdout == "1\n", done.stderr


def test_the_import_says_nothing():
    done = run("import bocpy", PYTHONWARNINGS="error")
    assert (done.stdout, done.stderr) == ("", "")


def test_the_import_in_development_mode():
    done = run("import bocpy; bocpy.start(); bocpy.wait()", PYTHONDEVMODE="1")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_import_twice():
    done = run(
        "import sys, bocpy\n"
        "for name in [n for n in sys.modules if n.startswith('bocpy')]:\n"
        "    del sys.modules[name]\n"
        "import bocpy as again\n"
        "print(again.when(again.Cown(1))(lambda c: c.value).unwrap(timeout=50))\n"
        "again.wait()"
    )
    assert done.returncode in (0, 1), done.stderr
    assert "1\n" in done.stdout or "ImportError" in done.stderr


if FREE_THREADED:

    def test_the_gil_stays_off():
        done = run(
            "import sys, bocpy\n"
            "assert not sys._is_gil_enabled()\n"
            "bocpy.when(bocpy.Cown(1))(lambda c: 0)\n"
            "bocpy.wait()\n"
            "assert not sys._is_gil_enabled()\n",
            PYTHONWARNINGS="error",
        )
        assert done.returncode == 0, done.stderr


if sys.version_info >= (3, 12):

    def subinterpreter(source):
        """Runs `source` in an interpreter with a GIL of its own."""
        if sys.version_info >= (3, 14):
            make = "from concurrent import interpreters\ni = interpreters.create()\n"
            return run(make + f"i.exec({source!r})")
        module = (
            "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
        )
        return run(
            f"import {module} as m\n"
            "i = m.create()\n"
            f"error = m.run_string(i, {source!r})\n"
            "assert error is None, error\n"
            "m.destroy(i)\n"
        )

    if not FREE_THREADED:

        def test_every_module_loads_in_an_interpreter_of_its_own_gil():
            from bocpy import _core

            names = [
                f"bocpy.{path.name.partition('.')[0]}"
                for path in PACKAGE.iterdir()
                if path.suffix in (".so", ".pyd")
            ]
            names = names or [_core.__name__]
            imports = "\n".join(f"import {name}" for name in [*names, "bocpy"])
            done = subinterpreter(imports)
            assert done.returncode == 0, done.stderr

        def test_the_runtime_is_refused_in_a_foreign_interpreter():
            done = subinterpreter(
                "import bocpy\n"
                "try:\n"
                "    bocpy.start()\n"
                "except RuntimeError as error:\n"
                "    print('main interpreter' in str(error))\n"
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip() == "True"
