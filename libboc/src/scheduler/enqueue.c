/* Enqueue: see enqueue.h. */
#include "enqueue.h"

#include "compiler.h"
#include "scheduler.h"

/* ---- threads that are no workers of the behavior's runtime ----------------------- */

static void enqueue_in_injector(boci_scheduler *scheduler, boc_behavior *behavior) {
  boci_injector_push(&scheduler->injector, behavior, behavior, 1);
  boci_parked_wake_one(&scheduler->parked);
}

/* The other runtime may end once the behavior has run, which may be before this thread
 * has woken a worker of it. While this thread has the mutex, that runtime cannot be
 * found quiescent. */
static void enqueue_in_other_runtime(boci_scheduler *scheduler,
                                     boc_behavior *behavior) {
  boci_mutex_lock(&scheduler->quiescence.mutex);
  enqueue_in_injector(scheduler, behavior);
  boci_mutex_unlock(&scheduler->quiescence.mutex);
}

void boci_enqueue_external(void *ctx, boc_behavior *behavior) {
  boci_scheduler *scheduler = boci_behavior_scheduler(behavior);
  if (scheduler->trace_events)
    boci_trace_external(scheduler, BOC_TRACE_READY, behavior);
  if (behavior->block.flags & BOCI_BEHAVIOR_PINNED) {
    const boci_executor *pinned_to = boci_behavior_pinned_to(behavior);
    pinned_to->ready(pinned_to->ctx, behavior);
  } else if (scheduler == ctx) {
    enqueue_in_injector(scheduler, behavior);
  } else {
    enqueue_in_other_runtime(scheduler, behavior);
  }
}

/* ---- workers --------------------------------------------------------------------- */

static bool runs_elsewhere(const boci_worker *worker, const boc_behavior *behavior) {
  return (behavior->block.flags & BOCI_BEHAVIOR_PINNED) ||
         (behavior->block.home != &worker->pool &&
          boci_behavior_scheduler(behavior) != worker->scheduler);
}

void boci_wake_another(boci_worker *worker) {
  if (boci_parked_wake_one(&worker->scheduler->parked))
    boci_count(&worker->counters.woken, 1);
}

/* Moves half of the full queue away. Without memory for that, `behavior` goes to the
 * injector. */
void boci_enqueue_to_full_queue(boci_worker *worker, boc_behavior *behavior) {
  uint32_t count;
  if (boci_overflow_push(&worker->overflow, &worker->queue, &count)) {
    boci_run_queue_push(&worker->queue, behavior);
  } else {
    boci_injector_push(&worker->scheduler->injector, behavior, behavior, 1);
    count = 1;
  }
  boci_count(&worker->counters.overflowed, count);
  if (worker->queue.alone && boci_overflow_is_short(&worker->overflow)) {
    /* what has overflowed is older: it has the next turn */
    worker->until_injector -= worker->turn - worker->until_turn;
    worker->until_turn = worker->turn = 1;
  }
  boci_wake_for_surplus(worker);
}

BOCI_NOINLINE void boci_enqueue_from_body(void *ctx, boc_behavior *behavior) {
  boci_worker *worker = ctx;
  if (runs_elsewhere(worker, behavior)) {
    boci_enqueue_external(worker->scheduler, behavior);
    return;
  }
  boci_trace_note(&worker->trace, BOC_TRACE_READY, behavior);
  boci_enqueue_own(worker, behavior);
}

/* The behaviors that wait behind this one may have been made long ago, and be in no
 * cache. Prefetches them as soon as this one is ready: its own lines are in the cache,
 * and the others arrive by the time it ends. */
static inline void prefetch_successors(const boc_behavior *behavior) {
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < behavior->count; i++)
    if (!(requests[i].target & BOCI_MERGED))
      boci_prefetch_successor(&requests[i]);
}

static BOCI_NOINLINE void handoff_any(boci_worker *worker, boc_behavior *behavior) {
  if (worker->lifo_slot || runs_elsewhere(worker, behavior)) {
    boci_enqueue_from_body(worker, behavior);
    return;
  }
  worker->lifo_slot = behavior;
  boci_trace_note(&worker->trace, BOC_TRACE_READY, behavior);
}

/* Does inline what most behaviors need. */
void boci_enqueue_handoff(void *ctx, boc_behavior *behavior) {
  boci_worker *worker = ctx;
  if (behavior->count == 1)
    boci_prefetch_successor(boci_behavior_requests(behavior));
  else
    prefetch_successors(behavior);
  if (worker->lifo_slot || behavior->block.home != &worker->pool ||
      (behavior->block.flags & (BOCI_BEHAVIOR_PINNED | BOCI_BEHAVIOR_TRACED)))
    handoff_any(worker, behavior);
  else
    worker->lifo_slot = behavior;
}

/* The worker may be busy for long: then an idle one takes work from its inbox. */
void boci_enqueue_inbox(boci_worker *worker, boc_behavior *behavior) {
  boci_injector_push(&worker->inbox, behavior, behavior, 1);
  if (!boci_parked_wake(&worker->scheduler->parked, worker))
    boci_parked_wake_one(&worker->scheduler->parked);
}

void boci_enqueue_drain(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  boc_behavior *behavior;
  while ((behavior = boci_overflow_take_one(&worker->overflow)) ||
         (behavior = boci_run_queue_pop(&worker->queue)) ||
         boci_injector_take(&worker->inbox, 1, &behavior) > 0)
    boci_injector_push(&scheduler->injector, behavior, behavior, 1);
  boci_parked_wake_one(&scheduler->parked);
}
