/* Timer heap: a heap of behaviors that wait for their time.
 *
 *   boc_runtime_after --> armed (in the heap, and in its scope's list of nodes)
 *                           |                                 |
 *                its time has come: a worker        boc_timer_cancel, or its scope's
 *                takes it, and links it             cancel, takes it, and withdraws it
 *
 * To take a timer is to change its state from ARMED to TAKEN, which one thread does.
 * From then on the timer belongs to that thread, which removes it from the heap and the
 * list. The runtime is not quiescent before that thread has passed the behavior on, so
 * it may use the heap until then, and not after.
 *
 * An idle worker keeps the time: the keeper (parked_workers.h) parks until the earliest
 * deadline. The steps are those of parked_workers.h, with the heap as the work that
 * becomes visible: a thread that arms the earliest timer does so, and after the fence
 * [F2] checks for a parked worker; the keeper counts as parked, and after [F2] reads
 * the heap. If no worker is idle, each reads the clock between two bodies: after each
 * one, or after every 16th while bodies are short.
 *
 * Rejected: a timer thread, which would have to wake a worker, too; a timer wheel,
 * whose ticks cost time while nothing is due.
 *
 * Threads: any, but for what says otherwise.
 * Invariants:
 *   1. `armed` is the number of timers in the heap.
 *   2. heap[i].timer->at is i; NOT_IN_HEAP for a timer that has been removed.
 * Ordering:
 *   [R30] a timer is armed; [A30] the thread that takes it.
 */
#ifndef BOCI_TIMER_HEAP_H
#define BOCI_TIMER_HEAP_H

#include "atomic.h"
#include "park.h"
#include "scope.h"

#include <boc/timer.h>

struct boci_scheduler;
struct boci_worker;

typedef struct boci_timer_entry {
  uint64_t deadline, order; /* `order` decides between equal deadlines */
  boc_timer *timer;
} boci_timer_entry;

typedef struct boci_timers {
  boci_atomic_word armed;
  boci_mutex mutex; /* guards the following fields */
  boci_timer_entry *heap;
  size_t capacity;
  uint64_t order; /* of the next timer */
  /* one worker at a time serves timers, so that they keep their order */
  boci_mutex server;
} boci_timers;

boc_status boci_timers_init(boci_timers *timers);
void boci_timers_fini(boci_timers *timers, const boc_allocator *allocator);

/* See boc_runtime_at. */
boc_status boci_timers_arm(struct boci_scheduler *scheduler, uint64_t deadline,
                           boc_behavior *behavior, boc_timer **out_timer);

/* The handle of a timer that is due already. Refusals: BOC_NO_MEMORY. */
boc_status boci_timers_expired(struct boci_scheduler *scheduler, boc_behavior *behavior,
                               boc_timer **out_timer);

/* Whether there are timers: a hint for workers that check again. */
static inline bool boci_timers_any(const boci_timers *timers) {
  return boci_load_relaxed(&timers->armed) != 0; /* hint */
}

/* The earliest deadline, or BOCI_NEVER. */
uint64_t boci_timers_next(boci_timers *timers);

/* Schedules due behaviors into the run queue of `worker`, which is the calling thread;
 * does nothing while another worker does so. */
void boci_timers_serve(struct boci_worker *worker);

/* The same for a worker between two bodies: reads the clock only now and then. */
void boci_timers_serve_between_bodies(struct boci_worker *worker);

#endif
