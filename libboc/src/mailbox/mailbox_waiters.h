/* Mailbox waiters: the list of waiters for messages.
 *
 * A parked receiver is a waiter whose `notify` unparks it; notify.c has waiters of the
 * program.
 *
 *   receiver                                sender
 *   1. into the list, `interest` |= tags    1. push
 *   2. fence [F3]                           2. fence [F3]
 *   3. try the queues; park if empty        3. tag in `interest`? notify a waiter
 *
 * A waiter that is notified leaves the list. One message notifies one waiter. A waiter
 * that was notified and is taken back passes on: for each of its tags that still has a
 * message, another waiter is notified. That covers a receiver that was notified of one
 * tag and took from another, a receiver that gave up, and messages that were hidden in
 * the ring behind a slow sender.
 *
 * `_locked`: with waiters_mutex.
 */
#ifndef BOCI_MAILBOX_WAITERS_H
#define BOCI_MAILBOX_WAITERS_H

#include "mailbox.h"

/* Returns false if the mask belongs to an old generation: then the waiter is not in the
 * list. */
bool boci_waiter_add_locked(boc_mailbox *mailbox, boc_mailbox_waiter *waiter);

/* Removes it from the list, if it is there; returns of what it was notified, or
 * BOC_WOULD_BLOCK. */
boc_status boci_waiter_remove_locked(boc_mailbox *mailbox, boc_mailbox_waiter *waiter);

/* Notifies a waiter in the list, which leaves the list. */
void boci_waiter_notify_locked(boc_mailbox *mailbox, boc_mailbox_waiter *waiter,
                               boc_status outcome);

/* Notifies other waiters of the messages that are left for one that was notified and
 * removed. */
void boci_waiter_pass_on(boc_mailbox *mailbox, const boc_mailbox_waiter *waiter);

/* Notifies, for each tag of `mask`, the first waiter for it. */
void boci_waiters_notify_each(boc_mailbox *mailbox, uint32_t mask);

/* Notifies all waiters for a tag of `mask`. */
void boci_waiters_notify_all_locked(boc_mailbox *mailbox, uint32_t mask,
                                    boc_status outcome);

/* The tags of `mask` that have a message. With the mailbox's lock. */
uint32_t boci_mailbox_ready_tags(boc_mailbox *mailbox, uint32_t mask);

#endif
