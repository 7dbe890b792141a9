/* External threads: pools and counters of threads that are not workers.
 *
 * A worker has a pool, in-flight counters and a trace ring of its own. The first other
 * thread that schedules has them, too, except for the ring: most programs have no
 * second one. All further threads share a pool and counters. When the first thread has
 * ended, a new thread may get its identity and thereby its place; it starts after
 * everything that the first one has done.
 *
 * Threads: any.
 */
#ifndef BOCI_EXTERNAL_THREADS_H
#define BOCI_EXTERNAL_THREADS_H

#include "block_pool.h"
#include "executor.h"
#include "os.h"
#include "park.h"
#include "quiescence.h"
#include "trace_ring.h"

struct boci_scheduler;

typedef struct boci_external_threads {
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
} boci_external_threads;

boc_status boci_external_init(boci_external_threads *external,
                              struct boci_scheduler *scheduler);
void boci_external_fini(boci_external_threads *external,
                        const boc_allocator *allocator);

/* Allocates a block for a behavior, or returns NULL; and frees one. */
void *boci_external_alloc(boci_external_threads *external, size_t size);
void boci_external_free(boci_external_threads *external, void *block);

/* Gives memory of the pools that the calling thread may use back to the allocator. */
void boci_external_give_back(boci_external_threads *external);

/* Whether the calling thread is the first one; it becomes that if there is none. */
static inline bool boci_external_is_first(boci_external_threads *external) {
  void *const me = boci_thread_token();
  void *first = boci_load_relaxed(&external->first); /* owner: only I store my token */
  return first == me ||
         (!first && boci_cas_strong_relaxed(&external->first, &first, me)); /* owner */
}

/* Counts `count` behaviors as scheduled by the calling thread. */
static inline void boci_external_count_scheduled(boci_external_threads *external,
                                                 size_t count) {
  if (boci_external_is_first(external)) {
    const uintptr_t before = boci_load_relaxed(&external->first_scheduled); /* owner */
    boci_store_relaxed(&external->first_scheduled, before + count);         /* owner */
  } else {
    boci_add_relaxed(&external->in_flight.scheduled, count); /* count: see [R9] */
  }
}

/* How many behaviors threads that are not workers have scheduled. */
static inline uintptr_t boci_external_scheduled(const boci_external_threads *external) {
  return boci_load_relaxed(&external->first_scheduled) +    /* count */
         boci_load_relaxed(&external->in_flight.scheduled); /* count */
}

/* Whether `pool` is one of the two pools. */
static inline bool boci_external_has_pool(const boci_external_threads *external,
                                          const boci_block_pool *pool) {
  return pool == &external->first_pool || pool == &external->pool;
}

#endif
