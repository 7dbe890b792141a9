"""C extensions: how their values move, by the example in examples/extension.

The example is built with the header of the installed package, into a folder that the
programs search. Each of them runs on both backends; the tests say what differs.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import harness
import pytest
from extensions import build, run
from harness import LIMIT

EXAMPLE = pathlib.Path(__file__).parents[3] / "examples" / "extension"

HEADER = """
#include <bocpy/bocpy.h>

#if BOCPY_API_VERSION != 2
#error "a new version: what was built with the old one must go on working"
#endif

int use(PyTypeObject *type);
int use(PyTypeObject *type) {{
  bocpy_hooks hooks = {zero};
  return bocpy_register_type(type, &hooks);
}}
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder where the example is installed."""
    folder = tmp_path_factory.mktemp("extension")
    source, target = folder / "source", folder / "site"
    shutil.copytree(EXAMPLE, source)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation"]
    run([*command, "--no-deps", "--target", str(target), "."], source)
    return target


@pytest.fixture
def using(program, site):
    """Runs a program that finds the example, and returns the lines that it prints."""

    def lines(source, **how):
        path = os.pathsep.join([str(site), harness.TESTS])
        return program(source, env={"PYTHONPATH": path}, **how).lines

    return lines


def moved(backend):
    return backend == "interpreters"


@pytest.mark.parametrize(("suffix", "zero"), [(".c", "{0}"), (".cpp", "{}")])
def test_the_header_in_c_and_in_cpp(suffix, zero, tmp_path):
    build(tmp_path, "one", suffix, HEADER.format(zero=zero))


#: A module that was built with the first version of the header, whose hooks had no
#: flags: the memory behind them is not flags.
FIRST_VERSION = """
#include <bocpy/bocpy.h>

typedef struct { PyObject_HEAD void *native; } thing;

static void *copy(void *native) { return native; }
static void drop(void *native) { (void)native; }

static PyType_Slot type_slots[] = {{0, NULL}};
static PyType_Spec spec = {"first.Thing", sizeof(thing), 0, Py_TPFLAGS_DEFAULT,
                           type_slots};

static int exec_module(PyObject *module) {
  bocpy_hooks hooks = {0};
  hooks.native = offsetof(thing, native);
  hooks.copy = copy;
  hooks.drop = drop;
  hooks.flags = 12345;
  const bocpy_api *api = bocpy_import();
  PyObject *type = api ? PyType_FromModuleAndSpec(module, &spec, NULL) : NULL;
  if (!type || PyModule_AddType(module, (PyTypeObject *)type) < 0)
    return -1;
  int status = api->register_type((PyTypeObject *)type, &hooks,
                                  offsetof(bocpy_hooks, flags));
  Py_DECREF(type);
  if (status < 0)
    return -1;
  hooks.flags = 2;
  if (bocpy_register_type((PyTypeObject *)type, &hooks) == 0)
    return -1;
  if (!PyErr_ExceptionMatches(PyExc_ValueError))
    return -1;
  PyErr_Clear();
  return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, exec_module},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "first", NULL, 0, NULL, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_first(void) { return PyModuleDef_Init(&definition); }
