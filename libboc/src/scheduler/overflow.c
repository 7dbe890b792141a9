/* Overflow: see overflow.h. */
#include "overflow.h"

#include "alloc.h"
#include "compiler.h"

#if defined(BOC_TINY)
enum { SMALLEST_RING = 2, STEAL_MAX = 2, UNUSED_MAX = 1 };
#else
enum { SMALLEST_RING = 64, STEAL_MAX = 256, UNUSED_MAX = 64 };
#endif

enum { NEAR = 8 /* how many behaviors are prefetched before the first of them runs */ };

typedef struct boci_segment {
  struct boci_segment *next; /* the next unused segment */
  uint32_t begin, end;       /* the indices of the items that are left */
  boc_behavior *items[BOCI_RING / 2];
} boci_segment;

boc_status boci_overflow_init(boci_overflow *overflow, const boc_allocator *allocator) {
  overflow->allocator = allocator;
  overflow->ring = NULL;
  overflow->unused = NULL;
  overflow->capacity = overflow->first = overflow->unused_count = 0;
  boci_init(&overflow->length, 0);
  return boci_mutex_init(&overflow->mutex);
}

static size_t overflow_ring_size(uint32_t capacity) {
  return capacity * sizeof(boci_segment *);
}

void boci_overflow_fini(boci_overflow *overflow) {
  for (boci_segment *segment = overflow->unused, *next; segment; segment = next) {
    next = segment->next;
    boci_release(overflow->allocator, segment, sizeof *segment);
  }
  if (overflow->ring)
    boci_release(overflow->allocator, overflow->ring,
                 overflow_ring_size(overflow->capacity));
  boci_mutex_fini(&overflow->mutex);
}

/* ---- segments that are not used -------------------------------------------------- */

static boci_segment *get_segment(boci_overflow *overflow) {
  boci_mutex_lock(&overflow->mutex);
  boci_segment *segment = overflow->unused;
  if (segment) {
    overflow->unused = segment->next;
    overflow->unused_count--;
  }
  boci_mutex_unlock(&overflow->mutex);
  return segment ? segment : boci_allocate(overflow->allocator, sizeof *segment);
}

static void put_segment(boci_overflow *overflow, boci_segment *segment) {
  boci_mutex_lock(&overflow->mutex);
  const bool keep = overflow->unused_count < UNUSED_MAX;
  if (keep) {
    segment->next = overflow->unused;
    overflow->unused = segment;
    overflow->unused_count++;
  }
  boci_mutex_unlock(&overflow->mutex);
  if (!keep)
    boci_release(overflow->allocator, segment, sizeof *segment);
}

/* ---- the ring of segments -------------------------------------------------------- */

static uint32_t length_locked(const boci_overflow *overflow) {
  return (uint32_t)boci_load_relaxed(&overflow->length); /* owner: locked */
}

static void set_length_locked(boci_overflow *overflow, uint32_t length) {
  boci_store_release(&overflow->length, length); /* [R19] */
}

static boci_segment **at_locked(const boci_overflow *overflow, uint32_t i) {
  return &overflow->ring[(overflow->first + i) & (overflow->capacity - 1)];
}

static void copy_locked(const boci_overflow *overflow, uint32_t count,
                        boci_segment **out_segments) {
  for (uint32_t i = 0; i < count; i++)
    out_segments[i] = *at_locked(overflow, i);
}

static void remove_locked(boci_overflow *overflow, uint32_t count) {
  overflow->first += count;
  set_length_locked(overflow, length_locked(overflow) - count);
}

/* Replaces the ring by a larger one; the caller gets the old one. */
static boci_segment **replace_ring_locked(boci_overflow *overflow, boci_segment **ring,
                                          uint32_t capacity) {
  boci_segment **before = overflow->ring;
  copy_locked(overflow, length_locked(overflow), ring);
  overflow->ring = ring;
  overflow->capacity = capacity;
  overflow->first = 0;
  return before;
}

/* Makes room for `more` segments. Only the owner adds segments and replaces the ring:
 * it reads the capacity without the lock, and the room stays. Returns false if there is
 * no memory. */
