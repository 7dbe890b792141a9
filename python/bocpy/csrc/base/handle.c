/* Handle: see handle.h. */
#include "handle.h"

boc_cown *bocpy_cown_core(PyObject *object) {
  bocpy_state *state = bocpy_state_get();
  if (!state) {
    PyErr_Clear();
    return NULL;
  }
  return bocpy_cown_check(state, object) ? ((bocpy_cown *)object)->core : NULL;
}

PyObject *bocpy_cown_adopt(bocpy_state *state, boc_cown *core) {
  bool pinned = bocpy_cown_core_is_pinned(core);
  PyTypeObject *type = pinned ? state->pinned_type : state->cown_type;
  bocpy_cown *self =
      pinned ? NULL : (bocpy_cown *)bocpy_freelist_take(&state->handles, type);
  if (!self)
    self = PyObject_GC_New(bocpy_cown, type);
  if (!self) {
    boc_cown_drop(core);
    return NULL;
  }
  self->core = core;
  self->weakrefs = NULL;
#if BOCPY_FREE_THREADED
  self->dict = NULL;
  PyObject_GC_Track(self);
#endif
  return (PyObject *)self;
}

PyObject *bocpy_cown_wrap(boc_cown *core) {
  bocpy_state *state = bocpy_state_get();
  return state ? bocpy_cown_adopt(state, boc_cown_hold(core)) : NULL;
}
