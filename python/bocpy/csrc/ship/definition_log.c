/* Definition log: see definition_log.h. `log_lock` guards the log; no Python code runs
 * under it. A record that was superseded stays as an empty place until the log is next
 * compacted.
 *
 * Ordering: the version is stored with release [R1] after the record is in place.
 * Threads that only check for new records load it with acquire [A1].
 */
#include "definition_log.h"

#include <stdlib.h>
#include <string.h>

typedef struct record {
  size_t version;
  size_t sizes[3]; /* module, name, blob */
  char *bytes;     /* all three */
} record;

static bocpy_lock log_lock;
static record *log_records;
static size_t log_used, log_capacity;
static atomic_size_t log_version;

int bocpy_log_init(void) { return log_lock ? 0 : bocpy_lock_init(&log_lock); }

static bool record_same_name(const record *a, const record *b) {
  return a->sizes[0] == b->sizes[0] && a->sizes[1] == b->sizes[1] &&
         !memcmp(a->bytes, b->bytes, a->sizes[0] + a->sizes[1]);
}

/* Removes the record that `made` supersedes; the order of the others stays. */
static char *log_remove_older(const record *made) {
  for (size_t i = log_used; i-- > 0;) {
    if (!record_same_name(&log_records[i], made))
      continue;
    char *bytes = log_records[i].bytes;
    memmove(&log_records[i], &log_records[i + 1], (log_used - i - 1) * sizeof(record));
    log_used--;
    return bytes;
  }
  return NULL;
}

static bool log_grow(void) {
  size_t wanted = log_capacity ? log_capacity * 2 : 64;
  record *grown = realloc(log_records, wanted * sizeof(*grown));
  if (!grown)
    return false;
  log_records = grown;
  log_capacity = wanted;
  return true;
}

static bool log_append(record made) {
  bocpy_lock_take(&log_lock);
  char *older = log_remove_older(&made);
  bool done = log_used < log_capacity || log_grow();
  if (done) {
    made.version =
        atomic_load_explicit(&log_version, memory_order_relaxed) + 1; /* owner */
    log_records[log_used++] = made;
    atomic_store_explicit(&log_version, made.version, memory_order_release); /* [R1] */
  }
  bocpy_lock_give(&log_lock);
  free(older);
  return done;
}

PyObject *bocpy_publish(PyObject *module, PyObject *args) {
  (void)module;
  const char *parts[3];
  Py_ssize_t sizes[3];
  if (!PyArg_ParseTuple(args, "s#s#y#:_publish", &parts[0], &sizes[0], &parts[1],
                        &sizes[1], &parts[2], &sizes[2]))
    return NULL;
  record made = {0};
  made.bytes = malloc((size_t)(sizes[0] + sizes[1] + sizes[2]) + 1);
  if (!made.bytes)
    return PyErr_NoMemory();
  char *end = made.bytes;
  for (int i = 0; i < 3; i++) {
    made.sizes[i] = (size_t)sizes[i];
    memcpy(end, parts[i], made.sizes[i]);
    end += sizes[i];
  }
  if (log_append(made))
    Py_RETURN_NONE;
  free(made.bytes);
  return PyErr_NoMemory();
}

/* Copies the records after `since`, so that they can be read without the lock. */
static record *log_copy_since(size_t since, size_t *out_count, size_t *out_version) {
  bocpy_lock_take(&log_lock);
  size_t first = log_used;
  while (first > 0 && log_records[first - 1].version > since)
    first--;
  size_t count = log_used - first;
  record *copies = calloc(count + 1, sizeof(*copies));
  for (size_t i = 0; copies && i < count; i++) {
    record *copy = &copies[i];
    *copy = log_records[first + i];
    size_t size = copy->sizes[0] + copy->sizes[1] + copy->sizes[2];
    copy->bytes = malloc(size + 1);
    if (copy->bytes)
      memcpy(copy->bytes, log_records[first + i].bytes, size);
  }
  *out_count = count;
  *out_version = atomic_load_explicit(&log_version, memory_order_relaxed); /* owner */
  bocpy_lock_give(&log_lock);
  return copies;
}

static PyObject *log_make_tuple(const record *copy) {
  if (!copy->bytes)
    return PyErr_NoMemory();
  const char *name = copy->bytes + copy->sizes[0];
  return Py_BuildValue("s#s#y#", copy->bytes, (Py_ssize_t)copy->sizes[0], name,
                       (Py_ssize_t)copy->sizes[1], name + copy->sizes[1],
                       (Py_ssize_t)copy->sizes[2]);
}

static PyObject *log_make_list(const record *copies, size_t count) {
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (size_t i = 0; list && i < count; i++) {
    PyObject *tuple = log_make_tuple(&copies[i]);
    if (tuple)
      PyList_SET_ITEM(list, (Py_ssize_t)i, tuple);
    else
      Py_CLEAR(list);
  }
  return list;
}

PyObject *bocpy_published_since(PyObject *module, PyObject *argument) {
  size_t since = PyLong_AsSize_t(argument);
  if (since == (size_t)-1 && PyErr_Occurred())
    return NULL;
  (void)module;
  size_t count, now;
  record *copies = log_copy_since(since, &count, &now);
  if (!copies)
    return PyErr_NoMemory();
  PyObject *list = log_make_list(copies, count);
  for (size_t i = 0; i < count; i++)
    free(copies[i].bytes);
  free(copies);
  return list ? Py_BuildValue("nN", (Py_ssize_t)now, list) : NULL;
}

int bocpy_ship_catch_up_in(bocpy_state *state) {
  size_t now = atomic_load_explicit(&log_version, memory_order_acquire); /* [A1] */
  if (state->caught_up == now)
    return 0;
  PyObject *done = bocpy_python_call(&state->python, BOCPY_PY_SHIP_CATCH_UP, NULL);
  if (!done)
    return -1;
  Py_DECREF(done);
  state->caught_up = now;
  return 0;
}

int bocpy_ship_catch_up(void) {
  bocpy_state *state = bocpy_state_get();
  return state ? bocpy_ship_catch_up_in(state) : -1;
}
