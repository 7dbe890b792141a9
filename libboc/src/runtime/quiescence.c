/* Rundown: summing up, and telling those who wait. See quiescence.h. */
#include "quiescence.h"

#include "runtime.h"

/* All `finished` before all `scheduled`: equal sums then prove one quiet moment
 * between. */
static bool quiescent(void *ctx) {
  boc_runtime *runtime = ctx;
  const uint32_t started = boci_runtime_started(runtime);
  uintptr_t finished = boci_load_acquire(&runtime->outside.finished); /* [A9] */
  for (uint32_t i = 0; i < started; i++)
    finished += boci_load_acquire(&runtime->worker[i].tally.finished); /* [A9] */
  if (started != boci_runtime_started(runtime))
    return false; /* the new one will look */
  /* count: [A9] has ordered them before what they are compared with */
  uintptr_t scheduled = boci_runtime_scheduled_outside(runtime);
  for (uint32_t i = 0; i < started; i++)
    scheduled += boci_load_relaxed(&runtime->worker[i].tally.scheduled); /* count */
  return scheduled == finished;
}

void boci_rundown_check(boc_runtime *runtime) {
  boci_waiters_check(&runtime->rundown, quiescent, runtime);
}

void boci_rundown_finish_outside(boc_runtime *runtime) {
  boci_waiters *rundown = &runtime->rundown;
  boci_mutex_lock(&rundown->mutex);
  boci_add_release(&runtime->outside.finished, 1); /* [R9] */
  boci_waiters_check_locked(rundown, quiescent, runtime);
  boci_mutex_unlock(&rundown->mutex);
}

void boc_runtime_on_quiescent(boc_runtime *runtime, boc_quiesce_node *node) {
  boci_waiters_add(&runtime->rundown, node);
  boci_fence_seq_cst(); /* [F1] */
  if (!BOCI_PLANTED(quiesce))
    boci_rundown_check(runtime);
}

bool boc_runtime_quiesce_cancel(boc_runtime *runtime, boc_quiesce_node *node) {
  return boci_waiters_cancel(&runtime->rundown, node);
}

static void add_waiter(void *runtime, boc_quiesce_node *node) {
  boc_runtime_on_quiescent(runtime, node);
}

boc_status boc_runtime_quiesce(boc_runtime *runtime, int64_t timeout) {
  if (boc_worker_index(runtime) >= 0)
    return BOC_BAD_STATE;
  return boci_waiters_wait(&runtime->rundown, timeout, add_waiter, runtime);
}
