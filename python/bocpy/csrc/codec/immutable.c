/* Immutable: see immutable.h.
 *
 * Invariants:
 *   1. An entry is in its home's list if and only if it has an object.
 *   2. While `readers` is above 0, bocpy_home_close neither replaces nor gives up an
 *      object of the home.
 *   3. Each entry has a reference to its home.
 *   4. An encoding is in its home's list if and only if an entry with that encoding has
 *      an object: so its key is the address of an object that lives.
 * Ordering:
 *   [R1] a reader's leaving; [A1] bocpy_home_close, which finds none.
 */
#include "immutable.h"

#include "encoder.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

struct bocpy_encoding {
  atomic_uint references; /* of entries, of encoders, and of `decoded` in homes */
  unsigned entries;       /* with an object; under the lock of the home that made it */
  PyObject *object;       /* the key; alive while `entries` is above 0 */
  bocpy_buffer *buffer;
  bocpy_encoding *next; /* in the home's list, while `entries` is above 0 */
};

struct bocpy_home {
  bocpy_lock lock;
  atomic_uint references;
  atomic_uint readers;  /* readers that copy at this moment; raised under `lock` */
  bocpy_immutable list; /* the head of the list */
  /* entries whose objects have to be dropped; linked by `next` */
  bocpy_immutable *dead;
  atomic_bool has_dead; /* hint: what is missed now is found at the next wake */
  void (*wake)(void *ctx);
  void *wake_ctx;
  bocpy_encoding *encodings; /* those whose objects are here; a list */
  /* The encoding that was decoded here last, and the object. Attached. */
  bocpy_encoding *decoded;
  PyObject *decoded_object;
};

/* ---- homes ----------------------------------------------------------------------- */

static int run_dead_in_main(void *home) {
  bocpy_home_run_dead(home);
  return 0;
}

static void wake_main(void *home) { Py_AddPendingCall(run_dead_in_main, home); }

bocpy_home *bocpy_home_new(void) {
  bocpy_home *home = calloc(1, sizeof(*home));
  if (!home) {
    PyErr_NoMemory();
    return NULL;
  }
  if (bocpy_lock_init(&home->lock) < 0) {
    free(home);
    return NULL;
  }
  atomic_store(&home->references, 1);
  home->list.prev = home->list.next = &home->list;
  if (PyInterpreterState_Get() != PyInterpreterState_Main())
    return home;
  /* Never freed: a pending call may outlive the module. */
  atomic_store(&home->references, 2);
  home->wake = wake_main;
  home->wake_ctx = home;
  return home;
}

void bocpy_home_set_wake(bocpy_home *home, void (*wake)(void *ctx), void *ctx) {
  bocpy_lock_take(&home->lock);
  home->wake = wake;
  home->wake_ctx = ctx;
  bocpy_lock_give(&home->lock);
}

void bocpy_home_drop(bocpy_home *home) {
  if (!home || atomic_fetch_sub(&home->references, 1) != 1)
    return;
  bocpy_lock_fini(&home->lock);
  free(home);
}

int bocpy_home_forget(bocpy_home *home) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  home->lock = fresh; /* another thread of the parent may have held the old lock */
  atomic_store(&home->readers, 0);
  return 0;
}

/* ---- entries --------------------------------------------------------------------- */

static void entry_link_locked(bocpy_immutable *entry) {
  bocpy_immutable *head = &entry->home->list;
  entry->prev = head;
  entry->next = head->next;
  head->next->prev = entry;
  head->next = entry;
}

static void entry_unlink_locked(bocpy_immutable *entry) {
  entry->prev->next = entry->next;
  entry->next->prev = entry->prev;
}

/* The entry loses its object: the caller drops that. */
static void entry_leave_encoding_locked(bocpy_immutable *entry) {
  bocpy_encoding *encoding = entry->encoding;
  if (!encoding || --encoding->entries)
    return;
  bocpy_encoding **link = &entry->home->encodings;
  while (*link != encoding)
    link = &(*link)->next;
  *link = encoding->next;
}

static void immutable_entry_free(bocpy_immutable *entry) {
  bocpy_encoding_drop(entry->encoding);
  bocpy_home_drop(entry->home);
  PyMem_RawFree(entry->copy);
  free(entry);
}

