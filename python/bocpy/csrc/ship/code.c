/* Code: see code.h.
 *
 * The map of an interpreter leads from the address of a code object to an entry;
 * scheduling a behavior costs one look-up. The callback of a weak reference removes the
 * entry before another object can have the address.
 *
 * `records_lock` guards the lists of records and the numbers of new ones.
 *
 * Ordering: a blob is published by a release store in publish_blob [R1] and read by an
 * acquire load wherever it is used [A1]; so is a shared function. Every drop releases
 * its uses of the record [R2], and the last drop acquires them [A2]. */
#include "code.h"

#include "globals_snapshot.h"
#include "object_watchers.h"

#include <stdlib.h>
#include <string.h>

typedef struct bocpy_blob {
  size_t size;
  char bytes[];
} bocpy_blob;

/* After this many calls the record of a function is not counted any more and is kept:
 * workers would contend for the count. */
#define OFTEN 1024

static bocpy_lock records_lock;
static bocpy_code *free_records;
static bocpy_code *retired; /* kept records whose shared functions have to be dropped */
static size_t next_id, next_serial;

int bocpy_code_init(void) { return records_lock ? 0 : bocpy_lock_init(&records_lock); }

/* ---- records --------------------------------------------------------------------- */

/* A record with one hold; NULL with MemoryError. */
static bocpy_code *record_new(void) {
  bocpy_lock_take(&records_lock);
  bocpy_code *code = free_records;
  if (code)
    free_records = code->next_free;
  else if ((code = calloc(1, sizeof(*code))))
    code->id = next_id++;
  if (code)
    code->serial = ++next_serial;
  bocpy_lock_give(&records_lock);
  if (!code) {
    PyErr_NoMemory();
    return NULL;
  }
  atomic_store_explicit(&code->uses, 0, memory_order_relaxed);  /* owner */
  atomic_store_explicit(&code->holds, 1, memory_order_relaxed); /* owner */
  return code;
}

/* Under the lock, since threads without a hold read its names (bocpy_code_describe). */
static void record_free(bocpy_code *code) {
  char *qualname = code->qualname, *file = code->file;
  /* relaxed (owner): nobody else has the record */
  free(atomic_load_explicit(&code->blob, memory_order_relaxed));
  atomic_store_explicit(&code->blob, NULL, memory_order_relaxed);
  bocpy_lock_take(&records_lock);
  code->qualname = code->file = NULL;
  code->next_free = free_records;
  free_records = code;
  bocpy_lock_give(&records_lock);
  free(qualname);
  free(file);
}

PyObject *bocpy_code_describe(const bocpy_code *code) {
  PyObject *name = NULL;
  bocpy_lock_take(&records_lock);
  if (code->qualname && code->file)
    name = PyUnicode_FromFormat("'%s' (%s:%d)", code->qualname, code->file, code->line);
  bocpy_lock_give(&records_lock);
  return name;
}

void bocpy_code_hold(const bocpy_code *code) {
  /* relaxed (count): the caller has the record from somebody who holds it */
  atomic_fetch_add_explicit(&((bocpy_code *)code)->holds, 1, memory_order_relaxed);
}

void bocpy_code_drop(const bocpy_code *code) {
  bocpy_code *record = (bocpy_code *)code;
  /* No fence, which ThreadSanitizer does not see. */
  if (atomic_fetch_sub_explicit(&record->holds, 1, memory_order_acq_rel) ==
      1) /* [R2] [A2] */
    record_free(record);
}

bool bocpy_code_use(const bocpy_code *code) {
  bocpy_code *record = (bocpy_code *)code;
  /* relaxed (count): the thread that schedules keeps the function alive, and so the
   * entry and its reference to the record */
  if (atomic_load_explicit(&record->uses, memory_order_relaxed) >= OFTEN)
    return false;
  atomic_fetch_add_explicit(&record->uses, 1, memory_order_relaxed);
  bocpy_code_hold(code);
  return true;
}

/* The shared function has a copy of the code object, since the entry has to end with
 * the original. */
static PyObject *record_make_shared(PyObject *function) {
  PyObject *name = PyObject_GetAttrString(function, "__qualname__");
  PyObject *copy =
      name ? PyObject_CallMethod(PyFunction_GET_CODE(function), "replace", NULL) : NULL;
  PyObject *made =
      copy ? PyFunction_NewWithQualName(
                 copy, bocpy_globals_snapshot_origin(PyFunction_GET_GLOBALS(function)),
                 name)
           : NULL;
  Py_XDECREF(copy);
  Py_XDECREF(name);
  PyErr_Clear();
  return made;
}

