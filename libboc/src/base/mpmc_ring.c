/* Bounded queue: see mpmc_ring.h. */
#include "mpmc_ring.h"

#include "alloc.h"

static size_t mpmc_ring_size(size_t capacity) {
  return sizeof(boci_mpmc_ring) + capacity * sizeof(boci_mpmc_cell);
}

boci_mpmc_ring *boci_mpmc_ring_new(const boc_allocator *allocator, size_t capacity) {
  boci_mpmc_ring *ring = boci_allocate(allocator, mpmc_ring_size(capacity));
  if (!ring)
    return NULL;
  boci_init(&ring->tail, 0);
  boci_init(&ring->head, 0);
  ring->mask = capacity - 1;
  for (size_t i = 0; i < capacity; i++)
    boci_init(&ring->cells[i].sequence, i);
  return ring;
}

void boci_mpmc_ring_free(const boc_allocator *allocator, boci_mpmc_ring *ring) {
  boci_release(allocator, ring, mpmc_ring_size(ring->mask + 1));
}

bool boci_mpmc_ring_push(boci_mpmc_ring *ring, void *payload) {
  uintptr_t at = boci_load_relaxed(&ring->tail); /* hint: the cas decides */
  for (;;) {
    boci_mpmc_cell *cell = &ring->cells[at & ring->mask];
    const uintptr_t turn = boci_load_acquire(&cell->sequence); /* [A21] */
    if (turn == at) {
      if (!boci_cas_weak_relaxed(&ring->tail, &at, at + 1)) /* count */
        continue;
      cell->payload = payload;
      boci_store_release(&cell->sequence, at + 1); /* [R20] */
      return true;
    }
    if ((intptr_t)(turn - at) < 0)
      return false;
    at = boci_load_relaxed(&ring->tail); /* hint: as above */
  }
}

bool boci_mpmc_ring_pop(boci_mpmc_ring *ring, void **out_payload) {
  uintptr_t at = boci_load_relaxed(&ring->head); /* hint: the cas decides */
  for (;;) {
    boci_mpmc_cell *cell = &ring->cells[at & ring->mask];
    const uintptr_t turn = boci_load_acquire(&cell->sequence); /* [A20] */
    if (turn == at + 1) {
      if (!boci_cas_weak_relaxed(&ring->head, &at, at + 1)) /* count */
        continue;
      *out_payload = cell->payload;
      boci_store_release(&cell->sequence, at + ring->mask + 1); /* [R21] */
      return true;
    }
    if ((intptr_t)(turn - (at + 1)) < 0)
      return false;
    at = boci_load_relaxed(&ring->head); /* hint: as above */
  }
}

bool boci_mpmc_ring_ready(boci_mpmc_ring *ring) {
  const uintptr_t at =
      boci_load_relaxed(&ring->head); /* hint: a consumer that moves it looks too */
  const uintptr_t turn =
      boci_load_acquire(&ring->cells[at & ring->mask].sequence); /* [A20] */
  return (intptr_t)(turn - (at + 1)) >= 0;
}
