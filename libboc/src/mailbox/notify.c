/* Notify: waiters of the program, for waits that block no thread. */
#include "mailbox_waiters.h"
#include "tag_queues.h"

/* The mask of all of `tags`; 0 if one of them has no slot. With the lock. */
static uint32_t tags_mask(boc_mailbox *mailbox, const boc_tag *tags, size_t count) {
  uint32_t mask = 0;
  for (size_t i = 0; i < count; i++) {
    const int at = boci_mailbox_find(mailbox, tags[i]);
    if (at < 0)
      return 0;
    mask |= UINT32_C(1) << at;
  }
  return mask;
}

/* Looks up the waiter's tags; assigns slots to tags without one. */
static boc_status resolve_tags(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                               boc_mailbox_waiter *waiter) {
  if (count == 0)
    return BOC_BAD_ARGUMENT;
  for (;;) {
    boci_atomic_word *slot = boci_rwlock_read_lock(&mailbox->lock);
    waiter->mask = tags_mask(mailbox, tags, count);
    waiter->generation = mailbox->generation;
    boci_rwlock_read_unlock(slot);
    if (waiter->mask)
      return BOC_OK;
    const boc_status status = boci_tag_queues_assign(mailbox, tags, count);
    if (status != BOC_OK)
      return status;
  }
}

/* After [F3]: whether a message is there, so that the waiter has to be notified at
 * once. */
static bool is_due(boc_mailbox *mailbox, const boc_mailbox_waiter *waiter) {
  boci_atomic_word *slot = boci_rwlock_read_lock(&mailbox->lock);
  const bool due =
      mailbox->closed || boci_mailbox_ready_tags(mailbox, waiter->mask) != 0;
  boci_rwlock_read_unlock(slot);
  return due;
}

boc_status boc_mailbox_add_waiter(boc_mailbox *mailbox, const boc_tag *tags,
                                  size_t count, boc_mailbox_waiter *waiter) {
  BOCI_REQUIRE(mailbox != NULL && waiter != NULL && waiter->notify != NULL);
  for (bool listed = false; !listed;) {
    const boc_status status = resolve_tags(mailbox, tags, count, waiter);
    if (status != BOC_OK)
      return status;
    boci_mutex_lock(&mailbox->waiters_mutex);
    listed = boci_waiter_add_locked(mailbox, waiter);
    boci_mutex_unlock(&mailbox->waiters_mutex);
  }
  boci_fence_seq_cst(); /* [F3] */
  if (!is_due(mailbox, waiter))
    return BOC_OK;
  boci_mutex_lock(&mailbox->waiters_mutex);
  if (waiter->listed)
    boci_waiter_notify_locked(mailbox, waiter, BOC_OK);
  boci_mutex_unlock(&mailbox->waiters_mutex);
  return BOC_OK;
}

boc_status boc_mailbox_remove_waiter(boc_mailbox *mailbox, boc_mailbox_waiter *waiter) {
  BOCI_REQUIRE(mailbox != NULL && waiter != NULL);
  boci_mutex_lock(&mailbox->waiters_mutex);
  const boc_status outcome = boci_waiter_remove_locked(mailbox, waiter);
  boci_mutex_unlock(&mailbox->waiters_mutex);
  if (outcome == BOC_OK)
    boci_waiter_pass_on(mailbox, waiter);
  return outcome;
}
