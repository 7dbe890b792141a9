/* Value: see value.h.
 *
 * A cown may lose its last reference on any thread, while its object lives in the
 * interpreter of another. Such objects are buried: their box goes on the grave of its
 * slot (or of the main interpreter), and the owner gives it up between two bodies.
 *
 * Ordering: `graves` guards every grave, `closed`, and the moment in which a stopping
 * worker makes a value neutral that somebody else may be dropping. */
#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "pump.h"
#include "runtime.h"
#include "reader_copies.h"
#include "worker.h"

static bocpy_lock graves;
static bocpy_box *main_grave; /* under `graves` */

int bocpy_value_init(void) { return graves ? 0 : bocpy_lock_init(&graves); }

static void set_kind(bocpy_value *value, bocpy_kind kind) {
  atomic_store_explicit(&value->kind, (unsigned char)kind, memory_order_relaxed);
}

/* ---- boxes ------------------------------------------------------------------------
 */

bocpy_box *bocpy_box_new(bocpy_slot *slot, PyObject *object) {
  bocpy_box *box = malloc(sizeof(*box));
  if (!box) {
    PyErr_NoMemory();
    return NULL;
  }
  bocpy_box *head = &slot->living;
  *box = (bocpy_box){
      .object = Py_NewRef(object), .slot = slot, .prev = head, .next = head->next};
  head->next->prev = box;
  head->next = box;
  return box;
}

static void box_unlink(bocpy_box *box) {
  box->prev->next = box->next;
  box->next->prev = box->prev;
}

PyObject *bocpy_box_open(bocpy_box *box) {
  PyObject *object = box->object;
  box_unlink(box);
  free(box);
  return object;
}

/* ---- contents ---------------------------------------------------------------------
 */

/* What a value held, taken out of it, so that giving it up comes after all else. */
typedef struct content {
  bocpy_flat *flat;
  PyObject *object;
} content;

static void bury_object(PyObject *object);
static void bury_box_elsewhere(bocpy_value *value);

static bool is_foreign(const bocpy_value *value) {
  PyInterpreterState *home = bocpy_value_home(value);
  return home && home != PyInterpreterState_Get();
}

/* Leaves None, and no failure. What lives elsewhere is buried there. */
static content take_content(bocpy_value *value) {
  content old = {NULL, NULL};
  bocpy_kind kind = bocpy_value_kind(value);
  if (value->failure)
    bocpy_failure_forget(value);
  if (kind == BOCPY_FLAT)
    old.flat = value->flat;
  else if (kind == BOCPY_OBJECT && is_foreign(value))
    bury_object(value->object);
  else if (kind == BOCPY_OBJECT)
    old.object = value->object;
  else if (kind == BOCPY_BOXED && is_foreign(value))
    bury_box_elsewhere(value);
  else if (kind == BOCPY_BOXED)
    old.object = bocpy_box_open(value->box);
  set_kind(value, BOCPY_NONE);
  value->failed = false;
  return old;
}

static void drop_content(content old) {
  if (old.flat)
    bocpy_flat_free(old.flat);
  Py_XDECREF(old.object);
}

static bool own_interp_here(void) {
  bocpy_slot *slot = bocpy_slot_here();
  return slot && slot->own_interp;
}

/* The content becomes `object`, living here. -1 with MemoryError: nothing has changed.
 */
static int set_object(bocpy_value *value, PyObject *object) {
  bocpy_slot *slot = bocpy_slot_here();
  bocpy_box *box = NULL;
  if (own_interp_here()) {
    box = bocpy_box_new(slot, object);
    if (!box)
      return -1;
  }
  content old = take_content(value);
  if (box) {
    box->value = value;
    value->box = box;
    value->slot = slot;
    set_kind(value, BOCPY_BOXED);
  } else {
    value->object = Py_NewRef(object);
    set_kind(value, BOCPY_OBJECT);
  }
  drop_content(old);
  return 0;
}

/* Whether nothing has to be given up before another content comes. */
static bool is_plain(const bocpy_value *value) {
  return bocpy_value_kind(value) < BOCPY_FLAT && !value->failed && !value->failure;
}

static bool set_inline(bocpy_value *value, PyObject *object) {
  unsigned char bytes[BOCPY_INLINE_CAPACITY] = {0};
  size_t size = bocpy_encode_inline(object, bytes, sizeof(bytes));
  if (!size)
    return false;
  content old = {NULL, NULL};
  if (!is_plain(value))
    old = take_content(value);
  memcpy(value->bytes, bytes, sizeof(bytes)); /* all: that is two moves, and no call */
  value->size = (unsigned char)size;
  set_kind(value, BOCPY_INLINE);
  drop_content(old);
  return true;
}

