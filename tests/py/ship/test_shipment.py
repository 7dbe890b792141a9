"""Descriptions of bodies, references and records, without a second interpreter."""

import functools
import os
import pathlib
import pickle
import sys
import threading

import pytest
from bocpy import _body, _global_namespaces, _ship
from bocpy._code import names as code_names
from bocpy._ship import definition_log
from bocpy._ship import receive as _ship_receive

# ---- in this process -----------------------------------------------------------------


class Log:
    def __init__(self):
        self.records = []

    def _publish(self, module, name, blob):
        self.records.append((module, name, blob))

    def _published_since(self, version):
        return len(self.records), self.records[version:]


@pytest.fixture
def log(monkeypatch):
    """A log of this test alone."""
    made = Log()
    monkeypatch.setattr(definition_log, "_backend", made)
    monkeypatch.setattr(_ship_receive, "_version", 0)
    return made


async def coroutine(): ...


async def asynchronous_generator():
    yield


def generator():
    yield


REFUSED = [
    (coroutine, "behavior 'coroutine' is a coroutine function: write `def`"),
    (asynchronous_generator, "is an asynchronous generator"),
    (generator, "behavior 'generator' is a generator function: return a list"),
]


@pytest.mark.parametrize(("function", "message"), REFUSED)
def test_bodies_that_are_refused(function, message):
    with pytest.raises(SyntaxError, match=message) as caught:
        _ship.check_body(function)
    assert caught.value.filename == __file__
    assert caught.value.lineno == function.__code__.co_firstlineno


def assigning():
    n = 0

    def direct():
        nonlocal n
        n = 1

    def nested():
        def inner():
            nonlocal n
            n += 1

        return inner, n

    def deleting():
        nonlocal n
        del n

    return direct, nested, deleting


@pytest.mark.parametrize("function", assigning(), ids=lambda f: f.__name__)
def test_bodies_that_assign_closures_are_refused(function):
    with pytest.raises(SyntaxError, match="assigns 'n' of an enclosing") as caught:
        _ship.check_body(function)
    assert caught.value.lineno > function.__code__.co_firstlineno


def test_bodies_may_assign_what_is_their_own():
    outer = 1

    def body():
        own = outer

        def inner():
            nonlocal own
            own += 1

        inner()
        return own

    assert _ship.check_body(body).free == ("outer",)


def test_a_body_is_described():
    free = 1

    def body(a, b, /, c, d=1, *args, e, f=2, **kwargs):
        return free

    assert _ship.check_body(body) == _body.Body(
        positional=4,
        defaults=1,
        keyword_only=("e", "f"),
        varargs=True,
        varkeywords=True,
        free=("free",),
        names=None,
    )


class Callable:
    def __call__(self, *args, **keywords):
        return self, args, keywords

    def method(self, *args, **keywords):
        return self, args, keywords


CALLABLE = Callable()


def plain(*args, **keywords):
    return args, keywords


partial = functools.partial
NORMALIZED = [
    (plain, plain, (), {}),
    (CALLABLE.method, Callable.method, (CALLABLE,), {}),
    (CALLABLE, Callable.__call__, (CALLABLE,), {}),
    (partial(plain, 1, k=2), plain, (1,), {"k": 2}),
    (partial(partial(plain, 1, k=2), 3, k=4), plain, (1, 3), {"k": 4}),
    (partial(CALLABLE.method, 5), Callable.method, (CALLABLE, 5), {}),
    (abs, _body.call_target, (abs,), {}),
    (str, _body.call_target, (str,), {}),
    (partial(int, "7"), _body.call_target, (int, "7"), {}),
]


@pytest.mark.parametrize(("target", "function", "extra", "keywords"), NORMALIZED)
def test_callables_become_functions(target, function, extra, keywords):
    assert _ship.normalize(target) == (function, extra, keywords)
    found, before, by_name = _ship.normalize(target)
    assert found(*before, 8, **by_name) == target(8)


@pytest.mark.parametrize("target", [1, None, "text", [plain]])
def test_what_is_not_callable_is_refused(target):
    with pytest.raises(TypeError, match="a behavior is a callable, not"):
        _ship.normalize(target)


