/* Reader copies: see reader_copies.h. */
#include "reader_copies.h"

#include <stdlib.h>

#include "deferred_decref.h"
#include "exception_codec.h"
#include "failure.h"

static bocpy_kind value_kind_acquire(const bocpy_value *value) {
  return (bocpy_kind)atomic_load_explicit(&value->kind,
                                          memory_order_acquire); /* [A1] */
}

/* ---- entries --------------------------------------------------------------------- */

static bocpy_reader_copy *copy_first(const bocpy_value *value) {
  const bocpy_rare *rare = bocpy_value_rare(value);
  return rare ? atomic_load_explicit(&rare->copies, memory_order_acquire) /* [A1] */
              : NULL;
}

/* relaxed (owner): only the thread itself can have written its own address */
static bool copy_is_ours(const bocpy_reader_copy *copy) {
  return atomic_load_explicit(&copy->reader, memory_order_relaxed) == &bocpy_self;
}

static bocpy_reader_copy *copy_find(const bocpy_value *value,
                                    const bocpy_worker_slot *slot) {
  bocpy_reader_copy *copy = copy_first(value);
  while (copy && copy->slot != slot)
    copy = copy->next;
  return copy;
}

/* The entry of `slot`; makes it if there is none. NULL without memory. Invariant 2. */
static bocpy_reader_copy *copy_find_or_add(bocpy_value *value,
                                           bocpy_worker_slot *slot) {
  bocpy_reader_copy *copy = copy_find(value, slot);
  if (copy)
    return copy;
  bocpy_rare *rare = bocpy_value_need_rare(value);
  copy = rare ? calloc(1, sizeof(*copy)) : NULL;
  if (!copy)
    return NULL;
  copy->slot = slot;
  copy->next = copy_first(value);
  while (!atomic_compare_exchange_weak_explicit(&rare->copies, &copy->next, copy,
                                                memory_order_release,  /* [R1] */
                                                memory_order_acquire)) /* [A1] */
    continue;
  return copy;
}

static bocpy_reader_copy *copy_own(const bocpy_value *value) {
  bocpy_reader_copy *copy = copy_first(value);
  while (copy && !copy_is_ours(copy))
    copy = copy->next;
  return copy;
}

bool bocpy_reader_is_here(const bocpy_value *value) {
  return bocpy_self.bodies && copy_own(value);
}

int bocpy_reader_begin(bocpy_value *value) {
  bocpy_value_lend(value);
  bocpy_reader_copy *copy = copy_find_or_add(value, bocpy_worker_slot_here());
  if (!copy) {
    PyErr_NoMemory();
    return -1;
  }
  copy->depth++;
  atomic_store_explicit(&copy->reader, &bocpy_self, memory_order_relaxed);
  return 0;
}

void bocpy_reader_end(bocpy_value *value) {
  bocpy_reader_copy *copy = copy_own(value);
  if (--copy->depth == 0)
    atomic_store_explicit(&copy->reader, NULL, memory_order_relaxed);
}

/* ---- lending --------------------------------------------------------------------- */

/* The interpreter in which the content lives, if that is not this thread's; else NULL.
 * Invariant 1. */
static PyInterpreterState *value_foreign_home(const bocpy_value *value) {
  bocpy_kind kind = value_kind_acquire(value);
  if (kind < BOCPY_BOXED)
    return NULL;
  PyInterpreterState *home =
      kind == BOCPY_BOXED ? value->slot->interp : PyInterpreterState_Main();
  return home == PyInterpreterState_Get() ? NULL : home;
}

/* Leaves the original to readers of the interpreter where it lived. */
static void copy_keep_original(bocpy_value *value, bocpy_kind kind) {
  bocpy_worker_slot *slot = kind == BOCPY_BOXED ? value->slot : NULL;
  bocpy_reader_copy *copy = copy_find_or_add(value, slot);
  if (kind == BOCPY_BOXED) {
    value->box->value = NULL;
    value->box->copy = copy;
    if (copy)
      copy->box = value->box;
    else
      Py_DECREF(bocpy_box_open(value->box));
  } else if (copy) {
    copy->object = value->object;
  } else {
    Py_DECREF(value->object);
  }
}

