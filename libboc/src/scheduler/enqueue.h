/* Enqueue: puts a behavior that holds all its cowns into a queue. The queue, and the
 * order in which find_work.h takes from queues, decide when the behavior runs: with
 * priorities, both would change.
 *
 *   pinned cown              the executor that it is pinned to
 *   another runtime's        that runtime's injector
 *   scheduled in a body      the worker's run queue; if full, half of it overflows
 *   made ready by an end     the LIFO slot if that is free, so that the next holder of
 *                            the cowns finds them in this core's cache; else as above
 *   on any other thread      the injector
 *   forwarded by `admit`     the inbox of the worker that it names
 */
#ifndef BOCI_ENQUEUE_H
#define BOCI_ENQUEUE_H

#include "scheduler.h"

/* Executors' functions. `ctx` is the worker, which is the calling thread. */
void boci_enqueue_from_body(void *ctx, boc_behavior *behavior);
void boci_enqueue_handoff(void *ctx, boc_behavior *behavior);
/* `ctx` is a scheduler; the calling thread is not one of its workers. */
void boci_enqueue_external(void *ctx, boc_behavior *behavior);

/* Puts a behavior into the inbox of `worker`. Any thread. */
void boci_enqueue_inbox(boci_worker *worker, boc_behavior *behavior);

/* Called by a worker that has queued work for others: wakes another worker. */
void boci_wake_another(boci_worker *worker);
static inline void boci_wake_for_surplus(boci_worker *worker) {
  if (!worker->queue.alone && boci_parked_may_wake(&worker->scheduler->parked))
    boci_wake_another(worker);
}

/* Puts a behavior of this worker's runtime into its run queue, and wakes another worker
 * if that may help. Called by the worker. */
void boci_enqueue_to_full_queue(boci_worker *worker, boc_behavior *behavior);
static inline void boci_enqueue_own(boci_worker *worker, boc_behavior *behavior) {
  if (boci_run_queue_push(&worker->queue, behavior))
    boci_wake_for_surplus(worker);
  else
    boci_enqueue_to_full_queue(worker, behavior);
}

/* Moves everything that the worker has queued to the injector, where any worker finds
 * it. */
void boci_enqueue_drain(boci_worker *worker);

#endif
