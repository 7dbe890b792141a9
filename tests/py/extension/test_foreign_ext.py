"""Extension modules that refuse to be in sub-interpreters, and NumPy, which is one.

`stubborn` is such a module, built here. Like NumPy's, its init function fails when it
runs a second time, and its package raises another exception in place of that error.
"""

import os
import sys

import harness
import pytest
from extensions import build

STUBBORN = """
#include <bocpy/bocpy.h>

static int loaded;

typedef struct {
  PyObject_HEAD
  int number;
} thing;

static PyObject *thing_reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  return Py_BuildValue("O()", Py_TYPE(self));
}

static PyMethodDef thing_methods[] = {
    {"__reduce__", thing_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject thing_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "stubborn.Thing",
    .tp_basicsize = sizeof(thing),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = thing_methods,
    .tp_new = PyType_GenericNew,
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "stubborn._core", NULL, -1, NULL, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__core(void) {
  if (loaded++) {
    PyErr_SetString(PyExc_RuntimeError, "initialized twice");
    return NULL;
  }
  PyObject *needed = PyImport_ImportModule("stubborn");
  Py_XDECREF(needed);
  if (!needed || PyType_Ready(&thing_type) < 0)
    return NULL;
  PyObject *module = PyModule_Create(&definition);
  if (module)
    PyModule_AddObject(module, "Thing", Py_NewRef((PyObject *)&thing_type));
  return module;
}
"""

PACKAGE = """
try:
    from ._core import Thing
except ImportError as error:
    raise ImportError("Importing stubborn failed. Read this long text.") from error
"""

REFUSAL = (
    "module stubborn._core does not support loading in subinterpreters; use "
    "start(backend='threads'), or keep what needs it in a pinned cown"
)


@pytest.fixture(scope="session")
def stubborn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stubborn")
    package = folder / "stubborn"
    package.mkdir()
    build(package, "_core", ".c", STUBBORN)
    (package / "__init__.py").write_text(PACKAGE, encoding="ascii")
    return folder


@pytest.fixture
def using(program, stubborn):
    def lines(source):
        path = os.pathsep.join([str(stubborn), harness.TESTS])
        return program(source, env={"PYTHONPATH": path}).lines

    return lines


@pytest.mark.parametrize("first", ["", "import stubborn"])
def test_importing_it_in_bodies(using, first, backend):
    """Bodies import the module several times, with and without an import in the main
    interpreter."""
    lines = using(
        f"""
        {first}
        from bocpy import start, wait, when

        def body():
            import stubborn
            return type(stubborn.Thing()).__name__

        start(2)
        for result in [when()(body) for _ in range(6)]:
            try:
                print(result.unwrap(timeout=60))
            except ImportError as error:
                print(error)
        import stubborn
        print(stubborn.Thing is not None)
        wait()
        """
    )
    expected = "Thing" if backend == "threads" else REFUSAL
    assert lines == [expected] * 6 + ["True"]


def test_a_body_that_can_do_without_it(using, backend):
    lines = using(
        """
        from bocpy import wait, when

        @when()
        def result():
            try:
                import stubborn
            except ImportError:
                return "without"
            return "with"

        print(result.unwrap(timeout=60))
        """
    )
    assert lines == ["with" if backend == "threads" else "without"]


def test_a_global_that_is_such_a_module(using, backend):
    lines = using(
        """
        import stubborn
        from bocpy import when

        try:
            print(when()(lambda: stubborn.Thing.__name__).unwrap(timeout=60))
        except NameError as error:
            print(error)
        """
    )
    if backend == "threads":
        assert lines == ["Thing"]
    else:
        assert lines == [
            "name 'stubborn' is not defined; global 'stubborn' of __main__ could not "
            "be shipped to this interpreter: module 'stubborn' cannot be imported in a "
            "worker interpreter (module stubborn._core does not support loading in "
            "subinterpreters); use start(backend='threads'), or keep what needs it in "
            "a pinned cown"
        ]


