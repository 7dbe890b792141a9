/* Value: see value.h.
 *
 * A cown may lose its last reference on any thread, while its object lives in the
 * interpreter of another. Such objects are buried: their box goes on the deferred of its
 * slot (or of the main interpreter), and the owner gives it up between two bodies.
 *
 * Ordering: `deferred_lock` guards every deferred, `closed`, and the moment in which a stopping
 * worker makes a value neutral that somebody else may be dropping. */
#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "immutable.h"
#include "pump.h"
#include "reader_copies.h"
#include "runtime.h"
#include "worker.h"

static bocpy_lock deferred_lock;
static bocpy_box *main_deferred; /* under `deferred_lock` */

int bocpy_value_init(void) {
  return deferred_lock ? 0 : bocpy_lock_init(&deferred_lock);
}

static void value_set_kind(bocpy_value *value, bocpy_kind kind) {
  atomic_store_explicit(&value->kind, (unsigned char)kind, memory_order_relaxed);
}

/* ---- boxes ----------------------------------------------------------------------- */

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

/* ---- contents -------------------------------------------------------------------- */

/* What a value held, taken out of it, so that giving it up comes after all else. */
typedef struct content {
  bocpy_buffer *buffer;
  PyObject *object;
} content;

static void defer_decref(PyObject *object);
static void defer_box_elsewhere(bocpy_value *value);

static bool value_is_foreign(const bocpy_value *value) {
  PyInterpreterState *home = bocpy_value_home(value);
  return home && home != PyInterpreterState_Get();
}

/* Leaves None, and no failure. What lives elsewhere is buried there. */
static content value_take_content(bocpy_value *value) {
  content old = {NULL, NULL};
  bocpy_kind kind = bocpy_value_kind(value);
  if (value->failure)
    bocpy_failure_forget(value);
  if (kind == BOCPY_ENCODED)
    old.buffer = value->buffer;
  else if (kind == BOCPY_OBJECT && value_is_foreign(value))
    defer_decref(value->object);
  else if (kind == BOCPY_OBJECT)
    old.object = value->object;
  else if (kind == BOCPY_BOXED && value_is_foreign(value))
    defer_box_elsewhere(value);
  else if (kind == BOCPY_BOXED)
    old.object = bocpy_box_open(value->box);
  value_set_kind(value, BOCPY_NONE);
  value->failed = false;
  return old;
}

static void content_drop(content old) {
  if (old.buffer)
    bocpy_buffer_free(old.buffer);
  Py_XDECREF(old.object);
}

static bool own_interp_here(void) {
  bocpy_slot *slot = bocpy_slot_here();
  return slot && slot->own_interp;
}

/* The content becomes `object`, living here. -1 with MemoryError: nothing has changed.
 */
static int value_set_object(bocpy_value *value, PyObject *object) {
  bocpy_slot *slot = bocpy_slot_here();
  bocpy_box *box = NULL;
  if (own_interp_here()) {
    box = bocpy_box_new(slot, object);
    if (!box)
      return -1;
  }
  content old = value_take_content(value);
  if (box) {
    box->value = value;
    value->box = box;
    value->slot = slot;
    value_set_kind(value, BOCPY_BOXED);
  } else {
    value->object = Py_NewRef(object);
    value_set_kind(value, BOCPY_OBJECT);
  }
  content_drop(old);
  return 0;
}

/* Whether nothing has to be given up before another content comes. */
static bool value_is_plain(const bocpy_value *value) {
  return bocpy_value_kind(value) < BOCPY_ENCODED && !value->failed && !value->failure;
}

static bool value_set_inline(bocpy_value *value, PyObject *object) {
  unsigned char bytes[BOCPY_INLINE_CAPACITY] = {0};
  size_t size = bocpy_encode_inline(object, bytes, sizeof(bytes));
  if (!size)
    return false;
  content old = {NULL, NULL};
  if (!value_is_plain(value))
    old = value_take_content(value);
  memcpy(value->bytes, bytes, sizeof(bytes)); /* all: that is two moves, and no call */
  value->size = (unsigned char)size;
  value_set_kind(value, BOCPY_INLINE);
  content_drop(old);
  return true;
}

