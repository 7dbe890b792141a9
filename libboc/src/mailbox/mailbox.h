/* Messages: what a mailbox is made of, and what its files need of each other.
 *
 *   mailbox.c          beginning and end; sending, draining, closing
 *   tags.c     the table of tags: how they come, get their rings, and go
 *   mailbox_waiters.c    the list of those who wait, and who of them is told
 *   receive.c  receiving: look, look around for a while, park
 *
 * The table of tags is read by who is inside `gate`. Tags are added, and get their
 * rings, under the lock of the gate's closers and seen by others at once; tags are
 * taken away only while the gate is closed, so nobody ever holds on to one that is
 * gone. Each time tags are taken away the table gets a new `generation`: slots found
 * before are looked up again.
 *
 * Threads: any.
 * Invariants: 1. Lock order: gate.closers, watches. 2. `ready` runs under the mutex of
 *   watches, so who takes a watch back knows that its call is over. 3. Masks in the list
 *   are of the present generation, which changes under both locks. 4. Payloads are
 *   dropped with no lock held.
 * Ordering: [R22] a tag's name is published by `used`; [A22] a look-up. [R23] a ring is
 *   published by its pointer; [A23] sender, receiver. Gate and ring: see there.
 */
#ifndef BOCI_MESSAGE_H
#define BOCI_MESSAGE_H

#include <boc/message.h>

#include <string.h>

#include "distributed_rwlock.h"
#include "mpmc_ring.h"

#define BOCI_TAGS_MOST 32u
#define BOCI_SPINS 64u /* looks of a receiver before it parks */

typedef struct boci_slot {
  boc_tag name; /* its bytes are the mailbox's */
  boci_atomic_ptr ring;
} boci_slot;

struct boc_mailbox {
  boci_gate gate;
  boci_atomic_u32 wanted; /* the union of all masks in the list */
  boci_atomic_u32 turn;   /* whose turn it is to be looked at first */
  boci_atomic_u32 used;   /* slots that have a name */
  uint32_t limit;
  uint32_t spins;
  boci_atomic_u32 lively; /* messages come so soon that parking takes longer */
  uint32_t generation;
  bool closed;
  size_t capacity;
  boci_slot slots[BOCI_TAGS_MOST];
  boci_mutex watches;
  boc_watch *first, *last;
  void (*drop)(void *ctx, void *payload);
  void *ctx;
  boc_allocator allocator_copy;
  const boc_allocator *allocator;
};

static inline bool boci_tag_same(boc_tag a, boc_tag b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* The slot of `tag`, or -1. Inside the gate, or with the closers' lock. */
static inline int boci_mailbox_find(boc_mailbox *mailbox, boc_tag tag) {
  const uint32_t used = boci_load_acquire(&mailbox->used); /* [A22] */
  for (uint32_t i = 0; i < used; i++)
    if (boci_tag_same(mailbox->slots[i].name, tag))
      return (int)i;
  return -1;
}

/* NULL: it has none yet. */
static inline boci_mpmc_ring *boci_slot_ring(boci_slot *slot) {
  return boci_load_acquire(&slot->ring); /* [A23] */
}

/* ---- tags.c: of what they refuse, nothing is changed ---------------------- */

/* Gives those of `tags` a slot that have none. Takes the closers' lock.
 * Refusals: BOC_NOT_FOUND (no room), BOC_NO_MEMORY. */
boc_status boci_tags_assign(boc_mailbox *mailbox, const boc_tag *tags, size_t count);

/* Gives `tag` a slot and a ring. Otherwise as above. */
boc_status boci_tags_prepare(boc_mailbox *mailbox, boc_tag tag);

/* Frees what is in slots that nobody else sees, and drops their messages. */
void boci_slots_free(boc_mailbox *mailbox, boci_slot *slots, uint32_t count);

/* ---- mailbox_waiters.c: `_locked` is with the mutex of watches ---------------------- */

/* False: its mask is of an old generation. */
bool boci_watch_enlist_locked(boc_mailbox *mailbox, boc_watch *watch);

/* Out of the list, if still there; what it was told, or BOC_WOULD_BLOCK. */
boc_status boci_watch_take_back_locked(boc_mailbox *mailbox, boc_watch *watch);

/* Of a watch in the list, which it leaves. */
void boci_watch_tell_locked(boc_mailbox *mailbox, boc_watch *watch, boc_status outcome);

/* Shows what is left for a watch that was told, and taken back, to others. */
void boci_watch_pass_on(boc_mailbox *mailbox, const boc_watch *watch);

/* For each tag of `mask`, the first that waits for it. */
void boci_watches_tell_each(boc_mailbox *mailbox, uint32_t mask);

/* All that wait for one of `mask`. */
void boci_watches_tell_all_locked(boc_mailbox *mailbox, uint32_t mask,
                                  boc_status outcome);

#endif
