/* Handle attributes: see handle_attributes.h. */
#include "handle_attributes.h"

#if BOCPY_FREE_THREADED

PyObject *bocpy_attributes_get(PyObject *self, PyObject *name) {
  return PyObject_GenericGetAttr(self, name);
}

int bocpy_attributes_set(PyObject *self, PyObject *name, PyObject *value) {
  return PyObject_GenericSetAttr(self, name, value);
}

PyObject *bocpy_attributes_get_dict(PyObject *self, void *unused) {
  return PyObject_GenericGetDict(self, unused);
}

int bocpy_attributes_set_dict(PyObject *self, PyObject *dict, void *unused) {
  return PyObject_GenericSetDict(self, dict, unused);
}

void bocpy_attributes_drop(bocpy_cown *self) { Py_CLEAR(self->dict); }

void bocpy_attributes_clear(bocpy_state *state) { (void)state; }

#else

/* ---- the map --------------------------------------------------------------------- */

atomic_bool bocpy_attributes_used;

/* The state of the module that made Cown, from which `type` is derived; NULL at the end
 * of the interpreter. Sets no exception: the garbage collector calls it. */
static bocpy_state *attributes_state(const PyTypeObject *type) {
  for (; type; type = type->tp_base) {
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
      continue;
    PyObject *module = ((const PyHeapTypeObject *)type)->ht_module;
    if (module && PyModule_GetDef(module) == &bocpy_module)
      return bocpy_state_of(module);
  }
  return NULL;
}

PyObject *bocpy_attributes_find(const bocpy_cown *self) {
  const bocpy_state *state = attributes_state(Py_TYPE(self));
  return state ? bocpy_address_map_pointer(&state->attributes, self) : NULL;
}

/* Steals `dict`, and gives up the one before. -1 with an exception. */
static int attributes_put(bocpy_cown *self, PyObject *dict) {
  bocpy_state *state = attributes_state(Py_TYPE(self));
  PyObject *before = bocpy_cown_attributes(self);
  atomic_store_explicit(&bocpy_attributes_used, true, memory_order_relaxed); /* owner */
  if (state && bocpy_address_map_put_pointer(&state->attributes, self, dict)) {
    Py_XDECREF(before);
    return 0;
  }
  Py_DECREF(dict);
  PyErr_NoMemory();
  return -1;
}

/* The dict of the handle, made if need be: borrowed, or NULL with an exception. */
static PyObject *attributes_need(bocpy_cown *self) {
  PyObject *dict = bocpy_cown_attributes(self);
  if (dict)
    return dict;
  dict = PyDict_New();
  return dict && attributes_put(self, dict) == 0 ? dict : NULL;
}

void bocpy_attributes_drop(bocpy_cown *self) {
  PyObject *dict = bocpy_cown_attributes(self);
  if (!dict)
    return;
  bocpy_address_map_remove(&attributes_state(Py_TYPE(self))->attributes, self);
  Py_DECREF(dict);
}

void bocpy_attributes_clear(bocpy_state *state) {
  bocpy_address_map all = state->attributes;
  state->attributes = (bocpy_address_map){0};
  for (size_t i = 0; i < all.capacity; i++)
    if (all.entries[i].key)
      Py_DECREF((PyObject *)(uintptr_t)all.entries[i].word);
  bocpy_address_map_fini(&all);
}

/* ---- attributes ------------------------------------------------------------------ */

PyObject *bocpy_attributes_get(PyObject *self, PyObject *name) {
  PyObject *dict = bocpy_cown_attributes((bocpy_cown *)self);
  return dict ? _PyObject_GenericGetAttrWithDict(self, name, dict, 0)
              : PyObject_GenericGetAttr(self, name);
}

/* Whether the class decides where the attribute goes. */
static bool class_has_setter(const PyObject *self, PyObject *name) {
  PyObject *found = _PyType_Lookup(Py_TYPE(self), name);
  return found && Py_TYPE(found)->tp_descr_set;
}

int bocpy_attributes_set(PyObject *self, PyObject *name, PyObject *value) {
  PyObject *dict = bocpy_cown_attributes((bocpy_cown *)self);
  if (!dict && (Py_TYPE(self)->tp_dictoffset || !value || class_has_setter(self, name)))
    return PyObject_GenericSetAttr(self, name, value);
  if (!dict && !(dict = attributes_need((bocpy_cown *)self)))
    return -1;
  return _PyObject_GenericSetAttrWithDict(self, name, value, dict);
}

PyObject *bocpy_attributes_get_dict(PyObject *self, void *unused) {
  if (Py_TYPE(self)->tp_dictoffset)
    return PyObject_GenericGetDict(self, unused);
  PyObject *dict = attributes_need((bocpy_cown *)self);
  if (dict && !PyObject_GC_IsTracked(self))
    PyObject_GC_Track(self);
  return Py_XNewRef(dict);
}

int bocpy_attributes_set_dict(PyObject *self, PyObject *dict, void *unused) {
  if (Py_TYPE(self)->tp_dictoffset)
    return PyObject_GenericSetDict(self, dict, unused);
  if (dict && PyDict_Check(dict))
    return attributes_put((bocpy_cown *)self, Py_NewRef(dict));
  PyErr_SetString(PyExc_TypeError, dict ? "__dict__ must be set to a dictionary"
                                        : "cannot delete __dict__");
  return -1;
}

#endif
