"""Other processes beside a runtime: multiprocessing, futures, subprocess.

Each test is a program of its own with a time limit.
"""

import os

import pytest
from busy_programs import BUSY, RAN

METHODS = ["fork", "spawn", "forkserver"] if os.name == "posix" else ["spawn"]


@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing(program, backend, method):
    done = program(
        f"""
        import multiprocessing, sys, warnings
        warnings.simplefilter("ignore")
        from bocpy import Cown, wait, when

        def work(n):
            c = Cown(n)
            when(c)(lambda c: setattr(c, "value", c.value * 2))
            wait()
            return c.unwrap()

        if __name__ == "__main__":
            print(work(1))
            context = multiprocessing.get_context({method!r})
            with context.Pool(2) as pool:
                print(pool.map(work, range(4)))
            print(work(5))
            process = context.Process(target=work, args=(1,))
            process.start()
            process.join()
            print(process.exitcode)
        """
    )
    assert done.lines == ["2", "[0, 2, 4, 6]", "10", "0"]


def test_concurrent_futures_processes(program, backend):
    done = program(
        """
        import warnings
        warnings.simplefilter("ignore")
        from concurrent.futures import ProcessPoolExecutor
        from bocpy import Cown, wait, when

        def work(n):
            return when(Cown(n))(lambda c: c.value + 1).unwrap(timeout=50)

        if __name__ == "__main__":
            print(work(0))
            with ProcessPoolExecutor(2) as pool:
                print(list(pool.map(work, range(3))))
        """
    )
    assert done.lines == ["1", "[1, 2, 3]"]


def test_subprocess_with_a_live_runtime(program, backend):
    done = program(
        BUSY
        + """
import subprocess
print(subprocess.run([sys.executable, "-c", "print('inner')"],
                     capture_output=True, text=True).stdout.strip(), flush=True)
wait()
print("end")
"""
    )
    assert sorted(done.lines) == sorted([*RAN, "inner", "end"])


def test_subprocess_in_a_body(program, backend):
    done = program(
        """
        import subprocess, sys
        from bocpy import when

        @when()
        def result():
            command = [sys.executable, "-c", "print('inner')"]
            return subprocess.run(command, capture_output=True, text=True).stdout

        print(result.unwrap(timeout=50), end="")
        """
    )
    assert done.out == "inner\n"