PyObject *bocpy_code_shared(const bocpy_code *code, PyObject *function) {
  bocpy_code *record = (bocpy_code *)code;
  PyObject *shared =
      atomic_load_explicit(&record->shared, memory_order_acquire); /* [A1] */
  /* relaxed (count): a late answer only shares later */
  if (shared || !function ||
      atomic_load_explicit(&record->uses, memory_order_relaxed) < OFTEN)
    return shared;
  PyObject *made = record_make_shared(function);
  if (made && !atomic_compare_exchange_strong_explicit(
                  &record->shared, &shared, made, memory_order_acq_rel, /* [R1] [A1] */
                  memory_order_acquire)) {                              /* [A1] */
    Py_DECREF(made);
    return shared;
  }
  return made;
}

static void record_retire(bocpy_code *code) {
  bocpy_lock_take(&records_lock);
  code->next_free = retired;
  retired = code;
  bocpy_lock_give(&records_lock);
}

void bocpy_code_release_retired(void) {
  bocpy_lock_take(&records_lock);
  bocpy_code *code = retired;
  retired = NULL;
  bocpy_lock_give(&records_lock);
  for (bocpy_code *next; code; code = next) {
    next = code->next_free;
    PyObject *shared =
        atomic_load_explicit(&code->shared, memory_order_acquire);    /* [A1] */
    atomic_store_explicit(&code->shared, NULL, memory_order_relaxed); /* owner */
    Py_XDECREF(shared);
  }
}

static char *record_copy_text(PyObject *text) {
  Py_ssize_t size;
  const char *utf8 = text ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
  if (!utf8) {
    PyErr_Clear();
    utf8 = "?";
    size = 1;
  }
  char *copy = malloc((size_t)size + 1);
  if (copy)
    memcpy(copy, utf8, (size_t)size + 1);
  return copy;
}

static void record_name(bocpy_code *code, PyObject *function, PyObject *object) {
  PyObject *qualname = PyObject_GetAttrString(function, "__qualname__");
  PyObject *file = qualname ? PyObject_GetAttrString(object, "co_filename") : NULL;
  PyObject *line = file ? PyObject_GetAttrString(object, "co_firstlineno") : NULL;
  char *qualname_copy = record_copy_text(qualname);
  char *file_copy = record_copy_text(file);
  int number = line ? (int)PyLong_AsLong(line) : 0;
  bocpy_lock_take(&records_lock);
  code->line = number;
  code->qualname = qualname_copy;
  code->file = file_copy;
  bocpy_lock_give(&records_lock);
  Py_XDECREF(line);
  Py_XDECREF(file);
  Py_XDECREF(qualname);
  PyErr_Clear();
}

/* Fills in what bocpy._body.check_body returned. -1 with an exception. */
static int record_fill(bocpy_code *code, PyObject *body, PyObject **out_names) {
  Py_ssize_t defaults;
  PyObject *keyword_only, *free_names, *names;
  int varargs, varkeywords;
  if (!PyArg_ParseTuple(body, "nnO!ppO!O", &code->positional, &defaults, &PyTuple_Type,
                        &keyword_only, &varargs, &varkeywords, &PyTuple_Type,
                        &free_names, &names))
    return -1;
  code->keyword_only = PyTuple_GET_SIZE(keyword_only);
  code->free = PyTuple_GET_SIZE(free_names);
  code->varargs = varargs;
  *out_names = names == Py_None ? NULL : Py_NewRef(names);
  return 0;
}

static bocpy_code *record_make(bocpy_state *state, PyObject *function, PyObject *object,
                               PyObject **out_names) {
  PyObject *body =
      bocpy_python_call(&state->python, BOCPY_PY_BODY_CHECK, "(O)", function);
  if (!body)
    return NULL;
  bocpy_code *code = record_new();
  if (code && record_fill(code, body, out_names) < 0) {
    bocpy_code_drop(code);
    code = NULL;
  }
  Py_DECREF(body);
  if (code)
    record_name(code, function, object);
  return code;
}

/* ---- the map --------------------------------------------------------------------- */

static bocpy_entry *entry_find_locked(bocpy_state *state, PyObject *object,
                                      PyObject *globals) {
  bocpy_entry *entry = bocpy_address_map_pointer(&state->entries, object);
  while (entry && entry->globals != globals)
    entry = entry->next;
  return entry;
}

static bocpy_entry *entry_find(bocpy_state *state, PyObject *object,
                               PyObject *globals) {
  bocpy_mutex_lock(&state->mutex);
  bocpy_entry *entry = entry_find_locked(state, object, globals);
  bocpy_mutex_unlock(&state->mutex);
  return entry;
}

