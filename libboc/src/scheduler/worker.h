/* Worker: a thread that runs behaviors; the queues, counters and pool that it owns.
 *
 * Threads: the worker itself, but for what says otherwise.
 */
#ifndef BOCI_WORKER_H
#define BOCI_WORKER_H

#include "thread_context.h"
#include "executor.h"
#include "idle.h"
#include "os.h"
#include "steal_backoff.h"
#include "block_pool.h"
#include "run_queue.h"
#include "quiescence.h"
#include "injector.h"
#include "trace.h"

#include <boc/stats.h>

/* Counters that boci_tally does not have already; any thread reads them. */
typedef struct boci_counters {
#define BOCI_COUNTER(name, text) boci_atomic_word name;
  BOC_STATS_MAP(BOCI_COUNTER)
#undef BOCI_COUNTER
} boci_counters;

typedef struct boci_worker {
  boci_context context; /* what its thread-local pointer points to */
  boc_runtime *runtime;
  uint32_t index;
  uint32_t tick;   /* rounds of the loop: when to look at the shared queue first */
  uint32_t streak; /* hand-offs run in a row */
  uint32_t jumped; /* forwarded behaviors run since the own queue had its turn */
  uint32_t turn;   /* odd: the shared queue is looked at before the overflow */
  uint32_t random; /* where stealing starts */
  bool fresh;      /* it has not looked for work yet: the embedder knows it as parked */
  uintptr_t made;  /* what it had scheduled when the body began that ran last */
  boc_behavior *next;      /* handed off by what ran last; nobody steals it */
  boci_executor pushing;   /* for schedules in bodies */
  boci_executor finishing; /* for hand-offs: the first goes to `next` */
  boci_tally tally;
  boci_counters counters;
  boci_pool pool;
  boci_pace pace;
  boci_trace trace;
  char apart[64]; /* what others write too */
  boci_run_queue queue;
  boci_shared_queue
      inbox; /* any thread posts; overdue entries are taken by idle workers */
  boci_sleeper sleeper;
  boci_atomic_word watched; /* scheduled and finished, when a watcher last looked */
  boci_atomic_u32 poked;
  boci_atomic_u32 blocked; /* its body blocks, or it rests: its inbox is everybody's */
  bool resting;            /* a retired spare; under the mutex of the spares */
  boci_thread thread;
} boci_worker;

/* Refusals: BOC_NO_MEMORY. */
boc_status boci_worker_init(boci_worker *worker, boc_runtime *runtime, uint32_t index);
void boci_worker_fini(boci_worker *worker);

/* What its thread does between the `start` and `stop` hooks: until the runtime stops.
 */
void boci_worker_work(boci_worker *worker);

/* The worker that the calling thread is, or NULL. Any thread. */
static inline boci_worker *boci_worker_current(void) {
  const boci_context *context = boci_context_current();
  return context ? context->worker : NULL;
}

/* The executor's two faces; also for whoever completes a deferred behavior on this
 * thread. */
void boci_worker_push(void *ctx, boc_behavior *behavior);

/* Runs what is left of a behavior after its body: hands its cowns to `to`. */
void boci_worker_finish(boci_worker *worker, boc_behavior *behavior,
                        const boci_executor *to);

/* Runs hooks and body. False: it was deferred, and somebody else will finish it. */
bool boci_run_body(boc_behavior *behavior);

/* Puts `behavior` into the inbox of `worker`. Any thread. */
void boci_worker_post(boci_worker *worker, boc_behavior *behavior);

/* Puts all that it has queued where any worker finds it. */
void boci_worker_shed(boci_worker *worker);

/* The embedder's hooks around sleeping, and for a poke if there is one. */
void boci_worker_tell_parked(boci_worker *worker);
void boci_worker_tell_working(boci_worker *worker);
void boci_worker_answer_poke(boci_worker *worker);

static inline void boci_count(boci_atomic_word *counter, uintptr_t by) {
  boci_store_relaxed(counter, boci_load_relaxed(counter) + by); /* count; owner */
}

#endif