def test_its_objects_are_refused_where_they_are_put_in(using, backend):
    lines = using(
        """
        from bocpy import Cown, send, when
        from stubborn import Thing

        attempts = {
            "cown": lambda thing: Cown({"of": [thing]}),
            "capture": lambda thing: when()(lambda thing=thing: None),
            "message": lambda thing: send("tag", (thing,)),
        }
        for name, attempt in attempts.items():
            try:
                attempt(Thing())
                print(name, "taken")
            except TypeError as error:
                print(error)
        """
    )
    if backend == "threads":
        assert lines == ["cown taken", "capture taken", "message taken"]
    else:
        places = ["value['of'][0]", "thing", "contents[0]"]
        assert lines == [
            f"{place}: cannot ship a 'stubborn.Thing': {REFUSAL}" for place in places
        ]


def test_a_pinned_cown_keeps_it_in_the_main_interpreter(using, backend):
    lines = using(
        """
        from bocpy import Cown, PinnedCown, wait, when
        from stubborn import Thing

        pinned, count = PinnedCown(Thing()), Cown(1)

        @when(pinned, count)
        def result(pinned, count):
            count.value += 1
            return type(pinned.value).__name__

        wait()
        print(result.unwrap(), count.unwrap())
        """
    )
    assert lines == ["Thing 2"]


# Where requirements/test.txt has NumPy.
if sys.version_info < (3, 14) and not harness.PYPY:

    def test_numpy_in_bodies(program, backend):
        done = program(
            """
            import numpy as np
            from bocpy import start, wait, when

            def body():
                import numpy
                return int(numpy.arange(10).sum())

            start(2)
            for result in [when()(body) for _ in range(4)]:
                try:
                    print(result.unwrap(timeout=60))
                except ImportError as error:
                    print(error)
            wait()
            """
        )
        if backend == "threads":
            assert done.lines == ["45"] * 4
        else:
            why = (
                "module numpy._core._multiarray_umath does not support loading in "
                "subinterpreters; use start(backend='threads'), or keep what needs it "
                "in a pinned cown"
            )
            assert done.lines == [why] * 4

    def test_numpy_that_only_bodies_import(program, backend):
        done = program(
            """
            from bocpy import wait, when

            @when()
            def result():
                import numpy
                return int(numpy.arange(10).sum())

            try:
                print(result.unwrap(timeout=60))
            except ImportError as error:
                print("numpy._core" in str(error), "threads" in str(error))
            wait()
            import numpy
            print(int(numpy.arange(4).sum()))
            """
        )
        first = "45" if backend == "threads" else "True True"
        assert done.lines == [first, "6"]

    def test_numpy_arrays_in_cowns(program, backend):
        """With `threads` they stay at their place in memory, whatever behaviors do with
        them."""
        done = program(
            """
            import numpy as np
            from bocpy import Cown, start, wait, when

            start(2)
            array = np.arange(1000.0)
            place = array.ctypes.data
            try:
                cowns = [Cown(array), Cown({"rows": [array[:500]]})]
            except TypeError as error:
                print(error)
                raise SystemExit(0)

            @when(*cowns)
            def result(whole, rows):
                whole.value += 1
                return whole.value.ctypes.data, rows.value["rows"][0].ctypes.data

            @when(cowns[0])
            def back(whole):
                return whole.value[1:]

            print(result.unwrap(timeout=60) == (place, place))
            print(back.unwrap(timeout=60).ctypes.data == place + 8)
            with cowns[0] as mine:
                print(mine is array, mine.sum())
            wait()
            """
        )
        if backend == "threads":
            assert done.lines == ["True", "True", "True 500500.0"]
        else:
            assert done.lines == [
                "value: cannot ship a 'numpy.ndarray': module "
                "numpy._core._multiarray_umath does not support loading in "
                "subinterpreters; use start(backend='threads'), or keep what needs it "
                "in a pinned cown"
            ]

    def test_numpy_in_a_pinned_cown(program, backend):
        done = program(
            """
            import numpy as np
            from bocpy import Cown, PinnedCown, wait, when

            pinned, rows = PinnedCown(np.zeros(4)), Cown([1.0, 2.0, 3.0, 4.0])

            @when(pinned, rows)
            def result(pinned, rows):
                pinned.value += rows.value
                return float(pinned.value.sum())

            wait()
            print(result.unwrap())
            """
        )
        assert done.lines == ["10.0"]
