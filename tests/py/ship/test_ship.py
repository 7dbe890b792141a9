"""Shipping functions and classes: bocpy._ship alone, without a runtime.

The program that `programs/shipped.py` and `programs/shipped_classes.py` make together
has one of everything. It runs in every place, each in a process of its own, against
real sub-interpreters (`shipping.py`). Tests without a second interpreter are in
test_shipment.py.
"""

import ast
import functools
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent
SHIPPED = "".join(
    (HERE.parent / "programs" / part).read_text(encoding="utf-8")
    for part in ("shipped.py", "shipped_classes.py")
)
LIMIT = 60

# ---- programs in every place ---------------------------------------------------------

REPORT = "\nif __name__ == %r:\n    report()\n"

# place: (the files, the command, how often the program's own code runs)
PLACES = {
    "script": ({"it.py": SHIPPED + "\nreport()\n"}, ["it.py"], 1),
    "guarded": ({"it.py": SHIPPED + REPORT % "__main__"}, ["it.py"], 1),
    "-m": ({"it.py": SHIPPED + "\nreport()\n"}, ["-m", "it"], 1),
    "-m of a package": (
        {"pack/__init__.py": "", "pack/__main__.py": SHIPPED + "\nreport()\n"},
        ["-m", "pack"],
        1,
    ),
    "-c": ({}, ["-c", SHIPPED + "\nreport()\n"], 1),
    "stdin": ({"stdin": SHIPPED + "\nreport()\n"}, ["-"], 1),
    "runpy": (
        {"it.py": SHIPPED + REPORT % "other", "run.py": ""},
        ["-c", "import runpy; runpy.run_path('it.py', run_name='other')"],
        1,
    ),
    "exec": (
        {"it.py": SHIPPED + "\nreport()\n"},
        ["-c", "exec(open('it.py').read(), {'__name__': '__console__'})"],
        1,
    ),
    "pytest": (
        {"test_it.py": SHIPPED + "\ndef test():\n    report()\n"},
        ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_it.py"],
        1,
    ),
    "import": (
        {"it.py": SHIPPED},
        ["-c", "import it; it.report(rebinds=False)"],
        3,
    ),
    "import from a package": (
        {"pack/__init__.py": "", "pack/it.py": SHIPPED},
        ["-c", "from pack.it import report; report(rebinds=False)"],
        3,
    ),
}

CASES = [
    line.removeprefix("def ").partition("(")[0]
    for before, line in zip(
        SHIPPED.splitlines(), SHIPPED.splitlines()[1:], strict=False
    )
    if before == "@case"
]

SENT = {
    ("callables", 0): 5,
    ("callables", 1): 106,
    ("callables", 2): 10,
    ("callables", 3): 6,
    ("callables", 4): 11,
    ("callables", 5): 102,
    ("callables", 6): (6, True),
    ("callables", 7): (5, 55),
    ("sent_and_returned", 1): True,
    ("sent_and_returned", 2): True,
    ("sent_and_returned", 3): (True, 3, ("3: d",), 3),
    ("sent_and_returned", 4): (("f", 2, True), True, True, "[Errno 2] gone: 'f'"),
    ("sent_and_returned", 5): (2, True),
    ("sent_and_returned", 6): True,
    ("sent_and_returned", 7): (True, (5, True, True)),
    ("sent_and_returned", 8): (True, (5, True, True)),
    ("through", 0): (5, True, True),
}

REBOUND = {
    ("rebinding", 1): "late",
    ("rebinding", 2): "later",
    ("rebinding", 3): 100,
    ("rebinding", 4): 7,
    ("rebinding", 6): 3,
}


def environment(**more):
    """This process's environment, in which everything can be imported."""
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}


def run(command, folder, stdin="", **more):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(**more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done


@functools.cache
def report_of(place):
    """What the program printed, as a dict, and how often its own code ran."""
    files, command, _ = PLACES[place]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            file = pathlib.Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        tally = pathlib.Path(folder, "tally")
        done = run(command, folder, files.get("stdin", ""), TALLY=str(tally))
        lines = [line for line in done.stdout.splitlines() if line.startswith("(")]
        count = len(tally.read_text())
    results = {}
    for line in lines:
        *key, value = parse(line)
        results[tuple(key)] = value
    return results, count, done.stderr


def parse(line):
    """A printed tuple; what is not a literal stays text."""
    try:
        return ast.literal_eval(line)
    except ValueError:
        name, number, rest = line[1:-1].split(", ", 2)
        return ast.literal_eval(name), ast.literal_eval(number), rest


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CASES)
def test_a_body_sees_what_its_module_sees(place, name):
    results, _, errors = report_of(place)
    assert results[name, "same"] is True, errors[-3000:]


