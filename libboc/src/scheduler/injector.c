/* Injector: see injector.h. */
#include "injector.h"

#include "behavior.h"
#include "os.h"

static uintptr_t now_microseconds(void) { return (uintptr_t)(boci_os_now() / 1000); }

/* The first entry has changed. */
static void note_first_time(boci_injector *queue) {
  if (queue->timed)
    boci_store_relaxed(&queue->since,
                       now_microseconds()); /* hint: delays a rescue at most */
}

boc_status boci_injector_init(boci_injector *queue) {
  queue->first = queue->last = NULL;
  queue->timed = false;
  boci_init(&queue->length, 0);
  boci_init(&queue->since, 0);
  const boc_status status = boci_mutex_init(&queue->take_mutex);
  if (status != BOC_OK)
    return status;
  if (boci_mutex_init(&queue->mutex) == BOC_OK)
    return BOC_OK;
  boci_mutex_fini(&queue->take_mutex);
  return BOC_NO_MEMORY;
}

void boci_injector_fini(boci_injector *queue) {
  boci_mutex_fini(&queue->mutex);
  boci_mutex_fini(&queue->take_mutex);
}

static void append_list_locked(boci_injector *queue, boc_behavior *first,
                               boc_behavior *last) {
  last->next = NULL;
  if (queue->last) {
    queue->last->next = first;
  } else {
    queue->first = first;
    note_first_time(queue);
  }
  queue->last = last;
}

bool boci_injector_push(boci_injector *queue, boc_behavior *first, boc_behavior *last,
                        size_t count) {
  boci_mutex_lock(&queue->mutex);
  append_list_locked(queue, first, last);
  const size_t length = boci_load_relaxed(&queue->length); /* owner: under the lock */
  boci_store_release(&queue->length, length + count);      /* [R8] */
  boci_mutex_unlock(&queue->mutex);
  return length == 0;
}

/* A list that no other thread sees. */
typedef struct boci_batch {
  boc_behavior *first, *last;
  size_t count;
} boci_batch;

/* Takes what needs no walk over the list: the first entry if `most` is 1, otherwise
 * all. If those are more than `most`, the caller puts the rest back. */
static boci_batch cut_list(boci_injector *queue, size_t most) {
  boci_mutex_lock(&queue->mutex);
  const size_t length = boci_load_relaxed(&queue->length); /* owner: under the lock */
  boci_batch batch = {queue->first, queue->last, length};
  if (most == 1 && length > 1)
    batch = (boci_batch){queue->first, queue->first, 1};
  queue->first = batch.last ? batch.last->next : NULL;
  if (queue->first)
    note_first_time(queue);
  else
    queue->last = NULL;
  boci_store_release(&queue->length, length - batch.count); /* [R8] */
  boci_mutex_unlock(&queue->mutex);
  return batch;
}

static void put_back_list(boci_injector *queue, boci_batch rest) {
  boci_mutex_lock(&queue->mutex);
  rest.last->next = queue->first;
  queue->first = rest.first;
  if (!queue->last)
    queue->last = rest.last;
  note_first_time(queue);
  const size_t length = boci_load_relaxed(&queue->length); /* owner: under the lock */
  boci_store_release(&queue->length, length + rest.count); /* [R8] */
  boci_mutex_unlock(&queue->mutex);
}

static boci_batch take_list(boci_injector *queue, size_t most) {
  const boci_batch all = cut_list(queue, most);
  if (all.count <= most)
    return all;
  boc_behavior *last = all.first;
  for (size_t i = 1; i < most; i++)
    last = last->next;
  put_back_list(queue, (boci_batch){last->next, all.last, all.count - most});
  return (boci_batch){all.first, last, most};
}

size_t boci_injector_take(boci_injector *queue, size_t most, boc_behavior **out_first) {
  if (boci_injector_length(queue) == 0)
    return 0;
  boci_mutex_lock(&queue->take_mutex);
  const boci_batch batch = take_list(queue, most);
  boci_mutex_unlock(&queue->take_mutex);
  if (batch.count > 0)
    batch.last->next = NULL;
  *out_first = batch.first;
  return batch.count;
}

bool boci_injector_overdue(boci_injector *queue, uint64_t age) {
  if (boci_injector_length(queue) == 0)
    return false;
  const uintptr_t since = boci_load_relaxed(&queue->since); /* hint: the lock decides */
  return (uintptr_t)(now_microseconds() - since) >= (uintptr_t)(age / 1000);
}
