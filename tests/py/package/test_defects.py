"""Ways in which other implementations of this API fail: a test for each.

The list stands in the notes on compatibility: crashes, hangs, wrong results and
unreasonable costs that were found by running real programs.
"""

import os
import time

import pytest
from harness import LIMIT, finish_program

# Crashes


def test_the_first_call_of_a_new_thread(program, backend):
    done = program(
        """
        import threading
        from bocpy import Cown, start, wait, when
        start(2)
        out = []
        def work():
            c = Cown([1])
            when(c)(lambda c: c.value.append(2))
            out.append(c.unwrap(timeout=50))
        threads = [threading.Thread(target=work) for _ in range(5)]
        for t in threads: t.start()
        for t in threads: t.join()
        wait()
        print(out)
        """
    )
    assert done.out == f"{[[1, 2]] * 5}\n"


if os.name == "posix":

    def test_fork_after_start(program, backend):
        done = program(
            """
            import os, warnings
            warnings.simplefilter("ignore")
            import bocpy
            bocpy.start(2)
            pid = os.fork()
            if pid == 0:
                os._exit(4)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            bocpy.wait()
            """
        )
        assert done.out == "4\n"


@pytest.mark.parametrize("depth", [1_000, 10_000, 100_000])
def test_a_deep_result(program, backend, depth):
    done = program(
        f"""
        from bocpy import wait, when

        @when()
        def deep():
            value = None
            for _ in range({depth}):
                value = [value]
            return value

        wait()
        try:
            value = deep.unwrap()
        except (RecursionError, TypeError, ValueError) as error:
            print("refused")
        else:
            depth = 0
            while value is not None:
                value, depth = value[0], depth + 1
            print(depth)
        """
    )
    assert done.lines[0] in ("refused", str(depth))
    if backend == "threads" or depth == 1_000:
        assert done.lines == [str(depth)]


# Hangs


def test_leaving_without_wait(program, backend):
    done = program(
        """
        from bocpy import Cown, when

        @when(Cown(1))
        def _(c):
            print("ran", flush=True)
        """
    )
    assert done.lines == ["ran"]


@pytest.mark.parametrize("what", ["assigns", "returns", "raises"])
def test_a_body_that_produces_something_unpicklable(program, backend, what):
    statement = {
        "assigns": "c.value = threading.Lock()",
        "returns": "return threading.Lock()",
        "raises": "raise ValueError(threading.Lock())",
    }[what]
    done = program(
        f"""
        import threading
        from bocpy import Cown, wait, when

        c, other = Cown(1), Cown(2)

        @when(c)
        def result(c):
            {statement}

        @when(c, other)
        def after(c, other):
            return "after"

        wait()
        for cown in (result, c, after):
            try:
                cown.unwrap()
            except Exception:
                pass
        print(other.unwrap())
        """
    )
    assert done.lines == ["2"]


def test_a_class_defined_under_the_main_guard(program, backend):
    done = program(
        """
        from bocpy import Cown, wait, when

        if __name__ == "__main__":
            class Guarded:
                n = 3

            c = Cown(Guarded())
            result = when(c)(lambda c: (type(c.value) is Guarded, c.value.n))
            wait()
            print(*result.unwrap())
        """
    )
    assert done.lines == ["True 3"]


def test_the_behaviors_context_manager(program, backend):
    done = program(
        """
        from bocpy import Behaviors, Cown, when
        c = Cown(1)
        with Behaviors(2):
            when(c)(lambda c: setattr(c, "value", 2))
        print(c.unwrap())
        """
    )
    assert done.lines == ["2"]


@pytest.mark.parametrize("call", ["wait", "quiesce"])
@pytest.mark.parametrize("pending", [False, True])
def test_a_timeout_that_is_not_a_number(program, backend, call, pending):
    done = program(
        f"""
        import bocpy
        bocpy.start()
        if {pending}:
            bocpy.when(bocpy.Cown(1))(lambda c: None)
        try:
            bocpy.{call}(float("nan"))
        except ValueError as error:
            print("refused")
        bocpy.wait()
        """
    )
    assert done.lines == ["refused"]


def test_a_second_wait(program, backend):
    done = program(
        """
        from bocpy import Cown, wait, when
        c = Cown(1)
        when(c)(lambda c: setattr(c, "value", 2))
        wait()
        wait()
        print(c.unwrap())
        """
    )
    assert done.lines == ["2"]


