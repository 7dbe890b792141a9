/* Object watchers: see object_watchers.h. */
#include "object_watchers.h"

static atomic_size_t watch_counter; /* counts changes in all interpreters; atomic */

size_t bocpy_watchers_changes(void) {
  return atomic_load_explicit(&watch_counter, memory_order_acquire);
}

PyObject *bocpy_watchers_count(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyLong_FromSize_t(bocpy_watchers_changes());
}

#if BOCPY_HAS_WATCHERS

static void watch_count_change(void) {
  atomic_fetch_add_explicit(&watch_counter, 1, memory_order_release);
}

static int watch_dict_event(PyDict_WatchEvent event, PyObject *dict, PyObject *key,
                            PyObject *value) {
  (void)dict, (void)key, (void)value;
  if (event != PyDict_EVENT_DEALLOCATED)
    watch_count_change();
  return 0;
}

static int watch_type_event(PyTypeObject *type) {
  (void)type;
  watch_count_change();
  return 0;
}

static int watch_function_event(PyFunction_WatchEvent event, PyFunctionObject *function,
                                PyObject *value) {
  (void)function, (void)value;
  if (event != PyFunction_EVENT_CREATE && event != PyFunction_EVENT_DESTROY)
    watch_count_change();
  return 0;
}

/* Watcher ids of an interpreter count from 0; the state stores id + 1. */
static bool watch_has_id(int *id, int made) {
  if (*id == 0)
    *id = made + 1;
  PyErr_Clear();
  return *id > 0;
}

static int watch_dict(bocpy_state *state, PyObject *dict) {
  if (!state->dict_watcher &&
      !watch_has_id(&state->dict_watcher, PyDict_AddWatcher(watch_dict_event)))
    return -1;
  return PyDict_Watch(state->dict_watcher - 1, dict);
}

/* CPython reports a change of a class only if the class was looked up since the last
 * one: so this looks it up. */
static int watch_type(bocpy_state *state, PyObject *type) {
  if (!state->type_watcher &&
      !watch_has_id(&state->type_watcher, PyType_AddWatcher(watch_type_event)))
    return -1;
  if (PyType_Watch(state->type_watcher - 1, type) < 0)
    return -1;
  Py_XDECREF(PyObject_GetAttrString(type, "__hash__"));
  PyErr_Clear();
  return ((PyTypeObject *)type)->tp_version_tag ? 0 : -1;
}

static int watch_functions(bocpy_state *state) {
  if (state->function_watcher)
    return 0;
  return watch_has_id(&state->function_watcher,
                      PyFunction_AddWatcher(watch_function_event))
             ? 0
             : -1;
}

PyObject *bocpy_watchers_watch(PyObject *module, PyObject *object) {
  bocpy_state *state = bocpy_state_of(module);
  int status = -1;
  if (object == Py_None)
    status = watch_functions(state);
  else if (PyType_Check(object))
    status = watch_type(state, object);
  else if (PyDict_Check(object))
    status = watch_dict(state, object);
  PyErr_Clear();
  return PyBool_FromLong(status == 0);
}

void bocpy_watchers_clear(bocpy_state *state) {
  if (state->dict_watcher > 0)
    PyDict_ClearWatcher(state->dict_watcher - 1);
  if (state->type_watcher > 0)
    PyType_ClearWatcher(state->type_watcher - 1);
  if (state->function_watcher > 0)
    PyFunction_ClearWatcher(state->function_watcher - 1);
  state->dict_watcher = state->type_watcher = state->function_watcher = 0;
  PyErr_Clear();
}

#else

PyObject *bocpy_watchers_watch(PyObject *module, PyObject *object) {
  (void)module, (void)object;
  Py_RETURN_FALSE;
}

void bocpy_watchers_clear(bocpy_state *state) { (void)state; }

#endif