static void value_set_buffer(bocpy_value *value, bocpy_buffer *buffer) {
  content old = value_take_content(value);
  value->weight = (uint32_t)bocpy_buffer_size(buffer);
  value->buffer = buffer;
  value_set_kind(value, BOCPY_ENCODED);
  content_drop(old);
}

int bocpy_value_set(bocpy_value *value, PyObject *object, const char *root) {
  /* Of a result, mostly: what it is to become it has been from the beginning. */
  if (object == Py_None && bocpy_value_kind(value) == BOCPY_NONE &&
      value_is_plain(value))
    return 0;
  if (bocpy_by_reference() || value->pinned)
    return value_set_object(value, object);
  if (!own_interp_here() && !bocpy_self.bodies)
    return bocpy_value_set_copy(value, object, root);
  if (value_set_inline(value, object))
    return 0;
  if (bocpy_check_shippable(object, root) < 0)
    return -1;
  return value_set_object(value, object);
}

int bocpy_value_set_copy(bocpy_value *value, PyObject *object, const char *root) {
  if (bocpy_by_reference())
    return value_set_object(value, object);
  if (value_set_inline(value, object))
    return 0;
  bocpy_buffer *buffer;
  if (bocpy_encode(object, root, &buffer) < 0)
    return -1;
  value_set_buffer(value, buffer);
  return 0;
}

static PyObject *value_decode(bocpy_value *value) {
  bool failed = value->failed;
  PyObject *object = bocpy_decode_last(value->buffer);
  if (!object) {
    PyObject *exception = PyErr_GetRaisedException();
    bocpy_value_fail(value, Py_NewRef(exception));
    PyErr_SetRaisedException(exception);
    return NULL;
  }
  if (value_set_object(value, object) < 0)
    Py_CLEAR(object);
  value->failed = failed;
  return object;
}

PyObject *bocpy_value_get(bocpy_value *value) {
  if (value->failure)
    bocpy_failure_forget(value);
  if (value_is_foreign(value))
    bocpy_value_borrow(value);
  switch (bocpy_value_kind(value)) {
  case BOCPY_INLINE:
    return bocpy_decode_inline(value->bytes, value->size);
  case BOCPY_ENCODED:
    return value_decode(value);
  case BOCPY_BOXED:
    return Py_NewRef(value->box->object);
  case BOCPY_OBJECT:
    return Py_NewRef(value->object);
  default:
    return Py_NewRef(Py_None);
  }
}

void bocpy_value_restore(bocpy_value *value) {
  if (bocpy_value_kind(value) == BOCPY_ENCODED)
    bocpy_buffer_restore(value->buffer);
}

PyObject *bocpy_value_take(bocpy_value *value) {
  PyObject *object = bocpy_value_get(value);
  if (object)
    bocpy_value_clear(value);
  return object;
}

void bocpy_value_clear(bocpy_value *value) { content_drop(value_take_content(value)); }

void bocpy_value_fail(bocpy_value *value, PyObject *exception) {
  if (value_set_object(value, exception) < 0) {
    PyErr_Clear();
    bocpy_value_clear(value);
  }
  value->failed = true;
  Py_DECREF(exception);
}

/* An inline content cannot be an exception, a buffer may be a packed one or not: to
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

/* ---- between interpreters -------------------------------------------------------- */

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

static PyObject *value_object(const bocpy_value *value) {
  return bocpy_value_kind(value) == BOCPY_BOXED ? value->box->object : value->object;
}

typedef int (*encoding)(PyObject *value, const char *root, bocpy_buffer **out_buffer);

/* A buffer of an object that a value holds; NULL with an exception. */
static bocpy_buffer *object_encode(PyObject *object, bool failed, encoding encode) {
  bocpy_buffer *buffer = NULL;
  PyObject *packed = failed ? bocpy_failure_pack(object) : Py_NewRef(object);
  if (packed) {
    if (encode(packed, "value", &buffer) < 0)
      buffer = NULL;
    Py_DECREF(packed);
  }
  return buffer;
}

