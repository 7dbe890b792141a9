/* Shared queue: see shared_queue.h. */
#include "shared_queue.h"

#include "behavior.h"
#include "os.h"

static uintptr_t microseconds(void) { return (uintptr_t)(boci_os_now() / 1000); }

boc_status boci_shared_queue_init(boci_shared_queue *queue) {
  queue->first = queue->last = NULL;
  boci_init(&queue->length, 0);
  boci_init(&queue->since, 0);
  return boci_mutex_init(&queue->mutex);
}

void boci_shared_queue_fini(boci_shared_queue *queue) {
  boci_mutex_fini(&queue->mutex);
}

static void append_locked(boci_shared_queue *queue, boc_behavior *first,
                          boc_behavior *last) {
  last->next = NULL;
  if (queue->last) {
    queue->last->next = first;
  } else {
    queue->first = first;
    boci_store_relaxed(&queue->since, microseconds()); /* hint: only delays a rescue */
  }
  queue->last = last;
}

bool boci_shared_queue_push(boci_shared_queue *queue, boc_behavior *first,
                            boc_behavior *last, size_t count) {
  boci_mutex_lock(&queue->mutex);
  append_locked(queue, first, last);
  const size_t length = boci_load_relaxed(&queue->length); /* owner: under the lock */
  boci_store_release(&queue->length, length + count);      /* [R8] */
  boci_mutex_unlock(&queue->mutex);
  return length == 0;
}

/* Cuts `most` off the front; the number cut. */
static size_t cut_locked(boci_shared_queue *queue, size_t most,
                         boc_behavior **out_first) {
  boc_behavior *last = NULL;
  size_t count = 0;
  *out_first = queue->first;
  for (boc_behavior *at = queue->first; at && count < most; at = at->next, count++)
    last = at;
  if (!last)
    return 0;
  queue->first = last->next;
  last->next = NULL;
  if (!queue->first)
    queue->last = NULL;
  return count;
}

size_t boci_shared_queue_take(boci_shared_queue *queue, size_t most,
                              boc_behavior **out_first) {
  if (boci_shared_queue_length(queue) == 0)
    return 0;
  boci_mutex_lock(&queue->mutex);
  const size_t count = cut_locked(queue, most, out_first);
  const size_t length = boci_load_relaxed(&queue->length); /* owner: under the lock */
  boci_store_release(&queue->length, length - count);      /* [R8] */
  if (length > count)
    boci_store_relaxed(&queue->since, microseconds()); /* hint */
  boci_mutex_unlock(&queue->mutex);
  return count;
}

bool boci_shared_queue_overdue(boci_shared_queue *queue, uint64_t age) {
  if (boci_shared_queue_length(queue) == 0)
    return false;
  const uintptr_t since = boci_load_relaxed(&queue->since); /* hint: the lock decides */
  return (uintptr_t)(microseconds() - since) >= (uintptr_t)(age / 1000);
}
