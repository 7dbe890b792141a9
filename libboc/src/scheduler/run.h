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

/* After the body: returns false if the behavior was deferred, and
 * boc_behavior_complete will finish it. */
static inline bool boci_body_finishes(boc_behavior *behavior) {
  return !(behavior->block.flags & BOCI_BEHAVIOR_DEFERRED) ||
         boci_sub_acq_rel(&behavior->pending, 1) == 1; /* [R4] [A4] */
}

/* Frees a behavior that has released its cowns, and counts it. */
static inline void boci_free_on_worker(boci_worker *worker, boc_behavior *behavior) {
  if (behavior->block.home != &worker->pool)
    boci_steal_backoff_note(&worker->backoff, behavior->block.home);
  void *block = boci_retire(worker->scheduler, behavior);
  if (!BOCI_QUARANTINES || block)
    boci_block_pool_free(&worker->pool, block);
  boci_in_flight_add_finished(&worker->in_flight);
}

/* Finishes `behavior` on `worker`; behaviors that become ready go to `to`. */
void boci_finish_on_worker(boci_worker *worker, boc_behavior *behavior,
                           const boci_executor *to);

/* What precedes and follows the bodies of behaviors that have such flags, which few
 * have: one test for all of them. */
enum {
  BOCI_BEGINS_SPECIALLY = BOCI_BEHAVIOR_OPTIONS | BOCI_BEHAVIOR_HOOKS |
      BOCI_BEHAVIOR_WITHDRAWN | BOCI_BEHAVIOR_TRACED,
  BOCI_FINISHES_SPECIALLY = BOCI_BEHAVIOR_OPTIONS | BOCI_BEHAVIOR_DEFERRED |
      BOCI_BEHAVIOR_TIMED | BOCI_BEHAVIOR_TRACED
};
void boci_begin_specially(boci_worker *worker, boc_behavior *behavior);
void boci_finish_specially(boci_worker *worker, boc_behavior *behavior);

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
  worker->scheduled_before =
      boci_load_relaxed(&worker->in_flight.scheduled); /* owner */
  BOCI_SET_STAGE(behavior, RUNNING);
  if (behavior->block.flags & BOCI_BEGINS_SPECIALLY)
    boci_begin_specially(worker, behavior);
  else
    behavior->type->body(behavior, boci_behavior_plain_env(behavior));
  if (behavior->block.flags & BOCI_FINISHES_SPECIALLY) {
    boci_finish_specially(worker, behavior);
    return;
  }
  boci_behavior_end(behavior, &worker->handoff_executor);
  boci_free_on_worker(worker, behavior);
}

/* Runs a ready behavior on a thread that is not a worker. */
void boci_run_external(boc_behavior *behavior);

/* Finishes a deferred behavior on the calling thread, which may be any. */
void boci_finish_deferred(boc_behavior *behavior);

#endif
