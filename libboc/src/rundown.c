/* Rundown: summing up, and telling those who wait. See rundown.h. */
#include "rundown.h"

#include "runtime.h"

boc_status boci_rundown_init(boci_rundown *rundown) {
  boci_init(&rundown->waiting, 0);
  rundown->first = NULL;
  return boci_mutex_init(&rundown->mutex);
}

void boci_rundown_fini(boci_rundown *rundown) { boci_mutex_fini(&rundown->mutex); }

/* All `finished` before all `scheduled`: equal sums then prove one quiet moment between. */
static bool quiescent(boc_runtime *runtime) {
  const uint32_t started = boci_runtime_started(runtime);
  uintptr_t finished = boci_load_acquire(&runtime->outside.finished); /* [A9] */
  for (uint32_t i = 0; i < started; i++)
    finished += boci_load_acquire(&runtime->worker[i].tally.finished); /* [A9] */
  if (started != boci_runtime_started(runtime)) return false; /* the new one will look */
  uintptr_t scheduled = boci_load_acquire(&runtime->outside.scheduled);
  for (uint32_t i = 0; i < started; i++)
    scheduled += boci_load_acquire(&runtime->worker[i].tally.scheduled);
  return scheduled == finished;
}

static void tell_locked(boci_rundown *rundown) {
  boc_quiesce_node *node = rundown->first;
  rundown->first = NULL;
  boci_store_relaxed(&rundown->waiting, 0); /* hint: under the lock, re-checked there */
  for (boc_quiesce_node *next; node; node = next) {
    next = node->next; /* the node is its owner's again as soon as `done` runs */
    node->done(node->ctx);
  }
}

void boci_rundown_check(boc_runtime *runtime) {
  boci_rundown *rundown = &runtime->rundown;
  if (!boci_load_relaxed(&rundown->waiting)) return; /* hint: after [F1] */
  boci_mutex_lock(&rundown->mutex);
  if (rundown->first && quiescent(runtime)) tell_locked(rundown);
  boci_mutex_unlock(&rundown->mutex);
}

void boci_rundown_finish_outside(boc_runtime *runtime) {
  boci_rundown *rundown = &runtime->rundown;
  boci_mutex_lock(&rundown->mutex);
  boci_add_release(&runtime->outside.finished, 1); /* [R9] */
  if (rundown->first && quiescent(runtime)) tell_locked(rundown);
  boci_mutex_unlock(&rundown->mutex);
}

void boc_runtime_on_quiescent(boc_runtime *runtime, boc_quiesce_node *node) {
  boci_rundown *rundown = &runtime->rundown;
  boci_mutex_lock(&rundown->mutex);
  node->next = rundown->first;
  rundown->first = node;
  boci_store_relaxed(&rundown->waiting, 1); /* hint: before [F1] */
  boci_mutex_unlock(&rundown->mutex);
  boci_fence_seq_cst(); /* [F1] */
  boci_rundown_check(runtime);
}

bool boc_runtime_quiesce_cancel(boc_runtime *runtime, boc_quiesce_node *node) {
  boci_rundown *rundown = &runtime->rundown;
  boci_mutex_lock(&rundown->mutex);
  boc_quiesce_node **at = &rundown->first;
  while (*at && *at != node) at = &(*at)->next;
  const bool found = *at != NULL;
  if (found) *at = node->next;
  boci_mutex_unlock(&rundown->mutex);
  return found;
}

static void wake_waiter(void *parker) { boci_parker_unpark(parker); }

boc_status boc_runtime_quiesce(boc_runtime *runtime, int64_t timeout) {
  if (boc_worker_index(runtime) >= 0) return BOC_BAD_STATE;
  boci_parker parker;
  boc_status status = boci_parker_init(&parker);
  if (status != BOC_OK) return status;
  boc_quiesce_node node = {.done = wake_waiter, .ctx = &parker};
  const uint64_t deadline = boci_os_deadline(timeout);
  boc_runtime_on_quiescent(runtime, &node);
  boci_parker_park(&parker, deadline);
  /* Also after a wake: the parker may go only when the call of `done` is over. */
  if (boc_runtime_quiesce_cancel(runtime, &node)) status = BOC_TIMEOUT;
  boci_parker_fini(&parker);
  return status;
}
