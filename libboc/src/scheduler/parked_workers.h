/* Parked workers: which workers are parked, which search, and which one is woken.
 *
 * A worker without work searches for a while, then parks (when: idle_policy.h):
 *
 *   worker                                      publisher (makes work visible)
 *   ------                                      ------------------------------
 *   1. count myself as parked  (state, RMW)     1. publish the work   (queue)
 *   2. fence [F2]                               2. fence [F2]
 *   3. no searcher, and work? cancel            3. nobody is parked? done
 *   4. park                                     4. a searcher? fence [F2], look again
 *                                               5. still one? done
 *                                               6. wake a parked worker, to search
 *
 * The store-load pair [F2] makes sure that one of them sees the other. A searcher that
 * finds work first stops counting as a searcher. Then, after the same fence, it checks
 * whether there is more work: publishers relied on it while it searched, and so did
 * workers that parked.
 *
 * Publishing is frequent and parking is rare. Where the system can, a worker that parks
 * fences for all threads of the process (boci_os_fence_others), and the publisher's
 * first fence orders only the compiler. A searcher that stops is too frequent for that:
 * before a publisher relies on one it fences itself (step 4, which is left out where
 * the first fence was a real one).
 *
 * At most half of the workers search at once, and at most half of the processors.
 * Waking costs the waker microseconds. So a publisher wakes one worker, which counts as
 * a searcher at once: the next publisher wakes nobody.
 *
 * Oversubscribed: each processor has a worker that is not parked. One more would only
 * take turns with them, unless one of their bodies blocks in the system, which the
 * runtime cannot see. Publishers then wake nobody, provided that a monitor is parked: a
 * worker that wakes up by itself after about a millisecond. It searches; or, a few
 * times in a row, it only checks that each processor makes progress. It does step 1
 * before it parks again.
 *
 * Rejected: waking on every push (each costs a system call while the woken worker still
 * searches); a semaphore (its count remembers wakes for work that was done long ago).
 *
 * The keeper is the parked worker that wakes up by itself when a timer is due
 * (timer_heap.h): the first worker that parks while there is no keeper. Wakers take the
 * latest worker in the list, so the keeper is woken last. When a keeper finds work and
 * there are timers, it wakes another worker, which parks again as the keeper.
 *
 * A dormant worker has not run its start hook yet. It stands at the end of the list, so
 * that it is woken only if no other worker is parked. start_on_demand.h says what it
 * does then.
 *
 * Threads: any.
 * Invariants:
 *   1. `state` counts exactly the workers in `list`, and the searchers.
 *   2. The thread that takes a worker out of the list, and no other, unparks it, once.
 *   3. Dormant workers come after all others in the list.
 */
#ifndef BOCI_PARKED_WORKERS_H
#define BOCI_PARKED_WORKERS_H

#include "atomic.h"
#include "parker.h"

struct boci_worker;

typedef struct boci_parked_workers {
  boci_atomic_u32 state;    /* parked workers, plus BOCI_SEARCHER for each searcher */
  boci_atomic_u32 monitors; /* parked workers that wake up by themselves */
  boci_atomic_u32 workers, max_searchers; /* boci_parked_resize */
  boci_atomic_u32 fences_others; /* whether parking workers fence for publishers */
  uint32_t processors;
  boci_mutex mutex;
  struct boci_worker *list; /* doubly linked, the latest first: its cache is warmest */
  /* the worker in `list` that keeps the time, or NULL; under the mutex */
  struct boci_worker *keeper;
} boci_parked_workers;

/* A worker's part. */
typedef struct boci_parking {
  boci_parker parker;
  struct boci_worker *prev, *next;
  /* it runs its start hook when there is work; see boci_parked_list_dormant */
  bool dormant;
  bool listed;    /* in `list`; under the mutex */
  bool searching; /* counted as a searcher, by itself or by its waker */
} boci_parking;

#define BOCI_SEARCHER ((uint32_t)1 << 16)

boc_status boci_parked_init(boci_parked_workers *parked, uint32_t workers);
void boci_parked_fini(boci_parked_workers *parked);

/* Sets the number of workers. */
void boci_parked_resize(boci_parked_workers *parked, uint32_t workers);

/* Makes `worker`, whose thread is about to start, a searcher: the first work that is
 * published wakes nobody else. */
void boci_parked_begin_searching(boci_parked_workers *parked,
                                 struct boci_worker *worker);

