/* Overflow: the behaviors for which a worker's run queue has no room, in segments of
 * half a ring.
 *
 *   full run queue --(its older half)--> [segment][segment]... --> empty run queue
 *                                           |
 *                                           '--(the older half)--> a thief's overflow
 *
 * What has overflowed is older than what the run queue got afterwards. So a worker
 * without thieves, if the segments are few, does not wait until the run queue is empty:
 * after each segment it moves all of the run queue behind the other segments, and takes
 * the next (boci_take_turn).
 *
 * A segment has its behaviors in an array, so that the worker that takes it can
 * prefetch them all at once; in a list, each would have to arrive before the address of
 * the next is known. The segments are in an array, too, so that a thief takes many at
 * once: the larger a backlog is, the less often its maker and its thief contend.
 *
 * Rejected: one overflow for all workers. There a thief takes one segment at a time,
 * and waits for the maker's lock and lines each time; whether a thief of tiny behaviors
 * keeps up with the maker is then a matter of chance.
 *
 * Threads: any; `push` and `steal` (as `mine`) by the owner, `take` by the owner of the
 *   run queue.
 * Ordering:
 *   [R19] the length is published with the segments; [A19] a look that may skip the
 *     lock. Parking workers look at it after their store-load barrier
 *     (parked_workers.h).
 */
#ifndef BOCI_OVERFLOW_H
#define BOCI_OVERFLOW_H

#include "park.h"
#include "run_queue.h"

enum { BOCI_OVERFLOW_SHORT = 32 }; /* segments; 4,096 behaviors */

struct boci_segment;

typedef struct boci_overflow {
  const boc_allocator *allocator;
  boci_mutex mutex;           /* guards the fields below; for a few instructions only */
  struct boci_segment **ring; /* [capacity], a power of two; NULL at first */
  uint32_t capacity;
  uint32_t first; /* the index of the oldest segment; counts up, and wraps */
  uint32_t unused_count;
  struct boci_segment *unused; /* kept for the next overflow */
  boci_atomic_word length;     /* how many segments there are */
} boci_overflow;

boc_status boci_overflow_init(boci_overflow *overflow, const boc_allocator *allocator);
void boci_overflow_fini(boci_overflow *overflow);

/* Moves the oldest of `queue`, at most half a ring, behind all segments. Returns false,
 * with nothing moved, if there is no memory. `*out_count` is how many moved; thieves
 * may have left none. */
bool boci_overflow_push(boci_overflow *overflow, boci_run_queue *queue,
                        uint32_t *out_count);

/* Moves all of them; `*out_count` is how many. Returns false if there is no memory, and
 * leaves the younger ones then. */
bool boci_overflow_push_all(boci_overflow *overflow, boci_run_queue *queue,
                            uint32_t *out_count);

/* Takes the first segment, or the rest of it: returns its oldest behavior, and puts the
 * others into `queue`, which is empty. NULL if there is no segment. */
boc_behavior *boci_overflow_take(boci_overflow *overflow, boci_run_queue *queue,
                                 uint32_t *out_count);

/* Takes only the oldest behavior; NULL if there is none. */
boc_behavior *boci_overflow_take_one(boci_overflow *overflow);

/* Moves the older half of the segments of `victim`, rounded down, behind those of
 * `mine`. Moves none if there is no memory. */
void boci_overflow_steal(boci_overflow *victim, boci_overflow *mine);

/* Whether the behaviors of all segments, with what they touch, fit into a core's own
 * caches. A hint. */
static inline bool boci_overflow_is_short(boci_overflow *overflow) {
  return boci_load_relaxed(&overflow->length) <= BOCI_OVERFLOW_SHORT; /* hint */
}

static inline bool boci_overflow_empty(boci_overflow *overflow) {
  return boci_load_acquire(&overflow->length) == 0; /* [A19] */
}

#endif