@pytest.mark.parametrize("place", PLACES)
def test_values_and_callables_cross(place):
    results, _, _ = report_of(place)
    assert {key: results[key] for key in SENT} == SENT
    assert results["sent_and_returned", 0] == "((Point(x=2, y=0, tags=[]), True), True)"


@pytest.mark.parametrize("place", PLACES)
def test_the_module_runs_once(place):
    _, count, _ = report_of(place)
    assert count == PLACES[place][2]


@pytest.mark.parametrize("place", [p for p in PLACES if "import" not in p])
def test_rebinding_reaches_later_behaviors(place):
    results, _, _ = report_of(place)
    assert {key: results[key] for key in REBOUND} == REBOUND
    assert results["rebinding", 0].startswith("NameError: name 'late' is not defined")
    if place not in ("runpy", "exec", "pytest"):
        assert results["rebinding", 5].startswith(
            "NameError: global 'HIDDEN' of __main__ could not be shipped to this "
            "interpreter:"
        )
    assert results["rebinding", 7].startswith("NameError: name 'HIDDEN' is not defined")


def program(source, tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    head = "from shipping import Failed, There\n"
    (tmp_path / "it.py").write_text(head + source, encoding="utf-8")
    return run(["it.py"], tmp_path).stdout.splitlines()


def test_attributes_that_cannot_travel_are_explained(tmp_path):
    source = """
import threading
from bocpy import _ship
class C:
    lock, fine = threading.Lock(), 1
def body():
    return C.fine, hasattr(C, "lock"), _ship.explain_attribute(C, "lock")
print(There().call(body))
"""
    (line,) = program(source, tmp_path)
    fine, found, reason = ast.literal_eval(line)
    assert (fine, found) == (1, False)
    assert reason.startswith("attribute 'C.lock' of __main__ could not be shipped")


def test_a_redefined_class_is_another_one(tmp_path):
    source = """
class C: n = 1
there, first, Old = There(), C(), C
def body(one): return type(one) is C, type(one).n, C.n
print(there.call(body, first))
class C: n = 2
print(there.call(body, first))
print(there.call(body, C()))
print(type(there.call(lambda one: one, first)) is Old)
"""
    assert program(source, tmp_path) == [
        "(True, 1, 1)",
        "(False, 1, 2)",
        "(True, 2, 2)",
        "True",
    ]


def test_a_module_that_cannot_be_found_again_goes_by_value(tmp_path):
    source = """
import pathlib, only_here
pathlib.Path("only_here.py").unlink()
print(There().call(only_here.function), There().call(lambda: only_here.function()))
"""
    assert program(source, tmp_path, only_here="def function(): return 1") == ["1 1"]


def test_a_module_that_cannot_be_imported_there(tmp_path):
    source = """
import only_main
there = There()
try:
    there.call(only_main.function)
except Failed as error:
    print(str(error).splitlines()[-1])
def body():
    return only_main
try:
    there.call(body)
except Failed as error:
    print(str(error).splitlines()[-1])
"""
    only_main = """
import sys
if not hasattr(sys.modules["__main__"], "__file__"):
    raise ImportError("main only")
def function(): return 1
"""
    function, body = program(source, tmp_path, only_main=only_main)
    advice = "(main only); use start(backend='threads'), or keep what needs it in a"
    assert (
        f"module 'only_main' cannot be imported in a worker interpreter {advice}"
        in (function)
    )
    assert body.startswith("NameError: global 'only_main' of __main__ could not be")
    assert advice in body


def test_modules_that_no_file_holds_go_by_value(tmp_path):
    source = """
import sys, types
made = types.ModuleType("made")
exec("class C: pass\\ndef f(): return C, g()\\ndef g(): return 7\\n", made.__dict__)
sys.modules["made"] = made
def body(one): return made.g(), made.f()[0] is made.C, type(one) is made.C
print(There().call(body, made.C()))
print(There().call(made.f)[1])
"""
    assert program(source, tmp_path) == ["(7, True, True)", "7"]


def test_submodules_that_are_used_later(tmp_path):
    source = """
import xml
there = There()
def first(): return xml.__name__
def second(): return xml.dom.minidom.__name__
print(there.call(first))
import xml.dom.minidom
print(there.call(second))
"""
    assert program(source, tmp_path) == ["xml", "xml.dom.minidom"]


def test_functions_of_importable_modules_are_imported(tmp_path):
    source = """
import other
there = There()
print(there.call(other.where), there.call(lambda f: f is other.where, other.where))
print(there.call(other.maker(3)), there.call(lambda f: f(), other.maker(4)))
print(there.call(lambda one: type(one) is other.C, other.C()))
print(type(there.call(other.local)).__qualname__)
"""
    other = """
import sys
def where(): return where.__globals__ is sys.modules["other"].__dict__
def maker(n):
    def made(): return n, where()
    return made
class C: pass
def local():
    class Local: pass
    return Local()
"""
    assert program(source, tmp_path, other=other) == [
        "True True",
        "(3, True) (4, True)",
        "True",
        "local.<locals>.Local",
    ]


def test_classes_that_refer_to_each_other(tmp_path):
    source = """
class A:
    def twin(self): return B()
    def up(self): return __class__
class B(A):
    partner = A
    def up(self): return super().up()
A.partner = B
class M(type):
    def __call__(cls): return super().__call__()
class N(metaclass=M):
    Inner = None
class O(N):
    pass
N.Inner = O
there = There()
def body(): return A().twin().up() is A, A.partner is B, B.partner is A, N.Inner is O
print(there.call(body), there.call(lambda o: type(o) is O and O.__mro__[1] is N, O()))
"""
    assert program(source, tmp_path) == ["(True, True, True, True) True"]


def test_a_function_that_cannot_travel_is_refused_where_it_is_sent(tmp_path):
    source = """
import threading
def holds(lock=threading.Lock()): pass
try:
    There().call(lambda f: f, holds)
except TypeError as error:
    print(error)
"""
    (line,) = program(source, tmp_path)
    assert line.startswith("cannot ship function 'holds' of __main__: cannot pickle")


def test_threads_that_export_at_the_same_time(tmp_path):
    source = """
import threading
from bocpy import _ship
classes = [type(f"C{i}", (), {"n": i}) for i in range(200)]
sent = [None] * 4
start = threading.Barrier(4)
def work(k):
    start.wait()
    sent[k] = [_ship.dumps(c())[0] for c in classes]
threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
for t in threads: t.start()
for t in threads: t.join()
def body(data):
    return [[type(_ship.loads(d)) for d in one] for one in data]
def check(data):
    first, *others = body(data)
    same = all(other == first for other in others)
    return same, [c.n for c in first] == [*range(200)]
print(There().call(check, sent))
"""
    assert program(source, tmp_path) == ["(True, True)"]


def test_groups_of_exceptions(tmp_path):
    source = """
import sys
class Odd(ValueError):
    def __init__(self, *, code):
        super().__init__("odd")
        self.code = code
if sys.version_info >= (3, 11):
    def body(group):
        return type(group.exceptions[0]) is Odd, group.exceptions[0].code, group
    *found, group = There().call(body, ExceptionGroup("many", [Odd(code=3)]))
    print(found, type(group.exceptions[0]) is Odd, group.message)
else:
    print([True, 3], True, "many")
"""
    assert program(source, tmp_path) == ["[True, 3] True many"]


def test_asserts_that_pytest_rewrote(tmp_path):
    (tmp_path / "test_it.py").write_text(
        """
import pytest
from shipping import Failed, There
LIMIT = 3
def test():
    def body(n):
        assert n < LIMIT, "too big"
        return n
    with There() as there:
        assert there.call(body, 1) == 1
        with pytest.raises(Failed, match="AssertionError: too big"):
            there.call(body, 5)
""",
        encoding="utf-8",
    )
    run(["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"], tmp_path)