/* Makes `worker` a searcher unless there are enough. Returns whether it is one. */
bool boci_parked_start_searching(boci_parked_workers *parked,
                                 struct boci_worker *worker);
void boci_parked_stop_searching(boci_parked_workers *parked,
                                struct boci_worker *worker);

/* Steps 1 and 2 of the worker, which is not a searcher afterwards. */
void boci_parked_prepare_park(boci_parked_workers *parked, struct boci_worker *worker);

/* Step 2 of a worker. */
void boci_parked_fence(boci_parked_workers *parked);

/* Called after prepare_park, instead of parking. If a publisher has removed the worker
 * from the list already, takes that publisher's token. */
void boci_parked_cancel_park(boci_parked_workers *parked, struct boci_worker *worker);

/* Called after prepare_park: parks until woken (true) or until the deadline, which for
 * a monitor comes earlier. The worker is out of the list afterwards. */
bool boci_parked_park(boci_parked_workers *parked, struct boci_worker *worker,
                      bool monitors, uint64_t deadline);

/* Lists a worker as parked that is started on demand: its thread parks before it does
 * anything else, or is parked already. It is woken after all others and is never the
 * keeper. It is dormant until it is woken. */
void boci_parked_list_dormant(boci_parked_workers *parked, struct boci_worker *worker);

/* Removes a dormant worker from the list; its thread stays parked. Returns false if it
 * is not dormant, or was woken. */
bool boci_parked_unlist_dormant(boci_parked_workers *parked,
                                struct boci_worker *worker);

/* A dormant worker takes itself out of the list, and is dormant no more. Returns false
 * if another thread has taken it out: then that one unparks it. */
bool boci_parked_cancel_dormancy(boci_parked_workers *parked,
                                 struct boci_worker *worker);

/* A dormant worker that was woken calls this before it starts, or looks whether it is
 * needed, which takes long: meanwhile it is not a searcher. Others relied on it, so
 * this wakes a worker that can search now. */
void boci_parked_stop_dormancy(boci_parked_workers *parked, struct boci_worker *worker);

/* Whether each processor has a worker that is not parked. */
bool boci_parked_oversubscribed(const boci_parked_workers *parked);

/* Steps 2 to 4 of the publisher, for work that any worker may take. Returns whether it
 * woke one. */
bool boci_parked_wake_one(boci_parked_workers *parked);

/* The same for work that only `worker` may take. Returns whether that was parked. */
bool boci_parked_wake(boci_parked_workers *parked, struct boci_worker *worker);

/* Called when a timer was added that is `sooner` than those that the keeper knows of;
 * or when the calling worker goes on to work while there are timers. Makes sure that a
 * parked worker, if there is one, keeps the time. */
void boci_parked_wake_keeper(boci_parked_workers *parked, bool sooner);

/* Whether `worker`, after prepare_park, is the keeper. */
bool boci_parked_is_keeper(boci_parked_workers *parked,
                           const struct boci_worker *worker);

/* Steps 2 to 5 of the publisher, inline: false where boci_parked_wake_one would wake
 * nobody because a worker searches, or none is parked. */
static inline bool boci_parked_may_wake(boci_parked_workers *parked) {
  const bool light = boci_load_relaxed(&parked->fences_others); /* hint */
  if (light)
    boci_fence_compiler(); /* [F2]: a worker that parks fences for this thread */
  else
    boci_fence_seq_cst();                             /* [F2] */
  uint32_t state = boci_load_relaxed(&parked->state); /* hint: after [F2] */
  if (light && state % BOCI_SEARCHER > 0 && state >= BOCI_SEARCHER) {
    boci_fence_seq_cst();                      /* [F2] */
    state = boci_load_relaxed(&parked->state); /* hint: after [F2] */
  }
  return state - 1 < BOCI_SEARCHER - 1;
}

/* Parked workers and searchers: a hint, for callers' heuristics. */
static inline uint32_t boci_parked_or_searching(const boci_parked_workers *parked) {
  const uint32_t state = boci_load_relaxed(&parked->state); /* hint */
  return (state % BOCI_SEARCHER) + state / BOCI_SEARCHER;
}

/* Whether a worker searches, which will search again before it parks. */
static inline bool boci_parked_has_searcher(const boci_parked_workers *parked) {
  return boci_load_relaxed(&parked->state) >= BOCI_SEARCHER; /* hint: after [F2] */
}

#endif