static void set_flat(bocpy_value *value, bocpy_flat *flat) {
  content old = take_content(value);
  value->weight = (uint32_t)bocpy_flat_size(flat);
  value->flat = flat;
  set_kind(value, BOCPY_FLAT);
  drop_content(old);
}

int bocpy_value_set(bocpy_value *value, PyObject *object, const char *root) {
  /* Of a result, mostly: what it is to become it has been from the beginning. */
  if (object == Py_None && bocpy_value_kind(value) == BOCPY_NONE && is_plain(value))
    return 0;
  if (bocpy_by_reference() || value->pinned)
    return set_object(value, object);
  if (!own_interp_here() && !bocpy_self.bodies)
    return bocpy_value_set_copy(value, object, root);
  if (set_inline(value, object))
    return 0;
  if (bocpy_check_shippable(object, root) < 0)
    return -1;
  return set_object(value, object);
}

int bocpy_value_set_copy(bocpy_value *value, PyObject *object, const char *root) {
  if (bocpy_by_reference())
    return set_object(value, object);
  if (set_inline(value, object))
    return 0;
  bocpy_flat *flat;
  if (bocpy_encode(object, root, &flat) < 0)
    return -1;
  set_flat(value, flat);
  return 0;
}

static PyObject *decode(bocpy_value *value) {
  bool failed = value->failed;
  PyObject *object = bocpy_decode_last(value->flat);
  if (!object) {
    PyObject *exception = PyErr_GetRaisedException();
    bocpy_value_fail(value, Py_NewRef(exception));
    PyErr_SetRaisedException(exception);
    return NULL;
  }
  if (set_object(value, object) < 0)
    Py_CLEAR(object);
  value->failed = failed;
  return object;
}

PyObject *bocpy_value_get(bocpy_value *value) {
  if (value->failure)
    bocpy_failure_forget(value);
  if (is_foreign(value))
    bocpy_value_borrow(value);
  switch (bocpy_value_kind(value)) {
  case BOCPY_INLINE:
    return bocpy_decode_inline(value->bytes, value->size);
  case BOCPY_FLAT:
    return decode(value);
  case BOCPY_BOXED:
    return Py_NewRef(value->box->object);
  case BOCPY_OBJECT:
    return Py_NewRef(value->object);
  default:
    return Py_NewRef(Py_None);
  }
}

void bocpy_value_restore(bocpy_value *value) {
  if (bocpy_value_kind(value) == BOCPY_FLAT)
    bocpy_flat_restore(value->flat);
}

PyObject *bocpy_value_take(bocpy_value *value) {
  PyObject *object = bocpy_value_get(value);
  if (object)
    bocpy_value_clear(value);
  return object;
}

void bocpy_value_clear(bocpy_value *value) { drop_content(take_content(value)); }

void bocpy_value_fail(bocpy_value *value, PyObject *exception) {
  if (set_object(value, exception) < 0) {
    PyErr_Clear();
    bocpy_value_clear(value);
  }
  value->failed = true;
  Py_DECREF(exception);
}

/* An inline content cannot be an exception, a flat may be a packed one or not: to
 * change which it is, it has to be an object. */
int bocpy_value_set_failed(bocpy_value *value, bool failed) {
  if (value->failed == failed)
    return 0;
  PyObject *object = bocpy_value_get(value);
  if (!object)
    return -1;
  value->failed = failed;
  Py_DECREF(object);
  return 0;
}

/* ---- between interpreters -----------------------------------------------------------
 */

PyInterpreterState *bocpy_value_home(const bocpy_value *value) {
  switch (bocpy_value_kind(value)) {
  case BOCPY_BOXED:
    return value->slot->interp;
  case BOCPY_OBJECT:
    return PyInterpreterState_Main();
  default:
    return NULL;
  }
}

static PyObject *object_of(const bocpy_value *value) {
  return bocpy_value_kind(value) == BOCPY_BOXED ? value->box->object : value->object;
}

typedef int (*encoding)(PyObject *value, const char *root, bocpy_flat **out_flat);

/* A flat of an object that a value holds; NULL with an exception. */
static bocpy_flat *encode_held(PyObject *object, bool failed, encoding encode) {
  bocpy_flat *flat = NULL;
  PyObject *packed = failed ? bocpy_failure_pack(object) : Py_NewRef(object);
  if (packed) {
    if (encode(packed, "value", &flat) < 0)
      flat = NULL;
    Py_DECREF(packed);
  }
  return flat;
}

