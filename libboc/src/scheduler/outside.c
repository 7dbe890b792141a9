/* Outside: see outside.h. */
#include "outside.h"

#include <stddef.h>

#include "enqueue.h"
#include "scheduler.h"

/* What the first thread writes for each behavior is on no line that workers read. */
_Static_assert(offsetof(boci_outside, first_scheduled) >=
                       offsetof(boci_outside, first) + 64 &&
                   offsetof(boci_outside, first_pool.owner) >=
                       offsetof(boci_outside, first_scheduled) + 64,
               "a line apart");

boc_status boci_outside_init(boci_outside *outside, boci_scheduler *scheduler) {
  const boc_allocator *allocator = scheduler->allocator;
  outside->executor = (boci_executor){boci_enqueue_outside, scheduler};
  boci_init(&outside->first, NULL);
  boci_init(&outside->first_scheduled, 0);
  boci_block_pool_init(&outside->first_pool, scheduler, allocator);
  boci_in_flight_init(&outside->in_flight);
  boci_block_pool_init(&outside->pool, scheduler, allocator);
  boc_status status = boci_mutex_init(&outside->mutex);
  if (status != BOC_OK)
    return status;
  status = boci_trace_ring_init(&outside->trace, scheduler->trace_events, allocator);
  if (status != BOC_OK)
    boci_mutex_fini(&outside->mutex);
  return status;
}

void boci_outside_fini(boci_outside *outside, const boc_allocator *allocator) {
  boci_trace_ring_fini(&outside->trace, allocator);
  boci_block_pool_fini(&outside->pool);
  boci_block_pool_fini(&outside->first_pool);
  boci_mutex_fini(&outside->mutex);
}

void *boci_outside_alloc(boci_outside *outside, size_t size) {
  if (boci_outside_is_first(outside))
    return boci_block_pool_alloc(&outside->first_pool, size);
  boci_mutex_lock(&outside->mutex);
  void *block = boci_block_pool_alloc(&outside->pool, size);
  boci_mutex_unlock(&outside->mutex);
  return block;
}

void boci_outside_free(boci_outside *outside, void *block) {
  if (boci_outside_is_first(outside)) {
    boci_block_pool_free(&outside->first_pool, block);
    boci_block_pool_flush(&outside->first_pool);
    return;
  }
  boci_mutex_lock(&outside->mutex);
  boci_block_pool_free(&outside->pool, block);
  boci_block_pool_flush(&outside->pool);
  boci_mutex_unlock(&outside->mutex);
}

void boci_outside_give_back(boci_outside *outside) {
  if (boci_outside_is_first(outside))
    boci_block_pool_give_back(&outside->first_pool);
  boci_mutex_lock(&outside->mutex);
  boci_block_pool_give_back(&outside->pool);
  boci_mutex_unlock(&outside->mutex);
}