/* Returns the entry that is in the map afterwards: `made`, or one that another thread
 * has put there first. NULL if there is no memory, without an exception. */
static bocpy_entry *entry_insert(bocpy_state *state, bocpy_entry *made) {
  bocpy_mutex_lock(&state->mutex);
  bocpy_entry *entry = entry_find_locked(state, made->object, made->globals);
  if (!entry) {
    made->next = bocpy_address_map_pointer(&state->entries, made->object);
    if (bocpy_address_map_put_pointer(&state->entries, made->object, made))
      entry = made;
  }
  bocpy_mutex_unlock(&state->mutex);
  return entry;
}

static void code_entry_free(bocpy_entry *entry) {
  /* relaxed (count): nobody schedules the function any more */
  if (atomic_load_explicit(&entry->code->uses, memory_order_relaxed) < OFTEN)
    bocpy_code_drop(entry->code);
  else if (atomic_load_explicit(&entry->code->shared, memory_order_relaxed)) /* hint */
    record_retire((bocpy_code *)entry->code);
  Py_XDECREF(entry->reference);
  Py_XDECREF(entry->globals);
  Py_XDECREF(entry->shipment);
  Py_XDECREF(entry->watch);
  Py_XDECREF(entry->seen);
  Py_XDECREF(entry->names);
  free(entry);
}

/* The entry may not be in the map, if another thread was faster. */
static void entry_take_out(bocpy_state *state, const bocpy_entry *entry) {
  if (state->latest == entry)
    state->latest = NULL;
  bocpy_mutex_lock(&state->mutex);
  bocpy_entry *first = bocpy_address_map_pointer(&state->entries, entry->object);
  bocpy_entry **place = &first;
  while (*place && *place != entry)
    place = &(*place)->next;
  if (*place) {
    *place = entry->next;
    if (!first)
      bocpy_address_map_remove(&state->entries, entry->object);
    else /* the key is there: this needs no memory */
      bocpy_address_map_put_pointer(&state->entries, entry->object, first);
  }
  bocpy_mutex_unlock(&state->mutex);
}

/* The callback of the weak reference: the code object of an entry is being freed. */
static PyObject *entry_end(PyObject *capsule, PyObject *reference) {
  (void)reference;
  bocpy_entry *entry = PyCapsule_GetPointer(capsule, NULL);
  entry_take_out(PyCapsule_GetContext(capsule), entry);
  code_entry_free(entry);
  Py_RETURN_NONE;
}

static PyMethodDef end_entry_method = {"_end_entry", entry_end, METH_O, NULL};

static PyObject *entry_watch_code(bocpy_state *state, bocpy_entry *entry) {
  PyObject *capsule = PyCapsule_New(entry, NULL, NULL);
  if (!capsule)
    return NULL;
  PyCapsule_SetContext(capsule, state);
  PyObject *callback = PyCFunction_New(&end_entry_method, capsule);
  PyObject *reference = callback ? PyWeakref_NewRef(entry->object, callback) : NULL;
  Py_XDECREF(callback);
  Py_DECREF(capsule);
  return reference;
}

/* Steals the hold of `code`. NULL with an exception. */
static bocpy_entry *code_entry_new(bocpy_state *state, bocpy_code *code,
                                   PyObject *object, PyObject *globals) {
  bocpy_entry *made = calloc(1, sizeof(*made));
  if (!made) {
    PyErr_NoMemory();
    bocpy_code_drop(code);
    return NULL;
  }
  made->code = code;
  made->object = object;
  made->globals = Py_NewRef(globals);
  made->reference = entry_watch_code(state, made);
  if (made->reference)
    return made;
  code_entry_free(made);
  return NULL;
}

static bocpy_entry *entry_make(bocpy_state *state, PyObject *function, PyObject *object,
                               PyObject *globals) {
  PyObject *names = NULL;
  bocpy_code *code = record_make(state, function, object, &names);
  bocpy_entry *made = code ? code_entry_new(state, code, object, globals) : NULL;
  if (!made) {
    Py_XDECREF(names);
    return NULL;
  }
  made->names = names;
  bocpy_entry *entry = entry_insert(state, made);
  if (!entry)
    PyErr_NoMemory();
  if (entry != made)
    code_entry_free(made);
  return entry;
}

