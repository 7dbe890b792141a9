/* Quiescence: compares the sums, and notifies the waiters. See quiescence.h. */
#include "quiescence.h"

#include "scheduler.h"

/* Reads all `finished` before all `scheduled`: equal sums then prove that the runtime
 * was quiescent at one moment between the two. A worker that was started meanwhile
 * checks by itself before it parks. */
static bool is_quiescent(void *ctx) {
  boci_scheduler *scheduler = ctx;
  boci_external_threads *external = &scheduler->external;
  const uint32_t started = boci_scheduler_started(scheduler);
  uintptr_t finished = boci_load_acquire(&external->in_flight.finished); /* [A9] */
  for (uint32_t i = 0; i < started; i++)
    finished += boci_load_acquire(&scheduler->worker[i].in_flight.finished); /* [A9] */
  if (started != boci_scheduler_started(scheduler))
    return false;
  uintptr_t scheduled = boci_external_scheduled(external);
  for (uint32_t i = 0; i < started; i++)
    scheduled += boci_load_relaxed(
        &scheduler->worker[i].in_flight.scheduled); /* count: ordered by [A9] */
  return scheduled == finished;
}

void boci_quiescence_check(boci_scheduler *scheduler) {
  boci_waiters_check(&scheduler->quiescence, is_quiescent, scheduler);
}

void boci_quiescence_finish_external(boci_scheduler *scheduler) {
  boci_waiters *waiters = &scheduler->quiescence;
  boci_mutex_lock(&waiters->mutex);
  boci_add_release(&scheduler->external.in_flight.finished, 1); /* [R9] */
  boci_waiters_check_locked(waiters, is_quiescent, scheduler);
  boci_mutex_unlock(&waiters->mutex);
}

void boci_quiescence_notify(boci_scheduler *scheduler, boc_quiesce_node *node) {
  boci_waiters_add(&scheduler->quiescence, node);
  boci_fence_seq_cst(); /* [F1] */
  boci_quiescence_check(scheduler);
}

static void add_quiescence_waiter(void *scheduler, boc_quiesce_node *node) {
  boci_quiescence_notify(scheduler, node);
}

boc_status boci_quiescence_wait(boci_scheduler *scheduler, int64_t timeout) {
  return boci_waiters_wait(&scheduler->quiescence, timeout, add_quiescence_waiter,
                           scheduler);
}
