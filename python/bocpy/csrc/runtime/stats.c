/* Statistics: see stats.h. */
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

/* The counters at the moment when the runtime got another number of workers. */
static bocpy_lock stats_lock;
static boc_worker_stats *stats_before;
static size_t stats_before_count;

int bocpy_stats_init(void) { return stats_lock ? 0 : bocpy_lock_init(&stats_lock); }

int bocpy_stats_forget(void) {
  stats_before_count = 0;
  stats_lock = NULL;
  return bocpy_stats_init();
}

/* In malloc'd memory; NULL if there is none. */
static boc_worker_stats *stats_take(boc_runtime *runtime, size_t *out_count) {
  size_t count = runtime ? boc_runtime_stats(runtime, 0, NULL, 0) : 0;
  boc_worker_stats *all = calloc(count + 1, sizeof(*all));
  if (all && count)
    boc_runtime_stats(runtime, sizeof(*all), all, count);
  *out_count = all ? count : 0;
  return all;
}

void bocpy_stats_restart(boc_runtime *runtime) {
  size_t count;
  boc_worker_stats *now = stats_take(runtime, &count);
  bocpy_lock_take(&stats_lock);
  boc_worker_stats *old = stats_before;
  stats_before = now;
  stats_before_count = count;
  bocpy_lock_give(&stats_lock);
  free(old);
}

static void stats_subtract_base(boc_worker_stats *all, size_t count) {
  bocpy_lock_take(&stats_lock);
  for (size_t i = 0; i < count && i < stats_before_count; i++) {
#define SUBTRACT(name, text) all[i].name -= stats_before[i].name;
    BOC_STATS_MAP(SUBTRACT)
#undef SUBTRACT
  }
  bocpy_lock_give(&stats_lock);
}

static bool stats_are_zero(const boc_worker_stats *stats) {
  uint64_t any = 0;
#define OR(name, text) any |= stats->name;
  BOC_STATS_MAP(OR)
#undef OR
  return any == 0;
}

/* Leaves out workers that rest and have done nothing since. */
static size_t stats_count_shown(boc_runtime *runtime, const boc_worker_stats *all,
                                size_t count) {
  size_t workers = boc_runtime_workers(runtime);
  while (count > workers && stats_are_zero(&all[count - 1]))
    count--;
  return count;
}

static PyObject *stats_read(boc_runtime *runtime) {
  size_t count;
  boc_worker_stats *all = stats_take(runtime, &count);
  if (!all)
    return PyErr_NoMemory();
  stats_subtract_base(all, count);
  count = stats_count_shown(runtime, all, count);
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
