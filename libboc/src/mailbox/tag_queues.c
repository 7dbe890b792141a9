/* Tag queues: see tag_queues.h.
 *
 * A slot has a tag's name and its ring. The first sender or receiver of a tag assigns
 * its slot; the first sender makes the ring. boc_mailbox_set_tags swaps the whole table
 * for one with empty rings, and frees the contents of the old one after it has
 * unlocked.
 */
#include "tag_queues.h"

#include "alloc.h"
#include "mailbox_waiters.h"

/* ---- slots ----------------------------------------------------------------------- */

static void free_name(boc_mailbox *mailbox, boc_tag name) {
  boci_release(mailbox->allocator, (void *)(uintptr_t)name.bytes, name.size + 1);
}

static bool copy_name(boc_mailbox *mailbox, boc_tag tag, boc_tag *out_copy) {
  char *bytes = boci_allocate(mailbox->allocator, tag.size + 1);
  if (!bytes)
    return false;
  if (tag.size)
    memcpy(bytes, tag.bytes, tag.size);
  bytes[tag.size] = 0;
  *out_copy = (boc_tag){bytes, tag.size};
  return true;
}

/* Drops up to `most` messages. */
static void drain_ring(boc_mailbox *mailbox, boci_mpmc_ring *ring, size_t most) {
  void *payload;
  while (most-- > 0 && boci_mpmc_ring_pop(ring, &payload))
    if (mailbox->drop)
      mailbox->drop(mailbox->ctx, payload);
}

void boci_slots_free(boc_mailbox *mailbox, boci_slot *slots, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    boci_mpmc_ring *ring = boci_load_relaxed(&slots[i].ring); /* owner */
    if (ring) {
      drain_ring(mailbox, ring, mailbox->capacity);
      boci_mpmc_ring_free(mailbox->allocator, ring);
    }
    free_name(mailbox, slots[i].name);
  }
}

/* ---- new tags -------------------------------------------------------------------- */

static bool tag_among(const boc_tag *names, size_t count, boc_tag tag) {
  for (size_t i = 0; i < count; i++)
    if (boci_tag_same(names[i], tag))
      return true;
  return false;
}

/* Copies the names of tags that have no slot yet; returns how many, also if one is
 * refused. */
static boc_status copy_new_locked(boc_mailbox *mailbox, const boc_tag *tags,
                                  size_t count, boc_tag *fresh, uint32_t *out_fresh) {
  const uint32_t used = boci_load_relaxed(&mailbox->used); /* owner: under the lock */
  uint32_t copied = 0;
  boc_status status = BOC_OK;
  for (size_t i = 0; i < count && status == BOC_OK; i++) {
    if (boci_mailbox_find(mailbox, tags[i]) >= 0 || tag_among(fresh, copied, tags[i]))
      continue;
    if (used + copied == mailbox->limit)
      status = BOC_NOT_FOUND;
    else if (copy_name(mailbox, tags[i], &fresh[copied]))
      copied++;
    else
      status = BOC_NO_MEMORY;
  }
  *out_fresh = copied;
  return status;
}

/* With the writer mutex: assigns slots to tags that have none, to all or to none. */
static boc_status assign_locked(boc_mailbox *mailbox, const boc_tag *tags,
                                size_t count) {
  const uint32_t used = boci_load_relaxed(&mailbox->used); /* owner: under the lock */
  boc_tag fresh[BOCI_TAGS_MAX];
  uint32_t copied;
  const boc_status status = copy_new_locked(mailbox, tags, count, fresh, &copied);
  for (uint32_t i = 0; i < copied; i++) {
    if (status == BOC_OK)
      mailbox->slots[used + i].name = fresh[i];
    else
      free_name(mailbox, fresh[i]);
  }
  if (status == BOC_OK)
    boci_store_release(&mailbox->used, used + copied); /* [R22] */
  return status;
}

boc_status boci_tag_queues_assign(boc_mailbox *mailbox, const boc_tag *tags,
                                  size_t count) {
  boci_mutex_lock(&mailbox->lock.writer_mutex);
  const boc_status status = assign_locked(mailbox, tags, count);
  boci_mutex_unlock(&mailbox->lock.writer_mutex);
  return status;
}

static bool has_ring_locked(boc_mailbox *mailbox, boc_tag tag) {
  const int at = boci_mailbox_find(mailbox, tag);
  return at >= 0 &&
         boci_load_relaxed(&mailbox->slots[at].ring); /* owner: under the mutex */
}

