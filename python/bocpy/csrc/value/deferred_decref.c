/* Deferred decref: see deferred_decref.h.
 *
 * Ordering: `deferred_lock` guards the lists that threads push to for others, `closed`,
 * and the moment in which a stopping worker makes a value neutral that another thread
 * may be dropping. */
#include "deferred_decref.h"

#include <stdlib.h>

#include "immutable.h"
#include "reader_copies.h"

static bocpy_lock deferred_lock;
static bocpy_box *main_deferred; /* under `deferred_lock` */

int bocpy_deferred_init(void) {
  return deferred_lock ? 0 : bocpy_lock_init(&deferred_lock);
}

/* ---- boxes ----------------------------------------------------------------------- */

bocpy_box *bocpy_box_new(bocpy_worker_slot *slot, PyObject *object) {
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

/* ---- objects of the main interpreter --------------------------------------------- */

void bocpy_main_run_deferred(void) {
  bocpy_lock_take(&deferred_lock);
  bocpy_box *box = main_deferred;
  main_deferred = NULL;
  bocpy_lock_give(&deferred_lock);
  while (box) {
    bocpy_box *next = box->next_deferred;
    Py_DECREF(box->object);
    free(box);
    box = next;
  }
}

static int deferred_pending_call(void *unused) {
  (void)unused;
  bocpy_main_run_deferred();
  return 0;
}

void bocpy_defer_decref_in_main(PyObject *object) {
  bocpy_box *box = malloc(sizeof(*box));
  if (!box)
    return; /* out of memory: leaked */
  *box = (bocpy_box){.object = object};
  bocpy_lock_take(&deferred_lock);
  bool first = !main_deferred;
  box->next_deferred = main_deferred;
  main_deferred = box;
  bocpy_lock_give(&deferred_lock);
  if (first)
    Py_AddPendingCall(deferred_pending_call, NULL);
}

/* False without memory: nothing has changed. */
static bool deferred_push(bocpy_box **list, PyObject *object) {
  bocpy_box *box = malloc(sizeof(*box));
  if (!box)
    return false;
  *box = (bocpy_box){.object = object, .next_deferred = *list};
  *list = box;
  return true;
}

static void deferred_run_list(bocpy_box **list) {
  while (*list) {
    bocpy_box *box = *list;
    PyObject *object = box->object;
    *list = box->next_deferred;
    free(box);
    Py_DECREF(object);
  }
}

#define DECREF_DEPTH_MAX 50 /* objects whose end may run within the end of another */

/* The end of an object may end cowns, and those the objects in them, and so on. A chain
 * of cowns can be longer than a stack is deep, so beyond a depth the object waits until
 * the outermost end is over. */
static void decref_bounded(PyObject *object) {
  if (bocpy_self.decref_depth >= DECREF_DEPTH_MAX &&
      deferred_push(&bocpy_self.deferred, object))
    return;
  bocpy_self.decref_depth++;
  Py_DECREF(object);
  if (bocpy_self.decref_depth == 1)
    deferred_run_list(&bocpy_self.deferred);
  bocpy_self.decref_depth--;
}

void bocpy_defer_decref(PyObject *object) {
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
  if (slot && !slot->own_interp)
    deferred_push(&slot->own_deferred, object); /* out of memory: leaked */
  else if (!slot && !bocpy_self.pumping &&
           PyInterpreterState_Get() == PyInterpreterState_Main())
    decref_bounded(object);
  else
    bocpy_defer_decref_in_main(object);
}

/* ---- objects of workers' interpreters -------------------------------------------- */

static void defer_box_here(bocpy_worker_slot *slot, bocpy_box *box) {
  box_unlink(box);
  box->next_deferred = slot->own_deferred;
  slot->own_deferred = box;
}

/* A slot that is closed drops its boxes itself. */
static void defer_box_elsewhere_locked(bocpy_box *box) {
  bocpy_worker_slot *slot = box->slot;
  if (slot->closed)
    return;
  box->next_deferred = atomic_load_explicit(&slot->deferred, memory_order_relaxed);
  atomic_store_explicit(&slot->deferred, box, memory_order_relaxed);
  if (!box->next_deferred)
    boc_worker_poke(slot->runtime, slot->index);
}

bool bocpy_defer_box(bocpy_value *value) {
  if (value->slot == bocpy_worker_slot_here()) {
    defer_box_here(value->slot, value->box);
    return true;
  }
  bocpy_lock_take(&deferred_lock);
  bool boxed = bocpy_value_kind(value) == BOCPY_BOXED;
  if (boxed) {
    value->box->value = NULL;
    defer_box_elsewhere_locked(value->box);
  }
  bocpy_lock_give(&deferred_lock);
  return boxed;
}

/* A worker that stops takes its copy back: then `box` is NULL. */
static void copy_drop(bocpy_reader_copy *copy) {
  if (copy->object)
    bocpy_defer_decref(copy->object);
  bocpy_worker_slot *here = bocpy_worker_slot_here();
  bocpy_lock_take(&deferred_lock);
  bocpy_box *box = copy->box;
  bool own = box && box->slot == here; /* another's may be gone after the lock */
  if (box)
    box->copy = NULL;
  if (box && !own)
    defer_box_elsewhere_locked(box);
  bocpy_lock_give(&deferred_lock);
  if (own)
    defer_box_here(here, box);
  free(copy);
}

void bocpy_value_drop_copies(bocpy_value *value) {
  bocpy_rare *rare = bocpy_value_rare(value);
  bocpy_reader_copy *copy = atomic_load_explicit(&rare->copies, memory_order_acquire);
  atomic_store_explicit(&rare->copies, NULL, memory_order_relaxed); /* owner */
  for (bocpy_reader_copy *next; copy; copy = next) {
    next = copy->next;
    copy_drop(copy);
  }
}

/* ---- the owners ------------------------------------------------------------------ */

void bocpy_worker_slot_run_deferred(bocpy_worker_slot *slot) {
  deferred_run_list(&slot->own_deferred);
  if (slot->own_interp && slot->state)
    bocpy_home_run_dead(slot->state->codec.home);
  /* relaxed (hint): what is missed now is found at the next poke */
  if (!atomic_load_explicit(&slot->deferred, memory_order_relaxed))
    return;
  bocpy_lock_take(&deferred_lock);
  bocpy_box *box = atomic_load_explicit(&slot->deferred, memory_order_relaxed);
  atomic_store_explicit(&slot->deferred, NULL, memory_order_relaxed);
  bocpy_lock_give(&deferred_lock);
  while (box) {
    bocpy_box *next = box->next_deferred;
    Py_DECREF(bocpy_box_open(box));
    box = next;
  }
}

/* The cown may go while its object is being encoded: then the buffer is for nothing. */
static void slot_encode_box(bocpy_box *box, bocpy_encode_last encode) {
  bocpy_lock_take(&deferred_lock);
  bool alive = box->value != NULL;
  bool failed = alive && box->value->failed;
  if (box->copy)
    box->copy->box = NULL;
  bocpy_lock_give(&deferred_lock);
  bocpy_buffer *buffer = alive ? encode(box->object, &failed) : NULL;
  bocpy_lock_take(&deferred_lock);
  bocpy_value *value = box->value;
  if (value) {
    value->failed = failed;
    value->buffer = buffer;
    bocpy_value_set_kind(value, buffer ? BOCPY_ENCODED : BOCPY_NONE);
  }
  bocpy_lock_give(&deferred_lock);
  if (!value && buffer)
    bocpy_buffer_free(buffer);
  Py_DECREF(bocpy_box_open(box));
}

void bocpy_worker_slot_close(bocpy_worker_slot *slot, bocpy_encode_last encode) {
  bocpy_lock_take(&deferred_lock);
  slot->closed = true;
  bocpy_lock_give(&deferred_lock);
  bocpy_worker_slot_run_deferred(slot);
  while (slot->living.next != &slot->living) {
    slot_encode_box(slot->living.next, encode);
    bocpy_worker_slot_run_deferred(slot);
  }
}
