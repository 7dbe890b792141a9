/* Run queue: a worker's bounded ring of ready behaviors, first in, first out.
 *
 *             owner pop / thieves' steal           owner push
 *                      |                                |
 *   [ . . . . . . . . head x x x x x x x x x x x x x x tail . . . . ]
 *
 *                 push      pop       steal
 *   owner         plain     CAS       of another: CAS on the victim's head
 *   thieves       never     never     CAS on the victim's head
 *
 * `head` and `tail` count up and wrap; the ring's slots are taken modulo its capacity.
 *
 * Threads: as in the table. Only the owner calls `push`, `pop`, `spill`, and `steal`
 *   into its queue.
 * Invariants:
 *   1. tail - head <= capacity.
 *   2. Only the owner moves `tail`.
 *   3. A thief copies first and claims with one CAS afterwards: what it copied is valid
 *      if the CAS succeeds.
 * Ordering:
 *   [R6] a push publishes the behavior; [A6] a thief's load of the tail.
 *   [R7] claiming gives slots back; [A7] the owner's load of the head before it reuses
 *     them.
 */
#ifndef BOCI_RUN_QUEUE_H
#define BOCI_RUN_QUEUE_H

#include "atomic.h"
#include "compiler.h"

#include <boc/behavior.h>

#if defined(BOC_TINY)
enum { BOCI_RING = 4 };
#else
enum { BOCI_RING = 256 };
#endif

/* a behavior is prefetched this many pops before its turn */
enum { BOCI_RUN_QUEUE_AHEAD = 8 };

typedef struct boci_run_queue {
  boci_atomic_u32 head;
  bool alone; /* there are no thieves: `pop` needs no CAS */
  char apart[64];
  boci_atomic_u32 tail;
  boci_atomic_ptr slots[BOCI_RING];
} boci_run_queue;

void boci_run_queue_init(boci_run_queue *queue, bool alone);

static inline boci_atomic_ptr *boci_ring_slot(boci_run_queue *queue, uint32_t at) {
  return &queue->slots[at % BOCI_RING];
}

/* Returns false if the queue is full. */
static inline bool boci_run_queue_push(boci_run_queue *queue, boc_behavior *behavior) {
  const uint32_t tail = boci_load_relaxed(&queue->tail); /* owner */
  const uint32_t head = boci_load_acquire(&queue->head); /* [A7] */
  if (tail - head >= BOCI_RING)
    return false;
  boci_store_relaxed(boci_ring_slot(queue, tail),
                     behavior);               /* owner: published by the tail */
  boci_store_release(&queue->tail, tail + 1); /* [R6] */
  return true;
}

/* Pushes a list linked by `next`, of at most half a ring, into an empty queue. */
void boci_run_queue_push_list(boci_run_queue *queue, boc_behavior *first);

/* Prefetches a behavior that will be popped soon. Behind the tail are stale addresses,
 * whose lines another core may be using. */
static inline void boci_run_queue_fetch_ahead(boci_run_queue *queue, uint32_t head,
                                              uint32_t tail) {
  const uint32_t at = head + BOCI_RUN_QUEUE_AHEAD;
  if (tail - head > BOCI_RUN_QUEUE_AHEAD)
    BOCI_PREFETCH(boci_load_relaxed(boci_ring_slot(queue, at))); /* hint */
}

static inline boc_behavior *boci_run_queue_pop(boci_run_queue *queue) {
  const uint32_t tail = boci_load_relaxed(&queue->tail); /* owner */
  uint32_t head = boci_load_relaxed(&queue->head);       /* hint: the CAS decides */
  while (head != tail) {
    boc_behavior *behavior = boci_load_relaxed(boci_ring_slot(queue, head)); /* owner */
    boci_run_queue_fetch_ahead(queue, head, tail);
    if (queue->alone) {
      boci_store_relaxed(&queue->head, head + 1); /* owner: there is no thief */
      return behavior;
    }
    if (boci_cas_weak_release(&queue->head, &head, head + 1)) /* [R7] */
      return behavior;
  }
  return NULL;
}

/* Pushes an array of at most half a ring into an empty queue. */
void boci_run_queue_push_many(boci_run_queue *queue, boc_behavior *const *behaviors,
                              uint32_t count);

/* Moves the oldest, at most half a ring, into `out_behaviors`. Returns how many. */
uint32_t boci_run_queue_spill(boci_run_queue *queue, boc_behavior **out_behaviors);

/* Takes the older half of `victim`, at least one behavior: returns the youngest of them
 * and puts the others into `mine`, which is empty. NULL if there was nothing.
 * `*out_count` is how many it took. */
boc_behavior *boci_run_queue_steal(boci_run_queue *victim, boci_run_queue *mine,
                                   uint32_t *out_count);

/* The index behind the youngest behavior; and how many behaviors before an index, which
 * once was that and at most half a ring ahead, are left. Called by the owner. */
static inline uint32_t boci_run_queue_end(boci_run_queue *queue) {
  return boci_load_relaxed(&queue->tail); /* owner */
}

static inline uint32_t boci_run_queue_before(boci_run_queue *queue, uint32_t index) {
  const uint32_t left = index - boci_load_relaxed(&queue->head); /* hint */
  return left <= BOCI_RING / 2 ? left : 0;
}

/* The number of behaviors: a hint. Any thread. */
uint32_t boci_run_queue_length(boci_run_queue *queue);

/* Whether the queue has something, or had a moment ago. Called by the owner. */
static inline bool boci_run_queue_has_some(boci_run_queue *queue) {
  return boci_load_relaxed(&queue->head) != /* hint */
         boci_load_relaxed(&queue->tail);   /* owner */
}

#endif
