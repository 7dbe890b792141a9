/* Mailbox waiters: see mailbox_waiters.h. */
#include "mailbox_waiters.h"

static void publish_interest_locked(boc_mailbox *mailbox) {
  uint32_t interest = 0;
  for (boc_mailbox_waiter *at = mailbox->first; at; at = at->next)
    interest |= at->mask;
  boci_store_relaxed(&mailbox->interest, interest); /* hint: before [F3] */
}

bool boci_waiter_add_locked(boc_mailbox *mailbox, boc_mailbox_waiter *waiter) {
  waiter->outcome = BOC_WOULD_BLOCK;
  waiter->listed = waiter->generation == mailbox->generation;
  if (!waiter->listed)
    return false;
  waiter->prev = mailbox->last;
  waiter->next = NULL;
  *(mailbox->last ? &mailbox->last->next : &mailbox->first) = waiter;
  mailbox->last = waiter;
  publish_interest_locked(mailbox);
  return true;
}

static void unlist_waiter_locked(boc_mailbox *mailbox, boc_mailbox_waiter *waiter) {
  waiter->listed = false;
  *(waiter->prev ? &waiter->prev->next : &mailbox->first) = waiter->next;
  *(waiter->next ? &waiter->next->prev : &mailbox->last) = waiter->prev;
  publish_interest_locked(mailbox);
}

boc_status boci_waiter_remove_locked(boc_mailbox *mailbox, boc_mailbox_waiter *waiter) {
  if (waiter->listed)
    unlist_waiter_locked(mailbox, waiter);
  return waiter->outcome;
}

void boci_waiter_notify_locked(boc_mailbox *mailbox, boc_mailbox_waiter *waiter,
                               boc_status outcome) {
  unlist_waiter_locked(mailbox, waiter);
  waiter->outcome = outcome;
  waiter->notify(waiter->ctx);
}

static void notify_one_locked(boc_mailbox *mailbox, uint32_t tag) {
  boc_mailbox_waiter *at = mailbox->first;
  while (at && !(at->mask & tag))
    at = at->next;
  if (at)
    boci_waiter_notify_locked(mailbox, at, BOC_OK);
}

void boci_waiters_notify_each(boc_mailbox *mailbox, uint32_t mask) {
  boci_mutex_lock(&mailbox->waiters_mutex);
  for (; mask; mask &= mask - 1)
    notify_one_locked(mailbox, mask & ~(mask - 1)); /* the lowest tag */
  boci_mutex_unlock(&mailbox->waiters_mutex);
}

void boci_waiters_notify_all_locked(boc_mailbox *mailbox, uint32_t mask,
                                    boc_status outcome) {
  for (boc_mailbox_waiter *at = mailbox->first, *next; at; at = next) {
    next = at->next;
    if (at->mask & mask)
      boci_waiter_notify_locked(mailbox, at, outcome);
  }
}

static bool slot_has_message(boci_slot *slot) {
  boci_mpmc_ring *ring = boci_slot_ring(slot);
  return ring && boci_mpmc_ring_ready(ring);
}

uint32_t boci_mailbox_ready_tags(boc_mailbox *mailbox, uint32_t mask) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < BOCI_TAGS_MAX && mask >> i; i++)
    if ((mask >> i & 1) && slot_has_message(&mailbox->slots[i]))
      found |= UINT32_C(1) << i;
  return found;
}

void boci_waiter_pass_on(boc_mailbox *mailbox, const boc_mailbox_waiter *waiter) {
  boci_atomic_word *slot = boci_rwlock_read_lock(&mailbox->lock);
  const bool present = waiter->generation == mailbox->generation;
  const uint32_t left = present ? boci_mailbox_ready_tags(mailbox, waiter->mask) : 0;
  boci_rwlock_read_unlock(slot);
  if (left)
    boci_waiters_notify_each(mailbox, left);
}
