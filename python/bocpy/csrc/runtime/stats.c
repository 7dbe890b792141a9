/* Stats: see stats.h. */
#include "stats.h"

#include <stdlib.h>

#include "runtime.h"

#include <boc/stats.h>

static PyObject *stats_of(const boc_worker_stats *stats, size_t worker) {
  PyObject *made = Py_BuildValue("{s:n}", "worker_index", (Py_ssize_t)worker);
#define ADD(name, text)                                                                \
  if (made) {                                                                          \
    PyObject *number = PyLong_FromUnsignedLongLong(stats->name);                       \
    if (!number || PyDict_SetItemString(made, #name, number) < 0)                      \
      Py_CLEAR(made);                                                                  \
    Py_XDECREF(number);                                                                \
  }
  BOC_STATS_MAP(ADD)
#undef ADD
  return made;
}

static PyObject *stats_read(boc_runtime *runtime) {
  size_t count = boc_runtime_stats(runtime, 0, NULL, 0);
  boc_worker_stats *all = calloc(count + 1, sizeof(*all));
  if (!all)
    return PyErr_NoMemory();
  if (count)
    boc_runtime_stats(runtime, sizeof(*all), all, count);
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (size_t i = 0; list && i < count; i++) {
    PyObject *made = stats_of(&all[i], i);
    if (made)
      PyList_SET_ITEM(list, (Py_ssize_t)i, made);
    else
      Py_CLEAR(list);
  }
  free(all);
  return list;
}

PyObject *bocpy_stats(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  boc_runtime *runtime = bocpy_runtime_use();
  if (!runtime)
    return PyList_New(0);
  PyObject *list = stats_read(runtime);
  bocpy_runtime_unuse();
  return list;
}
