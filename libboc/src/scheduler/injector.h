/* Injector: a list of behaviors under a lock, for what is not on the hot path:
 * behaviors that other threads inject, lanes, and workers' inboxes.
 *
 * Threads: any. A look at `length` costs one load and no lock.
 * Ordering:
 *   [R8] the length is published with the list; [A8] a look that may skip the lock.
 *     Parking workers look at it after their store-load barrier (parked_workers.h).
 */
#ifndef BOCI_INJECTOR_H
#define BOCI_INJECTOR_H

#include "atomic.h"
#include "park.h"

#include <boc/behavior.h>

typedef struct boci_injector {
  boci_mutex take_mutex; /* one taker at a time, so that the order stays */
  boci_mutex mutex;      /* guards the fields below; for a few instructions only */
  boc_behavior *first, *last;
  boci_atomic_word length;
  bool timed; /* note when an entry becomes the first; set before the first push */
  /* microseconds, wrapping: the time when the first entry became the first */
  boci_atomic_word since;
} boci_injector;

boc_status boci_injector_init(boci_injector *queue);
void boci_injector_fini(boci_injector *queue);

/* Appends a list of `count` behaviors linked by `next`. Returns whether the queue was
 * empty. */
bool boci_injector_push(boci_injector *queue, boc_behavior *first, boc_behavior *last,
                        size_t count);

/* Takes up to `most` from the front, linked by `next`. Returns how many. A long list
 * may lie in another core's cache, so it is cut while pushes go on; a reader meanwhile
 * may find the queue empty. So a worker that takes several wakes another one
 * afterwards. */
size_t boci_injector_take(boci_injector *queue, size_t most, boc_behavior **out_first);

static inline size_t boci_injector_length(boci_injector *queue) {
  return boci_load_acquire(&queue->length); /* [A8] */
}

/* Whether the first entry of a timed injector has waited for at least `age` ns. */
bool boci_injector_overdue(boci_injector *queue, uint64_t age);

#endif
