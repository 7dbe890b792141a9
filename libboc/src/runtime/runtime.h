/* Runtime: what the workers share. The one struct that knows all the others. */
#ifndef BOCI_RUNTIME_H
#define BOCI_RUNTIME_H

#include "idle.h"
#include "overflow.h"
#include "quiescence.h"
#include "injector.h"
#include "blocking.h"
#include "worker.h"

#include <boc/runtime.h>

struct boc_runtime {
  /* Set before the workers start. */
  uint32_t workers;  /* that run bodies */
  uint32_t capacity; /* with the spares that may stand in for blocked ones */
  uint64_t spin;
  boc_worker_hooks hooks;
  boc_allocator allocator_copy;
  const boc_allocator *allocator; /* NULL: malloc and free */
  boci_worker *worker;            /* [capacity], of which `started` are in use */
  void *worker_memory;            /* `worker` before alignment */
  boci_executor from_outside;

  boci_atomic_u32 closing;  /* only bodies may still schedule */
  boci_atomic_u32 stopping; /* workers leave when they find nothing */

  boci_atomic_u32 started; /* workers whose structs are in use */
  size_t stack_size;
  size_t trace_events; /* 0: no tracing */

  boci_idle idle;
  boci_spares spares;
  boci_shared_queue shared; /* from outside */
  boci_overflow overflow;   /* from full run queues */
  boci_waiters rundown;     /* those who wait for quiescence */

  /* What the first thread that schedules and is no worker has to itself, as a worker
   * has: most programs have no other. */
  boci_atomic_ptr first; /* its token; NULL: none yet */
  boci_atomic_word first_scheduled;
  boci_pool first_pool;

  /* What the others share. */
  boci_tally outside; /* by read-modify-write: many writers; `finished` by all */
  boci_mutex outside_mutex;
  boci_pool outside_pool;   /* under the mutex */
  boci_trace outside_trace; /* under the mutex */

  /* The start-up handshake. */
  boci_mutex start_mutex;
  boci_cond start_cond;
  uint32_t reported; /* how many have run their start hook */
  boc_status start_status;
};

static inline bool boci_runtime_stopping(boc_runtime *runtime) {
  return boci_load_acquire(&runtime->stopping) != 0; /* [A11] */
}

static inline uint32_t boci_runtime_started(boc_runtime *runtime) {
  return boci_load_acquire(&runtime->started); /* [A13] */
}

/* Starts the thread of a worker that has been initialized. Refusal: BOC_NO_THREAD. */
boc_status boci_runtime_start_thread(boci_worker *worker);

/* Puts a ready behavior where any worker of its runtime finds it, or into its lane. Any
 * thread. */
void boci_runtime_inject(const boc_runtime *from, boc_behavior *behavior);

/* How many behaviors threads that are no workers have scheduled. */
static inline uintptr_t boci_runtime_scheduled_outside(boc_runtime *runtime) {
  return boci_load_relaxed(&runtime->first_scheduled) +  /* count */
         boci_load_relaxed(&runtime->outside.scheduled); /* count */
}

/* Runs a ready behavior on a thread that is no worker. */
void boci_run_outside(boc_behavior *behavior);

#endif
