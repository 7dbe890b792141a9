"""Tracebacks of bodies show the lines of code that has no file."""

from __future__ import annotations

import sys

import harness
import pytest

BODIES = """
import logging, sys, traceback
from bocpy import quiesce, when

def helper(number):
    return number / 0  # divided

def shown(result):
    try: result.result(timeout=60)
    except BaseException as error: print("".join(traceback.format_exception(error)))

@when()
def plain(): return helper(1)  # plain body
shown(plain)

@when()
def named(): return there_is_none  # named body
shown(named)

@when()
def written():
    try: return {}["key"]  # written by the body
    except KeyError: return traceback.format_exc()
print(written.result(timeout=60))

@when()
def logged():
    try: return {}["key"]  # logged by the body
    except KeyError: logging.getLogger().exception("log")
logged.result(timeout=60)

@when()
def dropped(): return [][1]  # nobody looks
del dropped
quiesce()

@when()
def source():
    import inspect
    return inspect.getsource(helper)
print(source.result(timeout=60))
"""
OUT = ("# plain body", "# named body", "# written by the body", "# divided")
ERR = ("# logged by the body", "# nobody looks")
COMPILED = f"""
import linecache
text = {BODIES!r}
linecache.cache["<made>"] = (len(text), None, text.splitlines(keepends=True), "<made>")
exec(compile(text, "<made>", "exec"), globals())
"""


def has_all(done):
    assert [text for text in OUT if text not in done.out] == [], done.out
    assert [text for text in ERR if text not in done.err] == [], done.err
    assert done.out.count("# divided") == 2, done.out


def test_scripts(program, backend):
    has_all(program(BODIES))


def test_compiled_by_the_program(program, backend):
    has_all(program(COMPILED))


if sys.version_info >= (3, 13):

    @pytest.mark.parametrize("how", ["-c"])
    def test_commands(program, backend, how):
        source = BODIES[: BODIES.index("@when()\ndef source")]
        done = program(source + "print('# divided')", how=how)
        has_all(done)


def test_examples_in_docstrings(program, backend, tmp_path):
    done = program(
        '''
        def example():
            """
            >>> from bocpy import when
            >>> @when()
            ... def failed(): return 1 / 0  # the body
            >>> try: failed.result(timeout=60)
            ... except ZeroDivisionError as error: print(shown(error))
            """

        import doctest, traceback
        def shown(error): return "".join(traceback.format_exception(error))
        seen = []
        doctest.DocTestRunner(verbose=False).run(
            doctest.DocTestFinder().find(example, globs=globals())[0], out=seen.append
        )
        print("".join(seen).count("return 1 / 0  # the body"))
        '''
    )
    assert done.lines == ["1"], done.out


if harness.HAS_JUPYTER:

    def test_cells(program, backend, tmp_path):
        folders = ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        env = dict.fromkeys(folders, str(tmp_path / "jupyter"))
        has_all(program(BODIES, how="jupyter", env=env))