# Wrong


def test_cowns_are_usable_after_wait(program, backend):
    done = program(
        """
        from bocpy import Cown, wait, when
        c = Cown([0])
        for n in range(3):
            when(c)(lambda c: c.value.append(0))
            wait()
            with c as value:
                print(len(value))
        """
    )
    assert done.lines == ["2", "3", "4"]


def test_results_in_a_list_keep_their_values(program, backend):
    done = program(
        """
        from bocpy import Cown, wait, when
        results = [when(Cown(n))(lambda c: [c.value]) for n in range(20)]
        wait()
        print([r.unwrap()[0] for r in results] == list(range(20)))
        """
    )
    assert done.lines == ["True"]


def test_lists_stay_lists(program, backend):
    done = program(
        """
        from bocpy import Cown, wait, when
        c = Cown({"a": [1, (2, [3])]})
        result = when(c)(lambda c, x=[4]: (c.value, x, [5]))
        wait()
        print(result.unwrap())
        """
    )
    assert done.lines == ["({'a': [1, (2, [3])]}, [4], [5])"]


def test_an_enum_in_the_script(program, backend):
    done = program(
        """
        import enum
        from bocpy import Cown, wait, when

        class Color(enum.Enum):
            RED = 1

        result = when(Cown(Color.RED))(lambda c: c.value is Color.RED)
        wait()
        print(result.unwrap())
        """
    )
    assert done.lines == ["True"]


def test_class_identity_in_bodies(program, backend):
    done = program(
        """
        from bocpy import Cown, wait, when

        class Mine:
            pass

        @when(Cown(Mine()))
        def result(c):
            return type(c.value) is Mine, isinstance(c.value, Mine), Mine()

        wait()
        a, b, made = result.unwrap()
        print(a, b, type(made) is Mine)
        """
    )
    assert done.lines == ["True True True"]


def test_conditional_imports(program, backend):
    done = program(
        """
        from bocpy import wait, when

        try:
            import json
        except ImportError:
            json = None

        if json:
            from os import path as where

        result = when()(lambda: (json.dumps([]), where.basename("a/b")))
        wait()
        print(*result.unwrap())
        """
    )
    assert done.lines == ["[] b"]


@pytest.mark.parametrize("how", ["script", "-c", "stdin", "module"])
def test_top_level_code_runs_once(program, backend, how):
    done = program(
        """
        from bocpy import Cown, wait, when
        print("top level", flush=True)

        class Mine:
            print("class body", flush=True)

        def helper():
            return Mine().__class__.__name__

        results = [when(Cown(n))(lambda c: helper()) for n in range(10)]
        wait()
        print({r.unwrap() for r in results})
        """,
        how=how,
    )
    assert done.lines.count("top level") == 1
    assert done.lines[-1] == "{'Mine'}"
    if backend == "threads":
        assert done.lines.count("class body") == 1


def test_tracebacks_are_kept(program, backend):
    done = program(
        """
        from bocpy import wait, when

        def inner():
            return {}["missing"]

        result = when()(lambda: inner())
        wait()
        result.unwrap()
        """,
        expect_code=1,
    )
    assert "in inner" in done.err
    assert "KeyError: 'missing'" in done.err


# Slow


def test_a_hop_does_not_pickle_the_value(program, backend):
    done = program(
        """
        from bocpy import Cown, start, wait, when

        class Heavy:
            count = 0
            def __getstate__(self):
                Heavy.count += 1
                return {}

        start(1)
        c = Cown(None)
        when(c)(lambda c: setattr(c, "value", Heavy()))
        for _ in range(1000):
            result = when(c)(lambda c: type(c.value).count)
        wait()
        print(result.unwrap())
        """
    )
    assert int(done.out) <= 1


def test_a_hundred_thousand_cowns_in_one_when(launch, backend):
    began = time.monotonic()
    process = launch(
        """
        import time
        from bocpy import Cown, wait, when
        cowns = [Cown(n) for n in range(100_000)]
        began = time.thread_time()
        result = when(cowns)(lambda group: len(group))
        print(time.thread_time() - began)
        wait()
        print(result.unwrap())
        """
    )
    done = finish_program(process)
    scheduling, length = done.lines
    assert length == "100000"
    assert float(scheduling) < 2
    assert time.monotonic() - began < LIMIT
