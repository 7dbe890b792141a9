/* Lent handle: see lent_handle.h. */
#include "lent_handle.h"

/* bocpy_cown_adopt takes a reference, and gives it up if it fails. */
static PyObject *lend_new(bocpy_worker_slot *slot, boc_cown *core) {
  PyObject *handle = bocpy_cown_adopt(slot->state, boc_cown_hold(core));
  if (handle)
    boc_cown_drop(core);
  return handle;
}

PyObject *bocpy_lend_handle(bocpy_worker_slot *slot, boc_cown *core) {
  if (!slot->idle_count)
    return lend_new(slot, core);
  bocpy_cown *self = (bocpy_cown *)slot->idle_handles[--slot->idle_count];
  self->core = core;
  return (PyObject *)self;
}

/* Whether it can be the argument of another body. A handle that is dropped while its
 * value refers to its cown has to see to that (reference_cycles.h). */
static bool handle_is_idle(const bocpy_worker_slot *slot, PyObject *handle) {
  const bocpy_cown *self = (bocpy_cown *)handle;
  return slot->idle_count < BOCPY_IDLE_HANDLES && bocpy_object_is_sole(handle) &&
         !self->weakrefs && !bocpy_cown_attributes(self) &&
         !bocpy_value_is_circular(bocpy_cown_value(self));
}

void bocpy_return_handle(bocpy_worker_slot *slot, PyObject *handle) {
  bocpy_cown *self = (bocpy_cown *)handle;
  if (!handle_is_idle(slot, handle)) {
    boc_cown_hold(self->core);
    Py_DECREF(handle);
    return;
  }
  PyObject_GC_UnTrack(handle); /* its value had been looked at */
  self->core = NULL;
  slot->idle_handles[slot->idle_count++] = handle;
}

void bocpy_idle_handles_clear(bocpy_worker_slot *slot) {
  while (slot->idle_count)
    Py_DECREF(slot->idle_handles[--slot->idle_count]);
}
