/* Tag queues: the table of a mailbox's tags, each with its queue of messages (a ring).
 * A call that is refused changes nothing.
 *
 * A queue has room for a fixed number of messages, the mailbox's `capacity`: a program
 * chooses it in the options, or it is BOCI_TAG_QUEUE_CAPACITY. */
#ifndef BOCI_TAG_QUEUES_H
#define BOCI_TAG_QUEUES_H

#include "mailbox.h"

#if defined(BOC_TINY)
#define BOCI_TAG_QUEUE_CAPACITY 4u
#else
#define BOCI_TAG_QUEUE_CAPACITY 16384u
#endif

/* Whether queues can have this capacity: a power of two from 2 on; or 0, which stands
 * for the default. */
static inline bool boci_tag_queues_can_hold(size_t capacity) {
  return capacity != 1 && (capacity & (capacity - 1)) == 0 && capacity <= SIZE_MAX / 64;
}

/* Assigns slots to those of `tags` that have none. Takes the lock's writer mutex.
 * Refusals: BOC_NOT_FOUND (no room), BOC_NO_MEMORY. */
boc_status boci_tag_queues_assign(boc_mailbox *mailbox, const boc_tag *tags,
                                  size_t count);

/* Assigns `tag` a slot and makes its ring. Otherwise as above. */
boc_status boci_tag_queues_prepare(boc_mailbox *mailbox, boc_tag tag);

/* Frees the contents of slots that no other thread sees, and drops their messages. */
void boci_slots_free(boc_mailbox *mailbox, boci_slot *slots, uint32_t count);

#endif
