/* Notice cache: see notice_cache.h. An entry is a tuple of the version and the object,
 * under the key, in the dict `notices` of the interpreter's state. */
#include "notice_cache.h"

/* decoding a smaller one is as fast as finding it here */
#define CACHED_SIZE_MIN ((size_t)1024)
/* the most entries; one more empties the cache */
#define CACHED_MAX 64
#define DEPTH_MAX 8

static atomic_uint_fast64_t latest_version;

bocpy_notice *bocpy_notice_new(bocpy_buffer *buffer) {
  bocpy_notice *notice = PyMem_RawMalloc(sizeof(*notice));
  if (!notice) {
    PyErr_NoMemory();
    return NULL;
  }
  notice->buffer = buffer;
  notice->version = atomic_fetch_add(&latest_version, 1) + 1;
  return notice;
}

void bocpy_notice_free(bocpy_notice *notice) {
  bocpy_buffer_free(notice->buffer);
  PyMem_RawFree(notice);
}

/* ---- what can be shared, and how ------------------------------------------------- */

static bool is_immutable(PyObject *object, int depth);

static bool are_immutable(PyObject *const *items, Py_ssize_t count, int depth) {
  for (Py_ssize_t i = 0; i < count; i++)
    if (!is_immutable(items[i], depth))
      return false;
  return true;
}

static bool set_is_immutable(PyObject *set, int depth) {
  PyObject *items = PySequence_Tuple(set);
  bool immutable = items && is_immutable(items, depth);
  PyErr_Clear();
  Py_XDECREF(items);
  return immutable;
}

static bool is_immutable(PyObject *object, int depth) {
  PyTypeObject *type = Py_TYPE(object);
  if (type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type ||
      type == &PyBytes_Type || type == &PyBool_Type || type == &PyComplex_Type ||
      object == Py_None)
    return true;
  if (depth == DEPTH_MAX)
    return false;
  if (type == &PyTuple_Type)
    return are_immutable(((PyTupleObject *)object)->ob_item, PyTuple_GET_SIZE(object),
                         depth + 1);
  return type == &PyFrozenSet_Type && set_is_immutable(object, depth + 1);
}

static bool dict_is_of_immutables(PyObject *dict) {
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict, &at, &key, &value))
    if (!is_immutable(key, 0) || !is_immutable(value, 0))
      return false;
  return true;
}

/* Whether `object`, to which no other code refers yet, can be the original of
 * copies. */
static bool is_shareable(PyObject *object) {
  if (PyList_CheckExact(object))
    return are_immutable(((PyListObject *)object)->ob_item, PyList_GET_SIZE(object), 0);
  if (PyDict_CheckExact(object))
    return dict_is_of_immutables(object);
  if (Py_IS_TYPE(object, &PySet_Type))
    return set_is_immutable(object, 0);
  return PyByteArray_CheckExact(object) || is_immutable(object, 0);
}

/* The buffer protocol would count exports of the one original, and CPython before 3.14
 * counts them without a lock on builds without a GIL. Nobody changes the original. */
static PyObject *bytearray_for_reader(PyObject *object) {
  return PyByteArray_FromStringAndSize(PyByteArray_AS_STRING(object),
                                       PyByteArray_GET_SIZE(object));
}

static PyObject *object_for_reader(PyObject *object) {
  if (PyList_CheckExact(object))
    return PyList_GetSlice(object, 0, PyList_GET_SIZE(object));
  if (PyDict_CheckExact(object))
    return PyDict_Copy(object);
  if (Py_IS_TYPE(object, &PySet_Type))
    return PySet_New(object);
  return PyByteArray_CheckExact(object) ? bytearray_for_reader(object)
                                        : Py_NewRef(object);
}

/* ---- the entries ----------------------------------------------------------------- */

/* The dict, made at its first use; NULL with an exception. */
static PyObject *cache_of(bocpy_state *state) {
  bocpy_mutex_lock(&state->mutex);
  if (!state->notices)
    state->notices = PyDict_New();
  bocpy_mutex_unlock(&state->mutex);
  return state->notices;
}

/* 1 and a new reference to the cached object of that version; 0 if there is none; -1
 * with an exception. */
static int cache_find(PyObject *cache, PyObject *key, const bocpy_notice *notice,
                      PyObject **out_object) {
  PyObject *entry;
  int found = PyDict_GetItemRef(cache, key, &entry);
  if (found <= 0)
    return found;
  unsigned long long version = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(entry, 0));
  if (version == notice->version)
    *out_object = Py_NewRef(PyTuple_GET_ITEM(entry, 1));
  Py_DECREF(entry);
  return version == notice->version;
}

static int cache_put(PyObject *cache, PyObject *key, const bocpy_notice *notice,
                     PyObject *object) {
  if (PyDict_GET_SIZE(cache) >= CACHED_MAX)
    PyDict_Clear(cache);
  PyObject *entry = Py_BuildValue("(KO)", (unsigned long long)notice->version, object);
  int status = entry ? PyDict_SetItem(cache, key, entry) : -1;
  Py_XDECREF(entry);
  return status;
}

PyObject *bocpy_notice_value(bocpy_state *state, PyObject *key,
                             const bocpy_notice *notice) {
  if (bocpy_buffer_size(notice->buffer) < CACHED_SIZE_MIN)
    return bocpy_decode(notice->buffer);
  PyObject *cache = cache_of(state), *object = NULL;
  int found = cache ? cache_find(cache, key, notice, &object) : -1;
  if (found < 0)
    return NULL;
  if (!found) {
    object = bocpy_decode(notice->buffer);
    if (!object || !is_shareable(object))
      return object;
    if (cache_put(cache, key, notice, object) < 0)
      Py_CLEAR(object);
  }
  PyObject *own = object ? object_for_reader(object) : NULL;
  Py_XDECREF(object);
  return own;
}
