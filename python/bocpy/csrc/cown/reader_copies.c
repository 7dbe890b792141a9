/* Reader copies: see reader_copies.h. */
#include "reader_copies.h"

#include <stdlib.h>

#include "failure.h"
#include "runtime.h"
#include "worker.h"

static bocpy_kind kind_of(const bocpy_value *value) {
  return (bocpy_kind)atomic_load_explicit(&value->kind,
                                          memory_order_acquire); /* [A1] */
}

/* ---- entries ------------------------------------------------------------------------
 */

static bocpy_share *first_of(const bocpy_value *value) {
  return atomic_load_explicit(&value->shares, memory_order_acquire); /* [A1] */
}

/* relaxed (owner): only the thread itself can have written its own address */
static bool is_ours(const bocpy_share *share) {
  return atomic_load_explicit(&share->reader, memory_order_relaxed) == &bocpy_self;
}

static bocpy_share *find(const bocpy_value *value, const bocpy_slot *slot) {
  bocpy_share *share = first_of(value);
  while (share && share->slot != slot)
    share = share->next;
  return share;
}

/* The entry of `slot`, made if there is none; NULL without memory. Invariant 2. */
static bocpy_share *find_or_add(bocpy_value *value, bocpy_slot *slot) {
  bocpy_share *share = find(value, slot);
  if (share)
    return share;
  share = calloc(1, sizeof(*share));
  if (!share)
    return NULL;
  share->slot = slot;
  share->next = first_of(value);
  while (!atomic_compare_exchange_weak_explicit(&value->shares, &share->next, share,
                                                memory_order_release,  /* [R1] */
                                                memory_order_acquire)) /* [A1] */
    continue;
  return share;
}

static bocpy_share *own(const bocpy_value *value) {
  bocpy_share *share = first_of(value);
  while (share && !is_ours(share))
    share = share->next;
  return share;
}

bool bocpy_share_reads(const bocpy_value *value) {
  return bocpy_self.bodies && own(value);
}

int bocpy_share_begin(bocpy_value *value) {
  bocpy_share_lend(value);
  bocpy_share *share = find_or_add(value, bocpy_slot_here());
  if (!share) {
    PyErr_NoMemory();
    return -1;
  }
  share->depth++;
  atomic_store_explicit(&share->reader, &bocpy_self, memory_order_relaxed);
  return 0;
}

void bocpy_share_end(bocpy_value *value) {
  bocpy_share *share = own(value);
  if (--share->depth == 0)
    atomic_store_explicit(&share->reader, NULL, memory_order_relaxed);
}

void bocpy_value_unshare(bocpy_value *value) {
  bocpy_share *share = first_of(value);
  atomic_store_explicit(&value->shares, NULL, memory_order_relaxed); /* owner */
  while (share) {
    bocpy_share *next = share->next;
    bocpy_share_bury(share);
    free(share);
    share = next;
  }
}

/* ---- lending ------------------------------------------------------------------------
 */

/* Where it lives if that is not here; NULL: it is neutral, or ours. Invariant 1. */
static PyInterpreterState *foreign_home(const bocpy_value *value) {
  bocpy_kind kind = kind_of(value);
  if (kind < BOCPY_BOXED)
    return NULL;
  PyInterpreterState *home =
      kind == BOCPY_BOXED ? value->slot->interp : PyInterpreterState_Main();
  return home == PyInterpreterState_Get() ? NULL : home;
}

/* The original stays with the readers of where it lived. */
static void keep_original(bocpy_value *value, bocpy_kind kind) {
  bocpy_slot *slot = kind == BOCPY_BOXED ? value->slot : NULL;
  bocpy_share *share = find_or_add(value, slot);
  if (kind == BOCPY_BOXED) {
    value->box->value = NULL;
    value->box->share = share;
    if (share)
      share->box = value->box;
    else
      Py_DECREF(bocpy_box_open(value->box));
  } else if (share) {
    share->object = value->object;
  } else {
    Py_DECREF(value->object);
  }
}

/* Somebody else may be quicker, as encoding may let go of the GIL. */
void bocpy_share_lend_here(bocpy_value *value) {
  bocpy_kind kind = kind_of(value);
  if (kind < BOCPY_BOXED)
    return;
  PyObject *object =
      Py_NewRef(kind == BOCPY_BOXED ? value->box->object : value->object);
  bool failed = value->failed;
  bocpy_flat *flat = bocpy_value_encode(object, &failed);
  if (kind_of(value) == kind) {
    keep_original(value, kind);
    value->flat = flat;
    value->failed = failed;
    value->weight = flat ? (uint32_t)bocpy_flat_size(flat) : 0;
    atomic_store_explicit(&value->wanted, false, memory_order_relaxed); /* hint */
    atomic_store_explicit(&value->kind, (unsigned char)(flat ? BOCPY_FLAT : BOCPY_NONE),
                          memory_order_release); /* [R1] */
  } else {
    bocpy_flat_free(flat);
  }
  Py_DECREF(object);
}

void bocpy_share_lend(bocpy_value *value) {
  PyInterpreterState *home = foreign_home(value);
  if (home)
    bocpy_value_visit(value, home, bocpy_share_lend_here);
}

/* ---- looking ------------------------------------------------------------------------
 */

static int keep_copy(bocpy_share *share, PyObject *object) {
  bocpy_slot *slot = share->slot;
  if (!slot || !slot->own_interp) {
    share->object = Py_NewRef(object);
    return 0;
  }
  share->box = bocpy_box_new(slot, object);
  if (!share->box)
    return -1;
  share->box->share = share;
  return 0;
}

static PyObject *kept_copy(const bocpy_share *share) {
  return share->box || share->object
             ? Py_NewRef(share->box ? share->box->object : share->object)
             : NULL;
}

/* In the main interpreter another thread may be quicker, as decoding may let go of the
 * GIL. */
static PyObject *decode(const bocpy_value *value, bocpy_share *share) {
  PyObject *object = bocpy_decode(value->flat);
  PyObject *kept = object ? kept_copy(share) : NULL;
  if (kept)
    Py_SETREF(object, kept);
  else if (object && keep_copy(share, object) < 0)
    Py_CLEAR(object);
  return object;
}

static PyObject *get(bocpy_value *value, bocpy_share *share) {
  if (value->failed)
    bocpy_failure_forget(value);
  PyObject *kept = kept_copy(share);
  if (kept)
    return kept;
  switch (kind_of(value)) {
  case BOCPY_INLINE:
    return bocpy_decode_inline(value->bytes, value->size);
  case BOCPY_FLAT:
    return decode(value, share);
  case BOCPY_BOXED:
    return Py_NewRef(value->box->object);
  case BOCPY_OBJECT:
    return Py_NewRef(value->object);
  default:
    return Py_NewRef(Py_None);
  }
}

PyObject *bocpy_share_get(bocpy_value *value) { return get(value, own(value)); }

PyObject *bocpy_share_copy(bocpy_value *value) {
  bocpy_share_lend(value);
  if (bocpy_by_reference() || kind_of(value) != BOCPY_FLAT) {
    bocpy_share none = {0};
    return get(value, &none);
  }
  bocpy_share *share = find_or_add(value, NULL);
  return share ? get(value, share) : PyErr_NoMemory();
}
