/* Overflow: see overflow.h. */
#include "overflow.h"

#include "alloc.h"
#include "compiler.h"

enum { NEAR = 8 /* behaviors that are fetched before the first of them runs */ };

typedef struct boci_segment {
  struct boci_segment *next;
  uint32_t begin, end; /* what is left of `items` */
  boc_behavior *items[BOCI_RING / 2];
} boci_segment;

boc_status boci_overflow_init(boci_overflow *overflow, const boc_allocator *allocator) {
  overflow->allocator = allocator;
  overflow->first = overflow->last = overflow->unused = NULL;
  boci_init(&overflow->length, 0);
  return boci_mutex_init(&overflow->mutex);
}

void boci_overflow_fini(boci_overflow *overflow) {
  for (boci_segment *segment = overflow->unused, *next; segment; segment = next) {
    next = segment->next;
    boci_release(overflow->allocator, segment, sizeof *segment);
  }
  boci_mutex_fini(&overflow->mutex);
}

static boci_segment *get_segment(boci_overflow *overflow) {
  boci_mutex_lock(&overflow->mutex);
  boci_segment *segment = overflow->unused;
  if (segment)
    overflow->unused = segment->next;
  boci_mutex_unlock(&overflow->mutex);
  return segment ? segment : boci_allocate(overflow->allocator, sizeof *segment);
}

static void put_segment(boci_overflow *overflow, boci_segment *segment) {
  boci_mutex_lock(&overflow->mutex);
  segment->next = overflow->unused;
  overflow->unused = segment;
  boci_mutex_unlock(&overflow->mutex);
}

static void set_length_locked(boci_overflow *overflow, intptr_t change) {
  const uintptr_t length = boci_load_relaxed(&overflow->length);     /* owner: locked */
  boci_store_release(&overflow->length, length + (uintptr_t)change); /* [R19] */
}

static void append_segment(boci_overflow *overflow, boci_segment *segment) {
  segment->next = NULL;
  boci_mutex_lock(&overflow->mutex);
  if (overflow->first)
    overflow->last->next = segment;
  else
    overflow->first = segment;
  overflow->last = segment;
  set_length_locked(overflow, 1);
  boci_mutex_unlock(&overflow->mutex);
}

bool boci_overflow_push(boci_overflow *overflow, boci_run_queue *queue,
                        uint32_t *out_count) {
  boci_segment *segment = get_segment(overflow);
  if (!segment)
    return false;
  segment->begin = 0;
  segment->end = *out_count = boci_run_queue_spill(queue, segment->items);
  if (segment->end > 0)
    append_segment(overflow, segment);
  else
    put_segment(overflow, segment);
  return true;
}

static boci_segment *remove_first_locked(boci_overflow *overflow) {
  boci_segment *segment = overflow->first;
  if (segment) {
    overflow->first = segment->next;
    set_length_locked(overflow, -1);
  }
  return segment;
}

boc_behavior *boci_overflow_take(boci_overflow *overflow, boci_run_queue *queue,
                                 uint32_t *out_count) {
  if (boci_overflow_empty(overflow))
    return NULL;
  boci_mutex_lock(&overflow->mutex);
  boci_segment *segment = remove_first_locked(overflow);
  boci_mutex_unlock(&overflow->mutex);
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
  boci_mutex_lock(&overflow->mutex);
  boci_segment *segment = overflow->first;
  boc_behavior *taken = segment ? segment->items[segment->begin++] : NULL;
  if (segment && segment->begin == segment->end) {
    remove_first_locked(overflow);
    segment->next = overflow->unused;
    overflow->unused = segment;
  }
  boci_mutex_unlock(&overflow->mutex);
  return taken;
}
