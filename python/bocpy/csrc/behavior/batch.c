/* Batch: see batch.h. */
#include "batch.h"

#include <stdlib.h>

#include "runtime.h"
#include "scope.h"
#include "status.h"
#include "when.h"

struct bocpy_batch {
  boc_behavior **behaviors;
  size_t count, capacity;
};

/* Until the behavior is scheduled, only the thread that made it keeps its cowns
 * alive. */
static void batch_keep(const boc_behavior *behavior) {
  for (size_t i = 0; i < boc_behavior_count(behavior); i++)
    boc_cown_hold(boc_behavior_cown(behavior, i));
}

/* The cowns of all behaviors, in malloc'd memory; NULL if there is none. */
static boc_cown **batch_cowns(const bocpy_batch *batch, size_t *out_count) {
  size_t count = 0;
  for (size_t i = 0; i < batch->count; i++)
    count += boc_behavior_count(batch->behaviors[i]);
  boc_cown **cowns = malloc((count + 1) * sizeof(*cowns));
  *out_count = 0;
  for (size_t i = 0; cowns && i < batch->count; i++)
    for (size_t k = 0; k < boc_behavior_count(batch->behaviors[i]); k++)
      cowns[(*out_count)++] = boc_behavior_cown(batch->behaviors[i], k);
  return cowns;
}

int bocpy_batch_add(bocpy_batch *batch, boc_behavior *behavior) {
  if (batch->count == batch->capacity) {
    size_t capacity = batch->capacity ? 2 * batch->capacity : 16;
    boc_behavior **larger =
        realloc(batch->behaviors, capacity * sizeof(*batch->behaviors));
    if (!larger) {
      PyErr_NoMemory();
      return -1;
    }
    batch->behaviors = larger;
    batch->capacity = capacity;
  }
  batch->behaviors[batch->count++] = behavior;
  batch_keep(behavior);
  return 0;
}

PyObject *bocpy_batch_begin(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (bocpy_self.batch) {
    PyErr_SetString(PyExc_RuntimeError, "atomically() blocks do not nest");
    return NULL;
  }
  bocpy_batch *batch = calloc(1, sizeof(*batch));
  if (!batch)
    return PyErr_NoMemory();
  if (!bocpy_runtime_enter(true)) { /* it stays until the end of the block */
    free(batch);
    return NULL;
  }
  bocpy_self.batch = batch;
  Py_RETURN_NONE;
}

/* Ends a behavior that is not scheduled: whoever looks at its result is told. */
static void batch_end_one(boc_behavior *behavior) {
  const bocpy_call *call = boc_behavior_env(behavior);
  bocpy_scope_store_cancelled(boc_behavior_cown(behavior, call->cowns));
  boc_behavior_free(behavior);
}

/* _batch_end(schedule) */
PyObject *bocpy_batch_end(PyObject *module, PyObject *flag) {
  bocpy_batch *batch = bocpy_self.batch;
  (void)module;
  if (!batch)
    Py_RETURN_NONE;
  bocpy_self.batch = NULL;
  size_t kept;
  boc_cown **cowns = batch_cowns(batch, &kept);
  boc_status status = cowns && flag == Py_True
                          ? boc_behavior_schedule_all(batch->behaviors, batch->count)
                          : BOC_NO_MEMORY;
  for (size_t i = 0; status != BOC_OK && i < batch->count; i++)
    batch_end_one(batch->behaviors[i]);
  for (size_t i = 0; i < kept; i++)
    boc_cown_drop(cowns[i]);
  free(cowns);
  free(batch->behaviors);
  free(batch);
  bocpy_runtime_leave();
  bocpy_runtime_settle();
  if (status == BOC_OK || flag != Py_True)
    Py_RETURN_NONE;
  bocpy_status_raise(status, "atomically()");
  return NULL;
}