static void entry_set_data(bocpy_immutable *entry, PyObject *value) {
  if (entry->encoding) {
    entry->size = bocpy_buffer_size(entry->encoding->buffer);
    return;
  }
  if (PyBytes_CheckExact(value)) {
    entry->data = PyBytes_AS_STRING(value);
    entry->size = (size_t)PyBytes_GET_SIZE(value);
    entry->count = PyBytes_GET_SIZE(value);
    return;
  }
  entry->data = PyUnicode_DATA(value);
  entry->count = PyUnicode_GET_LENGTH(value);
  entry->size = (size_t)entry->count * (size_t)PyUnicode_KIND(value);
  entry->largest = PyUnicode_MAX_CHAR_VALUE(value);
}

/* `encoding` may be NULL; the entry gets a reference of its own. */
static bocpy_immutable *immutable_entry_new(bocpy_home *home, PyObject *value,
                                            bocpy_encoding *encoding) {
  bocpy_immutable *entry = calloc(1, sizeof(*entry));
  if (!entry) {
    PyErr_NoMemory();
    return NULL;
  }
  entry->home = home;
  entry->object = Py_NewRef(value);
  entry->encoding = encoding;
  entry_set_data(entry, value);
  atomic_fetch_add(&home->references, 1);
  if (encoding)
    atomic_fetch_add(&encoding->references, 1);
  bocpy_lock_take(&home->lock);
  entry_link_locked(entry);
  if (encoding && !encoding->entries++) {
    encoding->next = home->encodings;
    home->encodings = encoding;
  }
  bocpy_lock_give(&home->lock);
  return entry;
}

static void entry_drop(bocpy_immutable *entry) {
  bocpy_home *home = entry->home;
  bool first = false;
  bocpy_lock_take(&home->lock);
  bool given = entry->object != NULL;
  if (given) {
    entry_unlink_locked(entry);
    first = !home->dead;
    entry->next = home->dead;
    home->dead = entry;
    atomic_store_explicit(&home->has_dead, true, memory_order_relaxed);
    if (first && home->wake)
      home->wake(home->wake_ctx);
  }
  bocpy_lock_give(&home->lock);
  if (!given)
    immutable_entry_free(entry);
}

void bocpy_home_forget_decoded(bocpy_home *home) {
  bocpy_encoding *encoding = home->decoded;
  PyObject *object = home->decoded_object;
  home->decoded = NULL;
  home->decoded_object = NULL;
  bocpy_encoding_drop(encoding);
  Py_XDECREF(object);
}

void bocpy_immutables_drop(bocpy_immutable **entries, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (entries[i])
      entry_drop(entries[i]);
}

size_t bocpy_immutables_size(bocpy_immutable *const *entries, uint32_t count) {
  size_t size = 0;
  for (uint32_t i = 0; i < count; i++)
    size += entries[i]->size;
  return size;
}

void bocpy_home_run_dead(bocpy_home *home) {
  if (home->decoded && atomic_load(&home->decoded->references) == 1)
    bocpy_home_forget_decoded(home);
  if (!atomic_load_explicit(&home->has_dead, memory_order_relaxed)) /* hint */
    return;
  bocpy_lock_take(&home->lock);
  bocpy_immutable *entry = home->dead;
  home->dead = NULL;
  for (bocpy_immutable *one = entry; one; one = one->next)
    entry_leave_encoding_locked(one);
  atomic_store_explicit(&home->has_dead, false, memory_order_relaxed);
  bocpy_lock_give(&home->lock);
  while (entry) {
    bocpy_immutable *next = entry->next;
    Py_DECREF(entry->object);
    immutable_entry_free(entry);
    entry = next;
  }
}

/* Replaces the object by a copy of its data, if no encoding has it. Without memory the
 * data is lost: decoding it raises MemoryError. */
static PyObject *entry_copy_locked(bocpy_immutable *entry) {
  PyObject *object = entry->object;
  entry_unlink_locked(entry);
  entry_leave_encoding_locked(entry);
  entry->object = NULL;
  if (entry->encoding)
    return object;
  entry->copy = PyMem_RawMalloc(entry->size);
  if (entry->copy)
    memcpy(entry->copy, entry->data, entry->size);
  entry->data = entry->copy;
  return object;
}

