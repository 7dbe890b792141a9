/* Acquired cowns: see acquired_cowns.h. */
#include "acquired_cowns.h"

#include "acquire.h"
#include "pinned.h"
#include "reader_copies.h"
#include "waiting.h"
#include "when.h"

typedef struct acquired_cowns_object {
  PyObject_HEAD bocpy_acquisition *acquired; /* NULL if the thread held them before */
  bocpy_when_args args;
} acquired_cowns_object;

/* ---- acquire --------------------------------------------------------------------- */

static int acquire_cowns(acquired_cowns_object *self, int64_t timeout) {
  const bocpy_when_args *when_args = &self->args;
  boc_access few[BOCPY_WHEN_ARGS_FEW], *accesses = few;
  if (when_args->cowns > BOCPY_WHEN_ARGS_FEW)
    accesses = PyMem_Malloc(when_args->cowns * sizeof(*accesses));
  if (!accesses) {
    PyErr_NoMemory();
    return -1;
  }
  for (uint32_t i = 0; i < when_args->cowns; i++)
    accesses[i] = (boc_access){((bocpy_cown *)when_args->handles[i])->core,
                               when_args->modes[i] ? BOC_READ : BOC_WRITE};
  int status =
      bocpy_acquire_several(accesses, when_args->cowns, timeout, &self->acquired);
  if (accesses != few)
    PyMem_Free(accesses);
  return status;
}

/* `timeout` is the only argument with a name. */
static int parse_names(PyObject *const *values, PyObject *names, int64_t *out_timeout) {
  *out_timeout = BOC_FOREVER;
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++) {
    PyObject *name = PyTuple_GET_ITEM(names, i);
    if (PyUnicode_CompareWithASCIIString(name, "timeout") != 0) {
      PyErr_Format(PyExc_TypeError, "acquire() got an unexpected keyword argument '%U'",
                   name);
      return -1;
    }
    if (bocpy_parse_timeout(values[i], "acquire()", out_timeout) < 0)
      return -1;
  }
  return 0;
}

PyObject *bocpy_acquire_cowns(PyObject *module, PyObject *const *args, Py_ssize_t count,
                              PyObject *names) {
  bocpy_state *state = bocpy_state_of(module);
  int64_t timeout;
  if (parse_names(args + count, names, &timeout) < 0)
    return NULL;
  if (!count) {
    PyErr_SetString(PyExc_TypeError, "acquire() takes the cowns to hold");
    return NULL;
  }
  acquired_cowns_object *self =
      PyObject_GC_New(acquired_cowns_object, state->acquired_cowns_type);
  if (!self)
    return NULL;
  self->acquired = NULL;
  if (bocpy_when_args_init(&self->args, state, "acquire() argument", args, count) ==
          0 &&
      acquire_cowns(self, timeout) == 0) {
    PyObject_GC_Track(self);
    return (PyObject *)self;
  }
  Py_DECREF(self);
  return NULL;
}

/* ---- the values ------------------------------------------------------------------ */

static PyObject *acquired_value_at(void *ctx, uint32_t i) {
  const acquired_cowns_object *self = ctx;
  PyObject *cown = self->args.handles[i];
  bocpy_value *value = bocpy_cown_value((bocpy_cown *)cown);
  PyObject *object = bocpy_value_held(value)       ? bocpy_value_get(value)
                     : bocpy_reader_is_here(value) ? bocpy_reader_get(value)
                                                   : bocpy_reader_copy_here(value);
  bocpy_cown_track(cown, object);
  return object;
}

static int require_ours(const acquired_cowns_object *self, const char *what) {
  if (!self->acquired || (bocpy_acquisition_is_ours(self->acquired) &&
                          !bocpy_acquisition_is_over(self->acquired)))
    return 0;
  PyErr_Format(PyExc_RuntimeError,
               bocpy_acquisition_is_over(self->acquired)
                   ? "%s: the cowns have been given back: call acquire() again"
                   : "%s: another thread has acquired these cowns",
               what);
  return -1;
}

static PyObject *acquired_enter(acquired_cowns_object *self, PyObject *unused) {
  (void)unused;
  return require_ours(self, "a `with` block") < 0
             ? NULL
             : bocpy_when_args_in_shape(&self->args, acquired_value_at, self);
}

