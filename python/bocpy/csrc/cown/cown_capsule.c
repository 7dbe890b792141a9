/* Cown capsule: see cown_capsule.h. */
#include "cown_capsule.h"

#include "acquire.h"

typedef struct bocpy_capsule {
  PyObject_HEAD bocpy_cown *cown;
} bocpy_capsule;

PyObject *bocpy_cown_get_impl(bocpy_cown *self, void *unused) {
  (void)unused;
  bocpy_state *state = bocpy_state_get();
  if (!state || !bocpy_cown_require((PyObject *)self))
    return NULL;
  bocpy_capsule *capsule = PyObject_New(bocpy_capsule, state->capsule_type);
  if (capsule)
    capsule->cown = (bocpy_cown *)Py_NewRef((PyObject *)self);
  return (PyObject *)capsule;
}

static void capsule_dealloc(bocpy_capsule *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_DECREF((PyObject *)self->cown);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *capsule_disown(bocpy_capsule *self, PyObject *unused) {
  (void)unused;
  if (bocpy_cown_require_held(self->cown, "disown()") < 0)
    return NULL;
  bocpy_value_clear(bocpy_cown_value(self->cown));
  if (bocpy_cown_task_mode(self->cown) == BOC_WRITE)
    Py_RETURN_NONE;
  if (bocpy_acquire_writes(self->cown->core)) {
    if (bocpy_acquire_release(self->cown->core) < 0)
      return NULL;
  } else {
    bocpy_value_hold(bocpy_cown_value(self->cown), NULL);
  }
  Py_RETURN_NONE;
}

static PyMethodDef capsule_methods[] = {
    {"disown", (PyCFunction)capsule_disown, METH_NOARGS,
     "disown($self, /)\n"
     "--\n\n"
     "Drops the value without moving it, and releases the cown, which then holds\n"
     "None.\n\n"
     "Raises RuntimeError unless the caller holds the cown."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot capsule_slots[] = {
    {Py_tp_doc, (void *)"The native side of a cown."},
    {Py_tp_dealloc, capsule_dealloc},
    {Py_tp_methods, capsule_methods},
    {0, NULL},
};

PyType_Spec bocpy_capsule_spec = {
    .name = "bocpy.CownCapsule",
    .basicsize = sizeof(bocpy_capsule),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = capsule_slots,
};