bocpy_entry *bocpy_code_find(bocpy_state *state, PyObject *function) {
  PyObject *object = PyFunction_GET_CODE(function);
  PyObject *globals = PyFunction_GET_GLOBALS(function);
  bocpy_entry *entry = entry_find(state, object, globals);
  if (entry) {
#if !BOCPY_FREE_THREADED
    state->latest = entry;
#endif
    return entry;
  }
  /* A function that a body over an overlay has made belongs to the module. */
  PyObject *origin = bocpy_globals_snapshot_origin(globals);
  entry = origin == globals ? NULL : entry_find(state, object, origin);
  return entry ? entry : entry_make(state, function, object, origin);
}

/* ---- shipping -------------------------------------------------------------------- */

static int record_publish_blob(bocpy_code *code, PyObject *bytes) {
  char *data;
  Py_ssize_t size;
  if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0)
    return -1;
  bocpy_blob *blob = malloc(sizeof(*blob) + (size_t)size);
  if (!blob) {
    PyErr_NoMemory();
    return -1;
  }
  blob->size = (size_t)size;
  memcpy(blob->bytes, data, (size_t)size);
  bocpy_blob *expected = NULL;
  if (!atomic_compare_exchange_strong_explicit(&code->blob, &expected, blob,
                                               memory_order_release, /* [R1] */
                                               memory_order_relaxed))
    free(blob);
  return 0;
}

/* Stores the names of the shipment that have to be watched. */
static int entry_note_watch(bocpy_entry *entry, PyObject *shipment, size_t changes) {
  PyObject *watch = PyObject_GetAttrString(shipment, "watch");
  PyObject *seen = watch ? PyObject_GetAttrString(shipment, "seen") : NULL;
  PyObject *polls = seen ? PyObject_GetAttrString(shipment, "polls") : NULL;
  if (!polls || !PyTuple_Check(watch) || !PyTuple_Check(seen)) {
    Py_XDECREF(watch);
    Py_XDECREF(seen);
    Py_XDECREF(polls);
    return -1;
  }
  Py_XSETREF(entry->watch, watch);
  Py_XSETREF(entry->seen, seen);
  entry->polls = polls == Py_True;
  entry->checked = changes;
  Py_DECREF(polls);
  return 0;
}

static int entry_describe(bocpy_state *state, bocpy_entry *entry, PyObject *function) {
  PyObject *shipment =
      bocpy_python_call(&state->python, BOCPY_PY_SHIP_DESCRIBE, "(O)", function);
  PyObject *bytes = shipment ? PyObject_GetAttrString(shipment, "blob") : NULL;
  int status = -1;
  if (bytes && record_publish_blob((bocpy_code *)entry->code, bytes) == 0)
    status = 0;
  Py_XDECREF(bytes);
  if (status == 0)
    Py_XSETREF(entry->shipment, shipment);
  else
    Py_XDECREF(shipment);
  return status;
}

/* Checks the shipment for changes, and takes the snapshot of what is not to be
 * published. */
static int entry_refresh(bocpy_state *state, bocpy_entry *entry,
                         PyObject **out_snapshot) {
  size_t changes = bocpy_watchers_changes();
  PyObject *snapshot =
      bocpy_python_call(&state->python, BOCPY_PY_SHIP_REFRESH, "(O)", entry->shipment);
  if (!snapshot || entry_note_watch(entry, entry->shipment, changes) < 0) {
    Py_XDECREF(snapshot);
    return -1;
  }
  if (snapshot == Py_None) {
    Py_DECREF(snapshot);
    return 0;
  }
  /* what was published last is still old: the next call takes it along, too */
  entry->checked = changes - 1;
  *out_snapshot = snapshot;
  return 0;
}

/* Whether a watched name is bound to another object now. */
static bool watch_has_changed(bocpy_entry *entry, Py_ssize_t i, PyObject *missing) {
  PyObject *pair = PyTuple_GET_ITEM(entry->watch, i);
  PyObject *now;
  if (PyDict_GetItemRef(PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1), &now) <
      0) {
    PyErr_Clear();
    return true;
  }
  bool changed = (now ? now : missing) != PyTuple_GET_ITEM(entry->seen, i);
  Py_XDECREF(now);
  return changed;
}

/* Whether the contents of a global without change events have changed. -1 with an
 * exception. */
static int entry_polls_changed(bocpy_state *state, bocpy_entry *entry) {
  PyObject *answer =
      bocpy_python_call(&state->python, BOCPY_PY_SHIP_POLL, "(O)", entry->shipment);
  int changed = answer ? answer == Py_True : -1;
  Py_XDECREF(answer);
  return changed;
}

