/* Mailbox: beginning, end, sending, draining.
 *
 * A sender checks for waiters after it has pushed ([F3], see mailbox_waiters.h), and
 * notifies one of them. A first message to a tag makes the tag and its ring.
 */
#include "mailbox.h"

#include "alloc.h"
#include "mailbox_waiters.h"
#include "options.h"
#include "os.h"
#include "tag_queues.h"

#define TAGS_DEFAULT 16u

/* ---- beginning and end ----------------------------------------------------------- */

static bool valid_mailbox_options(const boc_mailbox_options *options) {
  return options->tags <= BOCI_TAGS_MAX && boci_tag_queues_can_hold(options->capacity);
}

static void set_mailbox_options(boc_mailbox *mailbox,
                                const boc_mailbox_options *options) {
  *mailbox = (boc_mailbox){.generation = 1, .drop = options->drop, .ctx = options->ctx};
  /* With one processor no thread can send during a spin. */
  mailbox->spins = boci_os_processor_count() > 1 ? BOCI_SPINS : 0;
  boci_init(&mailbox->adaptive_spin, 0);
  mailbox->limit = options->tags ? options->tags : TAGS_DEFAULT;
  mailbox->capacity = options->capacity ? options->capacity : BOCI_TAG_QUEUE_CAPACITY;
  if (!options->allocator)
    return;
  mailbox->allocator_copy = *options->allocator;
  mailbox->allocator = &mailbox->allocator_copy;
}

static boc_status init_mailbox_locks(boc_mailbox *mailbox) {
  boc_status status = boci_rwlock_init(&mailbox->lock);
  if (status != BOC_OK)
    return status;
  status = boci_mutex_init(&mailbox->waiters_mutex);
  if (status != BOC_OK)
    boci_rwlock_fini(&mailbox->lock);
  return status;
}

boc_status boc_mailbox_new(const boc_mailbox_options *options,
                           boc_mailbox **out_mailbox) {
  BOCI_REQUIRE(out_mailbox != NULL);
  boc_mailbox_options own = BOC_MAILBOX_OPTIONS_INIT;
  if (!boci_options_read(&own, sizeof own, options) || !valid_mailbox_options(&own))
    return BOC_BAD_ARGUMENT;
  boc_mailbox *mailbox = boci_allocate(own.allocator, sizeof(*mailbox));
  if (!mailbox)
    return BOC_NO_MEMORY;
  set_mailbox_options(mailbox, &own);
  boci_init(&mailbox->interest, 0);
  boci_init(&mailbox->turn, 0);
  boci_init(&mailbox->used, 0);
  for (uint32_t i = 0; i < BOCI_TAGS_MAX; i++)
    boci_init(&mailbox->slots[i].ring, NULL);
  const boc_status status = init_mailbox_locks(mailbox);
  if (status == BOC_OK)
    *out_mailbox = mailbox;
  else
    boci_release(own.allocator, mailbox, sizeof(*mailbox));
  return status;
}

void boc_mailbox_close(boc_mailbox *mailbox) {
  BOCI_REQUIRE(mailbox != NULL);
  boci_rwlock_write_lock(&mailbox->lock);
  mailbox->closed = true;
  boci_mutex_lock(&mailbox->waiters_mutex);
  boci_waiters_notify_all_locked(mailbox, UINT32_MAX, BOC_CLOSED);
  boci_mutex_unlock(&mailbox->waiters_mutex);
  boci_rwlock_write_unlock(&mailbox->lock);
}

void boc_mailbox_free(boc_mailbox *mailbox) {
  BOCI_REQUIRE(mailbox != NULL);
  const uint32_t used = boci_load_acquire(&mailbox->used); /* [A22] */
  BOCI_REQUIRE(!mailbox->first);
  boci_slots_free(mailbox, mailbox->slots, used);
  boci_mutex_fini(&mailbox->waiters_mutex);
  boci_rwlock_fini(&mailbox->lock);
  const boc_allocator allocator = mailbox->allocator_copy;
  boci_release(mailbox->allocator ? &allocator : NULL, mailbox, sizeof(*mailbox));
}

/* ---- sending and draining -------------------------------------------------------- */

/* The ring of `tag`, or NULL. `*out_mask` is its mask, or 0. With the lock. */
static boci_mpmc_ring *tag_ring(boc_mailbox *mailbox, boc_tag tag, uint32_t *out_mask) {
  const int at = boci_mailbox_find(mailbox, tag);
  *out_mask = at < 0 ? 0 : UINT32_C(1) << at;
  return at < 0 ? NULL : boci_slot_ring(&mailbox->slots[at]);
}

static boc_status push_message(boc_mailbox *mailbox, boc_tag tag, void *payload,
                               uint32_t *out_mask) {
  if (mailbox->closed)
    return BOC_CLOSED;
  boci_mpmc_ring *ring = tag_ring(mailbox, tag, out_mask);
  if (!ring)
    return BOC_NOT_FOUND;
  return boci_mpmc_ring_push(ring, payload) ? BOC_OK : BOC_FULL;
}

boc_status boc_mailbox_send(boc_mailbox *mailbox, boc_tag tag, void *payload) {
  BOCI_REQUIRE(mailbox != NULL);
  uint32_t mask = 0;
  for (;;) {
    boci_atomic_word *slot = boci_rwlock_read_lock(&mailbox->lock);
    boc_status status = push_message(mailbox, tag, payload, &mask);
    boci_rwlock_read_unlock(slot);
    if (status == BOC_OK)
      break;
    if (status != BOC_NOT_FOUND)
      return status;
    status = boci_tag_queues_prepare(mailbox, tag);
    if (status != BOC_OK)
      return status;
  }
  boci_fence_seq_cst();                             /* [F3] */
  if (boci_load_relaxed(&mailbox->interest) & mask) /* hint: after [F3] */
    boci_waiters_notify_each(mailbox, mask);
  return BOC_OK;
}

/* Drains one tag; returns its mask, or 0. The drop hook runs without the lock. */
static uint32_t drain_tag(boc_mailbox *mailbox, boc_tag tag) {
  uint32_t mask = 0;
  for (size_t left = mailbox->capacity; left > 0; left--) {
    void *payload = NULL;
    boci_atomic_word *slot = boci_rwlock_read_lock(&mailbox->lock);
    boci_mpmc_ring *ring = tag_ring(mailbox, tag, &mask);
    const bool got = ring && boci_mpmc_ring_pop(ring, &payload);
    boci_rwlock_read_unlock(slot);
    if (!got)
      break;
    if (mailbox->drop)
      mailbox->drop(mailbox->ctx, payload);
  }
  return mask;
}

void boc_mailbox_drain(boc_mailbox *mailbox, const boc_tag *tags, size_t count) {
  BOCI_REQUIRE(mailbox != NULL && (count == 0 || tags != NULL));
  uint32_t mask = 0;
  for (size_t i = 0; i < count; i++)
    mask |= drain_tag(mailbox, tags[i]);
  boci_mutex_lock(&mailbox->waiters_mutex);
  boci_waiters_notify_all_locked(mailbox, mask, BOC_OK);
  boci_mutex_unlock(&mailbox->waiters_mutex);
}
