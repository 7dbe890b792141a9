/* Mailbox: its parts.
 *
 *   mailbox_waiters.*  the list of waiters, and which of them is notified
 *   tag_queues.*       the table of tags: adding them, giving them rings, removing
 *                      them; how many messages a ring has room for
 *   mailbox.c          beginning and end; sending, draining, closing
 *   receive.c          receiving: try, spin, park
 *   notify.c           waiters of the program, for waits that block no thread
 *
 * The table of tags is read with `lock` locked for reading. Tags are added, and get
 * their rings, under its writer mutex, and are seen at once. Tags are removed only with
 * the lock locked for writing, so no thread ever uses a removed one. Each removal gives
 * the table a new `generation`, after which receivers look up their slots again.
 *
 * Threads: any.
 * Invariants:
 *   1. Lock order: lock.writer_mutex, waiters_mutex.
 *   2. A waiter's `notify` runs under waiters_mutex: a thread that takes a waiter back
 *      knows that the call is over.
 *   3. Masks in the list belong to the current generation, which changes under both
 *      locks.
 *   4. Payloads are dropped with no lock held.
 * Ordering:
 *   [R22] a tag's name is published by `used`; [A22] a look-up.
 *   [R23] a ring is published by its pointer; [A23] sender, receiver.
 */
#ifndef BOCI_MAILBOX_H
#define BOCI_MAILBOX_H

#include <boc/message.h>

#include <string.h>

#include "distributed_rwlock.h"
#include "mpmc_ring.h"

#define BOCI_TAGS_MAX 32u
#define BOCI_SPINS 64u /* how often a receiver tries before it parks */

typedef struct boci_slot {
  boc_tag name; /* the mailbox owns its bytes */
  boci_atomic_ptr ring;
} boci_slot;

struct boc_mailbox {
  boci_rwlock lock;
  boci_atomic_u32 interest; /* the union of all masks in the list of waiters */
  boci_atomic_u32 turn;     /* which tag a receiver of several tries first */
  boci_atomic_u32 used;     /* how many slots have a name */
  uint32_t limit;
  uint32_t spins;
  /* messages come sooner than a parked thread wakes up */
  boci_atomic_u32 adaptive_spin;
  uint32_t generation;
  bool closed;
  size_t capacity; /* of each tag's queue */
  boci_slot slots[BOCI_TAGS_MAX];
  boci_mutex waiters_mutex;
  boc_mailbox_waiter *first, *last;
  void (*drop)(void *ctx, void *payload);
  void *ctx;
  boc_allocator allocator_copy;
  const boc_allocator *allocator;
};

static inline bool boci_words_same(const char *a, const char *b) {
  uint32_t left, right;
  memcpy(&left, a, sizeof left);
  memcpy(&right, b, sizeof right);
  return left == right;
}

/* Inline: names are short, and for a call of memcmp a sender would have to save all its
 * registers. */
static inline bool boci_tag_same(boc_tag a, boc_tag b) {
  const char *left = a.bytes, *right = b.bytes;
  const size_t size = a.size, word = sizeof(uint32_t);
  if (size != b.size)
    return false;
  if (size < word) {
    for (size_t i = 0; i < size; i++)
      if (left[i] != right[i])
        return false;
    return true;
  }
  for (size_t i = 0; i < size - word; i += word)
    if (!boci_words_same(left + i, right + i))
      return false;
  return boci_words_same(left + size - word, right + size - word);
}

/* The slot of `tag`, or -1. With the lock, or its writer mutex. */
static inline int boci_mailbox_find(boc_mailbox *mailbox, boc_tag tag) {
  const uint32_t used = boci_load_acquire(&mailbox->used); /* [A22] */
  for (uint32_t i = 0; i < used; i++)
    if (boci_tag_same(mailbox->slots[i].name, tag))
      return (int)i;
  return -1;
}

/* NULL if the tag has none yet. */
static inline boci_mpmc_ring *boci_slot_ring(boci_slot *slot) {
  return boci_load_acquire(&slot->ring); /* [A23] */
}

#endif
