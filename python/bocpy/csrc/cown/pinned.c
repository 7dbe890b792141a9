/* Pinned: see pinned.h. */
#include "pinned.h"

#include "pump.h"
#include "runtime.h"

int bocpy_pinned_require_here(const bocpy_value *value, const char *what) {
  if (!value->pinned || bocpy_main_thread_is_here())
    return 0;
  PyErr_Format(PyExc_RuntimeError,
               "%s: this cown is pinned, its value stays on the main thread: look at "
               "it in a behavior over the cown (@when), which runs there",
               what);
  return -1;
}

static int pinned_require_home(void) {
  if (!bocpy_self.slot)
    return bocpy_require_main("PinnedCown()");
  PyErr_SetString(PyExc_RuntimeError,
                  "PinnedCown() on a worker: the value would have no home there; make "
                  "it in the main interpreter, and give the cown to the behavior");
  return -1;
}

/* A core with one reference. NULL with an exception. */
static boc_cown *pinned_core_new(PyObject *object) {
  boc_lane *lane = bocpy_pump_lane();
  boc_cown *core = lane ? bocpy_cown_core_new(true) : NULL;
  if (!core)
    return NULL;
  bocpy_value *value = bocpy_value_of(core);
  boc_cown_pin(core, lane);
  if (bocpy_value_set(value, object, "value") == 0)
    return core;
  boc_cown_drop(core);
  return NULL;
}

static int pinned_init(bocpy_cown *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"value", NULL};
  PyObject *object;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:PinnedCown", names, &object) ||
      pinned_require_home() < 0)
    return -1;
  if (self->core) {
    PyErr_SetString(PyExc_RuntimeError, "this cown is initialized already");
    return -1;
  }
  self->core = pinned_core_new(object);
  return self->core ? 0 : -1;
}

PyDoc_STRVAR(
    pinned_doc,
    "PinnedCown(value)\n"
    "--\n\n"
    "A cown whose value stays on the main thread, as the same object.\n\n"
    "For objects that cannot be shipped: widgets, open files, handles of libraries.\n"
    "Every behavior over a pinned cown, also if it is over others, runs on the main\n"
    "thread: inside `pump`, or while that thread waits (`wait`, `quiesce`,\n"
    "`acquire`). The cown itself can be captured and sent anywhere; reading its\n"
    "value elsewhere raises RuntimeError. Making one raises RuntimeError on a worker\n"
    "or outside the main interpreter.\n\n"
    ">>> import sys\n"
    ">>> from bocpy import Cown, PinnedCown, wait, when\n"
    ">>> screen, total = PinnedCown(sys.stdout), Cown(40)\n"
    ">>> @when(total)\n"
    "... def _(total):\n"
    "...     total.value += 2\n"
    ">>> @when(screen, total)\n"
    "... def _(screen, total):\n"
    "...     print(total.value, file=screen.value)\n"
    ">>> wait()\n"
    "42\n");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)pinned_doc},
    {Py_tp_init, pinned_init},
    {0, NULL},
};

/* Traversal and clearing are inherited from Cown. */
PyType_Spec bocpy_pinned_spec = {
    .name = "bocpy.PinnedCown",
    .basicsize = sizeof(bocpy_cown),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
