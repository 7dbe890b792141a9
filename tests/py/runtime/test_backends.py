"""Which backend runs, and changing it."""

import sys

import pytest
from harness import BACKENDS, FREE_THREADED

# Prints the backend in use, as a value shows it: the same object or a copy.
PROBE = """\
import os
import bocpy
from bocpy import Cown, wait, when

value = [1]
def probe():
    c = Cown(value)
    @when(c)
    def address(c):
        return id(c.value)
    kind = "threads" if address.unwrap(timeout=50) == id(value) else "interpreters"
    print(kind, flush=True)
"""


def test_the_default(program):
    done = program(PROBE + "probe()")
    plain = sys.version_info >= (3, 12) and not FREE_THREADED
    assert done.lines == ["interpreters" if plain else "threads"]


@pytest.mark.parametrize("name", BACKENDS)
def test_the_environment_chooses(program, name):
    assert program(PROBE + "probe()", env={"BOCPY_BACKEND": name}).lines == [name]


@pytest.mark.parametrize("name", BACKENDS)
def test_start_chooses(program, name):
    source = PROBE + f"bocpy.start(2, backend={name!r})\nprobe()"
    assert program(source).lines == [name]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("other", BACKENDS)
def test_start_goes_before_the_environment(program, name, other):
    source = PROBE + f"bocpy.start(backend={name!r})\nprobe()"
    assert program(source, env={"BOCPY_BACKEND": other}).lines == [name]


def test_an_unknown_backend_in_the_environment(program):
    done = program(PROBE + "probe()", env={"BOCPY_BACKEND": "fibers"}, expect_code=1)
    assert "fibers" in done.err
    assert "threads" in done.err


if len(BACKENDS) > 1:

    def test_changing_the_backend_after_wait(program):
        """The values of cowns survive it."""
        done = program(
            PROBE
            + """
c = Cown([])
for backend in ("interpreters", "threads", "interpreters", "threads"):
    bocpy.start(backend=backend)
    probe()
    when(c)(lambda c, backend=backend: c.value.append(backend))
    wait()
print(*c.unwrap())
"""
        )
        names = ["interpreters", "threads"] * 2
        assert done.lines == [*names, " ".join(names)]

    def test_a_module_that_refuses_interpreters_says_what_to_do(program):
        """readline is such a module on every version."""
        done = program(
            """
            from bocpy import when

            @when()
            def result():
                import readline
                return readline.__name__

            try:
                print(result.unwrap(timeout=50))
            except ImportError as error:
                print("threads" in str(error), "readline" in str(error))
            """,
            env={"BOCPY_BACKEND": "interpreters"},
        )
        assert done.lines == ["True True"]

else:

    def test_interpreters_are_refused_where_there_are_none(program):
        done = program(
            "import bocpy; bocpy.start(backend='interpreters')", expect_code=1
        )
        assert "interpreters" in done.err
        assert "threads" in done.err
