/* Value: see value.h. */
#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "deferred_decref.h"
#include "exception_codec.h"
#include "extension.h"
#include "failure.h"
#include "signal_handler_errors.h"

/* ---- rare parts ------------------------------------------------------------------ */

bocpy_rare *bocpy_value_need_rare(bocpy_value *value) {
  bocpy_rare *rare = bocpy_value_rare(value);
  bocpy_rare *made = rare ? NULL : calloc(1, sizeof(*made));
  if (!made || atomic_compare_exchange_strong_explicit(
                   &value->rare, &rare, made, memory_order_acq_rel, /* [R1] [A1] */
                   memory_order_acquire))                           /* [A1] */
    return made ? made : rare;
  free(made);
  return rare;
}

void bocpy_value_end(bocpy_value *value) {
  free(bocpy_value_rare(value));
  atomic_store_explicit(&value->rare, NULL, memory_order_relaxed); /* owner */
}

/* ---- contents -------------------------------------------------------------------- */

/* The content taken out of a value. It is dropped last, because that may run Python
 * code. */
typedef struct content {
  bocpy_buffer *buffer;
  PyObject *object;
} content;

static void value_drop_box(bocpy_value *value);

static bool value_is_foreign(const bocpy_value *value) {
  PyInterpreterState *home = bocpy_value_home(value);
  return home && home != PyInterpreterState_Get();
}

/* Leaves None, and no failure. If the content lives in another interpreter, it is given
 * up there. */
static content value_take_content(bocpy_value *value) {
  content old = {NULL, NULL};
  bocpy_kind kind = bocpy_value_kind(value);
  if (bocpy_value_failure(value))
    bocpy_failure_forget(value);
  if (kind == BOCPY_ENCODED)
    old.buffer = value->buffer;
  else if (kind == BOCPY_OBJECT && value_is_foreign(value))
    bocpy_defer_decref(value->object);
  else if (kind == BOCPY_OBJECT)
    old.object = value->object;
  else if (kind == BOCPY_BOXED && value_is_foreign(value))
    value_drop_box(value);
  else if (kind == BOCPY_BOXED)
    old.object = bocpy_box_open(value->box);
  bocpy_value_set_kind(value, BOCPY_NONE);
  value->failed = false;
  return old;
}

static void content_drop(content old) {
  if (old.buffer)
    bocpy_buffer_free(old.buffer);
  Py_XDECREF(old.object);
}

static bool own_interp_here(void) {
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
  return slot && slot->own_interp;
}

/* Makes `object`, which lives here, the content. -1 with MemoryError: then nothing has
 * changed. */
static int value_set_object(bocpy_value *value, PyObject *object) {
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
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
    value->at_home = false;
    bocpy_value_set_kind(value, BOCPY_BOXED);
  } else {
    value->object = Py_NewRef(object);
    bocpy_value_set_kind(value, BOCPY_OBJECT);
  }
  content_drop(old);
  return 0;
}

static PyObject *value_object(const bocpy_value *value);

/* The same, but takes objects that move on every backend out of their old place, unless
 * `object` is the content already. -1 with an exception: then nothing has changed. */
static int value_take_over(bocpy_value *value, PyObject *object) {
  bool same = bocpy_value_kind(value) >= BOCPY_BOXED && !value_is_foreign(value) &&
              value_object(value) == object;
  PyObject *taken = same ? Py_NewRef(object) : bocpy_move_in(object);
  if (!taken)
    return -1;
  int status = value_set_object(value, taken);
  if (status < 0)
    bocpy_move_back(object, taken);
  Py_DECREF(taken);
  return status;
}

static bool value_set_inline(bocpy_value *value, PyObject *object) {
  if (bocpy_value_set_int(value, object))
    return true;
  unsigned char bytes[BOCPY_INLINE_CAPACITY] = {0};
  size_t size = bocpy_encode_inline(object, bytes, sizeof(bytes));
  if (!size)
    return false;
  content old = {NULL, NULL};
  if (!bocpy_value_is_plain(value))
    old = value_take_content(value);
  memcpy(value->bytes, bytes,
         sizeof(bytes)); /* all of them: a constant size compiles to two moves */
  value->size = (unsigned char)size;
  bocpy_value_set_kind(value, BOCPY_INLINE);
  content_drop(old);
  return true;
}

static uint32_t buffer_count_cown(const bocpy_buffer *buffer, const boc_cown *core) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < buffer->cown_count; i++)
    found += buffer->cowns[i] == core;
  return found;
}

