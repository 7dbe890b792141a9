/* Run: a body, and the steps before and after it, on a worker and on any other thread.
 *
 *   worker    `admit` -> cowns' acquire hooks, body, release hooks -> finish
 *   others                cowns' acquire hooks, body, release hooks -> finish
 *
 * To finish a behavior is to drop its environment, release its cowns, free its memory
 * and count it. A body that has called boc_behavior_defer is finished by
 * boc_behavior_complete instead.
 */
#ifndef BOCI_RUN_H
#define BOCI_RUN_H

#include "behavior_scope.h"
#include "compiler.h"
#include "enqueue.h"
#include "scheduler.h"

/* Runs the body of a behavior with options, or with hooks of its cowns; or ends one
 * that was withdrawn before its time. */
void boci_run_special_body(boc_behavior *behavior);

/* Returns false if the behavior was deferred: boc_behavior_complete will finish it. */
static inline bool boci_run_body(boc_behavior *behavior) {
  BOCI_SET_STAGE(behavior, RUNNING);
  if (behavior->block.flags &
      (BOCI_BEHAVIOR_OPTIONS | BOCI_BEHAVIOR_HOOKS | BOCI_BEHAVIOR_WITHDRAWN))
    boci_run_special_body(behavior);
  else
    behavior->type->body(behavior, boci_behavior_plain_env(behavior));
  return !(behavior->block.flags & BOCI_BEHAVIOR_DEFERRED) ||
         boci_sub_acq_rel(&behavior->pending, 1) == 1; /* [R4] [A4] */
}

/* Finishes `behavior` on `worker`; behaviors that become ready go to `to`. */
static inline void boci_finish_on_worker(boci_worker *worker, boc_behavior *behavior,
                                         const boci_executor *to) {
  boci_trace_note(&worker->trace, BOC_TRACE_FINISHED, behavior);
  boci_behavior_end(behavior, to);
  boci_end_options(behavior);
  if (behavior->block.home != &worker->pool)
    boci_steal_backoff_note(&worker->backoff, behavior->block.home);
  void *block = boci_retire(worker->scheduler, behavior);
  if (!BOCI_QUARANTINES || block)
    boci_block_pool_free(&worker->pool, block);
  boci_in_flight_add_finished(&worker->in_flight);
}

/* Prefetches what the body and the end of the behavior write, all at the same time: the
 * values of its cowns, but for the first, which the body reads at once; and the cowns'
 * queues, where nothing waits behind it. */
static inline void boci_prefetch_cowns(const boc_behavior *behavior) {
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < behavior->count; i++) {
    boc_cown *cown = boci_request_cown(&requests[i]);
    const uintptr_t word = boci_load_relaxed(&requests[i].word); /* hint */
    if (!(word & ~BOCI_REQUEST_BITS))
      BOCI_PREFETCH(cown);
    if (i > 0 && !boci_request_reads(&requests[i]))
      BOCI_PREFETCH(boci_cown_payload(cown));
  }
}

/* Calls `admit`. Returns false if the behavior has been forwarded to another worker. */
bool boci_admit(boci_worker *worker, boc_behavior *behavior, bool overdue);

/* Runs a ready behavior. `overdue`: another worker was too busy for it. */
static inline void boci_run_on_worker(boci_worker *worker, boc_behavior *behavior,
                                      bool overdue) {
  if (behavior->type->admit && !boci_admit(worker, behavior, overdue))
    return;
  if (behavior->block.home != &worker->pool) /* its cowns may be with its maker, too */
    boci_prefetch_cowns(behavior);
  boci_trace_note(&worker->trace, BOC_TRACE_STARTED, behavior);
  worker->scheduled_before =
      boci_load_relaxed(&worker->in_flight.scheduled); /* owner */
  if (boci_run_body(behavior))
    boci_finish_on_worker(worker, behavior, &worker->handoff_executor);
}

/* Runs a ready behavior on a thread that is not a worker. */
void boci_run_external(boc_behavior *behavior);

/* Finishes a deferred behavior on the calling thread, which may be any. */
void boci_finish_deferred(boc_behavior *behavior);

#endif