/* The flat that takes the place of what cannot be flattened after all: the reason. */
static bocpy_flat *encode_refusal(bool *out_failed) {
  PyObject *refusal = PyErr_GetRaisedException();
  bocpy_flat *flat = encode_held(refusal, true, bocpy_encode);
  if (!flat)
    PyErr_Clear();
  *out_failed = flat != NULL;
  PyErr_SetRaisedException(refusal);
  PyErr_WriteUnraisable(NULL);
  return flat;
}

static bocpy_flat *encode_to_move(PyObject *object, bool *failed) {
  bocpy_flat *flat = encode_held(object, *failed, bocpy_encode);
  return flat ? flat : encode_refusal(failed);
}

bocpy_flat *bocpy_value_encode(PyObject *object, bool *failed) {
  bocpy_flat *flat = encode_held(object, *failed, bocpy_encode_lent);
  return flat ? flat : encode_refusal(failed);
}

void bocpy_value_flatten(bocpy_value *value) {
  if (bocpy_value_kind(value) < BOCPY_BOXED)
    return;
  PyObject *object = object_of(value);
  if (!value->failed && set_inline(value, object))
    return;
  bool failed = value->failed;
  bocpy_flat *flat = encode_to_move(object, &failed);
  if (flat)
    set_flat(value, flat);
  else
    bocpy_value_clear(value);
  value->failed = failed;
}

/* With backend `interpreters`, an OBJECT is the main interpreter's. */
void bocpy_value_leave(bocpy_value *value) {
  if (!bocpy_by_reference() && !value->pinned &&
      bocpy_value_kind(value) == BOCPY_OBJECT)
    bocpy_value_flatten(value);
}

void bocpy_value_visit(bocpy_value *value, PyInterpreterState *home,
                       void (*what)(bocpy_value *value)) {
  PyObject *pending = PyErr_GetRaisedException();
  PyThreadState *mine = PyEval_SaveThread();
  PyThreadState *theirs = PyThreadState_New(home);
  if (!theirs)
    Py_FatalError("bocpy: out of memory while moving a value between interpreters");
  PyEval_RestoreThread(theirs);
  what(value);
  PyThreadState_Clear(theirs);
  PyThreadState_DeleteCurrent();
  PyEval_RestoreThread(mine);
  PyErr_SetRaisedException(pending);
}

void bocpy_value_borrow(bocpy_value *value) {
  PyInterpreterState *home = bocpy_value_home(value);
  if (home)
    bocpy_value_visit(value, home, bocpy_value_flatten);
}

/* ---- ends ---------------------------------------------------------------------------
 */

void bocpy_value_bury_main(void) {
  bocpy_lock_take(&graves);
  bocpy_box *box = main_grave;
  main_grave = NULL;
  bocpy_lock_give(&graves);
  while (box) {
    bocpy_box *below = box->below;
    Py_DECREF(box->object);
    free(box);
    box = below;
  }
}

static int empty_main_grave(void *unused) {
  (void)unused;
  bocpy_value_bury_main();
  return 0;
}

/* For an object of the main interpreter that is given up by a thread that is not there.
 */
static void bury_in_main(PyObject *object) {
  bocpy_box *box = malloc(sizeof(*box));
  if (!box)
    return;
  *box = (bocpy_box){.object = object};
  bocpy_lock_take(&graves);
  bool first = !main_grave;
  box->below = main_grave;
  main_grave = box;
  bocpy_lock_give(&graves);
  if (first)
    Py_AddPendingCall(empty_main_grave, NULL);
}

/* False without memory: nothing has changed. */
static bool bury_later(bocpy_box **dead, PyObject *object) {
  bocpy_box *box = malloc(sizeof(*box));
  if (!box)
    return false;
  *box = (bocpy_box){.object = object, .below = *dead};
  *dead = box;
  return true;
}

static void bury_dead(bocpy_box **dead) {
  while (*dead) {
    bocpy_box *box = *dead;
    PyObject *object = box->object;
    *dead = box->below;
    free(box);
    Py_DECREF(object);
  }
}

#define DEEPEST_BURIAL 50 /* objects that end within the end of another */

/* Cowns in the object may end with it, and so on: a stack is not as deep as a chain of
 * cowns may be long. */
static void bury_now(PyObject *object) {
  if (bocpy_self.burying >= DEEPEST_BURIAL && bury_later(&bocpy_self.dead, object))
    return;
  bocpy_self.burying++;
  Py_DECREF(object);
  if (bocpy_self.burying == 1)
    bury_dead(&bocpy_self.dead);
  bocpy_self.burying--;
}