void bocpy_home_close(bocpy_home *home) {
  bocpy_lock_take(&home->lock);
  while (home->list.next != &home->list) {
    if (atomic_load(&home->readers)) { /* [A1] */
      bocpy_lock_give(&home->lock);
      boc_yield();
      bocpy_lock_take(&home->lock);
      continue;
    }
    PyObject *object = entry_copy_locked(home->list.next);
    bocpy_lock_give(&home->lock);
    Py_DECREF(object);
    bocpy_lock_take(&home->lock);
  }
  home->wake = NULL;
  bocpy_lock_give(&home->lock);
  bocpy_home_forget_decoded(home);
  bocpy_home_run_dead(home);
}

/* ---- encode ---------------------------------------------------------------------- */

static int encoder_keep(bocpy_encoder *encoder, bocpy_immutable *entry) {
  if (encoder->immutable_count == encoder->immutable_capacity) {
    uint32_t capacity =
        encoder->immutable_capacity ? 2 * encoder->immutable_capacity : 4;
    bocpy_immutable **grown =
        PyMem_RawRealloc(encoder->immutables, capacity * sizeof(*grown));
    if (!grown) {
      PyErr_NoMemory();
      return -1;
    }
    encoder->immutables = grown;
    encoder->immutable_capacity = capacity;
  }
  encoder->immutables[encoder->immutable_count++] = entry;
  return 0;
}

int bocpy_encode_container(bocpy_encoder *encoder, PyObject *value,
                           bocpy_encoding *encoding) {
  bocpy_home *home = encoder->state->home;
  if (bocpy_reserve(&encoder->writer, 1 + sizeof(uint32_t)) < 0)
    return BOCPY_FAILED;
  bocpy_immutable *entry = immutable_entry_new(home, value, encoding);
  if (!entry)
    return BOCPY_FAILED;
  if (encoder_keep(encoder, entry) < 0) {
    entry_drop(entry);
    return BOCPY_FAILED;
  }
  uint32_t number = encoder->immutable_count - 1;
  bocpy_put_byte(&encoder->writer, TAG_IMMUTABLE);
  bocpy_put(&encoder->writer, &number, sizeof number);
  return BOCPY_DONE;
}

int bocpy_encode_immutable(bocpy_encoder *encoder, PyObject *value) {
  bocpy_home_run_dead(encoder->state->home);
  return bocpy_encode_container(encoder, value, NULL);
}

/* ---- encodings ------------------------------------------------------------------- */

void bocpy_encoding_drop(bocpy_encoding *encoding) {
  if (!encoding || atomic_fetch_sub(&encoding->references, 1) != 1)
    return;
  bocpy_buffer_free(encoding->buffer);
  free(encoding);
}

#define PLAIN_DEPTH_MAX 16

static bool is_plain(PyObject *value, int depth);

static bool is_plain_tuple(PyObject *tuple, int depth) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
    if (!is_plain(PyTuple_GET_ITEM(tuple, i), depth))
      return false;
  return true;
}

static bool is_plain_frozenset(PyObject *set, int depth) {
  PyObject *iterator = PyObject_GetIter(set), *element;
  bool plain = iterator != NULL;
  while (plain && (element = PyIter_Next(iterator))) {
    plain = is_plain(element, depth);
    Py_DECREF(element);
  }
  Py_XDECREF(iterator);
  if (!PyErr_Occurred())
    return plain;
  PyErr_Clear();
  return false;
}

/* Whether no part can change, and none has an identity that matters. */
static bool is_plain(PyObject *value, int depth) {
  if (PyLong_CheckExact(value) || PyUnicode_CheckExact(value) ||
      PyFloat_CheckExact(value) || PyBytes_CheckExact(value) || PyBool_Check(value) ||
      value == Py_None || PyComplex_CheckExact(value))
    return true;
  if (depth == PLAIN_DEPTH_MAX)
    return false;
  return PyTuple_CheckExact(value)       ? is_plain_tuple(value, depth + 1)
         : PyFrozenSet_CheckExact(value) ? is_plain_frozenset(value, depth + 1)
                                         : false;
}