/* Encoding may release the GIL; another reader may then lend the value. */
void bocpy_value_lend_here(bocpy_value *value) {
  bocpy_kind kind = value_kind_acquire(value);
  if (kind < BOCPY_BOXED)
    return;
  PyObject *object =
      Py_NewRef(kind == BOCPY_BOXED ? value->box->object : value->object);
  bool failed = value->failed;
  bocpy_buffer *buffer = bocpy_value_encode_lent(object, &failed);
  if (value_kind_acquire(value) == kind) {
    copy_keep_original(value, kind);
    value->at_home = false;
    value->buffer = buffer;
    value->failed = failed;
    if (buffer)
      bocpy_value_note_buffer(value, buffer);
    atomic_store_explicit(&value->wanted, false, memory_order_relaxed); /* hint */
    atomic_store_explicit(&value->kind,
                          (unsigned char)(buffer ? BOCPY_ENCODED : BOCPY_NONE),
                          memory_order_release); /* [R1] */
  } else {
    bocpy_buffer_free(buffer);
  }
  Py_DECREF(object);
}

void bocpy_value_lend(bocpy_value *value) {
  PyInterpreterState *home = value_foreign_home(value);
  if (home)
    bocpy_value_visit(value, home, bocpy_value_lend_here);
}

/* ---- looking --------------------------------------------------------------------- */

static int copy_keep(bocpy_reader_copy *copy, PyObject *object) {
  bocpy_worker_slot *slot = copy->slot;
  if (!slot || !slot->own_interp) {
    copy->object = Py_NewRef(object);
    return 0;
  }
  copy->box = bocpy_box_new(slot, object);
  if (!copy->box)
    return -1;
  copy->box->copy = copy;
  return 0;
}

static PyObject *copy_kept(const bocpy_reader_copy *copy) {
  return Py_XNewRef(copy->box ? copy->box->object : copy->object);
}

/* In the main interpreter another thread may be faster, as decoding may release the
 * GIL. */
static PyObject *copy_decode(const bocpy_value *value, bocpy_reader_copy *copy) {
  PyObject *object = bocpy_decode(value->buffer);
  if (value->failed)
    object = bocpy_exception_unpack(object);
  PyObject *kept = object ? copy_kept(copy) : NULL;
  if (kept)
    Py_SETREF(object, kept);
  else if (object && copy_keep(copy, object) < 0)
    Py_CLEAR(object);
  return object;
}

static PyObject *copy_get(bocpy_value *value, bocpy_reader_copy *copy) {
  PyObject *kept = copy_kept(copy);
  if (kept)
    return kept;
  switch (value_kind_acquire(value)) {
  case BOCPY_INLINE:
    return bocpy_decode_inline(value->bytes, value->size);
  case BOCPY_ENCODED:
    return copy_decode(value, copy);
  case BOCPY_BOXED:
    return Py_NewRef(value->box->object);
  case BOCPY_OBJECT:
    return Py_NewRef(value->object);
  default:
    return Py_NewRef(Py_None);
  }
}

PyObject *bocpy_reader_get(bocpy_value *value) {
  return copy_get(value, copy_own(value));
}

PyObject *bocpy_reader_copy_here(bocpy_value *value) {
  bocpy_value_lend(value);
  if (bocpy_by_reference() || value_kind_acquire(value) != BOCPY_ENCODED) {
    bocpy_reader_copy none = {0};
    return copy_get(value, &none);
  }
  bocpy_reader_copy *copy = copy_find_or_add(value, NULL);
  return copy ? copy_get(value, copy) : PyErr_NoMemory();
}
