"""CPython's own tests of executors, from the installed interpreter, over BocExecutor.

All that is written for any executor runs, and all that is written for thread pools and
asks for nothing that only a thread pool has. LEFT_OUT names the others and says why.
"""

import importlib.util

import pytest

#: How many run at least; newer versions of CPython have more.
LEAST = {"threads": 33, "interpreters": 30}

CPYTHON = '''
    """CPython's tests with BocExecutor where they have a pool of their own."""
    import importlib, os, sys, threading, unittest

    PARTS = "executor thread_pool process_pool wait as_completed shutdown init util"
    parts = []
    for part in PARTS.split():
        for name in (part, "test_" + part):
            try:
                module = "test.test_concurrent_futures." + name
                parts.append(importlib.import_module(module))
            except ImportError:  # one file until 3.12
                pass
    if not parts:
        parts.append(importlib.import_module("test.test_concurrent_futures"))

    def of_cpython(name):
        return next(getattr(part, name) for part in parts if hasattr(part, name))

    import bocpy
    from test.support.script_helper import assert_python_ok

    def run_ours(*args, **env):
        """Runs a program with our executor in place of a pool."""
        ours = [
            arg.replace("ThreadPoolExecutor", "BocExecutor").replace(
                "from concurrent.futures import BocExecutor",
                "from bocpy import BocExecutor")
            for arg in args
        ]
        assert "from bocpy import BocExecutor" in ours[-1], args
        return assert_python_ok(*ours, PYTHONPATH=os.pathsep.join(sys.path), **env)

    for part in parts:
        if hasattr(part, "assert_python_ok"):
            part.assert_python_ok = run_ours

    bocpy.start(5)

    def create_event(self):  # from 3.13.1 on each kind of pool has its own
        return threading.Event()

    MIXINS = ["ExecutorTest", "WaitTests", "AsCompletedTests", "ExecutorShutdownTest",
              "InitializerMixin", "FailingInitializerMixin"]
    POOLS = {"threads": ["ThreadPoolExecutorTest", "ThreadPoolWaitTests",
                         "ThreadPoolShutdownTest"],
             "interpreters": ["ProcessPoolExecutorTest", "ProcessPoolShutdownTest"]}
    #: These ask for what only CPython's own pools have.
    LEFT_OUT = {
        "the threads or processes of a pool": (
            "test_saturation", "test_idle_thread_reuse", "test_threads_terminate",
            "test_idle_process_reuse_one", "test_idle_process_reuse_multiple",
            "test_processes_terminate", "test_killed_child"),
        "a pool that the test makes by its name": (
            "test_context_manager_shutdown", "test_del_shutdown",
            "test_shutdown_no_wait", "test_thread_names_assigned",
            "test_thread_names_default", "test_hang_global_shutdown_lock",
            "test_max_workers_too_large"),
        "32 workers, or four more than cores, by default": ("test_default_workers",),
        "max_tasks_per_child": (
            "test_max_tasks_per_child", "test_max_tasks_early_shutdown",
            "test_max_tasks_per_child_defaults_to_spawn_context"),
        "the private class _RemoteTraceback": ("test_traceback",),
        "a server process of multiprocessing": ("test_ressources_gced_in_workers",),
        "the private threads of a process pool": (
            "test_python_finalization_error", "test_force_shutdown_workers",
            "test_force_shutdown_workers_invalid_op"),
    }
    backend = bocpy._core._backend()

    def over_ours(name):
        """A class of CPython's tests with our executor."""
        case, mixin = of_cpython(name), of_cpython("ExecutorMixin")
        bases = [case]
        if not issubclass(case, mixin):
            bases.insert(0, mixin)
        if not issubclass(case, of_cpython("BaseTestCase")):
            bases.append(of_cpython("BaseTestCase"))
        ours = {"executor_type": bocpy.BocExecutor, "create_event": create_event}
        return type("Boc" + name, tuple(bases), ours)

    left_out = {name for names in LEFT_OUT.values() for name in names}
    suite = unittest.TestSuite()
    seen = set()  # a pool's class of tests inherits those for all executors
    for case in map(over_ours, MIXINS + POOLS[backend]):
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            function = getattr(case, name)
            if name not in left_out and function not in seen:
                seen.add(function)
                suite.addTest(case(name))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    good = result.testsRun - len(result.failures + result.errors + result.skipped)
    print()
    print(backend, result.testsRun, good, len(result.skipped))
    sys.exit(not result.wasSuccessful())
'''


# Some distributions leave CPython's tests out.
if importlib.util.find_spec("test.test_concurrent_futures"):

    @pytest.mark.stress  # 25 seconds, on waiting mostly
    def test_cpythons_own_tests(program, backend):
        done = program(CPYTHON, expect_code=None, timeout=120)
        assert done.code == 0, done.err
        here, run, passed, skipped = done.lines[-1].split()
        assert (here, skipped) == (backend, "0")
        assert int(run) == int(passed) >= LEAST[backend]
