/* Waiters: see waiters.h. */
#include "waiters.h"

#include "os.h"
#include "parker.h"

boc_status boci_waiters_init(boci_waiters *waiters) {
  boci_init(&waiters->waiting, 0);
  waiters->first = NULL;
  return boci_mutex_init(&waiters->mutex);
}

void boci_waiters_fini(boci_waiters *waiters) { boci_mutex_fini(&waiters->mutex); }

void boci_waiters_add(boci_waiters *waiters, boc_quiesce_node *node) {
  boci_mutex_lock(&waiters->mutex);
  node->next = waiters->first;
  waiters->first = node;
  boci_store_relaxed(&waiters->waiting, 1); /* hint: before [F1] */
  boci_mutex_unlock(&waiters->mutex);
}

bool boci_waiters_cancel(boci_waiters *waiters, boc_quiesce_node *node) {
  boci_mutex_lock(&waiters->mutex);
  boc_quiesce_node **at = &waiters->first;
  while (*at && *at != node)
    at = &(*at)->next;
  const bool found = *at != NULL;
  if (found)
    *at = node->next;
  boci_mutex_unlock(&waiters->mutex);
  return found;
}

static void notify_all_locked(boci_waiters *waiters) {
  boc_quiesce_node *node = waiters->first;
  waiters->first = NULL;
  boci_store_relaxed(&waiters->waiting, 0); /* hint: re-checked under the mutex */
  for (boc_quiesce_node *next; node; node = next) {
    next = node->next; /* its owner may reuse the node once `done` runs */
    node->done(node->ctx);
  }
}

void boci_waiters_check_locked(boci_waiters *waiters, bool (*holds)(void *ctx),
                               void *ctx) {
  if (waiters->first && holds(ctx))
    notify_all_locked(waiters);
}

void boci_waiters_check(boci_waiters *waiters, bool (*holds)(void *ctx), void *ctx) {
  if (!boci_load_relaxed(&waiters->waiting)) /* hint: after [F1] */
    return;
  boci_mutex_lock(&waiters->mutex);
  boci_waiters_check_locked(waiters, holds, ctx);
  boci_mutex_unlock(&waiters->mutex);
}

static void wake_waiter(void *parker) { boci_parker_unpark(parker); }

boc_status boci_waiters_wait(boci_waiters *waiters, int64_t timeout,
                             void (*add)(void *ctx, boc_quiesce_node *node),
                             void *ctx) {
  boci_parker parker;
  boc_status status = boci_parker_init(&parker);
  if (status != BOC_OK)
    return status;
  boc_quiesce_node node = {.done = wake_waiter, .ctx = &parker};
  const uint64_t deadline = boci_os_deadline(timeout);
  add(ctx, &node);
  boci_parker_park(&parker, deadline);
  /* After a wake too: the parker may end only when the call of `done` is over. */
  if (boci_waiters_cancel(waiters, &node))
    status = BOC_TIMEOUT;
  boci_parker_fini(&parker);
  return status;
}