/* Whether the shipment has to be checked for changes. -1 with an exception. */
static int entry_is_old(bocpy_state *state, bocpy_entry *entry) {
  if (entry->checked != bocpy_watchers_changes())
    return 1;
  Py_ssize_t count = PyTuple_GET_SIZE(entry->watch);
  PyObject *missing =
      count ? bocpy_python_get(&state->python, BOCPY_PY_SHIP_MISSING) : NULL;
  if (count && !missing)
    return -1;
  for (Py_ssize_t i = 0; i < count; i++)
    if (watch_has_changed(entry, i, missing))
      return 1;
  return entry->polls ? entry_polls_changed(state, entry) : 0;
}

int bocpy_code_ship(bocpy_state *state, bocpy_entry *entry, PyObject *function,
                    PyObject **out_snapshot) {
  *out_snapshot = NULL;
  if (!entry->shipment) {
    if (entry_describe(state, entry, function) < 0)
      return -1;
    return entry_refresh(state, entry, out_snapshot);
  }
  int old = entry_is_old(state, entry);
  return old > 0 ? entry_refresh(state, entry, out_snapshot) : old;
}

/* ---- templates ------------------------------------------------------------------- */

static int templates_grow(bocpy_state *state, size_t id) {
  size_t capacity = state->templates_capacity ? state->templates_capacity : 64;
  while (capacity <= id)
    capacity *= 2;
  bocpy_template *grown = realloc(state->templates, capacity * sizeof(*grown));
  if (!grown) {
    PyErr_NoMemory();
    return -1;
  }
  memset(grown + state->templates_capacity, 0,
         (capacity - state->templates_capacity) * sizeof(*grown));
  state->templates = grown;
  state->templates_capacity = capacity;
  return 0;
}

static PyObject *template_build(bocpy_state *state, const bocpy_code *code) {
  bocpy_blob *blob = atomic_load_explicit(&code->blob, memory_order_acquire); /* [A1] */
  return bocpy_python_call(&state->python, BOCPY_PY_SHIP_BUILD, "(y#)", blob->bytes,
                           (Py_ssize_t)blob->size);
}

static bool template_is_built(const bocpy_state *state, const bocpy_code *code) {
  return code->id < state->templates_capacity && state->templates[code->id].function &&
         state->templates[code->id].serial == code->serial;
}

/* Only workers with an interpreter of their own call this, each on its only thread. */
PyObject *bocpy_code_template(bocpy_state *state, const bocpy_code *code) {
  if (template_is_built(state, code))
    return state->templates[code->id].function;
  PyObject *function = template_build(state, code);
  if (!function)
    return NULL;
  if (code->id >= state->templates_capacity && templates_grow(state, code->id) < 0) {
    Py_DECREF(function);
    return NULL;
  }
  bocpy_template *place = &state->templates[code->id];
  PyObject *former = place->function;
  *place = (bocpy_template){function, code->serial};
  Py_XDECREF(former);
  return function;
}

static int entry_traverse(const bocpy_entry *entry, visitproc visit, void *arg) {
  Py_VISIT(entry->reference);
  Py_VISIT(entry->globals);
  Py_VISIT(entry->shipment);
  Py_VISIT(entry->watch);
  Py_VISIT(entry->seen);
  Py_VISIT(entry->names);
  return 0;
}

int bocpy_code_traverse(bocpy_state *state, visitproc visit, void *arg) {
  const bocpy_address_map *map = &state->entries;
  int status = 0;
  for (size_t i = 0; i < map->capacity; i++) {
    const bocpy_entry *entry = (bocpy_entry *)(uintptr_t)map->entries[i].word;
    for (; !status && map->entries[i].key && entry; entry = entry->next)
      status = entry_traverse(entry, visit, arg);
  }
  for (size_t i = 0; !status && i < state->templates_capacity; i++)
    Py_VISIT(state->templates[i].function);
  return status;
}

void bocpy_code_clear(bocpy_state *state) {
  bocpy_address_map map = state->entries;
  bocpy_template *templates = state->templates;
  size_t template_count = state->templates_capacity;
  state->entries = (bocpy_address_map){0};
  state->latest = NULL;
  state->templates = NULL;
  state->templates_capacity = 0;
  for (size_t i = 0; i < map.capacity; i++) {
    bocpy_entry *entry = (bocpy_entry *)(uintptr_t)map.entries[i].word;
    for (bocpy_entry *next; map.entries[i].key && entry; entry = next) {
      next = entry->next;
      code_entry_free(entry);
    }
  }
  for (size_t i = 0; i < template_count; i++)
    Py_XDECREF(templates[i].function);
  bocpy_address_map_fini(&map);
  free(templates);
}
