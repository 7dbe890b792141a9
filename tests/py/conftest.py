"""Fixtures of the Python suite.

A test that asks for `backend` runs once for each backend that this interpreter has;
where a backend does not exist no test is made for it, and a test that cannot exist on
this interpreter or system is left out: none is skipped.
All tests of one backend run together, since changing it ends the workers.

`runtime` is a started runtime with two workers that is quiescent and closed again
when the test is over. `program` runs a source text as a program of its own.
"""

import importlib.util
import os
import signal
from fnmatch import fnmatch
from functools import partial

import bocpy
import cffi_core
import event_loops
import harness
import pytest

# A shell's background jobs ignore Ctrl-C, and so would the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: These call entries of the extension that only builds for tests have (Meson option
#: `test_hooks`); a published wheel is tested without them.
HOOKED = ("test_codec.py", "test_codec_any.py", "test_codec_edges.py")
collect_ignore = [] if hasattr(bocpy._core, "_codec_encode") else list(HOOKED)
#: Whole files that are about workers with interpreters of their own.
if "interpreters" not in harness.BACKENDS:
    collect_ignore.append("runtime/test_on_demand.py")
#: Nothing can be compared where NumPy has no wheel: see tools/requirements/test.txt.
if importlib.util.find_spec("numpy") is None:
    collect_ignore.append("matrix/test_matrix_numpy.py")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tests too")
    parser.addoption("--backend", choices=harness.BACKENDS, help="only this backend")


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        only = metafunc.config.getoption("backend")
        backends = [only] if only else harness.BACKENDS
        marked = metafunc.definition.get_closest_marker("backends")
        if marked:
            backends = [backend for backend in backends if backend in marked.args]
        metafunc.parametrize("backend", backends, scope="session")


def pytest_ignore_collect(collection_path):
    """Ignores files that test what the core by cffi does not have: cffi_core.py."""
    name = collection_path.name
    if harness.CFFI and any(map(partial(fnmatch, name), cffi_core.FILES)):
        return True
    return None


def has_core(item):
    """Whether this core has what the test needs."""
    name = item.nodeid.rpartition("/")[2] if "[" not in item.nodeid else item.nodeid
    name = name[name.index("test_") :]
    left_out = [*cffi_core.TESTS, *(cffi_core.TESTS_ON_PYPY if harness.PYPY else ())]
    return not any(name.startswith(begin) for begin in left_out)


def exists_here(item):
    """Whether what the test is about exists on this interpreter and system: what its
    `skipif` asks, and whether a list of parameters has entries."""
    if any(mark.args[0] for mark in item.iter_markers("skipif")):
        return False
    reasons = (mark.kwargs.get("reason", "") for mark in item.iter_markers("skip"))
    return not any(reason.startswith("got empty parameter") for reason in reasons)


def pytest_collection_modifyitems(config, items):
    absent = [item for item in items if not exists_here(item)]
    config.hook.pytest_deselected(items=absent)
    items[:] = [item for item in items if item not in absent]
    if harness.CFFI:
        config.hook.pytest_deselected(
            items=[item for item in items if not has_core(item)]
        )
        items[:] = [item for item in items if has_core(item)]
    if config.getoption("slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.fixture(scope="session")
def chosen_backend(backend):
    """The backend, made the default of this process."""
    before = os.environ.get("BOCPY_BACKEND")
    os.environ["BOCPY_BACKEND"] = backend
    yield backend
    if before is None:
        del os.environ["BOCPY_BACKEND"]
    else:
        os.environ["BOCPY_BACKEND"] = before


@pytest.fixture
def stopped(chosen_backend):
    """A stopped runtime; behaviors that the test leaves are finished afterwards."""
    yield bocpy
    bocpy.start()
    bocpy.quiesce(timeout=harness.LIMIT)
    bocpy.wait()
    bocpy.set_tags([])  # the tags of one test are not the next one's


@pytest.fixture
def runtime(stopped, chosen_backend):
    """A runtime with two workers on the chosen backend."""
    bocpy.start(worker_count=2, backend=chosen_backend)
    return bocpy


@pytest.fixture
def gate():
    """A gate for behaviors; it stays until all that passed it have ended."""
    with harness.Gate() as made:
        yield made
        bocpy.quiesce(timeout=harness.LIMIT)


@pytest.fixture(params=event_loops.NAMES)
def library(request):
    """The event loops of a library, once for each that is installed."""
    return event_loops.LIBRARIES[request.param]()


@pytest.fixture
def program(request, tmp_path):
    """Runs a source text as a program: `program(source, how="script", ...)`.

    `how` is "script", "-c", "stdin", "module" or "pytest". The backend is the one
    the test runs for, if it asked for one."""
    backend = None
    if "backend" in request.fixturenames:
        backend = request.getfixturevalue("backend")

    def run(source, *, timeout=harness.LIMIT, expect_code=0, **how):
        process = harness.start_program(source, tmp_path, **{"backend": backend, **how})
        return harness.finish_program(process, timeout=timeout, expect_code=expect_code)

    return run


@pytest.fixture
def launch(request, tmp_path):
    """Like `program`, but returns the running process, for tests that talk to it."""
    running = []

    def start(source, **how):
        backend = request.getfixturevalue("backend")
        process = harness.start_program(source, tmp_path, backend=backend, **how)
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
            process.communicate()
        harness.end_group(process)
