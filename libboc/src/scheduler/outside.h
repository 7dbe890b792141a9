/* Outside: pools and counters of threads that are not workers.
 *
 * A worker has a pool, in-flight counters and a trace ring of its own. The first other
 * thread that schedules has them, too, except for the ring: most programs have no
 * second one. All further threads share a pool and counters. When the first thread has
 * ended, a new thread may get its identity and thereby its place; it starts after
 * everything that the first one has done.
 *
 * Threads: any.
 */
#ifndef BOCI_OUTSIDE_H
#define BOCI_OUTSIDE_H

#include "block_pool.h"
#include "executor.h"
#include "os.h"
#include "park.h"
#include "quiescence.h"
#include "trace_ring.h"

struct boci_scheduler;

typedef struct boci_outside {
  boci_executor executor; /* for behaviors that become ready on such a thread */

  /* The first thread's own. It writes `first_scheduled` for each behavior, while the
   * workers read what stands before, and the first line of the pool. */
  boci_atomic_ptr first; /* its token; NULL: none yet */
  char apart[64];
  boci_atomic_word first_scheduled;
  char apart_too[64];
  boci_block_pool first_pool;

  /* The others'; all of them count what they finish here. */
  boci_in_flight in_flight; /* written by read-modify-write: it has many writers */
  boci_mutex mutex;         /* guards the following fields */
  boci_block_pool pool;
  boci_trace_ring trace;
} boci_outside;

boc_status boci_outside_init(boci_outside *outside, struct boci_scheduler *scheduler);
void boci_outside_fini(boci_outside *outside, const boc_allocator *allocator);

/* Allocates a block for a behavior, or returns NULL; and frees one. */
void *boci_outside_alloc(boci_outside *outside, size_t size);
void boci_outside_free(boci_outside *outside, void *block);

/* Gives memory of the pools that the calling thread may use back to the allocator. */
void boci_outside_give_back(boci_outside *outside);

/* Whether the calling thread is the first one; it becomes that if there is none. */
static inline bool boci_outside_is_first(boci_outside *outside) {
  void *const me = boci_thread_token();
  void *first = boci_load_relaxed(&outside->first); /* owner: only I store my token */
  return first == me ||
         (!first && boci_cas_strong_relaxed(&outside->first, &first, me)); /* owner */
}

/* Counts `count` behaviors as scheduled by the calling thread. */
static inline void boci_outside_count_scheduled(boci_outside *outside, size_t count) {
  if (boci_outside_is_first(outside)) {
    const uintptr_t before = boci_load_relaxed(&outside->first_scheduled); /* owner */
    boci_store_relaxed(&outside->first_scheduled, before + count);         /* owner */
  } else {
    boci_add_relaxed(&outside->in_flight.scheduled, count); /* count: see [R9] */
  }
}

/* How many behaviors threads that are not workers have scheduled. */
static inline uintptr_t boci_outside_scheduled(const boci_outside *outside) {
  return boci_load_relaxed(&outside->first_scheduled) +    /* count */
         boci_load_relaxed(&outside->in_flight.scheduled); /* count */
}

/* Whether `pool` is one of the two pools. */
static inline bool boci_outside_has_pool(const boci_outside *outside,
                                         const boci_block_pool *pool) {
  return pool == &outside->first_pool || pool == &outside->pool;
}

#endif
