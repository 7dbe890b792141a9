/* Distributed reader-writer lock: readers of different threads touch different lines.
 *
 * A reader counts itself in and out in one of several slots, chosen by its thread's
 * number. A slot holds twice the number of its readers, plus one while a writer has
 * the lock. Count and mark are one word, so the read-modify-write that counts a reader
 * in also tells it whether a writer is there; no fence is needed.
 *
 * Threads: any. A reader neither blocks nor takes the lock for writing. Writers exclude
 * each other with `writer_mutex`, which no reader may take while it is inside. A reader
 * that meets a writer waits for that mutex.
 * Ordering:
 *   [R24] a reader's exit publishes what it did; [A24] the writer acquires it.
 *   [R25] unlocking publishes the writer's changes; [A25] the next reader acquires
 *     them.
 *   [F4] store-load, boci_rwlock_wait_for_readers: the caller changes a pointer, then
 *     looks for readers; a reader counts itself in, then reads the pointer.
 */
#ifndef BOCI_DISTRIBUTED_RWLOCK_H
#define BOCI_DISTRIBUTED_RWLOCK_H

#include "atomic.h"
#include "os.h"
#include "park.h"
#include "spin.h"

#define BOCI_RWLOCK_SLOTS 8u

typedef struct boci_rwlock {
  struct {
    boci_atomic_word word;
    char apart[64 - sizeof(boci_atomic_word)];
  } slots[BOCI_RWLOCK_SLOTS];
  boci_mutex writer_mutex;
} boci_rwlock;

static inline boc_status boci_rwlock_init(boci_rwlock *lock) {
  for (unsigned i = 0; i < BOCI_RWLOCK_SLOTS; i++)
    boci_init(&lock->slots[i].word, 0);
  return boci_mutex_init(&lock->writer_mutex);
}

static inline void boci_rwlock_fini(boci_rwlock *lock) {
  boci_mutex_fini(&lock->writer_mutex);
}

static inline boci_atomic_word *boci_rwlock_slot(boci_rwlock *lock) {
  return &lock->slots[boci_thread_number() % BOCI_RWLOCK_SLOTS].word;
}

static inline void boci_rwlock_read_unlock(boci_atomic_word *slot) {
  boci_sub_release(slot, 2); /* [R24] */
}

/* Returns the slot to unlock. */
static inline boci_atomic_word *boci_rwlock_read_lock(boci_rwlock *lock) {
  boci_atomic_word *slot = boci_rwlock_slot(lock);
  while (boci_add_acquire(slot, 2) & 1) { /* [A25] */
    boci_rwlock_read_unlock(slot);
    boci_mutex_lock(&lock->writer_mutex);
    boci_mutex_unlock(&lock->writer_mutex);
  }
  return slot;
}

/* Returns with `writer_mutex` locked and no reader inside. */
static inline void boci_rwlock_write_lock(boci_rwlock *lock) {
  boci_mutex_lock(&lock->writer_mutex);
  for (unsigned i = 0; i < BOCI_RWLOCK_SLOTS; i++)
    boci_or_acquire(&lock->slots[i].word, 1); /* [A24] */
  for (unsigned i = 0, tries = 0; i < BOCI_RWLOCK_SLOTS; i++)
    while (boci_load_acquire(&lock->slots[i].word) != 1) /* [A24] */
      boci_spin_once(&tries);
}

static inline void boci_rwlock_write_unlock(boci_rwlock *lock) {
  for (unsigned i = 0; i < BOCI_RWLOCK_SLOTS; i++)
    boci_and_release(&lock->slots[i].word, ~(uintptr_t)1); /* [R25] */
  boci_mutex_unlock(&lock->writer_mutex);
}

/* Waits, without locking, until every reader has left that may have been inside before
 * the call. Each reader must fence ([F4]) between its entry and its read of what the
 * caller has changed. */
static inline void boci_rwlock_wait_for_readers(boci_rwlock *lock) {
  boci_fence_seq_cst(); /* [F4] */
  for (unsigned i = 0, tries = 0; i < BOCI_RWLOCK_SLOTS; i++)
    while (boci_load_acquire(&lock->slots[i].word) != 0) /* [A24] */
      boci_spin_once(&tries);
}

#endif
