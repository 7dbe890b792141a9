/* External threads: see external_threads.h. */
#include "external_threads.h"

#include <stddef.h>

#include "enqueue.h"
#include "scheduler.h"

/* What the first thread writes for each behavior is on no line that workers read. */
_Static_assert(offsetof(boci_external_threads, first_scheduled) >=
                       offsetof(boci_external_threads, first) + 64 &&
                   offsetof(boci_external_threads, first_pool.owner) >=
                       offsetof(boci_external_threads, first_scheduled) + 64,
               "a line apart");

boc_status boci_external_init(boci_external_threads *external,
                              boci_scheduler *scheduler) {
  const boc_allocator *allocator = scheduler->allocator;
  external->executor = (boci_executor){boci_enqueue_external, scheduler};
  boci_init(&external->first, NULL);
  boci_init(&external->first_scheduled, 0);
  boci_block_pool_init(&external->first_pool, scheduler, allocator);
  boci_in_flight_init(&external->in_flight);
  boci_block_pool_init(&external->pool, scheduler, allocator);
  boc_status status = boci_mutex_init(&external->mutex);
  if (status != BOC_OK)
    return status;
  status = boci_trace_ring_init(&external->trace, scheduler->trace_events, allocator);
  if (status != BOC_OK)
    boci_mutex_fini(&external->mutex);
  return status;
}

void boci_external_fini(boci_external_threads *external,
                        const boc_allocator *allocator) {
  boci_trace_ring_fini(&external->trace, allocator);
  boci_block_pool_fini(&external->pool);
  boci_block_pool_fini(&external->first_pool);
  boci_mutex_fini(&external->mutex);
}

void *boci_external_alloc(boci_external_threads *external, size_t size) {
  if (boci_external_is_first(external))
    return boci_block_pool_alloc(&external->first_pool, size);
  boci_mutex_lock(&external->mutex);
  void *block = boci_block_pool_alloc(&external->pool, size);
  boci_mutex_unlock(&external->mutex);
  return block;
}

void boci_external_free(boci_external_threads *external, void *block) {
  if (boci_external_is_first(external)) {
    boci_block_pool_free(&external->first_pool, block);
    boci_block_pool_flush(&external->first_pool);
    return;
  }
  boci_mutex_lock(&external->mutex);
  boci_block_pool_free(&external->pool, block);
  boci_block_pool_flush(&external->pool);
  boci_mutex_unlock(&external->mutex);
}

void boci_external_give_back(boci_external_threads *external) {
  if (boci_external_is_first(external))
    boci_block_pool_give_back(&external->first_pool);
  boci_mutex_lock(&external->mutex);
  boci_block_pool_give_back(&external->pool);
  boci_mutex_unlock(&external->mutex);
}
