/* Tag queues: the table of a mailbox's tags, each with its queue of messages (a ring).
 * A call that is refused changes nothing. */
#ifndef BOCI_TAG_QUEUES_H
#define BOCI_TAG_QUEUES_H

#include "mailbox.h"

/* Assigns slots to those of `tags` that have none. Takes the lock's writer mutex.
 * Refusals: BOC_NOT_FOUND (no room), BOC_NO_MEMORY. */
boc_status boci_tag_queues_assign(boc_mailbox *mailbox, const boc_tag *tags,
                                  size_t count);

/* Assigns `tag` a slot and makes its ring. Otherwise as above. */
boc_status boci_tag_queues_prepare(boc_mailbox *mailbox, boc_tag tag);

/* Frees the contents of slots that no other thread sees, and drops their messages. */
void boci_slots_free(boc_mailbox *mailbox, boci_slot *slots, uint32_t count);

#endif
