"""Changes inside of the attributes of classes whose instances have travelled: seen by
all that is scheduled afterwards, whether CPython reports them or they are compared."""

import textwrap

import pytest

LIBRARY = """
class Tables:
    items = [1]
    names = {"a": 1}
    nested = {"a": [1]}
    level = 1

    def __init__(self):
        self.n = 0

    def look(self):
        cls = type(self)
        return cls.items, cls.names, cls.nested, cls.level
"""

PROGRAM = """
import time
from bocpy import Cown, quiesce, start, when
IMPORT

def look(c): return c.value.look()
def look_otherwise(c): return [*c.value.look()]

def take_time(c):
    time.sleep(0.2)

if __name__ == "__main__":
    start(1)
    c = Cown(Tables())
    print(*when(c)(look).unwrap(timeout=30))
    print(*when(c)(look_otherwise).unwrap(timeout=30))
    for change in CHANGES:
        if change == "pending":
            when(c)(take_time)
            continue
        exec(change)
        for body in (look, look_otherwise, look, look_otherwise):
            seen = when(c)(body)
            quiesce() if change != CHANGES[-1] else None
    wanted = [*Tables().look()]
    for body in (look, look_otherwise):
        print([*when(c)(body).unwrap(timeout=30)] == wanted)
    print([*seen.unwrap(timeout=30)] == wanted)
"""

CHANGES = {
    "inside a list": ["Tables.items.append(2)"],
    "inside a dict": ["Tables.names['b'] = 2"],
    "inside a dict of lists": ["Tables.nested['a'].append(2)"],
    "of an attribute": ["Tables.level = 2", "Tables.level = 3"],
    "to equal objects, then inside": [
        "Tables.items = list(Tables.items)",
        "Tables.items.append(2)",
    ],
    "to an equal dict, then inside": [
        "Tables.names = dict(Tables.names)",
        "Tables.names['b'] = 2",
    ],
    "of a dict that gets a list": [
        "Tables.names['b'] = [1]",
        "Tables.names['b'].append(2)",
    ],
    "of a new attribute": [
        "Tables.more = []",
        "Tables.items = Tables.more",
        "Tables.more.append(7)",
    ],
    "twice of an equal object": [
        "Tables.level = 1",
        "Tables.level = 1",
        "Tables.level = 5",
    ],
    "inside a list, while one is pending": ["pending", "Tables.items.append(2)"],
    "inside a dict, while one is pending": ["pending", "Tables.names['b'] = 2"],
    "to a list, while one is pending": ["pending", "Tables.items = [5]"],
}


@pytest.mark.parametrize("where", ["script", "module"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(program, backend, tmp_path, where, name):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "tables_of_program.py").write_text(textwrap.dedent(LIBRARY))
    text = LIBRARY
    if where == "module":
        text = (
            f"import sys; sys.path.insert(0, {str(folder)!r})\n"
            "from tables_of_program import Tables\n"
        )
    done = program(
        PROGRAM.replace("IMPORT", text).replace("CHANGES", repr(CHANGES[name]))
    )
    first = "[1] {'a': 1} {'a': [1]} 1"
    assert done.lines == [first, first, "True", "True", "True"]


SHAPES = """
class Failed(BaseException):
    __module__ = "builtins"

class Point:
    __module__ = "builtins"
    def __init__(self, x):
        self.x = x

def fail(x):
    raise Failed(x)
"""

NAMES = """
import shapes
from bocpy import Cown, when

@when(Cown(shapes.Point(1)))
def moved(c):
    import shapes
    assert type(c.value) is shapes.Point
    return shapes.Point(c.value.x + 1)

@when()
def failed():
    import shapes
    shapes.fail(3)

print(type(moved.result(30)) is shapes.Point)
try:
    failed.result(30)
except shapes.Failed as error:
    print(error.args)
"""


def test_a_class_that_names_another_module(program, backend, tmp_path):
    """pytest's Skipped and Failed do: the module that has them is the one to import."""
    (tmp_path / "shapes.py").write_text(SHAPES)
    assert program(NAMES).lines == ["True", "(3,)"]