void bocpy_value_note_buffer(bocpy_value *value, const bocpy_buffer *buffer) {
  size_t size = bocpy_buffer_size(buffer);
  unsigned weight = size < BOCPY_CIRCULAR ? (unsigned)size : BOCPY_CIRCULAR - 1;
  if (buffer->cown_count && buffer_count_cown(buffer, boc_cown_of_payload(value)))
    weight |= BOCPY_CIRCULAR;
  atomic_store_explicit(&value->weight, weight, memory_order_relaxed); /* hint */
}

bool bocpy_value_is_circular(const bocpy_value *value) {
  return bocpy_value_kind(value) == BOCPY_ENCODED &&
         (atomic_load_explicit(&value->weight, memory_order_relaxed) & /* hint */
          BOCPY_CIRCULAR);
}

uint32_t bocpy_value_count_own(const bocpy_value *value) {
  return bocpy_value_kind(value) == BOCPY_ENCODED
             ? buffer_count_cown(value->buffer, boc_cown_of_payload((void *)value))
             : 0;
}

static void value_set_buffer(bocpy_value *value, bocpy_buffer *buffer) {
  content old = value_take_content(value);
  bocpy_value_note_buffer(value, buffer);
  value->buffer = buffer;
  bocpy_value_set_kind(value, BOCPY_ENCODED);
  content_drop(old);
}

int bocpy_value_set(bocpy_value *value, PyObject *object, const char *root) {
  /* Fast path: storing None into a result that is None already. */
  if (object == Py_None && bocpy_value_kind(value) == BOCPY_NONE &&
      bocpy_value_is_plain(value))
    return 0;
  if (value->pinned)
    return value_set_object(value, object);
  if (bocpy_by_reference())
    return value_take_over(value, object);
  if (!own_interp_here() && !bocpy_self.bodies)
    return bocpy_value_set_copy(value, object, root);
  if (value_set_inline(value, object))
    return 0;
  if (bocpy_check_here(object) < 0 || bocpy_check_shippable(object, root) < 0)
    return -1;
  return value_take_over(value, object);
}

int bocpy_value_set_copy(bocpy_value *value, PyObject *object, const char *root) {
  if (bocpy_by_reference())
    return value_take_over(value, object);
  if (value_set_inline(value, object))
    return 0;
  bocpy_buffer *buffer;
  if (bocpy_check_here(object) < 0 || bocpy_encode(object, root, &buffer) < 0)
    return -1;
  value_set_buffer(value, buffer);
  return 0;
}

/* An unread failure stays unread when the content is encoded or decoded. */
static bocpy_failure *value_set_failure_aside(bocpy_value *value) {
  bocpy_rare *rare = bocpy_value_rare(value);
  bocpy_failure *failure = rare ? rare->failure : NULL;
  if (failure)
    rare->failure = NULL;
  return failure;
}

static void value_put_failure_back(bocpy_value *value, bocpy_failure *failure) {
  if (failure)
    bocpy_value_rare(value)->failure = failure;
}

/* The main thread leaves the buffer as it is, unless it has parts that move: a handler
 * may interrupt it. */
static PyObject *value_decode(bocpy_value *value) {
  bool failed = value->failed;
  bool keeps = bocpy_handlers_run_here() && !value->buffer->native_count;
  PyObject *object =
      keeps ? bocpy_decode(value->buffer) : bocpy_decode_last(value->buffer);
  if (failed)
    object = bocpy_exception_unpack(object);
  if (!object && keeps && bocpy_handler_raised())
    return NULL;
  if (!object) {
    PyObject *exception = PyErr_GetRaisedException();
    bocpy_value_fail(value, Py_NewRef(exception));
    PyErr_SetRaisedException(exception);
    return NULL;
  }
  bocpy_failure *failure = value_set_failure_aside(value);
  if (value_set_object(value, object) < 0)
    Py_CLEAR(object);
  value->failed = failed;
  value_put_failure_back(value, failure);
  return object;
}

