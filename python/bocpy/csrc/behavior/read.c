/* Reading: what read(cown) returns, a mark for when(). See when.h and reader_copies.h.
 */
#include "when.h"

typedef struct reading {
  PyObject_HEAD PyObject *cown;
} reading;

PyObject *bocpy_reading_cown(bocpy_state *state, PyObject *object) {
  return Py_IS_TYPE(object, state->reading_type) ? ((reading *)object)->cown : NULL;
}

PyObject *bocpy_read(PyObject *module, PyObject *cown) {
  bocpy_state *state = bocpy_state_of(module);
  if (Py_IS_TYPE(cown, state->reading_type))
    return Py_NewRef(cown);
  if (!bocpy_cown_check(state, cown)) {
    PyObject *marked = PyObject_CallMethod(cown, "_bocpy_read", NULL);
    if (marked || !PyErr_ExceptionMatches(PyExc_AttributeError))
      return marked; /* it marks a cluster's cown */
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError,
                 "read() takes one Cown, not '%s': of a group, mark each, as in "
                 "when([read(c) for c in group])",
                 Py_TYPE(cown)->tp_name);
    return NULL;
  }
  reading *self = PyObject_GC_New(reading, state->reading_type);
  if (!self)
    return NULL;
  self->cown = Py_NewRef(cown);
  PyObject_GC_Track((PyObject *)self);
  return (PyObject *)self;
}

static int reading_traverse(reading *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->cown);
  return 0;
}

static void reading_dealloc(reading *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_DECREF(self->cown);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *reading_repr(reading *self) {
  return PyUnicode_FromFormat("read(%R)", self->cown);
}

static PyMethodDef methods[] = {
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"What read() returns: a cown that when() is to share."},
    {Py_tp_traverse, reading_traverse},
    {Py_tp_dealloc, reading_dealloc},
    {Py_tp_repr, reading_repr},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec bocpy_reading_spec = {
    .name = "bocpy.Reading",
    .basicsize = sizeof(reading),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

const char bocpy_read_doc[] =
    "read(cown, /)\n"
    "--\n\n"
    "Marks a cown in when(...): the behavior only reads it.\n\n"
    "Consecutive readers of a cown run in parallel; a writer waits for the readers\n"
    "before it, and those after it wait for the writer. The body gets the Cown as\n"
    "always, but setting its `value` or `exception` raises RuntimeError. It must not\n"
    "change the value in place either: with backend `threads` all readers share one\n"
    "object, with `interpreters` each worker has a copy of its own until the next\n"
    "write. If a behavior names a cown with and without `read`, it writes. Raises\n"
    "TypeError for objects that are not Cowns.\n\n"
    ">>> from bocpy import Cown, read, wait, when\n"
    ">>> table = Cown({'a': 1, 'b': 2})\n"
    ">>> def look(table, key):\n"
    "...     return when(read(table))(lambda table: table.value[key])\n"
    ">>> found = [look(table, key) for key in 'ab']\n"
    ">>> wait()\n"
    ">>> [result.unwrap() for result in found]\n"
    "[1, 2]\n";