/* Giving up an object may run Python code, which libboc's own steps are no place for.
 */
static void bury_object(PyObject *object) {
  bocpy_slot *slot = bocpy_slot_here();
  if (!slot) {
    if (!bocpy_self.pumping && PyInterpreterState_Get() == PyInterpreterState_Main())
      bury_now(object);
    else
      bury_in_main(object);
    return;
  }
  if (slot->own_interp) {
    bury_in_main(object);
    return;
  }
  bury_later(&slot->dead, object); /* or it is never heard of again */
}

static void bury_box_here(bocpy_slot *slot, bocpy_box *box) {
  box_unlink(box);
  box->below = slot->dead;
  slot->dead = box;
}

static void bury_box_locked(bocpy_box *box) {
  bocpy_slot *slot = box->slot;
  if (slot->closed)
    return;
  box->below = atomic_load_explicit(&slot->grave, memory_order_relaxed);
  atomic_store_explicit(&slot->grave, box, memory_order_relaxed);
  if (!box->below)
    boc_worker_poke(slot->runtime, slot->index);
}

/* The slot may be stopping: then the value may have become neutral meanwhile. */
static void bury_box_elsewhere(bocpy_value *value) {
  bocpy_lock_take(&graves);
  if (bocpy_value_kind(value) != BOCPY_BOXED) {
    bocpy_lock_give(&graves);
    bocpy_value_drop(value);
    return;
  }
  value->box->value = NULL;
  bury_box_locked(value->box);
  bocpy_lock_give(&graves);
}

/* A slot that stops has taken its copy back. */
void bocpy_share_bury(bocpy_share *share) {
  if (share->object)
    bury_object(share->object);
  bocpy_slot *here = bocpy_slot_here();
  bocpy_lock_take(&graves);
  bocpy_box *box = share->box;
  if (box)
    box->share = NULL;
  if (box && box->slot != here)
    bury_box_locked(box);
  bocpy_lock_give(&graves);
  if (box && box->slot == here)
    bury_box_here(here, box);
}

void bocpy_value_drop(bocpy_value *value) {
  if (atomic_load_explicit(&value->shares, memory_order_relaxed))
    bocpy_value_unshare(value);
  if (value->failure && bocpy_failure_orphan(value))
    return;
  switch (bocpy_value_kind(value)) {
  case BOCPY_FLAT:
    bocpy_flat_free(value->flat);
    break;
  case BOCPY_BOXED:
    if (value->slot == bocpy_slot_here())
      bury_box_here(bocpy_slot_here(), value->box);
    else
      bury_box_elsewhere(value);
    break;
  case BOCPY_OBJECT:
    if (value->pinned && !bocpy_pump_is_here())
      bury_in_main(value->object);
    else
      bury_object(value->object);
    break;
  default:
    break;
  }
}

void bocpy_slot_bury(bocpy_slot *slot) {
  bury_dead(&slot->dead);
  /* relaxed (hint): what is missed now is found at the next poke */
  if (!atomic_load_explicit(&slot->grave, memory_order_relaxed))
    return;
  bocpy_lock_take(&graves);
  bocpy_box *box = atomic_load_explicit(&slot->grave, memory_order_relaxed);
  atomic_store_explicit(&slot->grave, NULL, memory_order_relaxed);
  bocpy_lock_give(&graves);
  while (box) {
    bocpy_box *below = box->below;
    Py_DECREF(bocpy_box_open(box));
    box = below;
  }
}

/* Between the two locked parts the cown may go: then the flat has come for nothing. */
static void flatten_last(bocpy_box *box) {
  bocpy_lock_take(&graves);
  bool alive = box->value != NULL;
  bool failed = alive && box->value->failed;
  if (box->share)
    box->share->box = NULL;
  bocpy_lock_give(&graves);
  bocpy_flat *flat = alive ? encode_to_move(box->object, &failed) : NULL;
  bocpy_lock_take(&graves);
  bocpy_value *value = box->value;
  if (value) {
    value->failed = failed;
    value->flat = flat;
    set_kind(value, flat ? BOCPY_FLAT : BOCPY_NONE);
  }
  bocpy_lock_give(&graves);
  if (!value && flat)
    bocpy_flat_free(flat);
  Py_DECREF(bocpy_box_open(box));
}

void bocpy_slot_flatten(bocpy_slot *slot) {
  bocpy_lock_take(&graves);
  slot->closed = true;
  bocpy_lock_give(&graves);
  bocpy_slot_bury(slot);
  while (slot->living.next != &slot->living) {
    flatten_last(slot->living.next);
    bocpy_slot_bury(slot);
  }
}
