/* Idle: which workers search for work, which are in bed, and who is woken.
 *
 * A worker without work searches for a while, then goes to bed:
 *
 *   worker                                     whoever makes work visible
 *   ------                                     --------------------------
 *   1. I am in bed       (state, RMW)          1. publish the work   (queue)
 *   2. fence [F2]                              2. fence [F2]
 *   3. nobody searching, and work? get up      3. somebody searching? then done
 *   4. park                                    4. somebody in bed? wake it, to search
 *
 * The store-load pair [F2] makes one of them see the other. A searcher that finds work
 * stops searching first and then, after the same fence, looks whether there is more:
 * those who published while it searched have relied on it, and those who lay down.
 *
 * At most half of the workers search at once, and of the processors. Waking costs its
 * caller microseconds, so a wake is for one worker, and a woken one counts as a searcher
 * at once: the next publisher does not wake another.
 *
 * Where a worker is awake for each processor, one more would only take turns with them,
 * unless one of their bodies blocks in the system, of which nobody tells. So publishers
 * wake nobody then, provided that a watcher is in bed: one who gets up by itself after
 * about a millisecond, and looks, or watches on for a few times if all processors are
 * seen to get work done. Either way it comes to step 1 again before it parks otherwise.
 *
 * Rejected: waking on every push (each costs a system call while the woken one still
 * looks around); a semaphore (its count remembers wakes for work long gone).
 *
 * Threads: any. Invariants: 1. `state` counts exactly the workers in the list `bed`,
 * and the searchers. 2. Who takes a worker out of bed (and only that one) unparks it,
 * once.
 */
#ifndef BOCI_IDLE_H
#define BOCI_IDLE_H

#include "atomic.h"
#include "park.h"

struct boci_worker;

typedef struct boci_idle {
  boci_atomic_u32 state;    /* in bed, plus BOCI_SEARCHER for each searcher */
  boci_atomic_u32 watchers; /* who get up by themselves */
  uint32_t workers, processors;
  uint32_t most_searchers;
  boci_mutex mutex;
  struct boci_worker
      *bed; /* doubly linked; the newest first: its cache is the warmest */
} boci_idle;

/* A worker's part. */
typedef struct boci_sleeper {
  boci_parker parker;
  struct boci_worker *before, *after;
  bool in_bed;    /* under the mutex */
  bool searching; /* counted as searcher; by the worker itself, or by who woke it */
} boci_sleeper;

#define BOCI_SEARCHER ((uint32_t)1 << 16)

boc_status boci_idle_init(boci_idle *idle, uint32_t workers);
void boci_idle_fini(boci_idle *idle);

/* Makes `worker` a searcher unless there are enough. Whether it is one. */
bool boci_idle_search(boci_idle *idle, struct boci_worker *worker);
void boci_idle_stop_searching(boci_idle *idle, struct boci_worker *worker);

/* Step 1 and 2; ends searching. */
void boci_idle_lie_down(boci_idle *idle, struct boci_worker *worker);

/* Out of bed without having parked: takes the token of whoever was faster. */
void boci_idle_get_up(boci_idle *idle, struct boci_worker *worker);

/* Parks until woken (true) or until the deadline; not in bed afterwards. A watcher gets up
 * earlier. */
bool boci_idle_park(boci_idle *idle, struct boci_worker *worker, bool watches,
                    uint64_t deadline);

/* Every processor has a worker that is awake: one more would only take turns with them,
 * unless one of their bodies blocks. */
bool boci_idle_crowded(const boci_idle *idle);

/* Steps 2 to 4 of the publisher: work is visible to any worker. */
void boci_idle_wake_one(boci_idle *idle);

/* The same for work that only `worker` sees. True: it was in bed. */
bool boci_idle_wake(boci_idle *idle, struct boci_worker *worker);

static inline uint32_t boci_idle_count(boci_idle *idle) {
  const uint32_t state =
      boci_load_relaxed(&idle->state); /* hint: for callers' heuristics */
  return (state % BOCI_SEARCHER) + state / BOCI_SEARCHER;
}

/* Whether somebody searches, who will look again when done. After [F2]. */
static inline bool boci_idle_searched(boci_idle *idle) {
  return boci_load_relaxed(&idle->state) >= BOCI_SEARCHER; /* hint: after [F2] */
}

#endif
