/* Find work: the order in which a worker looks for its next behavior.
 *
 * With enqueue.h, which puts ready behaviors into queues, it decides the order in which
 * behaviors run that no cown orders. There are no priorities; they would begin here.
 *
 * In this order:
 *   1. every 61st time the injector or its overflow, so that neither starves; but not
 *      while the run queue has some of the last share or segment from there. A worker
 *      without thieves whose overflow is short: the next segment of the overflow, when
 *      the run queue has none of the one before; what became ready since then goes
 *      behind all segments
 *   2. the LIFO slot: the behavior that got its cowns from the one before, so that a
 *      chain stays on this core. After 32 in a row (the LIFO budget) it goes behind the
 *      others in the run queue, so that a chain starves nobody; at once, if it is cold
 *   3. the inbox: behaviors that were forwarded here because their data lives here.
 *      After 8 in a row (the inbox budget) the run queue has its turn
 *   4. the run queue
 *   5. the inbox again; then a fair share of the injector, or a segment of its
 *      overflow, in turns one or the other first
 *   6. half of another worker's overflow, or of its run queue, or an overdue behavior
 *      of its inbox; spin
 *
 * So one worker runs some thousand behaviors in the order in which they became ready.
 * If it ran those first for which the run queue has room, it would follow a few chains,
 * tens of thousands of behaviors ahead of the others: each that it met would have been
 * made at another time, and have left the cache.
 *
 * Behaviors that run in the order in which they were made also leave their memory in
 * that order, and so the next ones are made in it. Each behavior that overtakes others
 * leaves its block elsewhere, for good: the processor's prefetchers lost track of the
 * blocks after some millions of behaviors, and behaviors over no cown took twice as
 * long.
 *
 * Rejected: the same with thieves. Then two workers are always near each other and wait
 * for each other's lines: two-cown behaviors over a ring took 1.15 of the time. And the
 * same for an overflow of any length: of a tree of behaviors that make others, all of a
 * level would be ready before the next one, and none in a cache: fib took 1.7 of the
 * time.
 *
 * boci_find_own does 1 to 5, boci_spin_for_work 5 and 6; idle_policy.h says what
 * follows. steal_backoff.h decides when a worker leaves work that it could take to
 * others.
 *
 * Threads: the worker.
 * Invariants:
 *   1. The LIFO slot is filled only while a behavior finishes, and emptied before the
 *      next body runs: a behavior is never stranded in it behind a body.
 */
#ifndef BOCI_FIND_WORK_H
#define BOCI_FIND_WORK_H

#include "enqueue.h"
#include "scheduler.h"

#if defined(BOC_TINY)
enum { BOCI_LIFO_BUDGET = 2, BOCI_INBOX_BUDGET = 2, BOCI_COMMON_EVERY = 3 };
#else
enum { BOCI_LIFO_BUDGET = 32, BOCI_INBOX_BUDGET = 8, BOCI_COMMON_EVERY = 61 };
#endif

/* How long a forwarded behavior waits for a busy worker, in ns. */
#define BOCI_OVERDUE_NS UINT64_C(1000000)

/* Whether the worker is needed for something other than a behavior. */
bool boci_called_away(boci_worker *worker);

/* Does 5 and 6 until it finds a behavior, or for the time `spin` of the runtime's
 * options. NULL if it finds none, or is called away. `*out_overdue`: the behavior comes
 * from the inbox of a worker that was too busy for it. */
boc_behavior *boci_spin_for_work(boci_worker *worker, bool *out_overdue);

/* One behavior of the injector or of the worker's overflow; if `batch`, also moves a
 * share of the others into the run queue, which is empty. NULL if both are empty. */
boc_behavior *boci_take_common(boci_worker *worker, bool batch);

/* Point 1. NULL if neither has its turn, or something for it. */
boc_behavior *boci_take_turn(boci_worker *worker);

static inline bool boci_nothing_else_waits(boci_worker *worker) {
  return boci_run_queue_length(&worker->queue) == 0 &&
         boci_injector_length(&worker->inbox) == 0 &&
         boci_injector_length(&worker->scheduler->injector) == 0 &&
         boci_overflow_empty(&worker->overflow);
}

/* If the body scheduled nothing itself, its successor was made earlier, and is as cold
 * as the behaviors that wait: run those in FIFO order, which is about the order in
 * which they were made, so that prefetching works. A behavior with `admit` should stay
 * where its data is. */
static inline bool boci_lifo_is_cold(boci_worker *worker,
                                     const boc_behavior *behavior) {
  return boci_load_relaxed(&worker->in_flight.scheduled) == /* owner */
             worker->scheduled_before &&
         boci_run_queue_has_some(&worker->queue) && !behavior->type->admit;
}

static inline boc_behavior *boci_take_lifo_slot(boci_worker *worker) {
  boc_behavior *behavior = worker->lifo_slot;
  if (!behavior)
    return NULL;
  worker->lifo_slot = NULL;
  const bool cold = boci_lifo_is_cold(worker, behavior); /* then others wait */
  if (++worker->lifo_used < BOCI_LIFO_BUDGET && !cold) {
    boci_count(&worker->counters.handed_off, 1);
    return behavior;
  }
  worker->lifo_used = 0;
  /* If nothing waits, the chain goes on here, where its data is. */
  if (!cold && boci_nothing_else_waits(worker))
    return behavior;
  boci_enqueue_own(worker, behavior);
  return NULL;
}

static inline boc_behavior *boci_take_inbox(boci_worker *worker) {
  boc_behavior *behavior = NULL;
  if (boci_injector_length(&worker->inbox) > 0)
    boci_injector_take(&worker->inbox, 1, &behavior);
  return behavior;
}

/* NULL if the inbox is empty, or its budget is used up. */
static inline boc_behavior *boci_take_inbox_first(boci_worker *worker) {
  if (boci_injector_length(&worker->inbox) == 0)
    return NULL;
  if (worker->inbox_used++ < BOCI_INBOX_BUDGET)
    return boci_take_inbox(worker);
  worker->inbox_used = 0;
  return NULL;
}

/* Moves the behavior to the run queue, where another worker can steal it: another body
 * runs first here. */
static inline void boci_empty_lifo_slot(boci_worker *worker) {
  boc_behavior *behavior = worker->lifo_slot;
  if (!behavior)
    return;
  worker->lifo_slot = NULL;
  boci_enqueue_own(worker, behavior);
}

/* NULL if neither the worker nor the common queues have anything. */
static inline boc_behavior *boci_find_own(boci_worker *worker) {
  boc_behavior *behavior;
  if (--worker->until_turn == 0 && (behavior = boci_take_turn(worker))) {
    boci_empty_lifo_slot(worker); /* invariant 1 */
    return behavior;
  }
  if ((behavior = boci_take_lifo_slot(worker)))
    return behavior;
  worker->lifo_used = 0;
  if ((behavior = boci_take_inbox_first(worker)))
    return behavior;
  if ((behavior = boci_run_queue_pop(&worker->queue)))
    return behavior;
  if ((behavior = boci_take_inbox(worker)))
    return behavior;
  return boci_take_common(worker, true);
}

#endif
