/* Scheduler: what the workers of one runtime share.
 *
 *   a body schedules ----> run queue of its worker --(full)--> its overflow
 *   a body ends ---------> LIFO slot of its worker: the next holder of its cowns
 *   other threads -------> injector
 *   `admit` forwards ----> inbox of the worker that has the data
 *   a pinned cown -------> the executor that it is pinned to (a lane)
 *
 * enqueue.h puts ready behaviors there, find_work.h takes them out, run.h runs them.
 * idle_policy.h decides when a worker parks, parked_workers.h which one is woken,
 * blocking.h when one compensates for another.
 *
 * Threads: as each part says. Fields up to `worker_memory` are set before the workers
 * start.
 */
#ifndef BOCI_SCHEDULER_H
#define BOCI_SCHEDULER_H

#include "behavior.h"
#include "blocking.h"
#include "external_threads.h"
#include "injector.h"
#include "parked_workers.h"
#include "quiescence.h"
#include "timer_heap.h"
#include "worker.h"

#include <boc/runtime.h>

typedef struct boci_scheduler {
  boci_atomic_u32 workers; /* how many run bodies; blocking.c changes it */
  uint32_t first_workers;  /* how many it was made with */
  /* how many start at once; the others start when there is work for them */
  uint32_t eager;
  uint32_t capacity; /* the workers and the compensating workers */
  uint64_t spin;     /* ns that a worker searches before it parks */
  boc_worker_hooks hooks;
  const boc_allocator *allocator; /* NULL: malloc and free */
  boci_worker *worker;            /* [capacity], of which `started` are in use */
  void *worker_memory;            /* `worker` before alignment */
  size_t stack_size;
  size_t trace_events; /* 0 without tracing */

  boci_atomic_u32 stopping; /* workers leave when they find no work */
  boci_atomic_u32 started;  /* how many structs are in use */

  boci_parked_workers parked;
  boci_blocking blocking;
  boci_injector injector; /* other threads write it for each behavior, ... */
  char apart[64];
  boci_timers timers;      /* ... and workers look at these between any two */
  boci_waiters quiescence; /* waiters for quiescence */
  boci_external_threads external;
#if defined(BOC_CHECKS)
  boci_quarantine quarantine; /* behaviors that have ended */
#endif

  /* For the start of workers: guards `reported` and `start_status` of workers. */
  boci_mutex start_mutex;
  boci_cond start_cond;
} boci_scheduler;

/* The options of a runtime that concern its workers. */
typedef struct boci_scheduler_config {
  /* how many workers start on demand, fewer than all */
  uint32_t workers, compensating, on_demand;
  uint64_t spin;
  size_t stack_size, trace_events;
  const boc_worker_hooks *hooks;  /* may be NULL */
  const boc_allocator *allocator; /* lives as long as the scheduler */
} boci_scheduler_config;

/* No thread runs yet. Refusals: BOC_NO_MEMORY. */
boc_status boci_scheduler_init(boci_scheduler *scheduler,
                               const boci_scheduler_config *config);
/* All threads must have ended. */
void boci_scheduler_fini(boci_scheduler *scheduler);

/* Starts all workers and waits for the start hooks of the eager ones. A refusal
 * (BOC_NO_THREAD, BOC_NO_MEMORY, or what a hook returned) leaves no thread running. */
boc_status boci_scheduler_start(boci_scheduler *scheduler);

/* Waits until the workers from `from` to `to` - 1 have run their start hooks. BOC_OK,
 * or the status that a hook returned. */
boc_status boci_scheduler_wait_started(boci_scheduler *scheduler, uint32_t from,
                                       uint32_t to);

/* Ends all threads. Nothing may be in flight. */
void boci_scheduler_stop(boci_scheduler *scheduler);

static inline uint32_t boci_scheduler_workers(const boci_scheduler *scheduler) {
  return boci_load_relaxed(
      &((boci_scheduler *)scheduler)->workers); /* hint: changes while nothing runs */
}

static inline bool boci_scheduler_stopping(boci_scheduler *scheduler) {
  return boci_load_acquire(&scheduler->stopping) != 0; /* [A11] */
}

static inline uint32_t boci_scheduler_started(boci_scheduler *scheduler) {
  return boci_load_acquire(&scheduler->started); /* [A13] */
}

/* The scheduler whose workers run `behavior`. */
static inline boci_scheduler *boci_behavior_scheduler(const boc_behavior *behavior) {
  return (boci_scheduler *)boci_behavior_owner(behavior);
}

/* The block of a behavior that has ended, which the caller frees; NULL if this one
 * stays in quarantine (checks.h). */
static inline void *boci_retire(boci_scheduler *scheduler, boc_behavior *behavior) {
#if defined(BOC_CHECKS)
  BOCI_SET_STAGE(behavior, OVER);
  return boci_quarantine_swap(&scheduler->quarantine, behavior);
#else
  (void)scheduler;
  return behavior;
#endif
}

/* The calling thread as a worker of `scheduler`, or NULL. */
static inline boci_worker *boci_scheduler_own_worker(const boci_scheduler *scheduler) {
  boci_worker *worker = boci_worker_current();
  return worker && worker->scheduler == scheduler ? worker : NULL;
}

/* Counts `count` behaviors as scheduled by the calling thread. Returns the executor for
 * those that become ready. */
static inline const boci_executor *
boci_scheduler_count_scheduled(boci_scheduler *scheduler, size_t count) {
  boci_worker *worker = boci_scheduler_own_worker(scheduler);
  if (worker) {
    boci_in_flight_add_scheduled(&worker->in_flight, count);
    return &worker->body_executor;
  }
  boci_external_count_scheduled(&scheduler->external, count);
  return &scheduler->external.executor;
}

#endif