/* The buffer that takes the place of what cannot be encoded after all: the reason. */
static bocpy_buffer *object_encode_refusal(bool *out_failed) {
  PyObject *refusal = PyErr_GetRaisedException();
  bocpy_buffer *buffer = object_encode(refusal, true, bocpy_encode);
  if (!buffer)
    PyErr_Clear();
  *out_failed = buffer != NULL;
  PyErr_SetRaisedException(refusal);
  PyErr_WriteUnraisable(NULL);
  return buffer;
}

static bocpy_buffer *object_encode_to_move(PyObject *object, bool *failed) {
  bocpy_buffer *buffer = object_encode(object, *failed, bocpy_encode);
  return buffer ? buffer : object_encode_refusal(failed);
}

bocpy_buffer *bocpy_value_encode_lent(PyObject *object, bool *failed) {
  bocpy_buffer *buffer = object_encode(object, *failed, bocpy_encode_lent);
  return buffer ? buffer : object_encode_refusal(failed);
}

void bocpy_value_encode(bocpy_value *value) {
  if (bocpy_value_kind(value) < BOCPY_BOXED)
    return;
  PyObject *object = value_object(value);
  if (!value->failed && value_set_inline(value, object))
    return;
  bool failed = value->failed;
  bocpy_buffer *buffer = object_encode_to_move(object, &failed);
  if (buffer)
    value_set_buffer(value, buffer);
  else
    bocpy_value_clear(value);
  value->failed = failed;
}

/* With backend `interpreters`, an OBJECT is the main interpreter's. */
void bocpy_value_leave(bocpy_value *value) {
  if (!bocpy_by_reference() && !value->pinned &&
      bocpy_value_kind(value) == BOCPY_OBJECT)
    bocpy_value_encode(value);
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
    bocpy_value_visit(value, home, bocpy_value_encode);
}

/* ---- ends ------------------------------------------------------------------------ */

void bocpy_main_run_deferred(void) {
  bocpy_lock_take(&deferred_lock);
  bocpy_box *box = main_deferred;
  main_deferred = NULL;
  bocpy_lock_give(&deferred_lock);
  while (box) {
    bocpy_box *next_deferred = box->next_deferred;
    Py_DECREF(box->object);
    free(box);
    box = next_deferred;
  }
}

static int run_main_deferred(void *unused) {
  (void)unused;
  bocpy_main_run_deferred();
  return 0;
}

/* For an object of the main interpreter that is given up by a thread that is not there.
 */
static void defer_to_main(PyObject *object) {
  bocpy_box *box = malloc(sizeof(*box));
  if (!box)
    return;
  *box = (bocpy_box){.object = object};
  bocpy_lock_take(&deferred_lock);
  bool first = !main_deferred;
  box->next_deferred = main_deferred;
  main_deferred = box;
  bocpy_lock_give(&deferred_lock);
  if (first)
    Py_AddPendingCall(run_main_deferred, NULL);
}

/* False without memory: nothing has changed. */
static bool push_deferred(bocpy_box **dead, PyObject *object) {
  bocpy_box *box = malloc(sizeof(*box));
  if (!box)
    return false;
  *box = (bocpy_box){.object = object, .next_deferred = *dead};
  *dead = box;
  return true;
}

static void run_deferred(bocpy_box **dead) {
  while (*dead) {
    bocpy_box *box = *dead;
    PyObject *object = box->object;
    *dead = box->next_deferred;
    free(box);
    Py_DECREF(object);
  }
}

#define DECREF_DEPTH_MAX 50 /* objects that end within the end of another */

/* Cowns in the object may end with it, and so on: a stack is not as deep as a chain of
 * cowns may be long. */
static void decref_bounded(PyObject *object) {
  if (bocpy_self.decref_depth >= DECREF_DEPTH_MAX &&
      push_deferred(&bocpy_self.deferred, object))
    return;
  bocpy_self.decref_depth++;
  Py_DECREF(object);
  if (bocpy_self.decref_depth == 1)
    run_deferred(&bocpy_self.deferred);
  bocpy_self.decref_depth--;
}

/* Giving up an object may run Python code, which libboc's own steps are no place for.
 */
static void defer_decref(PyObject *object) {
  bocpy_slot *slot = bocpy_slot_here();
  if (!slot) {
    if (!bocpy_self.pumping && PyInterpreterState_Get() == PyInterpreterState_Main())
      decref_bounded(object);
    else
      defer_to_main(object);
    return;
  }
  if (slot->own_interp) {
    defer_to_main(object);
    return;
  }
  push_deferred(&slot->own_deferred, object); /* or it is never heard of again */
}

