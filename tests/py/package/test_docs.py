"""The examples in the docstrings of the public names, run as they stand."""

import doctest

import bocpy
import pytest

pytestmark = pytest.mark.usefixtures("stopped")


def documented():
    """Every public name, and every member of a public class, with an example."""
    for name in sorted(bocpy.__all__):
        thing = getattr(bocpy, name)
        members = [(name, thing)]
        if isinstance(thing, type):
            members += [(f"{name}.{m}", getattr(thing, m)) for m in vars(thing)]
        for path, member in members:
            if ">>>" in (getattr(member, "__doc__", None) or ""):
                yield path, member.__doc__


EXAMPLES = dict(documented())
#: Classes that calls make, whose examples show them.
RESULTS = ["WaitResult"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name):
    parser, report = doctest.DocTestParser(), []
    test = parser.get_doctest(EXAMPLES[name], {"__name__": "__main__"}, name, None, 0)
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)


NAMES = [name for name in bocpy.__all__ if callable(getattr(bocpy, name))]


@pytest.mark.parametrize("name", NAMES)
def test_public_callables_have_an_example(name):
    assert name in EXAMPLES or name in RESULTS


@pytest.mark.parametrize("name", RESULTS)
def test_exported_objects_have_a_docstring(name):
    assert len(getattr(bocpy, name).__doc__) > 50
