/* Run queue: see run_queue.h for the roles, the invariants and the orders. */
#include "run_queue.h"

#include "behavior.h"

void boci_run_queue_init(boci_run_queue *queue, bool alone) {
  queue->alone = alone;
  boci_init(&queue->head, 0);
  boci_init(&queue->tail, 0);
  for (uint32_t i = 0; i < BOCI_RING; i++)
    boci_init(&queue->slots[i], NULL);
}

void boci_run_queue_push_list(boci_run_queue *queue, boc_behavior *first) {
  uint32_t tail = boci_load_relaxed(&queue->tail); /* owner */
  for (boc_behavior *at = first; at; at = at->next)
    boci_store_relaxed(boci_ring_slot(queue, tail++), at); /* owner: until the tail */
  boci_store_release(&queue->tail, tail);                  /* [R6] */
}

/* How many of `count` slots from `at` stand before the end of the array. */
static uint32_t until_wrap(uint32_t at, uint32_t count) {
  const uint32_t rest = BOCI_RING - at % BOCI_RING;
  return count < rest ? count : rest;
}

void boci_run_queue_push_many(boci_run_queue *queue, boc_behavior *const *behaviors,
                              uint32_t count) {
  const uint32_t tail = boci_load_relaxed(&queue->tail); /* owner */
  const uint32_t straight = until_wrap(tail, count);
  boci_atomic_ptr *slot = boci_ring_slot(queue, tail);
  for (uint32_t i = 0; i < straight; i++)
    boci_store_relaxed(&slot[i], behaviors[i]); /* owner */
  for (uint32_t i = straight; i < count; i++)
    boci_store_relaxed(&queue->slots[i - straight], behaviors[i]); /* owner */
  boci_store_release(&queue->tail, tail + count);                  /* [R6] */
}

uint32_t boci_run_queue_spill(boci_run_queue *queue, boc_behavior **out_behaviors) {
  const uint32_t tail = boci_load_relaxed(&queue->tail); /* owner */
  uint32_t head = boci_load_relaxed(&queue->head);       /* hint: the CAS decides */
  uint32_t count;
  do {
    count = tail - head < BOCI_RING / 2 ? tail - head : BOCI_RING / 2;
    if (count == 0)
      return 0;
  } while (!boci_cas_weak_release(&queue->head, &head, head + count)); /* [R7] */
  const uint32_t straight = until_wrap(head, count);
  const boci_atomic_ptr *slot = boci_ring_slot(queue, head);
  for (uint32_t i = 0; i < straight; i++)
    out_behaviors[i] = boci_load_relaxed(&slot[i]); /* owner: we write */
  for (uint32_t i = straight; i < count; i++)
    out_behaviors[i] =
        boci_load_relaxed(&queue->slots[i - straight]); /* owner: we write */
  return count;
}

/* Copies the older half of `victim` behind `mine`'s tail, claims it, and returns how
 * many behaviors that are. */
static uint32_t claim_half(boci_run_queue *victim, boci_run_queue *mine,
                           uint32_t my_tail) {
  uint32_t head = boci_load_acquire(&victim->head); /* [A7]: before the tail */
  for (;;) {
    const uint32_t tail = boci_load_acquire(&victim->tail); /* [A6] */
    const uint32_t count = (tail - head + 1) / 2;
    if (count == 0)
      return 0;
    if (count > BOCI_RING / 2) { /* the head has moved between the two loads */
      head = boci_load_acquire(&victim->head); /* [A7] */
      continue;
    }
    for (uint32_t i = 0; i < count; i++) {
      void *copy = boci_load_relaxed(boci_ring_slot(victim, head + i)); /* hint: CAS */
      boci_store_relaxed(boci_ring_slot(mine, my_tail + i), copy);      /* owner */
    }
    if (boci_cas_strong_acq_rel(&victim->head, &head, head + count)) /* [R7] */
      return count;
  }
}

boc_behavior *boci_run_queue_steal(boci_run_queue *victim, boci_run_queue *mine,
                                   uint32_t *out_count) {
  const uint32_t my_tail = boci_load_relaxed(&mine->tail); /* owner */
  const uint32_t count = claim_half(victim, mine, my_tail);
  if (count == 0)
    return NULL;
  *out_count = count;
  /* Returns the youngest; the others may be popped and stolen. */
  boc_behavior *taken =
      boci_load_relaxed(boci_ring_slot(mine, my_tail + count - 1)); /* owner */
  boci_store_release(&mine->tail, my_tail + count - 1);             /* [R6] */
  return taken;
}

uint32_t boci_run_queue_length(boci_run_queue *queue) {
  const uint32_t head = boci_load_acquire(&queue->head); /* [A7]: before the tail */
  const uint32_t tail = boci_load_acquire(&queue->tail); /* [A6] */
  return tail - head;
}
