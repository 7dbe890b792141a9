/* Quiescence: no behavior is in flight. Found without a counter that all threads write.
 *
 * Each worker counts what it scheduled and what it finished, in words that only it
 * writes; threads that are no workers share two more (external_threads.h). Read all
 * `finished` first and all `scheduled` afterwards: if the sums are equal, the runtime
 * was quiescent at some moment between the two readings, since both only grow and
 * `finished` never passes `scheduled`.
 *
 * Threads: a worker's counters are written by that worker; the rest is for any thread.
 * Ordering:
 *   [R9] `finished` publishes the body's effects and what it scheduled; [A9] the reader
 *     of the sums acquires them.
 *   [F1] store-load: a worker counts, then looks for waiters; a waiter registers, then
 *     looks at the counters. Both have a fence in between, so one of them sees the
 *     other.
 * Source: Mattern, "Algorithms for distributed termination detection" (1987), for
 * reading one side before the other.
 */
#ifndef BOCI_QUIESCENCE_H
#define BOCI_QUIESCENCE_H

#include "atomic.h"
#include "waiters.h"

struct boci_scheduler;

typedef struct boci_in_flight {
  boci_atomic_word scheduled;
  boci_atomic_word finished;
} boci_in_flight;

static inline void boci_in_flight_init(boci_in_flight *counters) {
  boci_init(&counters->scheduled, 0);
  boci_init(&counters->finished, 0);
}

/* Called by the only writer of `counters`. */
static inline void boci_in_flight_add_scheduled(boci_in_flight *counters, size_t more) {
  const uintptr_t count = boci_load_relaxed(&counters->scheduled); /* owner */
  boci_store_relaxed(&counters->scheduled, count + more);          /* owner: see [R9] */
}

static inline void boci_in_flight_add_finished(boci_in_flight *counters) {
  const uintptr_t count = boci_load_relaxed(&counters->finished); /* owner */
  boci_store_release(&counters->finished, count + 1);             /* [R9] */
}

/* Counts a behavior that a thread other than the workers has finished. The runtime may
 * be freed on return. It is found quiescent only under the mutex of its waiters, and so
 * not before this function has unlocked that. */
void boci_quiescence_finish_external(struct boci_scheduler *scheduler);

/* Notifies the waiters if the runtime is quiescent. A thread that may have finished the
 * last behavior and has nothing more to do calls it after [F1]. Without [F1] it may
 * miss a waiter: a worker calls it in that way before it searches, since the search
 * takes as long as the wait of a thread that schedules and waits in turn. */
void boci_quiescence_check(struct boci_scheduler *scheduler);

/* See boc_runtime_on_quiescent and boc_runtime_quiesce. */
void boci_quiescence_notify(struct boci_scheduler *scheduler, boc_quiesce_node *node);
boc_status boci_quiescence_wait(struct boci_scheduler *scheduler, int64_t timeout);

#endif