static bocpy_encoding *encoding_find(bocpy_home *home, PyObject *container) {
  bocpy_lock_take(&home->lock);
  bocpy_encoding *found = home->encodings;
  while (found && found->object != container)
    found = found->next;
  if (found)
    atomic_fetch_add(&found->references, 1);
  bocpy_lock_give(&home->lock);
  return found;
}

static bocpy_encoding *encoding_new(PyObject *container) {
  bocpy_encoding *encoding = calloc(1, sizeof(*encoding));
  if (!encoding) {
    PyErr_NoMemory();
    return NULL;
  }
  if (bocpy_encode_apart(container, &encoding->buffer) < 0) {
    free(encoding);
    return NULL;
  }
  encoding->object = container;
  atomic_store(&encoding->references, 1);
  return encoding;
}

int bocpy_encoding_of(bocpy_encoder *encoder, PyObject *container,
                      bocpy_encoding **out_encoding) {
  bocpy_home *home = encoder->state->home;
  bocpy_home_run_dead(home);
  *out_encoding = encoding_find(home, container);
  if (*out_encoding)
    return BOCPY_DONE;
  if (!is_plain(container, 0))
    return BOCPY_UNKNOWN;
  *out_encoding = encoding_new(container);
  return *out_encoding ? BOCPY_DONE : BOCPY_FAILED;
}

/* The object that was decoded here last is used again: nobody can change it. */
static PyObject *encoding_decode(bocpy_home *here, bocpy_encoding *encoding) {
  if (here->decoded == encoding)
    return Py_NewRef(here->decoded_object);
  PyObject *object = bocpy_decode(encoding->buffer);
  if (!object || BOCPY_FREE_THREADED)
    return object;
  bocpy_home_forget_decoded(here);
  atomic_fetch_add(&encoding->references, 1);
  here->decoded = encoding;
  here->decoded_object = Py_NewRef(object);
  return object;
}

/* ---- decode ---------------------------------------------------------------------- */

static PyObject *entry_make_copy(bocpy_home *here, const bocpy_immutable *entry) {
  if (entry->encoding)
    return encoding_decode(here, entry->encoding);
  if (!entry->data)
    return PyErr_NoMemory();
  if (!entry->largest)
    return PyBytes_FromStringAndSize(entry->data, entry->count);
  PyObject *text = PyUnicode_New(entry->count, entry->largest);
  if (text)
    memcpy(PyUnicode_DATA(text), entry->data, entry->size);
  return text;
}

/* In the home, at the last decoding: the buffer's reference becomes the caller's. */
static PyObject *entry_take_home(bocpy_immutable **slot, bool last) {
  bocpy_immutable *entry = *slot;
  bocpy_home *home = entry->home;
  bocpy_lock_take(&home->lock);
  PyObject *object = entry->object;
  if (object && last) {
    entry_unlink_locked(entry);
    entry_leave_encoding_locked(entry);
  }
  bocpy_lock_give(&home->lock);
  if (!object)
    return entry_make_copy(home, entry);
  if (!last)
    return Py_NewRef(object);
  *slot = NULL;
  immutable_entry_free(entry);
  return object;
}

/* The home cannot end, or replace the data, while this thread counts as a reader. */
static PyObject *entry_read(bocpy_home *here, const bocpy_immutable *entry) {
  bocpy_home *home = entry->home;
  if (entry->encoding)
    return encoding_decode(here, entry->encoding);
  bocpy_lock_take(&home->lock);
  atomic_fetch_add(&home->readers, 1);
  bocpy_lock_give(&home->lock);
  PyObject *copy = entry_make_copy(here, entry);
  atomic_fetch_sub(&home->readers, 1); /* [R1] */
  return copy;
}

PyObject *bocpy_decode_immutable(bocpy_decoder *decoder) {
  uint32_t number = bocpy_take_number(decoder);
  bocpy_immutable **slot = &decoder->buffer->immutables[number];
  if ((*slot)->home == decoder->state->home)
    return entry_take_home(slot, decoder->last_time);
  return entry_read(decoder->state->home, *slot);
}