static bool overflow_reserve(boci_overflow *overflow, uint32_t more) {
  const uint32_t before = overflow->capacity;
  const uint32_t needed =
      (uint32_t)boci_load_relaxed(&overflow->length) + more; /* hint: it only shrinks */
  if (needed <= before)
    return true;
  uint32_t capacity = before ? before : SMALLEST_RING;
  while (capacity < needed)
    capacity *= 2;
  boci_segment **ring =
      boci_allocate(overflow->allocator, overflow_ring_size(capacity));
  if (!ring)
    return false;
  boci_mutex_lock(&overflow->mutex);
  boci_segment **old = replace_ring_locked(overflow, ring, capacity);
  boci_mutex_unlock(&overflow->mutex);
  if (old)
    boci_release(overflow->allocator, old, overflow_ring_size(before));
  return true;
}

static void overflow_append(boci_overflow *overflow, boci_segment *const *segments,
                            uint32_t count) {
  boci_mutex_lock(&overflow->mutex);
  const uint32_t length = length_locked(overflow);
  for (uint32_t i = 0; i < count; i++)
    *at_locked(overflow, length + i) = segments[i];
  set_length_locked(overflow, length + count);
  boci_mutex_unlock(&overflow->mutex);
}

/* ---- moving behaviors ------------------------------------------------------------ */

bool boci_overflow_push(boci_overflow *overflow, boci_run_queue *queue,
                        uint32_t *out_count) {
  boci_segment *segment = overflow_reserve(overflow, 1) ? get_segment(overflow) : NULL;
  if (!segment)
    return false;
  segment->begin = 0;
  segment->end = *out_count = boci_run_queue_spill(queue, segment->items);
  if (segment->end > 0)
    overflow_append(overflow, &segment, 1);
  else
    put_segment(overflow, segment);
  return true;
}

bool boci_overflow_push_all(boci_overflow *overflow, boci_run_queue *queue,
                            uint32_t *out_count) {
  *out_count = 0;
  while (boci_run_queue_has_some(queue)) {
    uint32_t moved;
    if (!boci_overflow_push(overflow, queue, &moved))
      return false;
    *out_count += moved;
  }
  return true;
}

static boci_segment *remove_first(boci_overflow *overflow) {
  boci_segment *segment = NULL;
  boci_mutex_lock(&overflow->mutex);
  if (length_locked(overflow) > 0) {
    segment = *at_locked(overflow, 0);
    remove_locked(overflow, 1);
  }
  boci_mutex_unlock(&overflow->mutex);
  return segment;
}

boc_behavior *boci_overflow_take(boci_overflow *overflow, boci_run_queue *queue,
                                 uint32_t *out_count) {
  boci_segment *segment = boci_overflow_empty(overflow) ? NULL : remove_first(overflow);
  if (!segment)
    return NULL;
  boc_behavior **items = segment->items + segment->begin;
  boc_behavior *taken = items[0];
  const uint32_t count = *out_count = segment->end - segment->begin;
  for (uint32_t i = 0; i < count && i < NEAR; i++)
    BOCI_PREFETCH(items[i]);
  boci_run_queue_push_many(queue, items + 1, count - 1);
  put_segment(overflow, segment);
  return taken;
}

boc_behavior *boci_overflow_take_one(boci_overflow *overflow) {
  if (boci_overflow_empty(overflow))
    return NULL;
  boc_behavior *taken = NULL;
  boci_segment *used_up = NULL;
  boci_mutex_lock(&overflow->mutex);
  if (length_locked(overflow) > 0) {
    boci_segment *segment = *at_locked(overflow, 0);
    taken = segment->items[segment->begin++];
    if (segment->begin == segment->end) {
      remove_locked(overflow, 1);
      used_up = segment;
    }
  }
  boci_mutex_unlock(&overflow->mutex);
  if (used_up)
    put_segment(overflow, used_up);
  return taken;
}

static uint32_t steal_count(uint32_t length) {
  return length / 2 < STEAL_MAX ? length / 2 : STEAL_MAX;
}

void boci_overflow_steal(boci_overflow *victim, boci_overflow *mine) {
  boci_segment *stolen[STEAL_MAX];
  const uint32_t length =
      (uint32_t)boci_load_relaxed(&victim->length); /* hint: the lock decides */
  if (steal_count(length) == 0 || !overflow_reserve(mine, steal_count(length)))
    return;
  boci_mutex_lock(&victim->mutex);
  uint32_t count = steal_count(length_locked(victim));
  if (count > steal_count(length)) /* there is no room for more */
    count = steal_count(length);
  copy_locked(victim, count, stolen);
  remove_locked(victim, count);
  boci_mutex_unlock(&victim->mutex);
  overflow_append(mine, stolen, count);
}