PyObject *bocpy_value_get(bocpy_value *value) {
  if (value_is_foreign(value))
    bocpy_value_borrow(value);
  switch (bocpy_value_kind(value)) {
  case BOCPY_INLINE:
    return bocpy_value_is_int(value) ? bocpy_value_get_int(value)
                                     : bocpy_decode_inline(value->bytes, value->size);
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

void bocpy_value_restore(bocpy_value *value, PyObject *origin) {
  if (bocpy_value_kind(value) == BOCPY_ENCODED)
    bocpy_buffer_restore(value->buffer);
  else if (bocpy_value_kind(value) >= BOCPY_BOXED)
    bocpy_move_back(origin, value_object(value));
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

/* `failed` decides how a content is encoded, so the content is decoded to an object
 * before it changes. */
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
  PyObject *packed = failed ? bocpy_exception_pack(object) : Py_NewRef(object);
  if (packed) {
    if (encode(packed, "value", &buffer) < 0)
      buffer = NULL;
    Py_DECREF(packed);
  }
  return buffer;
}

/* For an object that turns out not to be encodable: reports why, and returns a buffer
 * of that exception. */
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

/* How often an object is encoded that handlers of signals interrupt. */
#define ENCODE_TRIES 16

static bocpy_buffer *object_encode_to_move(PyObject *object, bool *failed) {
  bocpy_buffer *buffer = object_encode(object, *failed, bocpy_encode_held);
  PyObject *raised = NULL;
  for (int i = 1; i < ENCODE_TRIES && !buffer && bocpy_handler_take(&raised); i++)
    buffer = object_encode(object, *failed, bocpy_encode_held);
  if (!buffer)
    buffer = object_encode_refusal(failed);
  bocpy_handler_give(raised);
  return buffer;
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
  if (buffer) {
    bocpy_failure *failure = value_set_failure_aside(value);
    value_set_buffer(value, buffer);
    value_put_failure_back(value, failure);
  } else {
    bocpy_value_clear(value);
  }
  value->failed = failed;
}

/* With backend `interpreters`, an OBJECT belongs to the main interpreter. */
void bocpy_value_leave(bocpy_value *value) {
  if (bocpy_by_reference() || value->pinned || bocpy_value_kind(value) != BOCPY_OBJECT)
    return;
  if (!value->at_home)
    bocpy_value_encode(value);
  value->at_home = true;
}

void bocpy_value_visit(bocpy_value *value, PyInterpreterState *home,
                       void (*what)(bocpy_value *value)) {
  PyObject *pending = PyErr_GetRaisedException();
  PyThreadState *mine = PyEval_SaveThread();
  PyThreadState *theirs = PyThreadState_New(home);
  if (!theirs)
    Py_FatalError("bocpy: out of memory while moving a value between interpreters");
  const bocpy_left left = bocpy_go_away();
  PyEval_RestoreThread(theirs);
  what(value);
  PyThreadState_Clear(theirs);
  PyThreadState_DeleteCurrent();
  bocpy_come_back(left);
  PyEval_RestoreThread(mine);
  PyErr_SetRaisedException(pending);
}

void bocpy_value_borrow(bocpy_value *value) {
  PyInterpreterState *home = bocpy_value_home(value);
  if (!home)
    return;
  bocpy_value_visit(value, home, bocpy_value_encode);
  value->at_home = false;
}

/* ---- garbage --------------------------------------------------------------------- */

PyObject *bocpy_value_object_here(const bocpy_value *value) {
  if (bocpy_value_kind(value) < BOCPY_BOXED || value_is_foreign(value))
    return NULL;
  return value_object(value);
}

/* The collector runs on any thread, but a pinned value ends on the main one. */
void bocpy_value_collect(bocpy_value *value) {
  if (!value->pinned || bocpy_main_thread_is_here()) {
    bocpy_value_clear(value);
    return;
  }
  PyObject *object = value->object;
  bocpy_value_forget(value);
  bocpy_defer_decref_in_main(object);
}

void bocpy_value_forget(bocpy_value *value) {
  value_set_failure_aside(value);
  value->failed = false;
  bocpy_value_set_kind(value, BOCPY_NONE);
}

/* ---- ends ------------------------------------------------------------------------ */

static void value_drop_content(bocpy_value *value) {
  switch (bocpy_value_kind(value)) {
  case BOCPY_ENCODED:
    bocpy_buffer_free(value->buffer);
    break;
  case BOCPY_BOXED:
    value_drop_box(value);
    break;
  case BOCPY_OBJECT:
    if (value->pinned && !bocpy_main_thread_is_here())
      bocpy_defer_decref_in_main(value->object);
    else
      bocpy_defer_decref(value->object);
    break;
  default:
    break;
  }
}

/* The worker of the box may be stopping, and make the value neutral. */
static void value_drop_box(bocpy_value *value) {
  if (!bocpy_defer_box(value))
    value_drop_content(value);
}

void bocpy_value_drop(bocpy_value *value) {
  if (bocpy_value_has_copies(value))
    bocpy_value_drop_copies(value);
  value_drop_content(value);
  bocpy_value_end(value);
}

void bocpy_worker_slot_encode(bocpy_worker_slot *slot) {
  bocpy_worker_slot_close(slot, object_encode_to_move);
}
