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


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name):
    parser, report = doctest.DocTestParser(), []
    test = parser.get_doctest(EXAMPLES[name], {"__name__": "__main__"}, name, None, 0)
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize(
    "name", ["Behaviors", "Cown", "read", "when", "whencall", "wait"]
)
def test_the_main_names_have_examples(name):
    assert name in EXAMPLES