REACHING = """
def body(value):
    global assigned
    assigned = value.attribute

    class Local(base):
        member = in_class

        def method(self):
            return in_method

    return [in_list for _ in ()], lambda: in_lambda, Local, len
"""


def test_global_names_are_those_that_are_looked_up():
    names = {}
    exec(REACHING, names)
    found = code_names.global_names(names["body"].__code__)
    assert {name for name in found if not name.startswith("__")} == {
        "assigned",
        "base",
        "in_class",
        "in_method",
        "in_list",
        "in_lambda",
        "len",
    }


def test_buffers_go_out_of_band(log):
    content = bytearray(1 << 16)
    data, buffers = _ship.dumps([pickle.PickleBuffer(content)])
    assert len(data) < 1000
    assert [b.raw().nbytes for b in buffers] == [1 << 16]
    (again,) = _ship.loads(data, buffers)
    assert memoryview(again) == content
    assert _ship.dumps([1])[1] is None
    assert log.records == []


def test_importable_things_publish_nothing(log):
    for thing in (
        os.path.join,
        dict,
        pathlib.Path,
        os,
        functools.partial(max, 1),
        range,
    ):
        data, buffers = _ship.dumps(thing)
        again = _ship.loads(data, buffers)
        assert again is thing or repr(again) == repr(thing)
    assert log.records == []


def test_references_of_classes(log):
    class Local:
        pass

    assert _ship.export_class(dict) == "builtins:dict"
    assert _ship.find_class("collections.abc:Mapping").__name__ == "Mapping"
    token = _ship.export_class(Local)
    assert _ship.export_class(Local) == token
    assert _ship.find_class(token) is Local
    published = {record[:2] for record in log.records if record[0] == ""}
    assert published - {("", definition_log.PATH)} == {("", token)}


def test_unknown_references(log):
    with pytest.raises(TypeError, match="a class was sent that was never published"):
        _ship.find_class("no.token")


@pytest.mark.parametrize(
    "value", [threading.Lock(), sys.stdout, (n for n in ()), sys._getframe()], ids=repr
)
def test_values_that_cannot_be_shipped(value, log):
    with pytest.raises(TypeError, match="cannot pickle"):
        _ship.dumps([value])


def test_a_class_whose_metaclass_cannot_travel_is_refused(log):
    with pytest.raises(TypeError, match=r"cannot ship class .*Refused: not this one"):
        _ship.export_class(Refused)
    assert [key for key in log.records if not key[0]] == []


class Stubborn(type):
    def __getattribute__(cls, name):
        if name == "__bases__":
            raise TypeError("not this one")
        return super().__getattribute__(name)


Refused = Stubborn("Refused", (), {})


def test_a_shipment_watches_the_globals_that_it_reaches(log):
    namespace = {"__name__": "nowhere", "LOCK": threading.Lock()}
    exec("def watched(): return LOCK, late()", namespace)
    shipment = _ship.describe(namespace["watched"])
    assert _ship.refresh(shipment) is None
    assert watched_in(namespace, shipment) == {
        "LOCK": namespace["LOCK"],
        "late": _ship.MISSING,
    }
    count = len(log.records)
    _ship.refresh(shipment)
    assert len(log.records) == count
    exec("def late(): return later", namespace)
    _ship.refresh(shipment)
    assert [name for _, name, _ in log.records[count:]] == ["late"]
    assert watched_in(namespace, shipment) == {
        "LOCK": namespace["LOCK"],
        "late": namespace["late"],
        "later": _ship.MISSING,
    }


def watched_in(namespace, shipment):
    """The values of the watched globals of that namespace. The classes of values that
    earlier tests have sent are watched, too."""
    pairs = zip(shipment.watch, shipment.seen, strict=True)
    return {name: value for (names, name), value in pairs if names is namespace}


def test_which_modules_are_importable():
    for name in ("os", "os.path", "sys", "collections.abc", "posixpath", "bocpy._ship"):
        assert _global_namespaces.importable(name)
        assert _global_namespaces.module_key(sys.modules[name]) is not None
    assert not _global_namespaces.importable("__main__")
    assert not _global_namespaces.importable("there_is_no_such_module")
    assert not _global_namespaces.importable(__name__)
