/* Worker: a thread that runs behaviors, and the queues, counters and pool that it owns.
 *
 * Threads: the worker itself, unless a comment says otherwise.
 */
#ifndef BOCI_WORKER_H
#define BOCI_WORKER_H

#include "block_pool.h"
#include "executor.h"
#include "injector.h"
#include "os.h"
#include "overflow.h"
#include "parked_workers.h"
#include "quiescence.h"
#include "run_queue.h"
#include "steal_backoff.h"
#include "thread_context.h"
#include "trace_ring.h"

#include <boc/stats.h>

struct boci_scheduler;

/* Counters beside those of boci_in_flight; any thread reads them. */
typedef struct boci_counters {
#define BOCI_COUNTER(name, text) boci_atomic_word name;
  BOC_STATS_MAP(BOCI_COUNTER)
#undef BOCI_COUNTER
} boci_counters;

typedef struct boci_worker {
  boci_thread_context context; /* its thread-local pointer points to this */
  struct boci_scheduler *scheduler;
  uint32_t index;
  uint32_t until_turn;     /* rounds of the loop until boci_take_turn */
  uint32_t turn;           /* what that was at first */
  uint32_t until_injector; /* how many rounds before that turn the injector's is due */
  uint32_t lifo_used;      /* how many behaviors in a row came from the LIFO slot */
  uint32_t inbox_used;     /* how many behaviors in a row came from the inbox */
  uint32_t common_turn;    /* odd: the injector comes before the overflow */
  /* where the last segment, and the last share of the injector, end in the run queue */
  uint32_t segment_end, share_end;
  uint16_t traced; /* BOCI_BEHAVIOR_TRACED if the scheduler traces; else 0 */
  uint32_t random; /* where stealing starts */
  /* how many bodies until it checks whether a timer is due */
  uint32_t bodies_before_clock;
  uint64_t clock_seen;          /* when it last did so */
  bool hooked_as_parked;        /* after_park has not been called yet */
  bool on_demand;               /* its start hook runs once there is work for it */
  boci_atomic_u32 compensating; /* it compensates for others: see blocking.c */
  uintptr_t scheduled_before;   /* its `scheduled` when the latest body began */
  /* the behavior that the last one made ready; thieves do not see it */
  boc_behavior *lifo_slot;
  boci_executor body_executor; /* for behaviors that bodies schedule */
  /* for behaviors that the end of a behavior makes ready */
  boci_executor handoff_executor;
  boci_in_flight in_flight;
  boci_counters counters;
  boci_block_pool pool;
  boci_steal_backoff backoff;
  boci_trace_ring trace;
  char apart[64]; /* other threads write the following fields */
  boci_run_queue queue;
  boci_overflow overflow;
  boci_injector inbox; /* any thread posts; idle workers take overdue behaviors */
  boci_parking parking;
  /* scheduled + finished, when a monitor last read it */
  boci_atomic_word progress_seen;
  boci_atomic_u32 poked;   /* BOCI_POKED, BOCI_FORKED or 0 */
  boci_atomic_u32 blocked; /* its body blocks, or it has retired */
  bool retired, failed;    /* see blocking.h; under its mutex */
  bool reported;           /* its start hook has run; under the scheduler's mutex */
  boc_status start_status; /* the status that the hook returned */
  boci_thread thread;
  char apart_too[64]; /* the next worker's fields follow */
} boci_worker;

/* Refusals: BOC_NO_MEMORY. */
boc_status boci_worker_init(boci_worker *worker, struct boci_scheduler *scheduler,
                            uint32_t index);
void boci_worker_fini(boci_worker *worker);

/* Starts the thread of a worker that has been initialized; any thread. The thread runs
 * behaviors between the hooks `start` and `stop`, until the scheduler stops.
 * Refusals: BOC_NO_THREAD, BOC_NO_MEMORY. */
boc_status boci_worker_start_thread(boci_worker *worker);

/* Waits until the worker's thread has ended, if it has one. */
void boci_worker_join(boci_worker *worker);

/* Starts a worker once more whose start hook was refused, and waits for that hook. Not
 * on a worker. Refusals: as above, or what the hook returned. */
boc_status boci_worker_start_again(boci_worker *worker);

/* The worker that the calling thread is, or NULL. Any thread. */
static inline boci_worker *boci_worker_current(void) {
  return boci_thread_context_worker();
}

/* What waits for a worker between two bodies: its `poke` hook, or the end of the child
 * that its body has forked. */
enum { BOCI_POKED = 1, BOCI_FORKED = 2 };

/* Makes the worker call its `poke` hook soon. Any thread. */
void boci_worker_poke(boci_worker *worker);

/* Calls the embedder's hook: `poke` only if the worker was poked. */
void boci_worker_call_before_park(boci_worker *worker);
void boci_worker_call_after_park(boci_worker *worker);
void boci_worker_answer_poke_slow(boci_worker *worker);
static inline void boci_worker_answer_poke(boci_worker *worker) {
  if (boci_load_relaxed(&worker->poked)) /* hint: a poke that we miss wakes us */
    boci_worker_answer_poke_slow(worker);
}

static inline void boci_count(boci_atomic_word *counter, uintptr_t by) {
  boci_store_relaxed(counter, boci_load_relaxed(counter) + by); /* count; owner */
}

#endif