/* ---- giving back ----------------------------------------------------------------- */

static void acquired_end(acquired_cowns_object *self) {
  bocpy_acquisition *acquired = self->acquired;
  self->acquired = NULL;
  if (acquired)
    bocpy_acquisition_end(acquired);
}

static PyObject *acquired_release(acquired_cowns_object *self, PyObject *unused) {
  (void)unused;
  if (self->acquired && !bocpy_acquisition_is_over(self->acquired) &&
      require_ours(self, "release()") < 0)
    return NULL;
  if (self->acquired && !bocpy_acquisition_is_over(self->acquired)) {
    bocpy_acquisition_hold(self->acquired);
    bocpy_acquisition_end(self->acquired);
  }
  Py_RETURN_NONE;
}

static PyObject *acquired_exit(acquired_cowns_object *self, PyObject *args) {
  (void)args;
  return acquired_release(self, NULL);
}

static void acquired_finalize(acquired_cowns_object *self) {
  if (!self->acquired || bocpy_acquisition_is_over(self->acquired))
    return;
  PyObject *pending = PyErr_GetRaisedException();
  if (PyErr_ResourceWarning((PyObject *)self, 1,
                            "acquire(): the cowns are given back, since nobody kept "
                            "what it returned: use it in a `with` statement") < 0)
    PyErr_WriteUnraisable((PyObject *)self);
  PyErr_SetRaisedException(pending);
}

/* ---- life ------------------------------------------------------------------------ */

static int acquired_traverse(acquired_cowns_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  for (uint32_t i = 0; i < self->args.cowns; i++)
    Py_VISIT(self->args.handles[i]);
  return 0;
}

static int acquired_clear(acquired_cowns_object *self) {
  PyObject *pending = PyErr_GetRaisedException();
  acquired_end(self);
  PyErr_SetRaisedException(pending);
  return 0;
}

static void acquired_dealloc(acquired_cowns_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  if (PyObject_GC_IsTracked((PyObject *)self)) {
    if (PyObject_CallFinalizerFromDealloc((PyObject *)self) < 0)
      return;
    PyObject_GC_UnTrack(self);
  }
  acquired_clear(self);
  bocpy_when_args_fini(&self->args);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"release", (PyCFunction)acquired_release, METH_NOARGS,
     "release($self, /)\n"
     "--\n\n"
     "Releases the cowns; does nothing if they have been released.\n\n"
     "Raises RuntimeError in another thread than the one that acquired them."},
    {"__enter__", (PyCFunction)acquired_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)acquired_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     (void *)"The object that acquire() returns: cowns that a thread holds."},
    {Py_tp_traverse, acquired_traverse},
    {Py_tp_clear, acquired_clear},
    {Py_tp_finalize, acquired_finalize},
    {Py_tp_dealloc, acquired_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec bocpy_acquired_cowns_spec = {
    .name = "bocpy.AcquiredCowns",
    .basicsize = sizeof(acquired_cowns_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

const char bocpy_acquire_cowns_doc[] =
    "acquire(*cowns, timeout=None)\n"
    "--\n\n"
    "Waits for the turn of several cowns and holds all of them, in a `with` block.\n\n"
    "The block gets the values, in order. Accepts the arguments of `when`: cowns,\n"
    "`read(cown)` to share one with other readers, lists of them. It waits as a\n"
    "behavior over them would, so that two threads that acquire the same cowns in\n"
    "different orders cannot deadlock. Change values in place, or set `cown.value`.\n\n"
    "Raises TimeoutError, which names the behaviors in flight, if it takes longer\n"
    "than `timeout` seconds. Raises RuntimeError inside a behavior that was not\n"
    "given the cowns, and if the thread holds other cowns already: acquire all of\n"
    "them in one call.\n\n"
    ">>> from bocpy import Cown, acquire\n"
    ">>> left, right = Cown([1, 2]), Cown([])\n"
    ">>> with acquire(left, right) as (a, b):\n"
    "...     b.append(a.pop())\n"
    ">>> right.unwrap()\n"
    "[2]";
