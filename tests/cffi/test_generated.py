"""The files that are generated from the headers exist, are complete, and are up to
date."""

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import libboc
from libboc import _base, ffi, lib

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "libboc" / "include" / "boc"
TEXT = "".join(
    re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    for path in sorted(INCLUDE.glob("*.h"))
)
FUNCTIONS = sorted(set(re.findall(r"BOC_API\b[^;(]*?\b(boc_\w+)\(", TEXT)))
CONSTANTS = re.findall(r"#define (BOC_[A-Z_]+) +\(?(?:U?INT64_C\()?(-?\d+)", TEXT)
STATUSES = re.findall(r'X\((\w+), (outcome|refusal), "([^"]+)"\)', TEXT)
CALLBACKS = re.findall(r"\(\*(\w+)\)\(", TEXT)


def test_generating_again_changes_nothing():
    if not all(map(importlib.util.find_spec, ("pycparser", "ruff"))):
        pytest.skip("the generator's requirements (tools/requirements/cffi.txt)")
    command = [sys.executable, ROOT / "bindings" / "libboc" / "generate.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_headers_were_read():
    assert len(FUNCTIONS) > 60
    assert len(STATUSES) > 8
    assert len(CONSTANTS) > 4


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    assert callable(getattr(lib, name))


@pytest.mark.parametrize(("name", "value"), CONSTANTS)
def test_constant(name, value):
    assert getattr(lib, name) == int(value)


def test_types_are_complete():
    for name in re.findall(r"^\} (boc_\w+);", TEXT, re.MULTILINE):
        assert ffi.sizeof(name) > 0
    for name in re.findall(r"typedef struct \w+ (boc_\w+);", TEXT):
        assert ffi.typeof(f"{name} *").kind == "pointer"


def test_every_function_pointer_has_a_callback():
    callbacks = [name for name in dir(lib) if name.startswith("py_")]
    for name in CALLBACKS:
        assert any(callback.endswith("_" + name) for callback in callbacks), name


@pytest.mark.parametrize(("name", "kind", "text"), STATUSES)
def test_status(name, kind, text):
    status = getattr(lib, f"BOC_{name}")
    assert ffi.string(lib.boc_status_text(status)).decode() == text
    if name == "OK":
        return
    exception = libboc._status_errors.EXCEPTIONS[f"BOC_{name}"]
    base = {"outcome": libboc.Outcome, "refusal": libboc.Refusal}[kind]
    assert issubclass(exception, base)
    assert issubclass(exception, libboc.Error)
    assert getattr(libboc, exception.__name__) is exception
    with pytest.raises(exception, match=re.escape(text)):
        libboc._base.check(status, "what was tried")


def test_statuses_that_are_builtin_exceptions():
    assert issubclass(libboc.Timeout, TimeoutError)
    assert issubclass(libboc.NoMemory, MemoryError)
    assert issubclass(libboc.BadArgument, ValueError)
    assert issubclass(libboc.BadState, RuntimeError)
    assert issubclass(libboc.NotFound, LookupError)


def test_an_unknown_status_is_an_error():
    with pytest.raises(libboc.Error):
        libboc._base.check(9999)


def test_defaults_of_options():
    given = libboc._base.options("runtime_options")
    assert given.size == ffi.sizeof("boc_runtime_options")
    assert given.spin == lib.BOC_SPIN_DEFAULT


def test_version():
    assert libboc.version() == libboc.__version__
    assert libboc.__version__.split(".")[0] == str(lib.BOC_VERSION_MAJOR)


def test_public_names_have_docstrings():
    for name in libboc.__all__:
        value = getattr(libboc, name)
        if name in ("ffi", "lib", "REMOVED", "__version__"):
            continue
        assert inspect.getdoc(value), name


def test_a_new_type_is_parsed_when_the_package_is_imported():
    """Two threads of PyPy that parse at the same time may get each other's type."""
    package = Path(libboc.__file__).parent
    named = set()
    for path in package.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'ffi\.(?:new|cast|typeof|sizeof)\(\s*"([^"]*)"', text))
    assert named <= set(_base.C_TYPES)
