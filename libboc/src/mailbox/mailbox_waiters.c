/* Messages: those who wait. A parked receiver is a watch whose `ready` unparks it.
 *
 *   receiver                             sender
 *   1. into the list, `wanted` |= tags   1. push
 *   2. fence [F3]                        2. fence [F3]
 *   3. look at the queues; if empty park 3. tag in `wanted`? tell the first such watch
 *
 * A watch that is told leaves the list. One message tells one watch; a watch that was
 * told and is taken back passes on: whatever is left in the queues of its tags is shown
 * to another watch each. That covers a receiver told of one tag that took from another,
 * one that gave up, and messages that were hidden in the ring behind a slow sender.
 */
#include "distributed_rwlock.h"
#include "mailbox.h"
#include "mpmc_ring.h"

/* ---- the list -------------------------------------------------------------------- */

static void publish_wanted_locked(boc_mailbox *mailbox) {
  uint32_t wanted = 0;
  for (boc_watch *at = mailbox->first; at; at = at->after)
    wanted |= at->mask;
  boci_store_relaxed(&mailbox->wanted, wanted); /* hint: before [F3] */
}

bool boci_watch_enlist_locked(boc_mailbox *mailbox, boc_watch *watch) {
  watch->outcome = BOC_WOULD_BLOCK;
  watch->listed = watch->generation == mailbox->generation;
  if (!watch->listed)
    return false;
  watch->before = mailbox->last;
  watch->after = NULL;
  *(mailbox->last ? &mailbox->last->after : &mailbox->first) = watch;
  mailbox->last = watch;
  publish_wanted_locked(mailbox);
  return true;
}

static void unlist_locked(boc_mailbox *mailbox, boc_watch *watch) {
  watch->listed = false;
  *(watch->before ? &watch->before->after : &mailbox->first) = watch->after;
  *(watch->after ? &watch->after->before : &mailbox->last) = watch->before;
  publish_wanted_locked(mailbox);
}

void boci_watch_tell_locked(boc_mailbox *mailbox, boc_watch *watch,
                            boc_status outcome) {
  unlist_locked(mailbox, watch);
  watch->outcome = outcome;
  watch->ready(watch->ctx);
}

static void tell_one_locked(boc_mailbox *mailbox, uint32_t tag) {
  boc_watch *at = mailbox->first;
  while (at && !(at->mask & tag))
    at = at->after;
  if (at)
    boci_watch_tell_locked(mailbox, at, BOC_OK);
}

void boci_watches_tell_each(boc_mailbox *mailbox, uint32_t mask) {
  boci_mutex_lock(&mailbox->watches);
  for (; mask; mask &= mask - 1)
    tell_one_locked(mailbox, mask & ~(mask - 1)); /* its lowest */
  boci_mutex_unlock(&mailbox->watches);
}

void boci_watches_tell_all_locked(boc_mailbox *mailbox, uint32_t mask,
                                  boc_status outcome) {
  for (boc_watch *at = mailbox->first, *after; at; at = after) {
    after = at->after;
    if (at->mask & mask)
      boci_watch_tell_locked(mailbox, at, outcome);
  }
}

boc_status boci_watch_take_back_locked(boc_mailbox *mailbox, boc_watch *watch) {
  if (watch->listed)
    unlist_locked(mailbox, watch);
  return watch->outcome;
}

/* ---- passing on ------------------------------------------------------------------ */

static bool filled(boci_slot *slot) {
  boci_mpmc_ring *ring = boci_slot_ring(slot);
  return ring && boci_mpmc_ring_ready(ring);
}

/* Those tags of `mask` that have something. Inside the gate. */
static uint32_t ready_tags(boc_mailbox *mailbox, uint32_t mask) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < BOCI_TAGS_MOST && mask >> i; i++)
    if ((mask >> i & 1) && filled(&mailbox->slots[i]))
      found |= UINT32_C(1) << i;
  return found;
}

void boci_watch_pass_on(boc_mailbox *mailbox, const boc_watch *watch) {
  boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
  const bool present = watch->generation == mailbox->generation;
  const uint32_t left = present ? ready_tags(mailbox, watch->mask) : 0;
  boci_gate_leave(way);
  if (left)
    boci_watches_tell_each(mailbox, left);
}

/* ---- watching -------------------------------------------------------------------- */

/* The mask of all of `tags`; 0: one of them has no slot. Inside the gate. */
static uint32_t mask_of(boc_mailbox *mailbox, const boc_tag *tags, size_t count) {
  uint32_t mask = 0;
  for (size_t i = 0; i < count; i++) {
    const int at = boci_mailbox_find(mailbox, tags[i]);
    if (at < 0)
      return 0;
    mask |= UINT32_C(1) << at;
  }
  return mask;
}

/* Looks up the watch's tags. */
static boc_status aim(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                      boc_watch *watch) {
  if (count == 0)
    return BOC_BAD_ARGUMENT;
  for (;;) {
    boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
    watch->mask = mask_of(mailbox, tags, count);
    watch->generation = mailbox->generation;
    boci_gate_leave(way);
    if (watch->mask)
      return BOC_OK;
    const boc_status status = boci_tags_assign(mailbox, tags, count);
    if (status != BOC_OK)
      return status;
  }
}

/* After [F3]: whether there is something to be told of already. */
static bool due(boc_mailbox *mailbox, const boc_watch *watch) {
  boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
  const bool yes = mailbox->closed || ready_tags(mailbox, watch->mask) != 0;
  boci_gate_leave(way);
  return yes;
}

boc_status boc_mailbox_watch(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                             boc_watch *watch) {
  for (bool listed = false; !listed;) {
    const boc_status status = aim(mailbox, tags, count, watch);
    if (status != BOC_OK)
      return status;
    boci_mutex_lock(&mailbox->watches);
    listed = boci_watch_enlist_locked(mailbox, watch);
    boci_mutex_unlock(&mailbox->watches);
  }
  boci_fence_seq_cst(); /* [F3] */
  if (!due(mailbox, watch))
    return BOC_OK;
  boci_mutex_lock(&mailbox->watches);
  if (watch->listed)
    boci_watch_tell_locked(mailbox, watch, BOC_OK);
  boci_mutex_unlock(&mailbox->watches);
  return BOC_OK;
}

boc_status boc_mailbox_unwatch(boc_mailbox *mailbox, boc_watch *watch) {
  boci_mutex_lock(&mailbox->watches);
  const boc_status outcome = boci_watch_take_back_locked(mailbox, watch);
  boci_mutex_unlock(&mailbox->watches);
  if (outcome == BOC_OK)
    boci_watch_pass_on(mailbox, watch);
  return outcome;
}
