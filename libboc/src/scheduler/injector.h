/* Shared queue: a list of behaviors under a lock, for what is not on the hot path: work
 * from outside threads, lanes, and workers' inboxes.
 *
 * Threads: any. Looking at `length` costs one load and no lock.
 * Ordering: [R8] the length is published with the list; [A8] a look that may skip the
 * lock. Sleepers look at it after their store-load barrier (idle.h).
 */
#ifndef BOCI_INJECTOR_H
#define BOCI_INJECTOR_H

#include "atomic.h"
#include "park.h"

#include <boc/behavior.h>

typedef struct boci_injector {
  boci_mutex taking; /* one taker at a time, so that the order stays */
  boci_mutex mutex;  /* of the fields below; for a few instructions only */
  boc_behavior *first, *last;
  boci_atomic_word length;
  bool timed; /* the clock is looked at; to be set before the first push */
  boci_atomic_word
      since; /* microseconds, wrapping: when the present first got to be first */
} boci_injector;

boc_status boci_injector_init(boci_injector *queue);
void boci_injector_fini(boci_injector *queue);

/* Appends a list of `count` linked by `next`. True: the queue was empty. */
bool boci_injector_push(boci_injector *queue, boc_behavior *first, boc_behavior *last,
                        size_t count);

/* Takes up to `most` from the front, linked by `next`. The number taken. A long list is
 * cut without keeping those who push waiting, since it may lie in another core's cache: a
 * look in the meantime may find the queue empty, so that whoever takes several has to
 * wake somebody. */
size_t boci_injector_take(boci_injector *queue, size_t most, boc_behavior **out_first);

static inline size_t boci_injector_length(boci_injector *queue) {
  return boci_load_acquire(&queue->length); /* [A8] */
}

/* Whether its first entry has waited for at least `age` nanoseconds. Of a timed one. */
bool boci_injector_overdue(boci_injector *queue, uint64_t age);

#endif