"""


def test_a_module_of_the_first_version_still_registers(tmp_path, program):
    build(tmp_path, "first", ".c", FIRST_VERSION)
    assert program(
        f"""
        import sys

        sys.path.insert(0, {str(tmp_path)!r})
        import first

        print(first.Thing.__name__)
        """
    ).lines == ["Thing"]


def test_what_moves_by_move_is_not_copied(using, backend):
    lines = using(
        """
        from bocpy import Cown, wait, when
        from samples import Samples

        mine = Samples(range(1000))
        address = mine.address
        cown = Cown(mine)

        @when(cown)
        def seen(cown):
            return cown.value.address, cown.value.total()

        @when(cown)
        def again(cown):
            return cown.value.address

        print(seen.unwrap(timeout=60) == (address, 499500.0))
        print(again.unwrap(timeout=60) == address)
        with cown as back:
            print(back.address == address, len(back), type(back) is Samples)
        wait()
        """
    )
    assert lines == ["True", "True", "True 1000 True"]


def test_an_object_is_empty_after_its_value_has_moved(using, backend):
    lines = using(
        """
        from bocpy import Cown
        from samples import Samples

        mine = Samples([1.0, 2.0])
        cown = Cown(mine)
        try:
            print(mine.total())
        except ValueError as error:
            print(error)
        try:
            Cown({"mine": [mine]})
            print("taken")
        except TypeError as error:
            print(error)
        """
    )
    if moved(backend):
        assert lines == [
            "these samples have moved elsewhere",
            "value['mine'][0]: cannot ship a 'samples.Samples': what it had has been "
            "moved elsewhere",
        ]
    else:
        assert lines == ["3.0", "taken"]


def test_a_value_moves_out_of_a_result_and_of_a_capture(using, backend):
    lines = using(
        """
        from bocpy import Cown, wait, when
        from samples import Samples

        mine = Samples([1.0, 2.0])
        address = mine.address

        @when()
        def result(mine=mine):
            mine.append(3.0)
            return [mine]

        [back] = result.unwrap(timeout=60)
        print(back.address == address, list(back))
        """
    )
    assert lines == ["True [1.0, 2.0, 3.0]"]


def test_a_value_moves_through_messages(using, backend):
    lines = using(
        """
        from bocpy import receive, send, start, wait, when
        from samples import Samples

        @when()
        def _():
            tag, samples = receive("there")
            samples.append(2.0)
            send("back", samples)

        mine = Samples([1.0])
        address = mine.address
        send("there", mine)
        tag, back = receive("back", 60)
        print(back.address == address, back.total())
        wait()
        """
    )
    assert lines == ["True 3.0"]


def test_a_message_that_a_full_queue_refuses_has_not_moved(using, backend):
    lines = using(
        """
        from bocpy import drain, send, wait
        from samples import Samples

        mine = Samples([1.0, 2.0])
        try:
            while True:
                send("tag", None)
        except RuntimeError:
            pass
        try:
            send("tag", [mine, mine])
        except RuntimeError as error:
            print(error)
        print(mine.total())
        drain("tag")
        send("tag", mine)
        wait()
        """
    )
    assert lines == ["Message queue is full", "3.0"]


def test_a_value_of_a_registered_type_is_a_notice(using, backend):
    """Each reader of a notice has a copy, so there may be many copies."""
    lines = using(
        """
        from bocpy import notice_read, notice_seed, wait, when
        from samples import Samples

        notice_seed("key", Samples([1.0, 2.0]))

        def total():
            return notice_read("key").total()

        results = [when()(total) for _ in range(3)]
        print(*(result.unwrap(timeout=60) for result in results), total())
        wait()
        """
    )
    assert lines == ["3.0 3.0 3.0 3.0"]


def test_one_object_stays_one_within_a_value(using, backend):
    lines = using(
        """
        from bocpy import Cown, when
        from samples import Samples, Span

        one, span = Samples([1.0]), Span(1.0, 3.0)
        cown = Cown({"a": [one, span], "b": (one, span)})

        @when(cown)
        def same(cown):
            a, b = cown.value["a"], cown.value["b"]
            return a[0] is b[0], a[1] is b[1], a[1].length

        print(*same.unwrap(timeout=60))
        """
    )
    assert lines == ["True True 2.0"]


def test_a_registered_type_beside_pickled_values(using, backend):
    """Because of a lambda in the value, pickle encodes all of it."""
    lines = using(
        """
        from bocpy import Cown, when
        from samples import Samples, Span

        one = Samples([1.0])
        address = one.address
        cown = Cown([lambda: 42, one, Span(1.0, 3.0), one])

        @when(cown)
        def seen(cown):
            function, one, span, same = cown.value
            return function(), one is same, one.address, span.length

        answer, same, there, length = seen.unwrap(timeout=60)
        print(answer, same, there == address, length)
        """
    )
    assert lines == ["42 True True 2.0"]


def test_nothing_has_moved_when_something_else_is_refused(using, backend):
    lines = using(
        """
        import threading
        from bocpy import Cown
        from samples import Samples

        mine = Samples([1.0, 2.0])
        for other in (threading.Lock(), iter(mine)):
            try:
                Cown([mine, other])
                print("taken")
            except TypeError as error:
                print(error)
        print(mine.total())
        """
    )
    assert lines[-1] == "3.0"
    if moved(backend):
        assert lines[0].startswith("value[1]: cannot ship a '_thread.lock'; keep it")
    else:
        assert lines[:2] == ["taken", "taken"]


def test_a_type_that_nobody_has_registered(using, backend):
    lines = using(
        """
        from bocpy import Cown, when
        from samples import Samples

        try:
            cown = Cown({"at": iter(Samples([1.0, 2.0]))})
        except TypeError as error:
            print(error)
        else:
            print(when(cown)(lambda cown: next(cown.value["at"])).unwrap(timeout=60))

        @when()
        def result():
            return iter(Samples())

        try:
            print(type(result.unwrap(timeout=60)).__name__)
        except TypeError as error:
            print(error)
        """
    )
    advice = (
        "cannot ship a 'samples.Cursor': module 'samples' is compiled and has not told "
        "bocpy how its values move; use start(backend='threads'), keep the value in a "
        "pinned cown, or have the module say it (bocpy.get_include())"
    )
    if moved(backend):
        assert lines == [f"value['at']: {advice}", f"result: {advice}"]
    else:
        assert lines == ["1.0", "Cursor"]


def test_a_value_that_is_busy_is_copied(using, backend):
    lines = using(
        """
        from bocpy import Cown, when
        from samples import Samples

        mine = Samples([1.0, 2.0])
        view = memoryview(mine).cast("B").cast("d")
        cown = Cown(mine)

        @when(cown)
        def there(cown):
            return cown.value.address

        print(there.unwrap(timeout=60) == mine.address, list(view), mine.total())
        """
    )
    assert lines == [f"{not moved(backend)} [1.0, 2.0] 3.0"]


def test_readers_in_several_interpreters_have_copies(using, backend):
    lines = using(
        """
        import os
        from bocpy import Cown, read, start, wait, when
        from samples import Samples

        start(2)
        cown = Cown(Samples([1.0, 2.0]))
        ways = [os.pipe(), os.pipe()]

        def meet(cown, mine, other):
            os.write(mine[1], b".")
            os.read(other[0], 1)
            return cown.value.total(), cown.value.address

        @when(read(cown))
        def one(cown, ways=ways):
            return meet(cown, *ways)

        @when(read(cown))
        def two(cown, ways=ways[::-1]):
            return meet(cown, *ways)

        first, second = one.unwrap(timeout=60), two.unwrap(timeout=60)
        print(first[0], second[0], first[1] == second[1])

        @when(cown)
        def write(cown):
            cown.value.append(3.0)
            return cown.value.total()

        print(write.unwrap(timeout=60))
        wait()
        """
    )
    assert lines == [f"3.0 3.0 {not moved(backend)}", "6.0"]


def test_many_hops_lose_and_leak_nothing(using, backend):
    lines = using(
        """
        import gc
        from bocpy import Cown, quiesce, start, when
        from harness import rss
        from samples import Samples, Span

        start(2)
        cowns = [Cown((Samples([0.0] * 5000), Span(0, 1))) for _ in range(4)]

        def hop(a, b):
            a.value, b.value = b.value, a.value
            a.value[0].append(1.0)

        def hops(count):
            for i in range(count):
                when(cowns[i % 4], cowns[(i * 7 + 1) % 4])(hop)
            quiesce(60)

        hops(500)
        before = rss()
        hops(4000)
        total = sum(cown.unwrap()[0].total() for cown in cowns)
        dropped = [Cown(Samples([0.0] * 5000)) for _ in range(100)]
        for i in range(50):
            dropped = [Cown(Samples([0.0] * 5000)) for _ in range(100)]
        gc.collect()
        print(total, rss() - before < 20_000_000)
        """
    )
    assert lines == ["4500.0 True"]


def test_a_global_that_moves_is_explained(using, backend):
    lines = using(
        """
        from bocpy import when
        from samples import Samples

        mine = Samples([1.0])
        try:
            print(when()(lambda: mine.total()).unwrap(timeout=60))
        except NameError as error:
            print(error)
        """
    )
    if moved(backend):
        (line,) = lines
        assert "put it into a cown" in line
    else:
        assert lines == ["1.0"]


def test_a_worker_that_cannot_import_the_module(using, backend):
    lines = using(
        """
        import sys
        from bocpy import Cown, start, wait, when
        from samples import Samples

        cown = Cown(Samples([1.0]))
        start(1)
        sys.path[:] = [entry for entry in sys.path if "extension" not in entry]
        when()(lambda: None).unwrap(timeout=60)
        try:
            print(when(cown)(lambda cown: cown.value.total()).unwrap(timeout=60))
        except ImportError as error:
            print("'samples'" in str(error), "backend='threads'" in str(error))
        """
    )
    assert lines == (["True True"] if moved(backend) else ["1.0"])


MISUSE = """
#include <bocpy/bocpy.h>

