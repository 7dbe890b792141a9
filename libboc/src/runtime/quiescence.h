/* Rundown: how many behaviors are in flight, without a counter that everybody writes.
 *
 * Each worker counts what it scheduled and what it finished, in words that only it
 * writes; outside threads share two more. The runtime is quiescent at some moment
 * between two looks if all `finished`, read first, and all `scheduled`, read
 * afterwards, have equal sums: both only grow, and finished never passes scheduled.
 *
 * Threads: `scheduled`/`finished` of a worker by that worker; the rest by any.
 * Ordering: [R9] `finished` publishes the body's schedules and effects; [A9] the reader
 * of the sums. [F1] store-load: a worker counts, then looks for waiters; a waiter
 * registers, then looks at the counts. Both have a fence in between, so one of them
 * sees the other. Source: Mattern, "Algorithms for distributed termination detection"
 * (1987), for reading one side before the other.
 */
#ifndef BOCI_RUNDOWN_H
#define BOCI_RUNDOWN_H

#include "atomic.h"
#include "waiters.h"

typedef struct boci_tally {
  boci_atomic_word scheduled;
  boci_atomic_word finished;
} boci_tally;

static inline void boci_tally_init(boci_tally *tally) {
  boci_init(&tally->scheduled, 0);
  boci_init(&tally->finished, 0);
}

/* By the only writer of the tally. */
static inline void boci_tally_scheduled(boci_tally *tally, size_t more) {
  const uintptr_t count = boci_load_relaxed(&tally->scheduled); /* owner */
  /* owner: published with the behaviors */
  boci_store_relaxed(&tally->scheduled, count + more);
}

static inline void boci_tally_finished(boci_tally *tally) {
  const uintptr_t count = boci_load_relaxed(&tally->finished); /* owner */
  boci_store_release(&tally->finished, count + 1);             /* [R9] */
}

/* Counts a behavior that an outside thread has finished. The runtime may be gone on
 * return: it is found quiescent under the mutex only, so not before this lets go of it.
 */
void boci_rundown_finish_outside(boc_runtime *runtime);

/* Calls whom it concerns if the runtime is quiescent. To be called, after [F1], by
 * whoever may have finished the last behavior and has nothing more to do. */
void boci_rundown_check(boc_runtime *runtime);

#endif
