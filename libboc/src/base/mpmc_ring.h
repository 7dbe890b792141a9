/* Bounded queue for many producers and many consumers, without locks.
 *
 * A ring of cells, each with a sequence number that says whose turn it is: `i` the
 * producer of position i, `i + 1` its consumer, `i + capacity` the producer one lap
 * later. Producers claim positions by a compare-and-swap on `tail`, consumers on
 * `head`. (The technique is D. Vyukov's.)
 *
 * A producer that stops between claim and publication hides what others have pushed
 * behind it: the queue looks empty until it goes on. A user that wakes consumers has to
 * cope with that.
 *
 * Threads: any.
 * Invariants:
 *   1. Only the thread whose turn it is touches a cell's payload.
 * Ordering:
 *   [R20] a filled cell is published; [A20] its consumer takes it.
 *   [R21] an emptied cell is given back; [A21] its next producer takes it.
 */
#ifndef BOCI_MPMC_RING_H
#define BOCI_MPMC_RING_H

#include "atomic.h"

#include <boc/base.h>

typedef struct boci_mpmc_cell {
  boci_atomic_word sequence;
  void *payload;
} boci_mpmc_cell;

typedef struct boci_mpmc_ring {
  boci_atomic_word tail;
  char apart[64 - sizeof(boci_atomic_word)]; /* producers and consumers: a line each */
  boci_atomic_word head;
  char apart_too[64 - sizeof(boci_atomic_word)];
  size_t mask;
  boci_mpmc_cell cells[];
} boci_mpmc_ring;

/* `capacity` is a power of two from 2. NULL: no memory. */
boci_mpmc_ring *boci_mpmc_ring_new(const boc_allocator *allocator, size_t capacity);
/* Of an empty ring. */
void boci_mpmc_ring_free(const boc_allocator *allocator, boci_mpmc_ring *ring);

/* False: full. */
bool boci_mpmc_ring_push(boci_mpmc_ring *ring, void *payload);
/* False: empty. */
bool boci_mpmc_ring_pop(boci_mpmc_ring *ring, void **out_payload);
/* Whether a pop may succeed. */
bool boci_mpmc_ring_ready(boci_mpmc_ring *ring);

#endif