static PyObject *encode(PyObject *object) { return Py_NewRef(object); }

static PyObject *decode(PyTypeObject *type, PyObject *state) {
  (void)type;
  return Py_NewRef(state);
}

static PyObject *attempt(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *type;
  int encodes, decodes;
  Py_ssize_t native;
  if (!PyArg_ParseTuple(args, "Oiin", &type, &encodes, &decodes, &native))
    return NULL;
  bocpy_hooks hooks = {0};
  hooks.encode = encodes ? encode : NULL;
  hooks.decode = decodes ? decode : NULL;
  hooks.native = native;
  if (bocpy_register_type((PyTypeObject *)type, &hooks) < 0)
    return NULL;
  Py_RETURN_TRUE;
}

static PyMethodDef methods[] = {
    {"attempt", attempt, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "misuse", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_misuse(void) { return PyModuleDef_Init(&definition); }
"""

MISUSES = {
    "a static type": ("int, 1, 1, 0", "TypeError: int is a static type"),
    "no hooks": ("Plain, 0, 0, 0", "ValueError: the hooks of Plain"),
    "half of them": ("Plain, 1, 0, 0", "ValueError: the hooks of Plain"),
    "both kinds": ("Plain, 1, 1, 16", "ValueError: the hooks of Plain"),
    "no pointer there": ("Plain, 0, 0, 4096", "ValueError: the hooks of Plain"),
    "all is well": ("Plain, 1, 1, 0", "True"),
}


@pytest.fixture(scope="session")
def misuse(tmp_path_factory):
    """The error with which registering refuses each of MISUSES."""
    folder = tmp_path_factory.mktemp("misuse")
    build(folder, "misuse", ".c", MISUSE)
    attempts = "".join(f"lambda: attempt({args}), " for args, _ in MISUSES.values())
    (folder / "program.py").write_text(
        "from misuse import attempt\n"
        "class Plain: pass\n"
        f"for each in [{attempts}]:\n"
        "    try:\n"
        "        print(each())\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__ + ': ' + str(error))\n",
        encoding="ascii",
    )
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    return dict(zip(MISUSES, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("how", MISUSES)
def test_bad_registrations_are_refused(how, misuse):
    assert misuse[how].startswith(MISUSES[how][1])
