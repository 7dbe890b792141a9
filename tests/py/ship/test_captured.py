"""Functions and objects that a body captures, or has in a cown: what they read is seen
as it is when the body is scheduled, although the body's code does not name it."""

import pytest

MODULE = """
CONFIG = {}
table = []


class Kind:
    n = 1


def read():
    return CONFIG.get("x"), len(table), Kind.n
"""

MAIN = """
import app
from bocpy import Cown, start, when, whencall

start(2)
CONFIG, table = {}, []


class Kind:
    n = 1


class Reader:
    def __init__(self):
        self.v = 1

    def __call__(self):
        return CONFIG.get("x"), len(table), Kind.n, reader.v


reader = Reader()


def read():
    return CONFIG.get("x"), len(table), Kind.n, reader.v


def inner():
    return read()


def captured(function):
    @when()
    def result():
        return function()

    return result.result(60)


def default(function):
    @when()
    def result(function=function):
        return function()

    return result.result(60)


def in_a_cown(function):
    @when(Cown(function))
    def result(c):
        return c.value()

    return result.result(60)


def in_a_list(function):
    @when(Cown([function]))
    def result(c):
        return c.value[0]()

    return result.result(60)


def called(function):
    return whencall(function, [], []).result(60)


def change(by):
    CONFIG["x"] = app.CONFIG["x"] = by
    table.append(by)
    app.table.append(by)
    Kind.n = app.Kind.n = by
    reader.v = by


way = WAY
for function in (read, inner, Reader(), lambda: read(), app.read):
    for by in (2, 3):
        before = function()
        assert way(function) == before, (function, way(function), before)
        change(by)
        now = function()
        assert way(function) == now, (function, way(function), now)
print("right")
"""


@pytest.mark.parametrize(
    "way", ["captured", "default", "in_a_cown", "in_a_list", "called"]
)
def test_what_changed_is_seen(program, backend, tmp_path, way):
    """Each way in a program of its own, since another body may have made it seen."""
    (tmp_path / "app.py").write_text(MODULE)
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    assert program(path + MAIN.replace("WAY", way)).lines == ["right"]