/* Makes the ring first: if there is no memory for it, no slot has to be removed. */
static boc_status prepare_locked(boc_mailbox *mailbox, boc_tag tag) {
  if (has_ring_locked(mailbox, tag))
    return BOC_OK;
  boci_mpmc_ring *ring = boci_mpmc_ring_new(mailbox->allocator, mailbox->capacity);
  if (!ring)
    return BOC_NO_MEMORY;
  const boc_status status = assign_locked(mailbox, &tag, 1);
  if (status != BOC_OK) {
    boci_mpmc_ring_free(mailbox->allocator, ring);
    return status;
  }
  const int at = boci_mailbox_find(mailbox, tag);
  boci_store_release(&mailbox->slots[at].ring, ring); /* [R23] */
  return BOC_OK;
}

boc_status boci_tag_queues_prepare(boc_mailbox *mailbox, boc_tag tag) {
  boci_mutex_lock(&mailbox->lock.writer_mutex);
  const boc_status status = prepare_locked(mailbox, tag);
  boci_mutex_unlock(&mailbox->lock.writer_mutex);
  return status;
}

/* ---- other tags ------------------------------------------------------------------ */

static bool has_duplicate_tags(const boc_tag *tags, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (tag_among(tags, i, tags[i]))
      return true;
  return false;
}

/* Copies all names, or none. */
static bool copy_names(boc_mailbox *mailbox, const boc_tag *tags, uint32_t count,
                       boci_slot *slots) {
  for (uint32_t i = 0; i < count; i++) {
    boci_init(&slots[i].ring, NULL);
    if (copy_name(mailbox, tags[i], &slots[i].name))
      continue;
    while (i-- > 0)
      free_name(mailbox, slots[i].name);
    return false;
  }
  return true;
}

/* The current tags that are not among `tags`. */
static uint32_t removed_tags(boc_mailbox *mailbox, const boc_tag *tags, size_t count) {
  const uint32_t used = boci_load_relaxed(&mailbox->used); /* owner: write-locked */
  uint32_t gone = 0;
  for (uint32_t i = 0; i < used; i++)
    if (!tag_among(tags, count, mailbox->slots[i].name))
      gone |= UINT32_C(1) << i;
  return gone;
}

/* Swaps the slots with the mailbox's; returns how many there were. */
static uint32_t swap_slots(boc_mailbox *mailbox, boci_slot *slots, uint32_t count) {
  const uint32_t used = boci_load_relaxed(&mailbox->used); /* owner: write-locked */
  for (uint32_t i = 0; i < (used > count ? used : count); i++) {
    const boc_tag name = mailbox->slots[i].name;
    void *ring = boci_load_relaxed(&mailbox->slots[i].ring); /* owner, as above */
    mailbox->slots[i].name = slots[i].name;
    boci_store_relaxed(&mailbox->slots[i].ring, NULL); /* owner: the lock publishes */
    slots[i].name = name;
    boci_init(&slots[i].ring, ring);
  }
  boci_store_release(&mailbox->used, count); /* [R22] */
  return used;
}

boc_status boc_mailbox_set_tags(boc_mailbox *mailbox, const boc_tag *tags,
                                size_t count) {
  BOCI_REQUIRE(mailbox != NULL && (count == 0 || tags != NULL));
  boci_slot slots[BOCI_TAGS_MAX] = {0};
  if (count > mailbox->limit)
    return BOC_FULL;
  if (has_duplicate_tags(tags, count))
    return BOC_BAD_ARGUMENT;
  if (!copy_names(mailbox, tags, (uint32_t)count, slots))
    return BOC_NO_MEMORY;
  boci_rwlock_write_lock(&mailbox->lock);
  const uint32_t gone = removed_tags(mailbox, tags, count);
  const uint32_t before = swap_slots(mailbox, slots, (uint32_t)count);
  boci_mutex_lock(&mailbox->waiters_mutex);
  if (++mailbox->generation == 0)
    mailbox->generation = 1;
  boci_waiters_notify_all_locked(mailbox, gone, BOC_NOT_FOUND);
  boci_waiters_notify_all_locked(mailbox, UINT32_MAX, BOC_OK);
  boci_mutex_unlock(&mailbox->waiters_mutex);
  boci_rwlock_write_unlock(&mailbox->lock);
  boci_slots_free(mailbox, slots, before);
  return BOC_OK;
}
