"""Notebooks and IPython: cells that run again, and the names that they leave."""

import harness

if harness.HAS_JUPYTER:

    def in_kernel(program, tmp_path, source, **how):
        folders = ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        env = dict.fromkeys(folders, str(tmp_path / "jupyter"))
        return program(source, env=env, **{"how": "jupyter", **how})

    def test_a_cell_that_runs_again_sees_new_definitions(program, tmp_path, backend):
        done = in_kernel(
            program,
            tmp_path,
            """
            from bocpy import Cown, when
            c = Cown(1)


            def factor(n): return n
            class Kept: n = "first"


            def run():
                @when(c)
                def result(c):
                    return factor(c.value), Kept.n
                return result.unwrap(timeout=60)
            print(*run())


            def factor(n): return n * 100
            class Kept: n = "second"


            print(*run())
            """,
        )
        assert done.lines == ["1 first", "100 second"]

    def test_results_are_there_in_later_cells(program, tmp_path, backend):
        done = in_kernel(
            program,
            tmp_path,
            """
            from bocpy import Cown, quiesce, start, wait, when
            start(2)
            cowns = [Cown(n) for n in range(5)]


            results = [when(c)(lambda c: c.value ** 2) for c in cowns]


            print([result.unwrap(timeout=60) for result in results])
            wait()


            @when(cowns[3])
            def failed(c):
                return 1 / (c.value - 3)


            try:
                failed.unwrap(timeout=60)
            except ZeroDivisionError as error:
                print(error)


            total = when(*cowns)(lambda *all: sum(c.value for c in all))
            print(total.unwrap(timeout=60))
            """,
        )
        assert done.lines == ["[0, 1, 4, 9, 16]", "division by zero", "10"]

    def test_what_a_body_prints_is_in_the_notebook_on_threads(program, tmp_path):
        done = in_kernel(
            program,
            tmp_path,
            """
            from bocpy import start, wait, when
            start(backend="threads")


            @when()
            def _():
                print("printed in a body")
            wait()
            """,
        )
        assert done.lines == ["printed in a body"]

    def test_a_script_that_ipython_runs(program, tmp_path, backend):
        (tmp_path / "told.py").write_text(
            "from bocpy import Cown, when\n"
            "class Kept:\n"
            "    n = 40\n"
            "c = Cown(Kept())\n"
            "@when(c)\n"
            "def result(c):\n"
            "    return type(c.value) is Kept, c.value.n + 2\n"
            "print(*result.unwrap(timeout=60))\n",
            encoding="ascii",
        )
        done = in_kernel(program, tmp_path, "%run told.py", how="ipython")
        assert done.lines == ["True 42"]