static void defer_box_here(bocpy_slot *slot, bocpy_box *box) {
  box_unlink(box);
  box->next_deferred = slot->own_deferred;
  slot->own_deferred = box;
}

static void defer_box_locked(bocpy_box *box) {
  bocpy_slot *slot = box->slot;
  if (slot->closed)
    return;
  box->next_deferred = atomic_load_explicit(&slot->deferred, memory_order_relaxed);
  atomic_store_explicit(&slot->deferred, box, memory_order_relaxed);
  if (!box->next_deferred)
    boc_worker_poke(slot->runtime, slot->index);
}

/* The slot may be stopping: then the value may have become neutral meanwhile. */
static void defer_box_elsewhere(bocpy_value *value) {
  bocpy_lock_take(&deferred_lock);
  if (bocpy_value_kind(value) != BOCPY_BOXED) {
    bocpy_lock_give(&deferred_lock);
    bocpy_value_drop(value);
    return;
  }
  value->box->value = NULL;
  defer_box_locked(value->box);
  bocpy_lock_give(&deferred_lock);
}

/* A slot that stops has taken its copy back. */
void bocpy_reader_copy_drop(bocpy_reader_copy *copy) {
  if (copy->object)
    defer_decref(copy->object);
  bocpy_slot *here = bocpy_slot_here();
  bocpy_lock_take(&deferred_lock);
  bocpy_box *box = copy->box;
  if (box)
    box->copy = NULL;
  if (box && box->slot != here)
    defer_box_locked(box);
  bocpy_lock_give(&deferred_lock);
  if (box && box->slot == here)
    defer_box_here(here, box);
}

void bocpy_value_drop(bocpy_value *value) {
  if (atomic_load_explicit(&value->copies, memory_order_relaxed))
    bocpy_value_drop_copies(value);
  if (value->failure && bocpy_failure_orphan(value))
    return;
  switch (bocpy_value_kind(value)) {
  case BOCPY_ENCODED:
    bocpy_buffer_free(value->buffer);
    break;
  case BOCPY_BOXED:
    if (value->slot == bocpy_slot_here())
      defer_box_here(bocpy_slot_here(), value->box);
    else
      defer_box_elsewhere(value);
    break;
  case BOCPY_OBJECT:
    if (value->pinned && !bocpy_pump_is_here())
      defer_to_main(value->object);
    else
      defer_decref(value->object);
    break;
  default:
    break;
  }
}

void bocpy_slot_run_deferred(bocpy_slot *slot) {
  run_deferred(&slot->own_deferred);
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
    bocpy_box *next_deferred = box->next_deferred;
    Py_DECREF(bocpy_box_open(box));
    box = next_deferred;
  }
}

/* Between the two locked parts the cown may go: then the buffer has come for nothing. */
static void slot_encode_box(bocpy_box *box) {
  bocpy_lock_take(&deferred_lock);
  bool alive = box->value != NULL;
  bool failed = alive && box->value->failed;
  if (box->copy)
    box->copy->box = NULL;
  bocpy_lock_give(&deferred_lock);
  bocpy_buffer *buffer = alive ? object_encode_to_move(box->object, &failed) : NULL;
  bocpy_lock_take(&deferred_lock);
  bocpy_value *value = box->value;
  if (value) {
    value->failed = failed;
    value->buffer = buffer;
    value_set_kind(value, buffer ? BOCPY_ENCODED : BOCPY_NONE);
  }
  bocpy_lock_give(&deferred_lock);
  if (!value && buffer)
    bocpy_buffer_free(buffer);
  Py_DECREF(bocpy_box_open(box));
}

void bocpy_slot_encode(bocpy_slot *slot) {
  bocpy_lock_take(&deferred_lock);
  slot->closed = true;
  bocpy_lock_give(&deferred_lock);
  bocpy_slot_run_deferred(slot);
  while (slot->living.next != &slot->living) {
    slot_encode_box(slot->living.next);
    bocpy_slot_run_deferred(slot);
  }
}
